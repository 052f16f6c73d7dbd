"""The plain and the denoising autoencoder, and the damage that is done to frames."""

from __future__ import annotations

import pytest
import torch

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.autoencoder import (
    AutoencoderObjective,
    damaged,
    generator_of,
    rectangles,
)
from tests.objective_cases import S, make_generator, make_vae, posterior


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator()


def test_the_autoencoder_decodes_the_mean(vae: BetaVAE) -> None:
    x = torch.rand(4, 3, 32, 32)
    mu, _ = posterior(vae, x)
    expected = S * (vae.decode_logits(mu) - x).square().sum((1, 2, 3)).mean()
    loss, parts = AutoencoderObjective().loss(vae, Batch(x), 0, torch.randn(4, 5))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert parts["kl"] == parts["beta"] == 0.0


def test_the_denoising_autoencoder_tells_the_whole_frame(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    seen = damaged(x, generator_of(noise), noise=0.1, mask=1.0)
    mu, _ = posterior(vae, seen)
    expected = S * (vae.decode_logits(mu) - x).square().sum((1, 2, 3)).mean()
    objective = AutoencoderObjective(noise=0.1, mask=1.0)
    loss, _ = objective.loss(vae, Batch(x), 0, noise)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    again, _ = objective.loss(vae, Batch(x), 7, noise)
    other, _ = objective.loss(vae, Batch(x), 0, torch.randn(4, 5))
    assert again.item() == loss.item() != other.item()


def test_noise_has_its_deviation_and_a_mask_only_zeros(generator) -> None:
    x = torch.full((200, 1, 16, 16), 0.5)
    noisy = damaged(x, generator, noise=0.2, mask=0.0)
    assert (noisy - x).std().item() == pytest.approx(0.2, rel=0.02)
    masked = damaged(x, generator, noise=0.0, mask=1.0)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    assert torch.equal(damaged(x, generator, noise=0.0, mask=0.0), x)


@pytest.mark.parametrize("largest", [1.0, 0.5])
def test_rectangles_cover_a_ninth_of_their_window(largest: float, generator) -> None:
    hidden = rectangles(4000, 32, 48, generator, largest=largest)
    assert hidden.shape == (4000, 1, 32, 48)
    assert hidden.float().mean().item() == pytest.approx(largest**2 / 9, rel=0.06)
    rows, columns = hidden.any(3)[:, 0], hidden.any(2)[:, 0]
    assert torch.equal(hidden[:, 0], rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() <= 32 * largest + 1
    assert columns.sum(1).max() <= 48 * largest + 1
    assert (rows.int().diff(dim=1) == 1).sum(1).max() <= 1  # in one piece
    assert hidden.any(0)[0, 4:-4, 6:-6].all()  # anywhere; at the very edge hardly ever
