"""The demo, whole on a tiny scale."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bvae_rl.agents.hyperparameters import PLANAR_REACH_PPO
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.demo import command as demo
from bvae_rl.scripts.demo import report
from bvae_rl.scripts.demo.scale import SCALES, Scale
from bvae_rl.training.train_config import TrainConfig
from tests.next_cases import next_commands


def test_the_demo_runs_whole_and_reuses_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = Scale(
        frames=1024,
        interventions=64,
        vae_steps=2,
        harden_steps=2,
        samples=300,
        fit_steps=20,
        total_timesteps=200,
        n_eval_episodes=2,
    )
    monkeypatch.setitem(SCALES, "demo-quick", tiny)
    # short rollouts and few frames of the film, which are most of its time otherwise
    for name, value in (("n_steps", 25), ("batch_size", 200), ("n_epochs", 1)):
        monkeypatch.setitem(PLANAR_REACH_PPO, name, value)  # type: ignore[arg-type]
    monkeypatch.setattr(report, "FILM_FPS", 1)
    args = demo.Args(out=tmp_path / "demo", quick=True, workers=1)
    result = demo.main(args)
    page = result.report.read_text()
    for words in (
        "the figures mean nothing",
        "on views and interventions, content latents",
        "hardened against colour: 2 batches in 0.",
        "averages of what varies",
        "ood2",
        "bvae-rl",
    ):
        assert words in page
    assert not re.search(r'(src|href)="https?:', page)
    assert '<a href="explorer.html">' in page
    for name in (
        "results.json",
        "film.gif",
        "curves.png",
        "timelines_agent.png",
        "bvae-content/traversals.png",
        "explorer.html",
    ):
        assert (tmp_path / "demo" / name).exists()
    said = capsys.readouterr().out
    assert "It takes about" in said
    ((name, shown),) = next_commands(said)
    assert name == "visualize" and Path(shown.vae).exists()
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "demo").rglob("model.safetensors")}
    agents = {p: p.stat().st_mtime_ns for p in (tmp_path / "demo").rglob("agent.zip")}
    again = demo.main(args)
    assert again.rows == result.rows
    for path, stamp in {**stamps, **agents}.items():
        assert path.stat().st_mtime_ns == stamp


def test_the_demo_from_scratch_continues_nothing(tmp_path: Path) -> None:
    tiny = replace(SCALES["demo-scratch"], frames=600, interventions=64, vae_steps=2)
    args = demo.Args(from_scratch=True, workers=1)
    scratch = demo.Demo(args, tiny, Run(tmp_path))
    scratch.collect()
    scratch.pretrain()
    for name in demo.VAES:
        training = BetaVAE.load(tmp_path / name).meta["training"]
        assert training["continued_from"] is None
        assert training["train"]["learning_rate"] == TrainConfig().learning_rate
