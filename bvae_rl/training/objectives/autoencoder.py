"""Autoencoders without a KL: plain (Hinton and Salakhutdinov 2006) and denoising (Vincent 2008).

They decode the mean. The denoising one sees a damaged frame and reconstructs the whole one:
Gaussian noise, or a rectangle set to zero, as in DARLA (Higgins et al. 2017, arXiv 1707.08475,
appendix A).

Nothing trains the encoder's log variances, so the evidence lower bound, the KL and the
reconstruction of validation, which sample z, mean nothing here: see ``vae/recon``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import fraction, not_negative
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry


def damaged(x: Tensor, generator: torch.Generator, *, noise: float, mask: float) -> Tensor:
    """x (B, C, H, W) with Gaussian noise of that deviation, and a rectangle of each image at 0.

    ``generator`` is on the CPU, so that every device draws the same. Values may leave [0, 1].
    """
    if noise:
        x = x + noise * torch.randn(x.shape, generator=generator).to(x.device)
    if mask:
        batch, _, height, width = x.shape
        hidden = rectangles(batch, height, width, generator, largest=mask)
        x = x.masked_fill(hidden.to(x.device), 0.0)
    return x


def rectangles(
    n: int, height: int, width: int, generator: torch.Generator, *, largest: float
) -> Tensor:
    """One rectangle for each of ``n`` images: True inside, boolean (n, 1, height, width).

    Two corners are drawn evenly within a window of ``largest`` times each side of the frame, itself
    anywhere: 1 is DARLA's rectangle. It covers largest^2 / 9 of the frame on average.
    """
    corners = torch.rand((n, 2, 2), generator=generator).sort(2).values  # image, axis, low and high
    window = (1.0 - largest) * torch.rand((n, 2, 1), generator=generator)
    edges = window + largest * corners
    inside = []
    for axis, side in enumerate((height, width)):
        centres = (torch.arange(side) + 0.5) / side
        low, high = edges[:, axis, :1], edges[:, axis, 1:]  # (n, 1)
        inside.append((centres >= low) & (centres < high))  # (n, side)
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None]


def generator_of(noise: Tensor) -> torch.Generator:
    """A generator seeded by the bits of ``noise``, so by what seeds the step: a resumed run's too.

    ``noise`` (B, D) float32 has at least two values.
    """
    bits = noise.flatten()[:2].cpu().clone().view(torch.int64)  # aligned
    return torch.Generator().manual_seed(int(bits))


@dataclass(frozen=True)
class AutoencoderObjective(LikelihoodObjective):
    """``noise`` is the deviation of the noise on the input (pixels are from 0 to 1).

    ``mask`` is the largest side of the hidden rectangle as a fraction of the frame's.
    """

    noise: float = 0.0
    mask: float = 0.0

    def __post_init__(self) -> None:
        not_negative(noise=self.noise)
        fraction(mask=self.mask)

    @property
    def needs_pixels(self) -> bool:  # type: ignore[override]
        """Only a damaged picture has to be one."""
        return bool(self.noise or self.mask)

    @property
    def name(self) -> str:  # type: ignore[override]
        """As in the table."""
        return "dae" if self.noise or self.mask else "ae"

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon of the whole frame from the mean of the damaged one."""
        x = damaged(batch.x, generator_of(noise), noise=self.noise, mask=self.mask)
        mu, _ = vae.encode(x)
        recon = reconstruction(vae, batch.x, mu, batch.weight)
        return recon, {"recon": recon, "kl": 0.0, "beta": 0.0}


ENTRY = Entry(
    name="ae",
    objective=AutoencoderObjective,
    source="Hinton and Salakhutdinov 2006, plain autoencoder",
    purpose="a baseline: all the detail, no structure asked for",
    advice="none",
    paper={},
)
ENTRY_DENOISING = Entry(
    name="dae",
    objective=AutoencoderObjective,
    source="Vincent et al. 2008; the mask is that of Higgins et al. 2017b, appendix A",
    purpose="a baseline: an autoencoder that takes in more than single pixels",
    advice="mask (largest side of what is hidden), noise: up for less detail; 0 and 0 is ae",
    cost=1.3,
    paper={"noise": 0.0, "mask": 1.0},
    tuned={"noise": 0.1, "mask": 0.5},
)
