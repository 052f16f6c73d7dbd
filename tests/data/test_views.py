"""How an environment is seen: drawn, picked, resized, grey, skipped; by id or in hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from bvae_rl.data.environments import EnvConfig, FrameSkip
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.pictures.framed import framed, native_in
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.data.pictures.resize import convert_bytes
from bvae_rl.data.sources import as_store, collect
from bvae_rl.data.view import View
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.common import EnvArgs, flags
from bvae_rl.training.pretrain import pretrain
from tests.plug_cases import NoiseEnv

REACH = "bvae_rl.envs:bvae_rl/PlanarReach-v0"
RESIZE = "gymnasium.wrappers:ResizeObservation(shape=(48, 32))"


class Cameras(gym.Env[Any, Any]):
    """Two pictures of different sizes and kinds, a vector and a text."""

    observation_space = gym.spaces.Dict(
        {
            "front": gym.spaces.Box(0, 255, (40, 40, 3), np.uint8),
            "depth": gym.spaces.Box(0, 5, (24, 32), np.float32),
            "speed": gym.spaces.Box(-1, 1, (2,), np.float32),
            "mission": gym.spaces.Text(10),
        }
    )
    action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self._shown(), 1.0, False, self.steps >= 6, {"steps": self.steps}

    def _shown(self) -> dict[str, Any]:
        rng = self.np_random
        return {
            "front": rng.integers(0, 256, (40, 40, 3), np.uint8),
            "depth": rng.uniform(0, 5, (24, 32)).astype(np.float32),
            "speed": np.zeros(2, np.float32),
            "mission": "go",
        }


def test_wrappers_take_arguments_as_literals_and_nothing_is_evaluated() -> None:
    assert EnvConfig(REACH, (RESIZE,)).make().observation_space.shape == (48, 32, 3)
    for text, says in (
        ("gymnasium.wrappers:ResizeObservation((48, 32))", "arguments need their names"),
        ("gymnasium.wrappers:ResizeObservation(shape=open('x'))", "unknown wrapper .* literals"),
        ("gymnasium.wrappers:ResizeObservation(shape=(48,", "unknown wrapper"),
        ("gymnasium.wrappers:ResizeObservation(sides=(48, 32))", "ResizeObservation: .*'sides'"),
    ):
        with pytest.raises(ValueError, match=says):
            EnvConfig(REACH, (text,)).make()


def test_a_module_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "their_wrappers.py").write_text(
        "import gymnasium as gym\n"
        "def small(env, side):\n"
        "    return gym.wrappers.ResizeObservation(env, (side, side))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(tmp_path))])
    command = ["collect", "--env", "bvae_rl/PlanarReach-v0", "--frames", "8", "--n-envs", "1"]
    assert main([*command, "--wrappers", "their_wrappers:small(side=24)", "--out", "frames"]) == 0
    assert "frames of 24x24x3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("env_id", "says"),
    [
        ("CarRacng-v3", r"known: .*CarRacing-v3"),
        ("bvae_rl.envs:bvae_rl/PlanarPusch-v0", r"known: .*bvae_rl/PlanarPush-v0"),
        ("FlappyBird-v0", r'comes with flappy_bird_gymnasium: pip install "flappy-bird-gymnasium"'),
    ],
)
def test_an_unknown_id_names_near_ones_or_what_to_install(env_id: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        EnvConfig(env_id).make()


def test_an_environment_without_pictures_draws_itself() -> None:
    env = EnvConfig("CartPole-v1", pixels=True, size=(40, 60)).make()
    assert env.observation_space.shape == (40, 60, 3) and native_in(env) == (3, 400, 600)
    first, _ = env.reset(seed=0)
    drawn: Any = env.render()
    assert np.array_equal(first, convert_bytes(drawn[None], (3, 40, 60))[0])
    with pytest.raises(TypeError, match=r"draws itself with pixels=True \(--pixels\)"):
        collect("CartPole-v1", "unused", frames=10)
    with pytest.raises(ValueError, match=r"make it with gymnasium\.make"):
        View(pixels=True).of(gym.make("CartPole-v1"))


def test_factors_are_set_through_what_changes_the_picture() -> None:
    plain: Any = EnvConfig(REACH, domain="source").make()
    small = EnvConfig(REACH, (RESIZE,), domain="source", grey=True).make()
    factors = plain.unwrapped.sample_factors(np.random.default_rng(0))
    plain.reset(seed=0), small.reset(seed=0)
    seen = settable_env(small)
    assert seen is not None and seen.observation_space.shape == (48, 32, 1)
    resized = gym.wrappers.ResizeObservation(plain, (48, 32))
    expected = resized.observation(plain.unwrapped.set_factors(factors))
    grey = convert_bytes(expected[None], (1, 48, 32))[0]
    assert np.array_equal(seen.set_factors(factors), grey)


def test_each_action_acts_for_so_many_steps() -> None:
    env = FrameSkip(Cameras(), 4)
    env.reset(seed=0)
    assert env.step(0)[1:] == (4.0, False, False, {"steps": 4})
    assert env.step(0)[1:] == (2.0, False, True, {"steps": 6})  # to the end, and no further
    assert isinstance(EnvConfig(REACH, frame_skip=3).make(), FrameSkip)
    with pytest.raises(ValueError, match="frame_skip must be at least 1, got 0"):
        EnvConfig(REACH, frame_skip=0)


def test_the_picture_of_a_dict_is_named_where_there_are_several() -> None:
    assert framed(Cameras(), key="front").observation_space.shape == (40, 40, 3)
    depth = framed(Cameras(), key="depth")
    frame, _ = depth.reset(seed=0)
    assert depth.observation_space.shape == frame.shape if frame.ndim == 3 else (24, 32)
    with pytest.raises(ValueError, match=r"several pictures: depth .*front .*key='depth'"):
        collect(Cameras(), "unused", frames=10)
    with pytest.raises(ValueError, match="no key 'back'; its pictures: depth"):
        framed(Cameras(), key="back")
    with pytest.raises(ValueError, match="names a picture in a Dict observation"):
        framed(NoiseEnv(), key="front")


@pytest.mark.parametrize("kind", ["env", "vec", "stack"])
def test_frames_in_hand_are_collected_as_they_are_to_be_seen(kind: str, tmp_path: Path) -> None:
    env: Any = NoiseEnv()
    if kind != "env":
        env = DummyVecEnv([NoiseEnv])
    if kind == "stack":
        env = VecFrameStack(env, 3)
    store = collect(env, tmp_path, frames=10, size=(24, 16), grey=True)
    assert store.shape == (1, 24, 16) and store.native == (3, 32, 32)
    with pytest.raises(ValueError, match="made with other settings"):
        collect(env, tmp_path, frames=10, size=(24, 24), grey=True)


def test_an_array_and_a_store_are_converted_or_refused(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
    store = as_store(frames, tmp_path / "a", frames=3, seed=0, view=View(size=(16, 16)))
    assert store.native == (3, 40, 40)
    assert np.array_equal(store.read().frames, convert_bytes(frames, (3, 16, 16)))
    with pytest.raises(ValueError, match="as they are, so size cannot change them; collect again"):
        as_store(store, tmp_path / "b", frames=3, seed=0, view=View(size=(32, 32)))
    whole = as_store(frames, tmp_path / "c", frames=3, seed=0)
    assert whole.native is None and np.array_equal(whole.read().frames, frames)


def test_a_vae_takes_its_frames_and_the_pictures_that_they_were_made_of(tmp_path: Path) -> None:
    vae = pretrain(NoiseEnv(), frames=60, steps=2, size=(24, 24), out=tmp_path, verbose=0)
    assert vae.config.shape == (3, 24, 24) and vae.config.native == (3, 32, 32)
    again = BetaVAE.load(tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    codes = again.encode_frames(pictures)
    assert np.array_equal(codes, vae.encode_frames(convert_bytes(pictures, vae.shape)))
    assert VAEConfig.from_dict(vae.config.to_dict()) == vae.config


def test_a_config_shows_what_a_vae_takes_or_is_refused() -> None:
    def taking(shape: Any, native: Any = None) -> Wanted:
        return Wanted.of(VAEConfig(shape=shape, native=native))

    config = EnvConfig("CarRacing-v3")
    assert config.seen_by(taking((3, 96, 96))) == config
    seen = config.seen_by(taking((1, 64, 64), (3, 96, 96)))
    assert (seen.size, seen.grey) == ((64, 64), True)
    assert seen.make().observation_space.shape == (64, 64, 1)
    with pytest.raises(ValueError, match=r"ResizeObservation\(env, \(64, 64\)\)"):
        config.seen_by(taking((3, 64, 64)))


def test_flags_name_what_is_made_of_an_environment() -> None:
    args = EnvArgs(env="CartPole-v1", pixels=True, size=(64, 64), grey=True, frame_skip=2)
    assert flags(args, EnvArgs()) == [
        "--env", "CartPole-v1", "--pixels", "--frame-skip", "2", "--size", "64", "64", "--grey"
    ]  # fmt: skip
    described = args.config().described()
    assert {k: described[k] for k in ("pixels", "frame_skip", "size", "grey")} == {
        "pixels": True, "frame_skip": 2, "size": (64, 64), "grey": True
    }  # fmt: skip
    plain = EnvConfig("CartPole-v1")
    assert plain.described() == {"env": "CartPole-v1", "wrappers": [], "domain": None}
    assert set(plain.identity()) == {"id", "wrappers", "domain", "kwargs"}
