"""A policy over codes joined with its encoder, and taken apart again: it always acts the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from sb3_contrib import TQC, CrossQ, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize

from bvae_rl.models.pca import PCAEncoder
from bvae_rl.sb3 import (
    BetaVAEExtractor,
    LatentVecEnv,
    OnlineBetaVAE,
    OwnEncoder,
    policy_kwargs,
    take_encoder,
    to_image_policy,
    to_latent_policy,
)
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.training.schedules import Constant
from tests.own_encoder_cases import SHAPE, means
from tests.plug_cases import build, make_env, make_vae, noise

CASES = [
    (PPO, "bytes", {}),
    (PPO, "bytes", {"standardise": True, "latents": "content"}),
    (PPO, "stack", {"standardise": True}),
    (PPO, "channels first", {"latents": "style"}),
    (PPO, "float", {}),
    (PPO, "dict", {"standardise": True}),
    (A2C, "dict", {}),
    (A2C, "bytes", {"standardise": True}),
    (SAC, "bytes", {}),
    (SAC, "stack", {"latents": "content"}),
    (SAC, "dict", {"standardise": True, "latents": "content"}),
    (TD3, "bytes", {"standardise": True}),
    (DQN, "bytes", {"standardise": True}),
    (DQN, "stack", {}),
    (RecurrentPPO, "bytes", {"standardise": True}),
    (RecurrentPPO, "dict", {"latents": "content"}),
    (TQC, "bytes", {"standardise": True}),
]


def trained(algorithm: Any, form: str = "bytes", **options: Any) -> Any:
    """A model over codes that has learned a little, so that optimizers have a state."""
    env = LatentVecEnv(make_env(form, discrete=algorithm is DQN), make_vae(), **options)
    return build(algorithm, env).learn(32)


def answers(model: Any, observation: Any) -> np.ndarray:
    """Deterministic actions, or the values that a DQN compares."""
    if isinstance(model, DQN):
        with torch.no_grad():
            return model.q_net(model.policy.obs_to_tensor(observation)[0]).numpy()
    actions: np.ndarray = model.predict(observation, deterministic=True)[0]
    return actions


def encoded(model: Any, raw: Any) -> Any:
    """The codes that the environment of ``model`` makes of ``raw``."""
    env = model.get_env()
    pictures = raw if isinstance(raw, dict) else {None: raw}
    turned = {
        key: value.transpose(0, 3, 1, 2)
        if key in env.layouts and env.layouts[key].channels_first and value.shape[-1] != 32
        else value
        for key, value in pictures.items()
    }
    return env.encode(turned if isinstance(raw, dict) else turned[None])


def pictures(form: str, n: int = 6) -> Any:
    """Observations (n, ...) as the environment beneath shows them."""
    venv = make_env(form, n=n)
    venv.reset()
    for _ in range(3):  # a stack is full
        observations = venv.step(np.zeros((n, 2)))[0]
    return observations


def heads(model: Any) -> dict[str, torch.Tensor]:
    """Everything but the extractors: actor, critics, targets."""
    state = model.policy.state_dict()
    return {name: w for name, w in state.items() if "features_extractor" not in name}


def optimizers(model: Any) -> list[torch.Tensor]:
    states = {name: s for name, s in model.get_parameters().items() if name != "policy"}
    return [
        value
        for name in sorted(states)
        for slot in states[name]["state"].values()
        for value in slot.values()
    ]


@pytest.mark.parametrize(("algorithm", "form", "options"), CASES)
def test_on_pictures_and_back_on_codes_it_acts_the_same(algorithm, form, options, tmp_path):
    model = trained(algorithm, form, **options)
    raw = pictures(form)
    expected = answers(model, encoded(model, raw))
    assert np.ptp(expected, axis=0).max() > 1e-3  # it looks at the pictures

    joined = to_image_policy(model, buffer_size=50)
    np.testing.assert_allclose(answers(joined, raw), expected, atol=1e-5)
    assert type(joined) is algorithm and joined.num_timesteps == model.num_timesteps == 32
    assert joined._n_updates == model._n_updates > 0
    for carried, original in zip(optimizers(joined), optimizers(model), strict=True):
        assert torch.equal(carried, original)
    assert all(torch.equal(heads(joined)[name], w) for name, w in heads(model).items())
    if algorithm is SAC:
        assert torch.equal(joined.log_ent_coef, model.log_ent_coef)
        assert joined.log_ent_coef is not model.log_ent_coef

    joined.save(tmp_path / "joined.zip")  # there never was a folder of the VAE
    loaded = algorithm.load(tmp_path / "joined.zip")
    assert np.array_equal(answers(loaded, raw), answers(joined, raw))

    apart = to_latent_policy(joined, buffer_size=50)
    assert apart.observation_space == model.observation_space
    np.testing.assert_allclose(answers(apart, encoded(apart, raw)), expected, atol=1e-5)
    assert apart.num_timesteps == 32
    assert all(
        torch.equal(carried, original)
        for carried, original in zip(optimizers(apart), optimizers(model), strict=True)
    )

    weights = {
        name: w.clone() for name, w in next(iter(encoder_copies(joined).values())).weights().items()
    }
    for copy in (joined, apart):
        copy.learn(24, reset_num_timesteps=False)
        assert copy.num_timesteps >= 56
    assert np.abs(answers(joined, raw) - expected).max() > 1e-4  # it learns on
    assert np.array_equal(answers(model, encoded(model, raw)), expected)  # the old one does not
    for copy in encoder_copies(joined).values():
        assert not copy.moved
        assert all(torch.equal(weights[name], w) for name, w in copy.weights().items())


def test_on_pictures_it_can_be_fine_tuned_online():
    model = trained(PPO)
    joined = to_image_policy(model, mode="online")
    online = OnlineBetaVAE(make_vae(), beta=Constant(1.0), train_freq=16)
    joined.learn(32, callback=online, reset_num_timesteps=False)
    assert len(online.history) == 1
    raw = pictures("bytes")
    # the encoder that was moved, not the checkpoint's, is taken out and joined again
    apart = to_latent_policy(joined)
    expected = answers(joined, raw)
    np.testing.assert_allclose(answers(apart, encoded(apart, raw)), expected, atol=1e-5)


def on_pictures(algorithm: Any, folder: Path, mode: Any) -> Any:
    kwargs = policy_kwargs(folder, mode=mode, net_arch=[8], step_size=3.0)
    return build(algorithm, make_env(), **kwargs).learn(32)


def test_an_encoder_that_the_policy_trained_is_taken_out_as_it_is(tmp_path):
    model = on_pictures(PPO, make_vae().save(tmp_path / "vae"), "policy")
    assert all(copy.moved for copy in encoder_copies(model).values())
    raw = pictures("bytes")
    apart = to_latent_policy(model)
    codes = encoded(apart, raw)
    assert np.abs(codes - LatentVecEnv(make_env(), make_vae()).encode(raw)).max() > 1e-3
    np.testing.assert_allclose(answers(apart, codes), answers(model, raw), atol=1e-5)
    assert not optimizers(apart)  # the old state was of other parameters


def test_encoders_trained_apart_are_refused(tmp_path):
    model = on_pictures(SAC, make_vae().save(tmp_path / "vae"), "policy")
    with pytest.raises(ValueError, match=r"actor.*critic.*have been trained apart"):
        to_latent_policy(model)


def test_without_an_environment_one_has_to_be_given(tmp_path):
    joined = to_image_policy(trained(PPO))
    joined.save(tmp_path / "joined.zip")
    loaded = PPO.load(tmp_path / "joined.zip")
    with pytest.raises(ValueError, match="has no environment; give its VecEnv of pictures as venv"):
        to_latent_policy(loaded)
    raw = pictures("bytes")
    apart = to_latent_policy(loaded, make_env(n=3))  # another number of environments
    expected = answers(joined, raw)
    np.testing.assert_allclose(answers(apart, encoded(apart, raw)), expected, atol=1e-5)
    assert apart.learn(24, reset_num_timesteps=False).num_timesteps == 32 + 24


def test_an_encoder_without_weights_is_not_taken_out():
    kwargs = {
        "features_extractor_class": BetaVAEExtractor,
        "features_extractor_kwargs": {"config": make_vae().config.to_dict()},
    }
    model = build(PPO, make_env(), **kwargs)
    with pytest.raises(ValueError, match="encoder has no weights: no checkpoint was given"):
        to_latent_policy(model)


class OwnExtractor(FlattenExtractor):
    def __init__(self, observation_space: gym.Space[Any], *, power: int) -> None:
        super().__init__(observation_space)
        self.power = power

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return super().forward(observations) ** self.power


def codes(**options: Any) -> LatentVecEnv:
    return LatentVecEnv(make_env(), make_vae(), **options)


def pca() -> PCAEncoder:
    return PCAEncoder.fit(noise(np.random.default_rng(0), 9), 4, seed=0)


class OwnPolicy(ActorCriticPolicy):
    """Of one's own, as its name says."""


OWN = {"features_extractor_class": OwnExtractor, "features_extractor_kwargs": {"power": 2}}
NO_JOINING: dict[str, tuple[Any, str]] = {
    "no codes": (lambda: PPO("MlpPolicy", make_env()), "the model has none; pass it as latent_env"),
    "CrossQ": (lambda: CrossQ("MlpPolicy", codes()), "CrossQ has no CnnPolicy; known: MlpPolicy"),
    "own extractor": (lambda: build(PPO, codes(), **OWN), r"of its own \(OwnExtractor\)"),
    "own policy": (lambda: PPO(OwnPolicy, codes()), r"of a class of its own \(OwnPolicy\)"),
    "normalised": (lambda: build(PPO, VecNormalize(codes())), "wrapper above LatentVecEnv changes"),
    "normalised, monitored": (
        lambda: build(PPO, VecMonitor(VecNormalize(codes()))),
        "wrapper above LatentVecEnv changes",
    ),
    "stacked": (
        lambda: build(PPO, VecFrameStack(codes(), 2)),
        "wrapper above LatentVecEnv changes",
    ),
}


@pytest.mark.parametrize("case", NO_JOINING)
def test_what_cannot_be_joined_is_refused(case):
    make, says = NO_JOINING[case]
    with pytest.raises(ValueError, match=says):
        to_image_policy(make())


def test_what_else_is_refused():
    model = build(PPO, VecNormalize(codes(), norm_obs=False))  # rewards may be normalised
    with pytest.raises(ValueError, match="mode must be 'frozen' or 'online'"):
        to_image_policy(model, mode="policy")
    assert to_image_policy(model).get_vec_normalize_env() is None
    with pytest.raises(ValueError, match="PPO has no Beta-VAE encoder to take out"):
        to_latent_policy(model)
    with pytest.raises(ValueError, match="PCAEncoder stays frozen in a policy, got mode='online'"):
        to_image_policy(build(PPO, LatentVecEnv(make_env(), pca())), mode="online")


@pytest.mark.parametrize("form", ["bytes", "stack", "dict"])
@pytest.mark.parametrize("encoder", [pca, lambda: OwnEncoder(means, shape=SHAPE, width=12)])
def test_another_encoder_is_joined_too(encoder, form, tmp_path):
    model = build(SAC, LatentVecEnv(make_env(form), encoder())).learn(16)
    joined = to_image_policy(model, buffer_size=20)
    raw = pictures(form)
    expected = answers(model, encoded(model, raw))
    np.testing.assert_allclose(answers(joined, raw), expected, atol=1e-4)
    joined.save(tmp_path / "joined.zip")
    assert np.array_equal(answers(SAC.load(tmp_path / "joined.zip"), raw), answers(joined, raw))
    joined.learn(8, reset_num_timesteps=False)


def test_codes_that_were_taken_apart_have_the_name_of_the_encoder_taken_out(tmp_path):
    model = on_pictures(PPO, make_vae().save(tmp_path / "vae"), "policy")
    apart = to_latent_policy(model)
    assert apart.get_env().codes == LatentVecEnv(make_env(), take_encoder(model)).codes
    assert apart.get_env().codes != LatentVecEnv(make_env(), make_vae()).codes
    apart.save(tmp_path / "apart.zip")
    PPO.load(tmp_path / "apart.zip", LatentVecEnv(make_env(), take_encoder(model)))
    again = to_image_policy(apart, mode="online")  # which a BetaVAE's encoder can be
    raw = pictures("bytes")
    np.testing.assert_allclose(answers(again, raw), answers(model, raw), atol=1e-5)


class Doubled(BetaVAEExtractor):
    def forward(self, observations: Any) -> torch.Tensor:
        return 2 * super().forward(observations)


def test_an_extractor_of_ones_own_is_not_replaced():
    kwargs = {**policy_kwargs(make_vae()), "features_extractor_class": Doubled}
    with pytest.raises(ValueError, match=r"features extractor of its own \(Doubled\)"):
        to_latent_policy(build(PPO, make_env(), **kwargs))
