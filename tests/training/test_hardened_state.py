"""Which state a hardening kept: circles are read as circles, and what cannot be scored is said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.hardening import report
from bvae_rl.training.validation import validation_rows

N = 1500


def _kept(
    folder: Path, specs: tuple[FactorSpec, ...], factors: np.ndarray, codes: np.ndarray, monkeypatch
) -> dict[str, dict[str, float]]:
    """The state in ``codes`` (N, D) in [-1, 1], which the frames show in their first pixels."""
    frames = np.zeros((N, 16, 16, 3), np.uint8)
    frames[:, 0, : codes.shape[1], 0] = np.round((codes + 1) / 2 * 255)
    store = FrameStore(folder)
    store.declare(factor_specs=specs)
    store.append(Frames(frames, np.arange(N), np.arange(N), factors))
    monkeypatch.setattr(
        report, "posterior_means", lambda vae, x: 2 * x[:, 0, 0, : codes.shape[1]] - 1
    )
    rows = Rows(store, validation=0.1)
    held = validation_rows(store, rows)
    shown = torch.from_numpy(codes[held]).float()
    nobody: Any = None
    return report._state(nobody, store, rows, held, shown, shown, 0 * shown)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 360.0), (0.0, 2 * np.pi), (-0.5 * np.pi, 0.5 * np.pi)]
)
def test_an_angle_is_read_by_its_own_period(low, high, tmp_path: Path, monkeypatch) -> None:
    turn = np.random.default_rng(0).uniform(size=N)
    codes = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], axis=1)
    spec = FactorSpec("heading", "cyclic", low=low, high=high)
    found = _kept(tmp_path, (spec,), low + (high - low) * turn[:, None], codes, monkeypatch)
    assert found["heading"]["clean"] > 0.98 and found["heading"]["before"] > 0.98
    assert found["heading"]["after"] < 0.1


def test_what_cannot_be_scored_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    random = np.random.default_rng(0)
    codes = random.uniform(-1, 1, size=(N, 2))
    numbered = FactorSpec("object", "categorical", values=tuple(range(N)))
    cases = {
        "numbers": ((numbered,), np.arange(N, dtype=float)[:, None]),
        "gaps": ((FactorSpec("x"),), np.where(random.uniform(size=(N, 1)) < 0.3, np.nan, 0.5)),
    }
    for name, (specs, factors) in cases.items():
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert _kept(tmp_path / name, specs, factors, codes, monkeypatch) == {}
        assert "which state the codes keep is not measured" in caplog.text


def test_a_state_that_stands_still_is_left_out(tmp_path: Path, monkeypatch) -> None:
    codes = np.random.default_rng(0).uniform(-1, 1, size=(N, 2))
    factors = np.stack([codes[:, 0], np.full(N, 0.5)], axis=1)
    specs = (FactorSpec("x", low=-1, high=1), FactorSpec("still"))
    found = _kept(tmp_path / "a", specs, factors, codes, monkeypatch)
    assert [*found] == ["x"] and found["x"]["clean"] > 0.98
    assert _kept(tmp_path / "b", specs[1:], factors[:, 1:], codes, monkeypatch) == {}
