"""Weights of pixels: what stands before a background, and what moved."""

from __future__ import annotations

import pytest
import torch

from bvae_rl.losses import recon_nll
from bvae_rl.pairs import Batch
from bvae_rl.pixel_weights import Weighting, foreground, motion, weighted


def scene(background: float, at: int) -> torch.Tensor:
    """A frame (1, 3, 32, 32) with a block of 4 x 4 that is green."""
    x = torch.full((1, 3, 32, 32), background)
    x[:, 1, at : at + 4, at : at + 4] = 1.0
    return x


@pytest.mark.parametrize("background", [0.0, 0.4, 0.8])
def test_what_stands_before_any_background_counts_more(background: float) -> None:
    weight = foreground(scene(background, 8), 5.0)
    assert weight.shape == (1, 1, 32, 32)
    assert (weight[0, 0, 8:12, 8:12] == 5.0).all()
    assert weight.sum() == 32 * 32 + 16 * 4.0


def test_what_moved_counts_more_in_both_places() -> None:
    weight = motion(scene(0.2, 4), scene(0.2, 20), 3.0)
    grown = torch.ones(1, 1, 32, 32)
    grown[..., 3:9, 3:9] = grown[..., 19:25, 19:25] = 3.0
    assert torch.equal(weight, grown)


def test_batches_get_weights_and_the_likelihood_uses_them() -> None:
    x, x2 = scene(0.2, 4), scene(0.2, 20)
    pairs = weighted(lambda *_: Batch(x, x2), Weighting("foreground", 2.0))(None, None, 2)
    assert torch.equal(pairs.weight, foreground(x, 2.0))
    assert torch.equal(pairs.weight2, foreground(x2, 2.0))
    error = recon_nll(torch.zeros_like(x), x, likelihood="gaussian", s=1.0, weight=pairs.weight)
    by_hand = (x**2).sum() + (x[..., 4:8, 4:8] ** 2).sum()
    assert error.item() == pytest.approx(by_hand.item())
    quad = Batch(torch.cat([x, x2, x, x2]), take=torch.zeros(4, 1, dtype=torch.long))
    moved = weighted(lambda *_: quad, Weighting("motion", 3.0))(None, None, 4).weight
    assert torch.equal(moved, motion(x, x2, 3.0).expand(4, -1, -1, -1))


def test_bad_weightings_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown weighting 'edges'; known: foreground, motion"):
        Weighting("edges")
    with pytest.raises(ValueError, match=r"at least 1, got 0\.5"):
        Weighting("motion", 0.5)
    single = weighted(lambda *_: Batch(scene(0.0, 4)), Weighting("motion"))
    with pytest.raises(ValueError, match="this objective takes single ones"):
        single(None, None, 1)
