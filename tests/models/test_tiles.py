"""Training on tiles computes what training on pictures does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bvae_rl.models.losses import sample
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.tiles import TiledVAE, fits, tiled, tiles

SHAPES = [(3, 32, 32), (1, 32, 64), (4, 48, 32)]


def make_vae(shape: tuple[int, int, int], likelihood: str = "gaussian") -> BetaVAE:
    """In float64, with biases that are not 0."""
    torch.manual_seed(0)
    config = VAEConfig(
        shape=shape, latent_dim=4, channels=(8, 6, 4), hidden=16, recon_weight=3.0,
        likelihood=likelihood,  # type: ignore[arg-type]
    )  # fmt: skip
    vae = BetaVAE(config).double()
    with torch.no_grad():
        for weight in vae.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return vae


def pictures(shape: tuple[int, int, int], n: int = 3) -> Tensor:
    return torch.rand(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_every_pixel_is_where_it_is_said_to_be(dtype: torch.dtype) -> None:
    x = torch.arange(2 * 3 * 16 * 32).remainder(251).add(1).to(dtype).view(2, 3, 16, 32)
    found = tiles(x)
    assert found.shape == (2, 48, 5, 9) and found.dtype == dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    for i, c, y, column in [(0, 0, 0, 0), (1, 2, 15, 31), (0, 1, 6, 13), (1, 0, 2, 2)]:
        row, across = (y + 2) % 4, (column + 2) % 4
        channel = (4 * row + across) * 3 + c
        assert found[i, channel, (y + 2) // 4, (column + 2) // 4] == x[i, c, y, column]
    assert found.long().sum() == x.long().sum()  # the margin is 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("weighted", [False, True])
def test_codes_likelihood_and_gradients_are_those_on_pictures(
    shape: tuple[int, int, int], likelihood: str, weighted: bool
) -> None:
    vae, x = make_vae(shape, likelihood), pictures(shape)
    weight = 1.0 + pictures((1, *shape[1:])) if weighted else None
    batch, noise = Batch(x, weight=weight), torch.ones(3, 4, dtype=torch.float64)
    found = []
    for one, b in ((vae, batch), (TiledVAE(vae), tiled(batch))):
        mu, logvar = one.encode(b.x)
        nll = one.nll(sample(mu, logvar, noise), b.x, b.weight)
        vae.zero_grad()
        nll.mean().backward()
        gradients = [weight.grad.clone() for weight in vae.parameters() if weight.grad is not None]
        found.append([mu, logvar, nll, *gradients])
    assert len(found[0]) == 3 + len(list(vae.parameters()))
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)  # encode is in float32


def test_all_pictures_and_weights_of_a_batch_become_tiles() -> None:
    x, weight = pictures((3, 32, 32)), pictures((1, 32, 32))
    batch = tiled(Batch(x, x + 1, torch.ones(3, 4), weight=weight, weight2=weight))
    assert batch.x.shape == (3, 48, 9, 9) and batch.x2 is not None
    torch.testing.assert_close(batch.x2.sum(), (x + 1).sum())
    assert batch.weights is not None and batch.weights.shape == (6, 48, 9, 9)
    assert batch.shared is not None and batch.shared.shape == (3, 4)


def test_other_networks_do_not_fit() -> None:
    assert fits(BetaVAE(VAEConfig(shape=(3, 32, 32))))
    for other in ({"encoder": "strided"}, {"decoder": "broadcast"}):
        assert not fits(BetaVAE(VAEConfig(shape=(3, 32, 32), **other)))  # type: ignore[arg-type]
