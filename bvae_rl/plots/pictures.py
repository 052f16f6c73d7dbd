"""Pictures of a VAE: what it keeps of a frame and what each latent does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bvae_rl.data.frame_layout import x_to_frames
from bvae_rl.metrics import MIG, Scores
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import factor_heatmap, kl_bars, png, reconstructions, traversal_grid
from bvae_rl.plots.style import new_figure
from bvae_rl.runtime.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 20  # reconstructions
MOST_ROWS = 16  # latents in a traversal, those of largest KL
SHARE = "share of the factor's information, adjusted for chance"
SPREAD = np.linspace(-2.0, 2.0, 9)  # in standard deviations of the latent over the frames


def write_vae_pictures(vae: BetaVAE, frames: np.ndarray, out: str | Path) -> list[Path]:
    """``reconstructions.png``, ``traversals.png`` and ``kl.png`` from uint8 frames (N, H, W, C)."""
    run = Run(out)
    training = vae.training
    vae.eval()
    mu, logvar = vae.posterior_frames(frames)
    kl = mean_kl(mu, logvar)
    figures = {
        "reconstructions": reconstructions(
            frames[:SHOWN],
            decode(vae, mu[:SHOWN]),
            title="Frames and what is decoded from their codes",
        ),
        "traversals": traversals(vae, mu, kl),
        "kl": kl_bars(kl, groups=vae.config.groups or None, title="KL of each latent"),
    }
    vae.train(training)
    return [run.write_file(f"{name}.png", png(figure)) for name, figure in figures.items()]


def traversals(vae: BetaVAE, mu: np.ndarray, kl: np.ndarray) -> Figure:
    """The most active latents moved one at a time from the code nearest to the mean code."""
    mean, std = mu.mean(0), mu.std(0)
    start = torch.from_numpy(mu[np.argmin(((mu - mean) ** 2).sum(1))]).to(_device(vae))
    order = np.argsort(-kl, kind="stable")[:MOST_ROWS]
    images = []
    for latent in order:
        values = torch.from_numpy((mean[latent] + SPREAD * std[latent]).astype(np.float32))
        images.append(x_to_frames(vae.traverse(start, int(latent), values.to(start.device))))
    return traversal_grid(
        np.stack(images),
        [f"{name}  {kl[latent]:.1f} nats" for latent, name in _named(vae, order)],
        SPREAD.tolist(),
        title="What each latent does",
        value_label="distance from the latent's mean, in standard deviations",
    )


def information_heatmap(
    vae: BetaVAE, gaps: MIG, factors: Sequence[str], *, active: np.ndarray | None = None
) -> Figure:
    """Share of each factor's information that each latent holds, adjusted for chance."""
    return factor_heatmap(
        gaps.shares.clip(0.0),
        latent_names(vae),
        factors,
        title="Which latent tracks which factor",
        value_label=SHARE,
        groups=vae.config.groups or None,
        active=active,
    )


def scores_heatmap(vaes: Mapping[str, BetaVAE], scores: Mapping[str, Scores]) -> Figure:
    """``information_heatmap`` of each VAE that was scored under its name, side by side."""
    shares = {name: scores[name].all.mig.shares.clip(0.0) for name in vaes}
    widest = max(matrix.shape[1] for matrix in shares.values())
    tallest = max(len(matrix) for matrix in shares.values())
    figure = new_figure((2.6 + 0.72 * widest) * len(vaes), 1.5 + 0.235 * tallest)
    for n, (name, vae) in enumerate(vaes.items()):
        factor_heatmap(
            shares[name],
            latent_names(vae),
            scores[name].all.factors,
            title="Which latent tracks which factor" if len(vaes) == 1 else name,
            value_label=SHARE,
            groups=vae.config.groups or None,
            active=np.isin(range(scores[name].latents), scores[name].active),
            vmax=1.0,
            ax=figure.add_subplot(1, len(vaes), n + 1),
        )
    return figure


def latent_names(vae: BetaVAE) -> list[str]:
    """ "z3", or with groups "content 3", "look 1" (numbered within the code)."""
    names = [f"z{latent}" for latent in range(vae.config.latent_dim)]
    for group, (start, stop) in vae.config.groups.items():
        names[start:stop] = [f"{group} {latent}" for latent in range(start, stop)]
    return names


@torch.no_grad()
def decode(vae: BetaVAE, codes: np.ndarray) -> np.ndarray:
    """Codes (N, D) -> uint8 frames (N, H, W, C)."""
    return x_to_frames(vae.decode(torch.from_numpy(codes).to(_device(vae))))


def _named(vae: BetaVAE, latents: np.ndarray) -> list[tuple[int, str]]:
    names = latent_names(vae)
    return [(int(latent), names[latent]) for latent in latents]


def _device(vae: BetaVAE) -> torch.device:
    return next(vae.parameters()).device
