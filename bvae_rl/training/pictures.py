"""Pictures of a trained VAE: what it keeps of a frame, what each latent does and what it holds.

Here frames are encoded and decoded; ``bvae_rl.plots`` draws the arrays.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bvae_rl.data.pictures.frame_layout import x_to_frames
from bvae_rl.metrics import MIG, Scores
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import factor_heatmap, kl_bars, png, reconstructions, traversal_grid
from bvae_rl.plots.style import new_figure
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.training.shown_frames import chosen, seen
from bvae_rl.training.validation import AT_ONCE, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECONSTRUCTIONS = "reconstructions.png"
MOST_ROWS = 16  # latents in a traversal, those of largest KL
FIRST = 5  # of them, that are moved in other frames too
SHARE = "share of the factor's information, adjusted for chance"
DISTANCE = "distance from the latent's mean, in standard deviations"
SPREAD = np.linspace(-2.0, 2.0, 9)  # in standard deviations of the latent over the frames

logger = logging.getLogger(__name__)


def can_draw() -> bool:
    """Whether matplotlib is there; says what to install where it is not."""
    try:
        require("matplotlib", extra="plots")
    except ImportError as error:
        logger.info("no pictures are drawn: %s", error)
        return False
    return True


def write_vae_pictures(
    vae: BetaVAE, frames: np.ndarray, out: str | Path, *, seed: int = 0, elsewhere: bool = True
) -> list[Path]:
    """Reconstructions, traversals and KL as PNG in ``out``, from uint8 frames (N, H, W, C).

    The frames should be spread over all that the VAE is to see. Drawn are some of them at random
    (by ``seed``), those that the VAE does worst, and those that differ most from each other
    (``shown_frames.py``): ``reconstructions.png``, and with ``elsewhere``
    ``traversals_elsewhere.png``, which moves the first latents in one of each. ``traversals.png``
    moves each latent in the frame nearest to the mean of all.
    """
    run = Run(out)
    training = vae.training
    vae.eval()
    mu, logvar = vae.posterior_frames(frames)
    kl = mean_kl(mu, logvar)
    latents = np.argsort(-kl, kind="stable")[:MOST_ROWS]
    names = [f"{name}  {nats:.1f} nats" for name, nats in zip(latent_names(vae), kl, strict=True)]
    pool = spread(np.arange(len(frames)))
    decoded = decode(vae, mu[pool])
    kinds = chosen(frames[pool], decoded, seed=seed)
    order = vae.config.channel_order
    beside = {
        kind: (seen(frames[pool[places]], order), seen(decoded[places], order))
        for kind, places in kinds.items()
    }
    figures = {
        "reconstructions": reconstructions(
            beside,
            title=f"Frames and their reconstructions, of {len(pool):,} frames{averaged(vae)}",
        ),
        "traversals": traversal_grid(
            seen(traversals(vae, mu, latents), order),
            [names[latent] for latent in latents],
            SPREAD.tolist(),
            title=f"What each latent does to the most usual of {len(frames):,} frames",
            value_label=DISTANCE,
        ),
        "kl": kl_bars(kl, groups=vae.config.groups or None, title="KL of each latent"),
    }
    if elsewhere:
        starts = {kind: mu[pool[places[0]]] for kind, places in kinds.items()}
        moved = [traversals(vae, mu, latents[:FIRST], start=start) for start in starts.values()]
        figures["traversals_elsewhere"] = traversal_grid(
            seen(np.stack(moved, axis=1).reshape(-1, *moved[0].shape[1:]), order),
            [f"{names[latent]}, {kind}" for latent in latents[:FIRST] for kind in starts],
            SPREAD.tolist(),
            title="The latents of largest KL in other frames, one of each kind",
            value_label=DISTANCE,
        )
    vae.train(training)
    return [run.write_file(f"{name}.png", png(figure)) for name, figure in figures.items()]


def averaged(vae: BetaVAE) -> str:
    """What a picture says of a hardened VAE, whose decoder paints the average of what varies."""
    against = ", ".join(vae.meta.get("hardened", {}).get("against", []))
    return f"\n(hardened: averages of {against})" if against else ""


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
) -> np.ndarray:
    """uint8 frames (R, 9, H, W, C): each of R ``latents`` at ``SPREAD`` around its mean.

    The others stay as in ``start`` (D,), by default that row of ``mu`` (N, D) which is nearest to
    the mean.
    """
    mean, std = mu.mean(0), mu.std(0)
    if start is None:
        start = mu[np.argmin(((mu - mean) ** 2).sum(1))]
    z = torch.from_numpy(start).to(_device(vae))
    values = torch.from_numpy((mean + SPREAD[:, None] * std).astype(np.float32)).to(z.device)
    rows = [x_to_frames(vae.traverse(z, int(i), values[:, int(i)])) for i in latents]
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


def scores_heatmap(
    vaes: Mapping[str, BetaVAE], scores: Mapping[str, Scores], *, note: str = ""
) -> Figure:
    """``information_heatmap`` of each VAE that was scored under its name, side by side.

    ``note`` stands below them, up to its first semicolon.
    """
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
    return noted(figure, note)


def noted(figure: Figure, note: str) -> Figure:
    """``figure`` with a line below it: the ``note`` up to its first semicolon."""
    if note:
        figure.supxlabel(note.partition(";")[0], fontsize="small", x=0.02, ha="left")
    return figure


def latent_names(vae: BetaVAE) -> list[str]:
    """ "z3", or with groups "content 3", "style 5" (numbered among all latents)."""
    names = [f"z{latent}" for latent in range(vae.config.latent_dim)]
    for group, (start, stop) in vae.config.groups.items():
        names[start:stop] = [f"{group} {latent}" for latent in range(start, stop)]
    return names


def _device(vae: BetaVAE) -> torch.device:
    return next(vae.parameters()).device
