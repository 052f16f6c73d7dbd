"""The extractor's numbers, and how it is put together. What SB3 does to it: ``test_traps.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import BetaVAEExtractor, policy_kwargs
from tests.plug_cases import CONFIG, NoiseEnv, make_vae

WHOLE: dict[str, Any] = {"config": CONFIG.to_dict(), "latents": "all", "standardise": False}
SPACE = gym.spaces.Box(0, 255, (3, 32, 32), np.uint8)  # as VecTransposeImage leaves it
FLOAT_SPACE = gym.spaces.Box(0, 1, (32, 32, 3), np.float32)  # as SB3 leaves it


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> str:
    return str(vae.save(tmp_path / "vae"))


@pytest.fixture
def x() -> torch.Tensor:
    """(B, C, H, W) in [0, 1], multiples of 1/255."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32))) / 255


def test_features_are_the_means_of_the_chosen_group(vae, folder, x):
    mu, _ = vae.encode(x)
    for latents, columns in {
        "all": slice(0, 4),
        "content": slice(0, 3),
        "style": slice(3, 4),
    }.items():
        extractor = BetaVAEExtractor(SPACE, **(WHOLE | {"checkpoint": folder, "latents": latents}))
        assert extractor.features_dim == columns.stop - columns.start
        assert torch.equal(extractor(x), mu[:, columns])


def test_a_float_space_is_read_as_it_comes(vae, folder, x):
    mu, _ = vae.encode(x)
    unit = BetaVAEExtractor(FLOAT_SPACE, **WHOLE, checkpoint=folder)
    assert torch.equal(unit(x.permute(0, 2, 3, 1)), mu)
    # SB3 divides only bytes: floats up to 255 arrive undivided
    wide_space = gym.spaces.Box(0, 255, (3, 32, 32), np.float32)
    wide = BetaVAEExtractor(wide_space, **WHOLE, checkpoint=folder)
    torch.testing.assert_close(wide(x * 255), mu)


def test_the_frozen_encoder_builds_no_graph_but_lets_one_pass(folder, x):
    extractor = BetaVAEExtractor(SPACE, **WHOLE, checkpoint=folder)
    assert list(extractor.parameters()) == []
    features = extractor(x)
    assert not features.requires_grad
    head = torch.nn.Linear(4, 1)
    head(features).sum().backward()  # features may be saved for a backward pass
    assert head.weight.grad is not None
    torch.testing.assert_close(head.weight.grad[0], features.sum(0))


def test_its_state_dict_fits_the_vaes_encoder(vae, folder):
    extractor = BetaVAEExtractor(SPACE, **WHOLE, checkpoint=folder)
    state = extractor.encoder.state_dict()
    assert bool(state.pop("ready"))
    assert state.pop("fingerprint") != 0
    expected = {f"network.{name}": tensor for name, tensor in vae.encoder.state_dict().items()}
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_building_one_draws_no_global_random_numbers(folder):
    torch.manual_seed(3)
    expected = torch.rand(2)
    for checkpoint in (folder, None):
        torch.manual_seed(3)
        BetaVAEExtractor(SPACE, **WHOLE, checkpoint=checkpoint)
        assert torch.equal(torch.rand(2), expected)


def test_another_vae_at_the_path_is_not_used(folder, x):
    other = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)  # no groups
    extractor = BetaVAEExtractor(SPACE, **(WHOLE | {"config": other.to_dict()}), checkpoint=folder)
    with pytest.raises(ValueError, match="has another config"):
        extractor(x)


def test_spaces_that_the_vae_does_not_know_are_refused(folder):
    with pytest.raises(ValueError, match=r"trained on .*\(3, 32, 32\).*\(3, 64, 64\)"):
        BetaVAEExtractor(
            gym.spaces.Box(0, 255, (3, 64, 64), np.uint8),
            **WHOLE,
            checkpoint=folder,
        )


def test_policy_kwargs_are_plain_values(folder):
    kwargs = policy_kwargs(Path(folder))  # "content" is the default where there is such a group
    assert kwargs == {
        "features_extractor_class": BetaVAEExtractor,
        "features_extractor_kwargs": {
            "config": CONFIG.to_dict(),
            "checkpoint": folder,
            "latents": "content",
            "mode": "frozen",
            "standardise": True,
            "step_size": 1.0,
            "stacked": 1,
        },
        "net_arch": [256, 256],
    }
    assert policy_kwargs(folder, net_arch={"pi": (8,), "vf": (4, 4)})["net_arch"] == {
        "pi": [8],
        "vf": [4, 4],
    }


def test_policy_kwargs_take_a_vae_in_every_form(vae, folder):
    for form in (folder, Path(folder), vae):
        extractor = policy_kwargs(form)["features_extractor_kwargs"]
        assert extractor["latents"] == "content"
        features = BetaVAEExtractor(SPACE, **extractor)
        assert features.features_dim == 3
    for name, latents in (("reach_plain", "all"), ("reach_crossed", "content")):
        assert policy_kwargs(name)["features_extractor_kwargs"]["latents"] == latents
    for wrong in ({"vae": "runs/vae"}, {}):
        with pytest.raises(TypeError, match=r"policy_kwargs=policy_kwargs\('runs/vae'\)"):
            BetaVAEExtractor(SPACE, **wrong)
    with pytest.raises(TypeError, match=r"vae must be a BetaVAE, .* got NoneType"):
        policy_kwargs(None)


def test_policy_kwargs_refuse_what_cannot_work(vae, folder):
    vae.meta = {}
    with pytest.raises(ValueError, match="this encoder has none; give standardise=False"):
        policy_kwargs(vae)
    assert policy_kwargs(vae, standardise=False)
    with pytest.raises(ValueError, match="no VAE at"):
        policy_kwargs(folder + "x")
    with pytest.raises(ValueError, match="no latent group 'colour'; known: all, content, style"):
        policy_kwargs(folder, latents="colour")
    weights = Path(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ValueError, match="truncated"):
        policy_kwargs(folder)


def test_weights_that_are_not_finite_are_refused() -> None:
    vae = make_vae()
    with torch.no_grad():
        next(vae.encoder.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="are not finite, so that every code would be NaN"):
        PPO("CnnPolicy", NoiseEnv(), policy_kwargs=policy_kwargs(vae))
