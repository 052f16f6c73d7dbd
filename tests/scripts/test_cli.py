"""The command line itself: help, mistakes in one line, progress, flags and the next command."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bvae_rl.scripts import collect
from bvae_rl.scripts.cli import main, parse
from bvae_rl.scripts.commands import COMMANDS, load
from bvae_rl.scripts.common import EnvArgs, flags, results_folder
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.progress import Progress, minutes

GRID = EnvArgs(
    env="MiniGrid-Empty-8x8-v0",
    wrappers=("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper"),
)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["evaluate", "nowhere"], "no VAE at nowhere"),
        (["pretrain", "nowhere"], "no frame store at nowhere"),
        (
            ["pretrain", "nowhere", "--beta", "-1"],
            "beta weighs the KL, so it must be finite and not",
        ),
        (["pretrain", "--env", "bvae_rl/PlanarReach-v0", "--recipe", "plian"], "unknown recipe"),
        (["pretrain", "--env", "bvae_rl/PlanarReach-v0", "--steps", "0"], "steps must be at least"),
        (["pretrain", "--env", "x", "--objective", "tc", "--set", "gama=1"], "gama"),
        (["train", "runs/vae", "--method", "pixels"], "sees no VAE: leave runs/vae out"),
        (["train", "--method", "nose"], "unknown method 'nose'; known: state, blind"),
        (["train", "--env", "bvae_rl/PlanarPush-v0"], "bvae needs a VAE of bvae_rl/PlanarPush-v0"),
        (["compair"], "unknown command 'compair'; did you mean compare?"),
        (["train", "--latents", "look"], "no group of latents 'look'; choose one of: all, content"),
        (["collect", "--env", "MiniGrid-Empty-5x5-v0"], "RGBImgObsWrapper"),
        (["collect", "--env", "bvae_rl/Reach-v0"], "bvae_rl/PlanarReach-v0"),
        (["collect", "--domain", "night"], "known: source, ood1, ood2, pretrain"),
        (["collect", "--views", "2"], "--policy independent"),
        (["collect", "--frames", "0"], "at least 1"),
        (["collect", "--n-envs", "0"], "n_envs must be at least 1, got 0"),
        (["train", "--method", "pixels", "--env", "MiniGrid-Empty-5x5-v0"], "RGBImgObsWrapper"),
        (["demo", "--quick", "--from-scratch"], "choose one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_exit_code_two(
    argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.strip().count("\n") == 0
    assert "Traceback" not in err
    assert not [*tmp_path.iterdir()]  # nothing was begun


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "bvae_rl.scripts.cli", "objectives"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout and running.stderr
        running.stdout.close()  # as head does
        assert running.stderr.read() == ""
    assert running.returncode == 1


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(args: collect.Args) -> collect.Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(collect, "main", interrupted)
    assert main(["collect", "--out", str(tmp_path)]) == 130
    assert f"go on with: bvae-rl collect --out {tmp_path}" in capsys.readouterr().err


def test_a_kill_ends_a_command_whose_environment_draws_with_pygame(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    flags = ["--env", "CartPole-v1", "--pixels", "--frames", "100000", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "bvae_rl.scripts.cli", "collect", *flags]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (tmp_path / "frames.raw").exists():
            time.sleep(0.1)
        process.terminate()
        try:
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()


def test_an_unwritable_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["collect", "--frames", "10", "--out", str(tmp_path / "file")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_help_describes_every_command_without_importing_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == main([]) == main(["--version"]) == 0
    out = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in out and command.about in out
    code = (
        "import sys; from bvae_rl.scripts.cli import main; main(['--help']); "
        "print({'torch', 'numpy', 'tyro'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_describes_itself_and_its_options(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module, about = load(name), COMMANDS[name].about
    words = set(re.findall(r"[a-z]{6,}", about.lower()))
    known = set(re.findall(r"[a-z]{6,}", f"{module.__doc__} {module.Args.__doc__}".lower()))
    assert about[-1] == "." and len(words & known) >= len(words) / 2, words - known
    with pytest.raises(SystemExit) as stop:
        parse(name, ["--help"])
    assert stop.value.code == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert (module.__doc__ or "")[:30] in said
    assert not re.search(r"\(default: (None)?\)", said)


def test_progress_scales_the_plan_by_the_measured_pace() -> None:
    progress = Progress({"a": 10.0, "b": 30.0}, workers=1)
    progress._began -= 20.0  # 20 s have passed
    progress.update("a", 0.5)
    progress.update("a", 1.0)  # planned 10
    assert progress.seconds_left() == pytest.approx(60.0, rel=0.05)
    again = Progress({"a": 10.0, "b": 30.0}, workers=1)
    again.update("a", 1.0)  # reused: took no time, and says nothing about the pace of b
    assert again.seconds_left() == pytest.approx(30.0, rel=0.05)
    with pytest.raises(ValueError, match="unknown task 'c'; planned: a, b"):
        progress.update("c", 0.5)
    assert minutes(40) == "40 s"
    assert minutes(170) == "3 min"


def test_the_next_command_names_the_environment_as_a_person_would() -> None:
    made = GRID.config()
    assert made.id == "minigrid:MiniGrid-Empty-8x8-v0"
    assert EnvArgs.of(made.id, wrappers=made.wrappers) == GRID
    assert EnvArgs.of("their.envs:World-v0").flags == "--env their.envs:World-v0"
    assert GRID.flags.endswith("--wrappers " + " ".join(GRID.wrappers))


def test_results_of_other_worlds_and_domains_stand_beside_each_other() -> None:
    push = EnvArgs(env="bvae_rl/PlanarPush-v0")
    assert results_folder("pictures", "v", EnvArgs(), None) == Path("runs/pictures/v")
    assert results_folder("pictures", "v", push, "ood1").name == "v-PlanarPush-v0-ood1"
    assert (
        results_folder("pictures", "v", EnvArgs(env="my.envs:World-v0"), None).name == "v-World-v0"
    )


def test_flags_are_what_differs_and_parse_to_the_same() -> None:
    plain = pretrain.Args(Path("f"))
    assert flags(plain, plain) == []
    args = plain.but(
        objective="tc", beta=0.123456789, set=("gamma=2",), channels=(8, 16, 16),
        tensorboard=True, batch_size=32, validation=0.1,
    )  # fmt: skip
    given = flags(args, plain)
    assert given[:5] == ["--tensorboard", "--objective", "tc", "--beta", "0.123456789"]
    assert parse("pretrain", ["f", *given]) == args
    assert flags(plain, replace(plain, tensorboard=True)) == ["--no-tensorboard"]


def test_a_log_gets_the_end_of_a_task_once(capsys: Any) -> None:
    progress = Progress({"training": 1.0, "evaluation": 1.0})
    for _ in range(50):
        progress.update("training", 1.0)
    assert capsys.readouterr().err.count("\n") <= 2
