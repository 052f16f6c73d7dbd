"""What was typed counts: an option at its default, an option again, a path below "~"."""

from __future__ import annotations

from pathlib import Path

import pytest

from bvae_rl.scripts.cli import parse
from bvae_rl.scripts.worlds import changed, world_of
from tests.car_racing_cases import need


def test_a_repeated_option_of_several_values_keeps_them_all() -> None:
    words = ["--env-kwargs", "a=1", "--seeds", "0", "--env-kwargs=b=2", "c=3", "--seeds", "1", "2"]
    args = parse("transfer", ["reach_crossed", *words])
    assert args.world.env_kwargs == ("a=1", "b=2", "c=3")
    assert args.study.seeds == (0, 1, 2)
    assert parse("evaluate", ["--compare", "a", "--compare", "b"]).compare == ("a", "b")
    assert parse("transfer", ["--target", "ood1", "--target", "ood2"]).target == ("ood1", "ood2")


def test_of_another_option_the_last_counts() -> None:
    args = parse("collect", ["--out", "a", "--frames", "10", "--out=b", "--pixels", "--pixels"])
    assert args.out == Path("b") and args.world.pixels


def test_paths_are_at_home_whatever_the_shell_does() -> None:
    args = parse("pretrain", ["~/frames", "--out=~/vae"])
    assert args.store == Path.home() / "frames" and args.out == Path.home() / "vae"


def test_a_default_that_was_typed_replaces_what_the_frames_say() -> None:
    words = ["--backend", "gymnasium", "--frame-skip=1", "--no-grey"]
    world = parse("train", ["car_racing", *words]).world
    assert world.typed == ("frame_skip", "grey", "backend")
    found = world_of("car_racing", world)
    assert (found.backend, found.frame_skip) == ("gymnasium", 1)
    assert found.env_kwargs == ("dashboard=True",)
    assert world_of("car_racing", parse("train", ["car_racing"]).world).frame_skip == 4
    agents = found.config()
    assert changed(agents, world).frame_skip == 1
    assert world == parse("train", []).world  # what was typed is how it was said, not what


def test_what_an_id_alone_leaves_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    world = parse("train", ["car_racing", "--env", "bvae_rl/CarRacing-v0"]).world
    assert world_of("car_racing", world).frame_skip == 1
    said = capsys.readouterr().out
    assert "were made with --env-kwargs dashboard=True --frame-skip 4" in said
    world_of("reach_crossed", parse("train", ["--env", "bvae_rl/PlanarReach-v0"]).world)
    assert "were made with" not in capsys.readouterr().out


def test_without_envpool_its_worlds_are_gymnasiums(monkeypatch: pytest.MonkeyPatch) -> None:
    need("Box2D", "box2d")
    monkeypatch.setattr("bvae_rl.scripts.worlds.has_envpool", lambda: False)
    assert world_of("car_racing", parse("train", ["car_racing"]).world).backend == "gymnasium"
