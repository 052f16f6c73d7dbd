"""Which copies of an encoder are target networks: the first part of the name tells, no key does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import PictureCallback, policy_kwargs, set_mode, take_encoder, to_latent_policy
from bvae_rl.sb3.copies import encoder_copies, followed, lags, same_weights
from tests.plug_cases import SETTINGS, make_vae

KEYS = ("view", "view_target")


class Pair(gym.Env[Any, Any]):
    """Two pictures of one kind, the second of which a target network could be called after."""

    one = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    observation_space = gym.spaces.Dict(dict.fromkeys(KEYS, one))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        return {name: self.one.sample() for name in KEYS}, {}

    def step(self, action: Any) -> Any:
        return *self.reset()[:1], 0.0, False, True, {}


@pytest.fixture
def vaes() -> dict[str, BetaVAE]:
    return {name: make_vae(seed) for seed, name in enumerate(KEYS)}


def model_of(vaes: dict[str, BetaVAE]) -> PPO:
    env = DummyVecEnv([Pair])
    return PPO("MultiInputPolicy", env, policy_kwargs=policy_kwargs(vaes), **SETTINGS[PPO])


def test_a_key_called_target_is_none(vaes: dict[str, BetaVAE], tmp_path: Path) -> None:
    model = model_of(vaes)
    before = {name: dict(copy.weights()) for name, copy in encoder_copies(model).items()}
    set_mode(model, "frozen")
    after = encoder_copies(model)
    assert all(same_weights(before[name], copy.weights()) for name, copy in after.items())
    set_mode(model, "policy")
    model.learn(16)
    model.save(tmp_path / "agent")
    loaded = encoder_copies(PPO.load(tmp_path / "agent"))
    for name, copy in encoder_copies(model).items():
        assert same_weights(loaded[name].weights(), copy.weights())
        assert not same_weights(before[name], copy.weights())  # each is trained
    assert take_encoder(model, "view_target").shape == vaes["view_target"].shape


def test_the_first_part_of_the_name_tells() -> None:
    assert lags("critic_target.features_extractor") and lags("q_net_target.features_extractor")
    assert not lags("features_extractor.encoders.view_target") and not lags("target.encoders.a")
    assert followed("critic_target.x.encoders.a_target") == "critic.x.encoders.a_target"


def test_several_encoders_are_not_taken_apart_into_one(vaes: dict[str, BetaVAE]) -> None:
    with pytest.raises(ValueError, match="an encoder for each of view, view_target"):
        to_latent_policy(model_of(vaes))


def test_pictures_are_of_the_encoder_whose_weights_the_vae_has(
    vaes: dict[str, BetaVAE], tmp_path: Path
) -> None:
    model = model_of(vaes)
    second = PictureCallback(vaes["view_target"], freq=8, view=4, film=False, out=tmp_path)
    model.learn(8, callback=second)
    assert second._key == "view_target" and second.drawn
    shown = second._vae_now().encoder.state_dict()
    assert same_weights(shown, vaes["view_target"].encoder.state_dict())
    with pytest.raises(
        ValueError, match=r"do not tell whose it is; write PictureCallback\(vae, key"
    ):
        model.learn(8, callback=PictureCallback(make_vae(7), freq=8, view=4, out=tmp_path))
    named = PictureCallback(make_vae(7), freq=8, view=4, film=False, out=tmp_path, key="view")
    model.learn(8, callback=named)
    assert named.drawn
