"""Frames that a VAE decodes: of codes, and of one latent moved while the others stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from bvae_rl.data.pictures.frame_layout import x_to_frames
from bvae_rl.models.codebook import quantise
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.validation import AT_ONCE, moving

SPREAD = np.linspace(-2.0, 2.0, 9)  # in standard deviations of the latent over the frames


@torch.no_grad()
def decode(vae: BetaVAE, codes: np.ndarray) -> np.ndarray:
    """Codes (N, D) -> uint8 frames (N, H, W, C)."""
    z = torch.from_numpy(codes).to(_device(vae))
    return np.concatenate([x_to_frames(vae.decode(part)) for part in z.split(AT_ONCE)])


def traversals(
    vae: BetaVAE,
    mu: np.ndarray,
    latents: Sequence[int] | np.ndarray,
    *,
    start: np.ndarray | None = None,
    spread: np.ndarray = SPREAD,
    scale: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """uint8 frames (R, T, H, W, C): each of R ``latents`` at ``spread`` (T,) around its mean.

    The others stay as in ``start`` (D,), by default that row of ``mu`` (N, D) which is nearest to
    the mean. ``scale`` are the mean and standard deviation of each latent, by default those in
    ``mu``. A quantised latent takes the nearest of its values.
    """
    if start is None:
        start = mu[np.argmin(((mu - mu.mean(0)) ** 2).sum(1))]
    mean, std = scale or (mu.mean(0), mu.std(0))
    z = torch.from_numpy(start).to(_device(vae))
    values = torch.from_numpy((mean + spread[:, None] * std).astype(np.float32)).to(z.device)
    if vae.codebook is not None:
        values = quantise(values, vae.codebook.values.detach())
    rows = [x_to_frames(vae.traverse(z, int(i), values[:, int(i)])) for i in latents]
    return np.stack(rows)


def latent_names(vae: BetaVAE) -> list[str]:
    """ "z3", or with groups "content 3", "style 5" (numbered among all latents)."""
    names = [f"z{latent}" for latent in range(vae.config.latent_dim)]
    for group, (start, stop) in vae.config.groups.items():
        names[start:stop] = [f"{group} {latent}" for latent in range(start, stop)]
    return names


def carried(vae: BetaVAE, mu: np.ndarray, logvar: np.ndarray) -> tuple[np.ndarray, str]:
    """What each latent carries in nats (D,), and what that is called.

    The mean KL; of quantised latents, which are points, the entropy of the values that they take.
    """
    if vae.codebook is None:
        return mean_kl(mu, logvar), "KL (nats)"
    shares = [np.unique(values, return_counts=True)[1] / len(mu) for values in mu.T]
    return np.array([-(p * np.log(p)).sum() for p in shares]), "entropy (nats)"


def active_latents(vae: BetaVAE, mu: np.ndarray) -> np.ndarray:
    """Which latents tell frames apart (D,): in ``mu`` (N, D), or in what the training saw.

    So a latent of the appearance stays active on frames of one appearance.
    """
    known = vae.statistics()
    variance = mu.var(0) if known is None else np.maximum(mu.var(0), known[1] ** 2)
    return moving(vae, torch.from_numpy(variance)).numpy()


@contextmanager
def resting(vae: BetaVAE) -> Iterator[None]:
    """``vae`` in evaluation mode, and afterwards as it was."""
    training = vae.training
    vae.eval()
    try:
        yield
    finally:
        vae.train(training)


def _device(vae: BetaVAE) -> torch.device:
    return next(vae.parameters()).device
