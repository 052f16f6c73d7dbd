"""Stores that are joined: nothing is lost, and no two episodes become one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.joined import joined
from bvae_rl.training.batches.rows import Rows

SPECS = (FactorSpec("x"),)


def filled(
    folder: Path, *values: int, side: int = 16, specs: tuple[FactorSpec, ...] = ()
) -> FrameStore:
    store = FrameStore(folder)
    store.declare(factor_specs=specs, env="world", domain=folder.name)
    number = 0
    for value in values:  # a block of three frames, an episode each
        frames = np.full((3, side, side, 3), value, np.uint8)
        numbers = np.arange(number, number + 3)
        factors = np.full((3, 1), value / 10, np.float32) if specs else None
        store.append(Frames(frames, np.full(3, number // 3), numbers, factors=factors))
        number += 3
    return store


def test_frames_follow_each_other_and_are_numbered_on(tmp_path: Path) -> None:
    one, two = filled(tmp_path / "a", 1, 2, specs=SPECS), filled(tmp_path / "b", 3, specs=SPECS)
    both = joined([one, two], tmp_path / "both")
    assert both.read().frames[:, 0, 0, 0].tolist() == [1] * 3 + [2] * 3 + [3] * 3
    assert both.column("episode").tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert both.column("state").tolist() == list(range(9))
    assert both.column("factors")[:, 0] == pytest.approx([0.1] * 3 + [0.2] * 3 + [0.3] * 3)
    assert both.meta["env"] == "world" and "domain" not in both.meta and not both.missing
    assert joined([one], tmp_path / "same") is one
    again = joined([one, two], tmp_path / "both")
    assert len(again) == 9


def test_states_that_were_drawn_do_not_follow_each_other_beside_others(tmp_path: Path) -> None:
    drawn = FrameStore(tmp_path / "drawn")
    drawn.declare(policy="independent")
    drawn.append(Frames(np.zeros((4, 16, 16, 3), np.uint8), np.zeros(4, int), np.arange(4)))
    played = filled(tmp_path / "played", 1)
    both = joined([drawn, played], tmp_path / "both")
    assert both.column("episode").tolist() == [0, 1, 2, 3, 4, 4, 4]
    assert both.column("state").tolist() == list(range(7))
    assert len(Rows(both).following(1)) == 2, "of the policy's three frames alone"


def test_a_stopped_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = filled(tmp_path / "a", 1, 2), filled(tmp_path / "b", 3, 4)
    append, calls = FrameStore.append, list[int]()

    def stopping(store: FrameStore, block: Frames, **notes: int) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        append(store, block, **notes)

    with monkeypatch.context() as patched:
        patched.setattr(FrameStore, "append", stopping)
        with pytest.raises(KeyboardInterrupt):
            joined([one, two], tmp_path / "both")
    assert FrameStore(tmp_path / "both").missing == 6
    whole = joined([one, two], tmp_path / "whole").read()
    assert np.array_equal(joined([one, two], tmp_path / "both").read().frames, whole.frames)


def test_what_does_not_go_together_is_said(tmp_path: Path) -> None:
    one, large = filled(tmp_path / "a", 1), filled(tmp_path / "b", 1, side=32)
    with pytest.raises(ValueError, match=r"\(3, 32, 32\) and .* of \(3, 16, 16\)"):
        joined([one, large], tmp_path / "both")
    with pytest.raises(ValueError, match="no frames"):
        joined([], tmp_path / "both")
    with pytest.raises(ValueError, match="give each store once"):
        joined([one, one], tmp_path / "both")
    joined([one, filled(tmp_path / "c", 2)], tmp_path / "both")
    with pytest.raises(ValueError, match="holds frames made with other settings"):
        joined([one, filled(tmp_path / "d", 3)], tmp_path / "both")
    labelled = filled(tmp_path / "e", 1, specs=SPECS)
    assert joined([labelled, one], tmp_path / "mixed").factor_specs == ()
