"""Pictures of a trained VAE: what it keeps of a frame, what each latent does and what it holds.

Here frames are encoded and decoded; ``bvae_rl.plots`` draws the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    latents = np.argsort(-kl, kind="stable")[:MOST_ROWS]
    names = latent_names(vae)
    figures = {
        "reconstructions": reconstructions(
            frames[:SHOWN],
            decode(vae, mu[:SHOWN]),
            title="Frames and their reconstructions",
        ),
        "traversals": traversal_grid(
            traversals(vae, mu, latents),
            [f"{names[latent]}  {kl[latent]:.1f} nats" for latent in latents],
            SPREAD.tolist(),
            title="What each latent does to the picture",
            value_label="distance from the latent's mean, in standard deviations",
        ),
        "kl": kl_bars(kl, groups=vae.config.groups or None, title="KL of each latent"),
    }
    vae.train(training)
    return [run.write_file(f"{name}.png", png(figure)) for name, figure in figures.items()]


@torch.no_grad()
def decode(vae: BetaVAE, codes: np.ndarray) -> np.ndarray:
    """Codes (N, D) -> uint8 frames (N, H, W, C)."""
    return x_to_frames(vae.decode(torch.from_numpy(codes).to(_device(vae))))


def traversals(vae: BetaVAE, mu: np.ndarray, latents: Sequence[int] | np.ndarray) -> np.ndarray:
    """uint8 frames (R, 9, H, W, C): each of R ``latents`` at ``SPREAD`` around its mean.

    The others stay as in that row of ``mu`` (N, D) which is nearest to the mean.
    """
    mean, std = mu.mean(0), mu.std(0)
    start = torch.from_numpy(mu[np.argmin(((mu - mean) ** 2).sum(1))]).to(_device(vae))
    values = torch.from_numpy((mean + SPREAD[:, None] * std).astype(np.float32)).to(start.device)
    rows = [x_to_frames(vae.traverse(start, int(i), values[:, int(i)])) for i in latents]
    return np.stack(rows)


def information_heatmap(
    vae: BetaVAE,
    gaps: MIG,
    factors: Sequence[str],
    *,
    active: np.ndarray | None = None,
    title: str = "Which latent tracks which factor",
    **options: Any,
) -> Figure:
    """Share of each factor's information that each latent holds, adjusted for chance.

    ``options`` are those of ``factor_heatmap``.
    """
    return factor_heatmap(
        gaps.shares.clip(0.0), latent_names(vae), factors, value_label=SHARE, title=title,
        groups=vae.config.groups or None, active=active, **options,
    )  # fmt: skip


def scores_heatmap(vaes: Mapping[str, BetaVAE], scores: Mapping[str, Scores]) -> Figure:
    """``information_heatmap`` of each VAE that was scored under its name, side by side."""
    sizes = np.array([scores[name].all.mig.shares.shape for name in vaes])  # (D, K) of each
    tallest, widest = sizes.max(axis=0)
    figure = new_figure((2.6 + 0.72 * widest) * len(vaes), 1.5 + 0.235 * tallest)
    for n, (name, vae) in enumerate(vaes.items()):
        found = scores[name]
        active = np.isin(range(found.latents), found.active)
        options = {} if len(vaes) == 1 else {"title": name}
        ax = figure.add_subplot(1, len(vaes), n + 1)
        information_heatmap(
            vae, found.all.mig, found.all.factors, active=active, vmax=1.0, ax=ax, **options
        )
    return figure


def latent_names(vae: BetaVAE) -> list[str]:
    """ "z3", or with groups "content 3", "style 5" (numbered among all latents)."""
    names = [f"z{latent}" for latent in range(vae.config.latent_dim)]
    for group, (start, stop) in vae.config.groups.items():
        names[start:stop] = [f"{group} {latent}" for latent in range(start, stop)]
    return names


def _device(vae: BetaVAE) -> torch.device:
    return next(vae.parameters()).device
