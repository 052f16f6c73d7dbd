"""``bvae-rl bench objectives`` at toy size: every objective, against the Beta-VAE."""

from __future__ import annotations

from pathlib import Path

import pytest

from bvae_rl.scripts import collect
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import objectives as bench_objectives
from bvae_rl.training.objectives.table import OBJECTIVES


def test_every_objective_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = bench_objectives.Sizes(
        content_dim=4, style_dim=3, channels=(4, 4, 4), hidden=8, batch=8, training=8, timed_steps=2
    )
    monkeypatch.setattr(bench_objectives, "SIZES", sizes)
    frames = collect.Args(
        out=tmp_path / "frames", frames=400, policy="independent", views=2, domain="pretrain"
    )
    collect.main(frames, on_progress=lambda fraction: None)
    args = bench.Args("objectives", store=frames.out, rounds=2, out=tmp_path / "out")
    figures = bench.main(args).figures
    assert set(figures) == {*OBJECTIVES, *(f"{name} / beta" for name in OBJECTIVES)}
    assert all(len(figure.rounds) == 2 for figure in figures.values())
    assert figures["beta / beta"].value == 1.0
    assert figures["tc"].value > 0.0
