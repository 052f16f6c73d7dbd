"""What was typed counts: an option at its default, an option again, a path below "~"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bvae_rl.scripts.cli import parse
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.worlds import changed, world_of
from tests.car_racing_cases import need
from tests.plug_cases import make_vae


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


def trained_in(folder: Path, store: dict[str, Any]) -> str:
    vae = make_vae()
    vae.meta["training"] = {"store": store}
    return str(vae.save(folder))


def test_options_go_to_the_world_of_the_vae_and_not_to_ours(tmp_path: Path, capsys: Any) -> None:
    store = {"env": "CartPole-v1", "wrappers": [], "pixels": True, "size": [32, 48]}
    vae = trained_in(tmp_path / "a", store)
    assert world_of(vae, EnvArgs()) == EnvArgs(env="CartPole-v1", pixels=True, size=(32, 48))
    more = world_of(vae, EnvArgs(frame_stack=4, size=(64, 64)))
    assert more == EnvArgs(env="CartPole-v1", pixels=True, size=(64, 64), frame_stack=4)
    assert world_of(vae, EnvArgs(env="Pendulum-v1")) == EnvArgs(env="Pendulum-v1")
    same = world_of(vae, EnvArgs(env="CartPole-v1", frame_stack=4))
    assert same == EnvArgs(env="CartPole-v1", pixels=True, size=(32, 48), frame_stack=4)
    said = EnvArgs(env="CartPole-v1", pixels=True, size=(64, 64))
    assert world_of(vae, said) == said
    assert "was trained on frames of CartPole-v1, and is taken to Pendulum-v1" in (
        capsys.readouterr().out
    )
    imported = trained_in(tmp_path / "b", {"imported": {"kind": "images"}})
    with pytest.raises(ValueError, match=r"which to take: an environment .*--env ID"):
        world_of(imported, EnvArgs(frame_stack=2))
    with pytest.raises(ValueError, match="--store FOLDER"):
        world_of(imported, EnvArgs(), stored=True)
    in_hand = trained_in(tmp_path / "c", {"shown": {"of": "Mine"}})
    with pytest.raises(ValueError, match="in an environment without an id"):
        world_of(in_hand, EnvArgs())
