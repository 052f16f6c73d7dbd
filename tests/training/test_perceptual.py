"""DARLA's perceptual loss and the denoising autoencoder behind it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.perceptual import PerceptualObjective, features
from bvae_rl.training.schedules import Constant
from tests.objective_cases import CONFIG, equal, make_vae


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


def test_features_are_the_last_convolution_before_its_nonlinearity(vae: BetaVAE) -> None:
    x = torch.rand(2, 3, 32, 32)
    layers = list(vae.encoder)  # unshuffle, three of convolution and SiLU, flatten, linear, ...
    y = x
    for layer in layers[:6]:
        y = layer(y)
    assert isinstance(layers[5], nn.Conv2d) and y.shape == (2, 8, 2, 2)
    assert torch.equal(features(vae.encoder, x), y.flatten(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(features(vae.encoder, x), y.flatten(1))


def test_darla_goes_from_pixels_to_features(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    objective = PerceptualObjective(Constant(2.0), weight=3.0, dae_steps=2)
    e = elbo(vae, Batch(x), noise)
    for step in range(2):
        loss, parts = objective.loss(vae, Batch(x), step, noise)
        assert loss.item() == pytest.approx((e.recon + 2.0 * e.mean_kl).item(), rel=1e-5)
        objective.after_step(vae, Batch(x), step)
    frozen = copy.deepcopy(objective.state_dict())
    assert frozen["dae_recon"] > 0
    encoder = BetaVAE(VAEConfig(**{**CONFIG.to_dict(), "latent_dim": 100})).encoder
    weights = frozen["dae"]["network"]
    encoder.load_state_dict(
        {key[8:]: value for key, value in weights.items() if key.startswith("encoder.")}
    )
    apart = features(encoder, vae.decode_logits(e.z)) - features(encoder, x)
    expected = 3.0 * apart.square().sum(1).mean() + 2.0 * e.mean_kl
    loss, parts = objective.loss(vae, Batch(x), 2, noise)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert parts["pixels"].item() == pytest.approx(e.recon.item(), rel=1e-5)
    objective.after_step(vae, Batch(x), 2)
    assert equal(objective.state_dict(), frozen)


def test_darlas_autoencoder_learns(vae: BetaVAE) -> None:
    x = torch.rand(1, 3, 1, 1).expand(8, 3, 32, 32).contiguous()
    objective = PerceptualObjective(Constant(1.0), dae_steps=100)
    errors = []
    for step in range(30):
        _, parts = objective.loss(vae, Batch(x), step, torch.zeros(8, 5))
        objective.after_step(vae, Batch(x), step)
        errors.append(objective.state_dict()["dae_recon"])
        assert step == 0 or parts["dae"] == errors[-2]
    assert errors[-1] < 0.5 * errors[0]
