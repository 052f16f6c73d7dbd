"""Interventions in two appearances, in a domain whose draws hold more than its factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach


def far() -> PlanarReach:
    """In ``ood2``, which has two palettes."""
    return PlanarReach(size=32, domain="ood2")


def test_both_frames_of_a_pair_are_in_one_palette(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    interventions = Interventions(far(), 64)
    collect_independent(far(), store, 64, seed=0, views=2, interventions=interventions)
    rows = store.read()
    assert rows.actions is not None
    first = np.flatnonzero(rows.actions.any(axis=1))
    ground = np.median(rows.frames.reshape(len(rows), -1, 3), axis=1)  # most of a picture
    assert len(first) >= 64
    np.testing.assert_allclose(ground[first], ground[first + 1], atol=1.0)
