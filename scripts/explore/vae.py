"""A VAE as the explorer shows it: encoded frames, what each latent tracks, weights that suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.information import measure
from bvae_rl.metrics.inputs import changing
from bvae_rl.metrics.scorable import scorable
from bvae_rl.models.codebook import quantise
from bvae_rl.models.layers import layers_of
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.vae_entry import HALVED_FROM, latent_entries, vae_entry
from bvae_rl.scripts.common import say
from bvae_rl.training.pictures.decoded import active_latents, carried, latent_names
from bvae_rl.training.validation import moving

TOLERANCE = 0.5 / 255  # of x, that half floats may change: half a grey level
WIDEST = 3.0  # standard deviations, as far as a slider goes
CHECKED = 64  # codes on which that is checked
DRAWN = 2000  # codes that stand for those of the training


@dataclass(frozen=True)
class Read:
    """What frames say about the latents: mean, std, KL and activity (D,), and shares (D, K).

    ``kl`` of quantised latents is the entropy of their values.
    """

    mean: np.ndarray
    std: np.ndarray
    kl: np.ndarray
    active: np.ndarray
    shares: np.ndarray | None = None
    factors: tuple[str, ...] = ()


def read_latents(
    vae: BetaVAE,
    frames: np.ndarray | None,
    factors: np.ndarray | None = None,
    specs: Sequence[FactorSpec] = (),
) -> Read:
    """Statistics of ``vae`` on uint8 frames (N, H, W, C), whose ``factors`` (N, K) may be known.

    Without frames: those of its training, or mean 0 and std 1 of one that was not trained.
    """
    if frames is None or len(frames) < 2:
        return _stored(vae)
    mu, logvar = vae.posterior_frames(frames)
    kl = carried(vae, mu, logvar)[0]
    active = active_latents(vae, mu)
    read = Read(mu.mean(0), mu.std(0), kl, active)
    if factors is None or not specs:
        return read
    try:
        truth, chosen = changing(*scorable(factors, specs, say=say))
        kinds = [spec.kind for spec in chosen]
        information = measure(mu, truth, kinds=kinds, active=active)
    except ValueError as error:  # these frames cannot tell, and the page shows all the rest
        say(f"latents are not named after factors: {error}")
        return read
    informed = np.any(information.evident, axis=1)[:, None]
    shares = np.clip(np.where(informed, information.shares, 0.0), 0.0, 1.0)
    return Read(*(read.mean, read.std, kl, active), shares, tuple(spec.name for spec in chosen))


def require_known_layers(vaes: Mapping[str, BetaVAE]) -> None:
    """TypeError for a VAE, by its name, that no page can run: before any frame is made."""
    for name, vae in vaes.items():
        try:
            layers_of(vae.encoder), layers_of(vae.decoder)
        except TypeError as error:
            raise TypeError(f"{name} cannot run in a page: {error}") from error


def entry_of(name: str, vae: BetaVAE, read: Read, *, about: str = "") -> dict[str, Any]:
    """``vae`` as ``payload["vaes"]`` holds it."""
    config = vae.config
    book = vae.codebook
    latents = latent_entries(
        latent_names(vae), groups=config.groups, mean=read.mean, std=read.std, kl=read.kl,
        active=read.active, shares=read.shares, factors=read.factors,
        values=None if book is None else book.values.detach().cpu().numpy(),
    )  # fmt: skip
    return vae_entry(
        name, shape=config.shape, latents=latents, encoder=layers_of(vae.encoder),
        decoder=layers_of(vae.decoder), groups=config.groups, likelihood=config.likelihood,
        channel_order=config.channel_order, about=about, half=half_suffices(vae, read),
    )  # fmt: skip


@torch.no_grad()
def half_suffices(vae: BetaVAE, read: Read, *, seed: int = 0) -> dict[str, bool]:
    """Whether weights in half floats change no pixel of x by more than ``TOLERANCE``.

    Decoders are tried on codes as far as the sliders go, encoders on what is decoded of those. A
    quantised encoder keeps floats: a little error can take it to the next value.
    """
    device = next(vae.parameters()).device
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-WIDEST, WIDEST, (CHECKED, vae.latent_dim)).astype(np.float32)
    z = torch.from_numpy((read.mean + steps * read.std).astype(np.float32)).to(device)
    x = vae.decode(z)
    rounded = deepcopy(vae)
    _halve(rounded)
    decoder = bool((rounded.decode(z) - x).abs().max() <= TOLERANCE)
    if vae.codebook is not None:
        return {"encoder": False, "decoder": decoder}
    changed = vae.decode(rounded.encode(x)[0]) - vae.decode(vae.encode(x)[0])
    return {"encoder": bool(changed.abs().max() <= TOLERANCE), "decoder": decoder}


def _halve(network: nn.Module) -> None:
    for weights in network.parameters():
        if weights.numel() >= HALVED_FROM:
            weights.copy_(weights.half().float())


def _stored(vae: BetaVAE) -> Read:
    known = vae.statistics()
    size = vae.latent_dim
    if known is None:
        return Read(np.zeros(size), np.ones(size), np.zeros(size), np.ones(size, bool))
    if vae.codebook is not None:
        mu = _drawn(vae, *known)
        kl = carried(vae, mu, np.zeros_like(mu))[0]
        return Read(*known, kl, moving(vae, torch.from_numpy(mu.var(0))).numpy())
    kl = np.asarray(vae.meta["statistics"].get("kl", np.ones(size)), float)
    return Read(*known, kl, moving(vae, torch.from_numpy(known[1] ** 2)).numpy())


def _drawn(vae: BetaVAE, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Codes (``DRAWN``, D) of quantised latents, if they were normal before."""
    assert vae.codebook is not None
    values = vae.codebook.values.detach()
    drawn = np.random.default_rng(0).normal(mean, std, (DRAWN, vae.latent_dim))
    z = quantise(torch.from_numpy(drawn.astype(np.float32)).to(values.device), values)
    return z.cpu().numpy()
