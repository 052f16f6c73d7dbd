"""What strangers ran into: each mended once, and held here."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

import bvae_rl
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.framed import CheckedPictures
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import (
    LatentVecEnv,
    OwnEncoder,
    inspect,
    load_encoder,
    policy_kwargs,
    take_encoder,
    to_latent_policy,
)
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.worlds import world_of
from bvae_rl.training.verdict_words import cures_for
from tests.plug_cases import SETTINGS, NoiseEnv, build, make_env, make_vae
from tests.test_several_pictures import Robot, robots, taking

HERE = "tests.test_found"


def no_return(env: gym.Env) -> None:
    """A wrapper that forgets to return."""


class Liar(gym.Env[Any, Any]):
    """Shows ``picture``, whatever its space says."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, space: gym.spaces.Box, picture: np.ndarray) -> None:
        self.observation_space, self.picture = space, picture

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self.picture, {}

    def step(self, action: Any) -> Any:
        return self.picture, 0.0, False, True, {}


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


def test_a_policy_on_stacks_or_chosen_keys_becomes_one_on_latents() -> None:
    stacked = build(PPO, make_env("stack"), **policy_kwargs(make_vae(), net_arch=[8], stacked=3))
    assert to_latent_policy(stacked).observation_space.shape == (9,)
    kwargs = policy_kwargs(taking(3, 32, 32, seed=3), keys=("front",), net_arch=[8])
    some = PPO("MultiInputPolicy", robots(), policy_kwargs=kwargs, **SETTINGS[PPO])
    space: Any = to_latent_policy(some).observation_space
    assert set(space.spaces) == {"front", "arm"}


def test_an_array_keeps_its_channels(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (60, 20, 20, 4), np.uint8)
    vae = bvae_rl.pretrain(frames, out=tmp_path / "four", steps=1, verbose=0)
    assert vae.config.shape == (4, 20, 20) and vae.config.native is None
    with pytest.raises(ValueError, match=r"stacked means nothing here; .*array\[..., -1:\]"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", steps=1, stacked=4)
    with pytest.raises(TypeError, match=r"no argument 'sizes'; .* pixels, frame_skip, key, size"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", **{"sizes": (64, 64)})
    with pytest.raises(ValueError, match=r"size is \(H, W\), .* got 64; write"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", size=64)


def test_an_encoder_of_other_pictures_is_not_put_into_an_agent() -> None:
    def of(native: Any) -> BetaVAE:
        vae = BetaVAE(VAEConfig(shape=(3, 32, 32), latent_dim=2, channels=(4, 4, 4), native=native))
        vae.meta["statistics"] = {"mean": [0.0] * 2, "std": [1.0] * 2}
        return vae

    model = build(PPO, make_env(), **policy_kwargs(of((3, 64, 64)), net_arch=[8]))
    with pytest.raises(ValueError, match=r"native \(3, 64, 64\), not None"):
        load_encoder(model, of(None))


@pytest.mark.parametrize(
    ("space", "picture", "says"),
    [
        (gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), np.full((32, 32, 3), 300.0), "float64"),
        (gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), np.zeros((48, 48, 3), np.uint8), "48, 48"),
        (
            gym.spaces.Box(0, 255, (32, 32, 3), np.float32),
            np.full((32, 32, 3), 0.5, np.float32),
            "floats of 0 to 1, and its space says 0 to 255",
        ),
    ],
)
def test_pictures_unlike_their_space_are_refused_before_they_are_cast(
    space: gym.spaces.Box, picture: np.ndarray, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        bvae_rl.collect(Liar(space, picture), tmp_path / "a", frames=4)
    with pytest.raises(ValueError, match=says):
        make_vec(lambda: Liar(space, picture), 1, seed=0).reset()
    black = Liar(gym.spaces.Box(0, 255, (32, 32, 3), np.float32), np.zeros((32, 32, 3), np.float32))
    CheckedPictures(black).reset()


def test_an_encoder_of_ones_own_checks_its_frames_and_its_shape() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 4), torch.nn.Flatten(), torch.nn.Linear(676, 2)
    )
    own = OwnEncoder(network, shape=(3, 16, 16), width=2)
    with pytest.raises(ValueError, match=r"\(255 \* frames\)"):
        own.encode_frames(np.zeros((1, 16, 16, 3), np.float32))
    with pytest.raises(ValueError, match=r"frames.transpose\(0, 2, 3, 1\)"):
        own.encode_frames(np.zeros((1, 3, 16, 16), np.uint8))
    with pytest.raises(
        ValueError, match=r"does not take frames of shape \(C, H, W\) = \(16, 16, 3\)"
    ):
        OwnEncoder(network, shape=(16, 16, 3), width=2)


def test_the_cure_for_other_codes_can_be_obeyed() -> None:
    vae = taking(3, 32, 32, seed=3)
    latent_env = LatentVecEnv(robots(), vae, keys=["front"], frame_stack=2)
    line = latent_env.made_by().replace("<BetaVAE>", "vae")
    again = eval(line, {"LatentVecEnv": LatentVecEnv, "venv": robots(), "vae": vae})
    assert again.observation_space == latent_env.observation_space
    one = LatentVecEnv(robots(), vae, keys=["front"])
    assert one.codes != latent_env.codes


def test_weights_that_are_not_finite_are_refused() -> None:
    vae = make_vae()
    with torch.no_grad():
        next(vae.encoder.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="are not finite, so that every code would be NaN"):
        PPO("CnnPolicy", NoiseEnv(), policy_kwargs=policy_kwargs(vae))


def test_depth_of_another_bound_is_refused() -> None:
    def depth(high: float) -> DummyVecEnv:
        space = gym.spaces.Box(0, high, (20, 20), np.float32)
        return DummyVecEnv([lambda: Liar(space, np.full((20, 20), 2.0, np.float32))])

    config = VAEConfig(shape=(1, 20, 20), latent_dim=2, channels=(4, 4, 4), top=10.0)
    vae = BetaVAE(config)
    assert VAEConfig.from_dict(config.to_dict()) == config
    LatentVecEnv(depth(10), vae, standardise=False)
    with pytest.raises(ValueError, match="trained on depth of 0 to 10, and this space says 0 to 5"):
        LatentVecEnv(depth(5), vae, standardise=False)


def test_depth_remembers_its_bound(tmp_path: Path) -> None:
    space = gym.spaces.Box(0, 8, (20, 20), np.float32)
    env = Liar(space, np.full((20, 20), 2.0, np.float32))
    vae = bvae_rl.pretrain(env, out=tmp_path, frames=60, steps=1, verbose=0, max_episode_steps=5)
    assert vae.config.top == 8.0
    assert (FrameStore(tmp_path / "frames").read().frames == 64).all()  # 2 of 8, of 255


def test_our_own_id_needs_no_module_and_a_frame_is_what_pretrain_collects(tmp_path: Path) -> None:
    env: Any = bvae_rl.framed("bvae_rl/PlanarReach-v0", size=(32, 32), grey=True)
    shown, _ = env.reset(seed=0)
    assert shown.shape == (32, 32, 1)
    both: Any = bvae_rl.framed(VecFrameStack(DummyVecEnv([NoiseEnv]), 2), size=(16, 16))
    assert both.reset().shape == (1, 16, 16, 3)


def test_what_the_user_wrote_wrongly_is_said() -> None:
    with pytest.raises(ValueError, match=r"no_return must return the environment, .*NoneType"):
        EnvConfig("CartPole-v1", (f"{HERE}:no_return",)).make()
    env = bvae_rl.FactorWrapper(
        NoiseEnv(), [FactorSpec("x"), FactorSpec("y")], sample=lambda env, rng: [0.5, 0.5],
        set=lambda env, factors: factors["x"],
    )  # fmt: skip
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"factors\[0\] is x, factors\[1\] is y"):
        env.set_factors(np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"key 'arm' is no picture, .* its pictures: "):
        bvae_rl.framed(Robot(), key="arm")


def test_factors_beyond_their_range_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = bvae_rl.FactorWrapper(
        NoiseEnv(), [FactorSpec("x", low=0, high=1)], read=lambda env: [3.0]
    )
    with caplog.at_level(logging.WARNING):
        bvae_rl.collect(env, tmp_path, frames=4)
    assert "factor 'x' was seen from 3 to 3, and its spec says [0, 1]" in caplog.text


def test_an_agent_on_codes_without_its_environment_says_where_the_encoder_is(
    tmp_path: Path,
) -> None:
    PPO("MlpPolicy", LatentVecEnv(make_env(), make_vae()), **SETTINGS[PPO]).save(tmp_path / "agent")
    loaded = PPO.load(tmp_path / "agent")
    with pytest.raises(ValueError, match=r"load it with env=.*LatentVecEnv\(venv"):
        inspect(loaded)
    with pytest.raises(ValueError, match=r"load it with env=LatentVecEnv"):
        take_encoder(loaded)


def test_a_log_gets_the_end_of_a_task_once(capsys: Any) -> None:
    progress = Progress({"training": 1.0, "evaluation": 1.0})
    for _ in range(50):
        progress.update("training", 1.0)
    assert capsys.readouterr().err.count("\n") <= 2


def test_a_first_look_is_told_to_train_longer() -> None:
    vae = make_vae()
    vae.meta |= {"training": {"steps": 60}, "scores": {"validation": {"vae/active_latents": 4}}}
    assert cures_for(["motion"], vae)[0].flags == "--steps 24000"


def test_a_policy_that_resizes_large_pictures_says_once_that_it_is_slow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = VAEConfig(shape=(3, 16, 16), latent_dim=2, channels=(4, 4, 4), native=(3, 64, 80))
    large = gym.spaces.Box(0, 255, (64, 80, 3), np.uint8)
    env = Liar(large, np.zeros((64, 80, 3), np.uint8))
    kwargs = policy_kwargs(BetaVAE(config), standardise=False, net_arch=[4])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            PPO("CnnPolicy", env, policy_kwargs=kwargs, **SETTINGS[PPO])
    assert caplog.text.count("pictures of 64x80 into frames of 16x16") == 1


def test_a_size_that_a_vae_does_not_take_is_not_dropped_without_a_word() -> None:
    config = VAEConfig(shape=(3, 32, 32), channels=(4, 4, 4), native=(3, 64, 64))
    reach = "bvae_rl.envs:bvae_rl/PlanarReach-v0"
    assert EnvConfig(reach).seen_by(Wanted.of(config)).size == (32, 32)
    for given in (EnvConfig(reach, size=(48, 48)), EnvConfig(reach, grey=True)):
        with pytest.raises(ValueError, match="takes frames of 32x32x3, so that size="):
            given.seen_by(Wanted.of(config))


def test_codes_are_not_encoded_once_more() -> None:
    latent_env = LatentVecEnv(make_env(), make_vae())
    with pytest.raises(ValueError, match="encoded these observations already; leave policy_kwargs"):
        PPO("MlpPolicy", latent_env, policy_kwargs=policy_kwargs(make_vae()), **SETTINGS[PPO])


class Twins(gym.Env[Any, Any]):
    """Two cameras of one kind, which only their keys tell apart."""

    one = gym.spaces.Box(0, 255, (20, 20, 3), np.uint8)
    observation_space = gym.spaces.Dict(left=one, right=one)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return {
            "left": np.zeros((20, 20, 3), np.uint8),
            "right": np.ones((20, 20, 3), np.uint8),
        }, {}

    def step(self, action: Any) -> Any:
        return *self.reset()[:1], 0.0, False, True, {}


@pytest.mark.parametrize("vectorised", [False, True])
def test_two_pictures_of_an_environment_in_hand_are_not_taken_for_each_other(
    vectorised: bool, tmp_path: Path
) -> None:
    env: Any = DummyVecEnv([Twins]) if vectorised else Twins()
    assert bvae_rl.collect(env, tmp_path, frames=4, key="left").read().frames.max() == 0
    with pytest.raises(ValueError, match="key left, not right"):
        bvae_rl.collect(env, tmp_path, frames=4, key="right")
    if not vectorised:
        with pytest.raises(ValueError, match="frame_skip absent, not 2"):
            bvae_rl.collect(env, tmp_path, frames=4, key="left", frame_skip=2)
        with pytest.raises(ValueError, match="frame_skip must be at least 1, got 0"):
            bvae_rl.collect(env, tmp_path, frames=4, key="left", frame_skip=0)
