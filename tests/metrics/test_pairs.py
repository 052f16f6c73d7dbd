"""Pairs of latents and factors where a factor hardly varies."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.pairs import pair_scores
from bvae_rl.scripts.explore import panels as explore_panels
from bvae_rl.scripts.explore.command import Args
from bvae_rl.scripts.explore.frames import Shown
from tests.explorer_cases import random_frames, tiny

SPECS = (FactorSpec("place"), FactorSpec("seen", "categorical", values=(0, 1)), FactorSpec("once"))


def rare(row: int) -> np.ndarray:
    """A factor, and two that are 1 in one of 400 rows."""
    factors = np.zeros((400, 3))
    factors[:, 0] = np.random.default_rng(0).uniform(size=400)
    factors[row, 1:] = 1
    return factors


@pytest.mark.parametrize("row", [0, 1])  # among those that probes are scored on, and not
def test_a_factor_that_hardly_varies_has_no_importance_and_others_do(row: int) -> None:
    factors = rare(row)
    codes = np.column_stack([factors[:, 0], np.random.default_rng(1).normal(size=400)])
    found = pair_scores(codes, factors, SPECS, replicates=9, slow_replicates=3)
    importance, r2 = found.importance, found.r2
    assert importance.estimate[0, 0] > 0.95 and importance.low[0, 0] > 0.9
    assert np.isnan(importance.estimate[:, 1:]).all() and np.isnan(importance.low[:, 1:]).all()
    assert r2.estimate[0, 0] > 0.95 and np.isfinite(r2.low[:, 0]).all()
    assert np.isnan(r2.estimate[:, 1:]).all() == (row == 1)
    assert np.nanmin(r2.estimate) > -2 and np.isfinite(found.information.estimate).all()


def test_a_page_has_its_matrix_all_the_same() -> None:
    vae = tiny()
    shown = Shown(random_frames(vae, 400), "Blocks.", rare(1), SPECS)
    entry, note = explore_panels._matrix(Args(), {"tiny": vae}, shown)
    assert entry is not None and len(entry["factors"]) == 3 and not note


def test_what_cannot_be_scored_is_the_panels_note() -> None:
    vae = tiny()
    twice = np.repeat(np.linspace(0, 1, 60)[:, None], 2, axis=1)
    shown = Shown(random_frames(vae, 60), "Blocks.", twice, (FactorSpec("a"), FactorSpec("a")))
    entry, note = explore_panels._matrix(Args(), {"tiny": vae}, shown)
    assert entry is None and note.startswith("These frames cannot be scored: factor names")
