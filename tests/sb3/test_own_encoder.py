"""A user's own encoder in place of a VAE, and a user's own head on top of one."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC, TD3

from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.sb3 import (
    BetaVAECombinedExtractor,
    Encoder,
    LatentVecEnv,
    OwnEncoder,
    check_codes,
    inspect,
    policy_kwargs,
    set_mode,
)
from bvae_rl.sb3.copies import encoder_copies
from tests.own_encoder_cases import SHAPE, CombinedWithHead, Convolutions, WithHead, means
from tests.plug_cases import build, make_env, make_vae, noise

FRAMES = noise(np.random.default_rng(0), 5)


def pca() -> PCAEncoder:
    return PCAEncoder.fit(noise(np.random.default_rng(0), 20), 4, seed=0)


ENCODERS: dict[str, Any] = {
    "module": lambda: OwnEncoder(Convolutions(), shape=SHAPE, width=6),
    "function": lambda: OwnEncoder(means, shape=SHAPE, width=12),
    "lambda": lambda: OwnEncoder(lambda x: 2 * means(x), shape=SHAPE, width=12),
    "scaled": lambda: OwnEncoder(means, shape=SHAPE, width=12, statistics=([0.5] * 12, [2.0] * 12)),
    "PCA": pca,
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_it_works_in_a_policy_as_a_vae_does(algorithm, name, tmp_path):
    encoder = ENCODERS[name]()
    kwargs = policy_kwargs(encoder, net_arch=[8])
    model = build(algorithm, make_env(), **kwargs)
    env = LatentVecEnv(make_env(), encoder)
    expected = env.encode(FRAMES)
    extractors = [
        m for m in model.policy.modules() if type(m) is kwargs["features_extractor_class"]
    ]

    def check(model: Any) -> np.ndarray:
        found = [m for m in model.policy.modules() if type(m) is type(extractors[0])]
        assert len(found) == len(extractors) == {PPO: 1, SAC: 3}[algorithm]
        for extractor in found:
            assert not list(extractor.parameters())
            features = extractor(frames_to_x(FRAMES))
            np.testing.assert_allclose(features.numpy(), expected, atol=1e-4)
        return model.predict(FRAMES, deterministic=True)[0]

    before = check(model)
    model.learn(24)  # SB3's orthogonal initialisation, train() and Polyak averages leave it alone
    after = check(model)
    assert np.abs(after - before).max() > 1e-5 and np.ptp(after, axis=0).max() > 1e-4
    model.save(tmp_path / "agent.zip")
    loaded = algorithm.load(tmp_path / "agent.zip", make_env())
    assert np.array_equal(check(loaded), after)
    loaded.learn(8, reset_num_timesteps=False)
    copies = inspect(loaded)
    assert len(copies) == len(extractors)
    assert copies[0].checkpoint == type(encoder).__name__ and copies[0].mode == "frozen"


@pytest.mark.parametrize("name", ENCODERS)
def test_it_works_in_front_of_a_policy(name, tmp_path):
    encoder = ENCODERS[name]()
    assert isinstance(encoder, Encoder)
    model = build(PPO, LatentVecEnv(make_env(), encoder)).learn(16)
    model.save(tmp_path / "agent.zip")
    PPO.load(tmp_path / "agent.zip", LatentVecEnv(make_env(), ENCODERS[name]()))
    with pytest.raises(ValueError, match="do not match"):
        other = OwnEncoder(lambda x: -means(x)[:, : encoder.latent_dim], shape=SHAPE,
                           width=encoder.latent_dim)  # fmt: skip
        PPO.load(tmp_path / "agent.zip", LatentVecEnv(make_env(), other))
    (copy,) = inspect(model)
    assert copy.checkpoint == type(encoder).__name__
    check_codes(model, LatentVecEnv(make_env(), encoder))


def test_stacks_and_dicts(tmp_path):
    encoder = ENCODERS["module"]()
    codes = LatentVecEnv(make_env("stack"), encoder)
    model = build(PPO, make_env("stack"), **policy_kwargs(encoder, net_arch=[8], stacked=3))
    seen = codes.reset()
    assert seen.shape == (2, 18)
    stacked = torch.from_numpy(codes.raw.transpose(0, 3, 1, 2)).float() / 255
    np.testing.assert_allclose(model.policy.features_extractor(stacked).numpy(), seen, atol=1e-4)
    kwargs = policy_kwargs(encoder, net_arch=[8], extractor=BetaVAECombinedExtractor)
    model = build(SAC, make_env("dict"), **kwargs).learn(16)
    model.save(tmp_path / "agent.zip")
    seen = make_env("dict").reset()
    acts = [m.predict(seen, deterministic=True)[0] for m in (model, SAC.load(tmp_path / "agent"))]
    assert np.array_equal(*acts)


def test_the_module_that_was_given_may_go_on_training():
    module = Convolutions()
    encoder = OwnEncoder(module, shape=SHAPE, width=6)
    env = LatentVecEnv(make_env(), encoder)
    before, name = env.encode(FRAMES), env.codes
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2.0)
    assert module.training and np.array_equal(env.encode(FRAMES), before)
    moved = OwnEncoder(module, shape=SHAPE, width=6)
    assert LatentVecEnv(make_env(), moved).codes != name
    again = LatentVecEnv(make_env(), OwnEncoder(Convolutions(), shape=SHAPE, width=6))
    assert again.codes == name


def as_array(x: torch.Tensor) -> Any:
    return x.numpy()


class NaNLater:
    """Gives NaN for bright pictures."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return means(x) / (x.amax() < 0.1)


class Narrower:
    """An ``Encoder`` that declares more latents than it gives, or gives NaN."""

    shape, latent_dim = SHAPE, 4

    def __init__(self, width: int, value: float = 0.0) -> None:
        self.width, self.value = width, value

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        return np.full((len(frames), self.width), self.value, np.float32)

    def slice_of(self, group: str) -> slice:
        return slice(0, 4)

    def statistics(self) -> None:
        return None


def test_bad_codes_are_refused_wherever_they_come_out():
    with pytest.raises(ValueError, match=r"width=5 and gave codes of shape \(2, 12\).*true width"):
        OwnEncoder(means, shape=SHAPE, width=5)
    with pytest.raises(ValueError, match="gave NaN or infinite codes"):
        OwnEncoder(lambda x: means(x) / 0, shape=SHAPE, width=12)
    with pytest.raises(ValueError, match="must give a torch tensor, got ndarray"):
        OwnEncoder(as_array, shape=SHAPE, width=12)
    with pytest.raises(TypeError, match="must be a module or function, got int"):
        OwnEncoder(3, shape=SHAPE, width=12)
    with pytest.raises(ValueError, match="width at least 1"):
        OwnEncoder(means, shape=SHAPE, width=0)
    later = OwnEncoder(NaNLater(), shape=SHAPE, width=12)
    with pytest.raises(ValueError, match="gave NaN or infinite codes"):
        LatentVecEnv(make_env(), later).reset()
    model = build(PPO, make_env(), **policy_kwargs(later, net_arch=[8]))
    with pytest.raises(ValueError, match="gave NaN or infinite codes"):
        model.learn(8)
    for bad, says in ((Narrower(3), "declared with 4 latents.*true width"),
                      (Narrower(4, np.nan), "gave NaN")):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            LatentVecEnv(make_env(), bad, standardise=False).reset()
        model = build(PPO, make_env(), **policy_kwargs(bad, standardise=False, net_arch=[8]))
        with pytest.raises(ValueError, match=says):
            model.learn(8)


def test_codes_of_double_precision_are_taken_everywhere():
    class Double(Narrower):
        def encode_frames(self, frames: np.ndarray) -> np.ndarray:
            return super().encode_frames(frames).astype(np.float64)

    encoder = Double(4)
    model = build(PPO, make_env(), **policy_kwargs(encoder, standardise=False, net_arch=[8]))
    model.learn(8)
    assert LatentVecEnv(make_env(), encoder, standardise=False).reset().dtype == np.float32


def test_a_vae_whose_weights_are_nan_is_refused():
    vae = make_vae()
    with torch.no_grad():
        next(vae.encoder.parameters()).fill_(np.nan)
    with pytest.raises(ValueError, match="gave NaN or infinite codes"):
        LatentVecEnv(make_env(), vae).reset()


def test_what_cannot_be_handed_over_is_refused():
    lock = threading.Lock()

    def locked(x: torch.Tensor) -> torch.Tensor:
        with lock:
            return means(x)

    encoder = OwnEncoder(locked, shape=SHAPE, width=12)
    with pytest.raises(ValueError, match="cannot be saved with an agent: cannot pickle"):
        policy_kwargs(encoder)
    for bare in (Convolutions(), means):
        for take in (policy_kwargs, lambda one: LatentVecEnv(make_env(), one)):
            with pytest.raises(TypeError, match=r"give OwnEncoder\(it, shape=\(C, H, W\), width=D"):
                take(bare)
    own = ENCODERS["module"]()
    with pytest.raises(ValueError, match="an encoder of your own is frozen, got mode='policy'"):
        policy_kwargs(own, mode="policy")
    with pytest.raises(ValueError, match="has no latent group 'content'"):
        policy_kwargs(own, latents="content")
    with pytest.raises(ValueError, match="holds no Beta-VAE encoder"):
        set_mode(build(PPO, make_env(), **policy_kwargs(own)), "policy")
    space = gym.spaces.Box(0, 255, (3, 64, 64), np.uint8)
    kwargs = policy_kwargs(own)
    with pytest.raises(ValueError, match=r"\(3, 64, 64\)"):
        kwargs["features_extractor_class"](space, **kwargs["features_extractor_kwargs"])


@pytest.mark.parametrize("mode", ["frozen", "policy"])
@pytest.mark.parametrize("algorithm", [PPO, SAC, TD3])
def test_a_head_of_ones_own_is_trained_and_the_encoder_stays(algorithm, mode, tmp_path):
    folder = make_vae().save(tmp_path / "vae")
    kwargs = policy_kwargs(folder, extractor=WithHead, net_arch=[8], mode=mode)
    kwargs["features_extractor_kwargs"]["width"] = 9
    model = build(algorithm, make_env(), **kwargs)
    heads: list[Any] = [m.head[0] for m in model.policy.modules() if isinstance(m, WithHead)]
    assert {head.out_features for head in heads} == {9}
    if algorithm is PPO:  # SB3's initialisation, with a gain of the square root of 2
        (head,) = heads
        gram = head.weight.T @ head.weight  # (9, 3): orthogonal columns
        torch.testing.assert_close(gram.detach(), 2 * torch.eye(3), atol=1e-5, rtol=0)
    assert not any(copy.moved for copy in encoder_copies(model).values())
    before = [head.weight.detach().clone() for head in heads]
    model.learn(32)
    assert all(not torch.equal(h.weight, b) for h, b in zip(heads, before, strict=True))
    assert {copy.moved for copy in encoder_copies(model).values()} == {mode == "policy"}
    set_mode(model, "policy")  # with layers around it, too
    model.learn(8, reset_num_timesteps=False)
    model.save(tmp_path / "agent.zip")
    loaded = algorithm.load(tmp_path / "agent.zip", make_env())
    acts = [m.predict(FRAMES, deterministic=True)[0] for m in (model, loaded)]
    assert np.array_equal(*acts) and np.ptp(acts[0], axis=0).max() > 1e-4
    loaded.learn(8, reset_num_timesteps=False)


def test_a_head_over_dict_observations(tmp_path):
    kwargs = policy_kwargs(make_vae(), extractor=CombinedWithHead, net_arch=[8])
    model = build(PPO, make_env("dict"), **kwargs).learn(16)
    model.save(tmp_path / "agent.zip")
    seen = make_env("dict").reset()
    acts = [m.predict(seen, deterministic=True)[0] for m in (model, PPO.load(tmp_path / "agent"))]
    assert np.array_equal(*acts)


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
