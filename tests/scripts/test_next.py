"""Commands lead on: each ``next:`` line is run as printed, but for sizes, until one recurs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bvae_rl.scripts.cli import main
from bvae_rl.scripts.commands import load
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder
from bvae_rl.scripts.evaluate import command as evaluate
from bvae_rl.scripts.study import StudyArgs
from bvae_rl.training.train_config import TrainConfig
from tests.next_cases import next_commands

QUICK = TrainConfig(batch_size=16, warmup=2, log_freq=5, save_freq=5)
SCORING = evaluate.ScoreArgs((), fit_steps=10, replicates=0)


def _small_study(args: Any) -> Any:
    study = replace(args.study, seeds=(0,), workers=1)
    assert study.total_timesteps == 400  # as long as the agent that was trained before
    methods = args.methods or ("state", "blind")
    return replace(args, study=study, methods=tuple(m for m in methods if "pix" not in m))


SMALLER: dict[str, Callable[[Any], Any]] = {
    "collect": lambda args: replace(args, frames=300),
    "pretrain": lambda args: args.but(
        steps=10, channels=(8, 8, 8), hidden=16, content_dim=4, style_dim=2, train=QUICK
    ),
    "evaluate": lambda args: replace(
        args, samples=300, on_policy=0, references=False, scoring=SCORING
    ),
    "visualize": lambda args: replace(args, samples=300, film=False),
    "train": lambda args: replace(
        args, total_timesteps=400, n_eval_episodes=2, set=("n_steps=50", "batch_size=50")
    ),
    "compare": _small_study,
    "transfer": _small_study,
}


def follow(printed: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run what comes next, and what comes after that, until a command comes a second time."""
    followed: list[str] = []
    while found := next_commands(printed):
        ((name, args),) = found
        if name in followed:
            break
        load(name).main(SMALLER[name](args))
        followed.append(name)
        printed = capsys.readouterr().out
    return followed


def test_a_reach_study_leads_on_from_frames_to_transfer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "vae").mkdir(parents=True)  # taken: the advised folder is another one
    argv = ["collect", "--frames", "300", "--policy", "independent", "--domain", "pretrain"]
    assert main([*argv, "--views", "2"]) == 0
    followed = follow(capsys.readouterr().out, capsys)
    assert followed == ["pretrain", "visualize", "evaluate", "train", "compare", "transfer"]
    assert (tmp_path / "runs" / "vae-2" / "model.safetensors").exists()


def test_a_world_without_factors_and_domains_leads_on_as_far_as_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrappers = ("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper")
    world = EnvArgs(env="MiniGrid-Empty-8x8-v0", wrappers=wrappers)
    assert main(["show", "--frames", "2", "--env", world.name, "--wrappers", *wrappers]) == 0
    followed = follow(capsys.readouterr().out, capsys)
    assert followed == ["collect", "pretrain", "visualize", "evaluate", "train", "compare"]


def test_a_command_cannot_name_an_option_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="vae_pairs"):
        command_for("compare", vae_pairs=("v",))
    study = StudyArgs(seeds=(0, 1), vae_per_seed=True, total_timesteps=7)
    line = command_for("transfer", ("a b", "c"), study=study, world=EnvArgs(env="x:Y-v0"))
    assert line == (
        "bvae-rl transfer 'a b' c --total-timesteps 7 --seeds 0 1 --vae-per-seed --env x:Y-v0"
    )
    ((_, args),) = next_commands(f"next: {line}")
    assert args.vae == ("a b", "c") and args.study == study
    assert free_folder(tmp_path).name == f"{tmp_path.name}-2"
