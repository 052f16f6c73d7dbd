"""The figures of a VAE by name, and the frames that they show.

Here frames are encoded and decoded; ``bvae_rl.plots`` draws the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from bvae_rl.metrics import MIG
from bvae_rl.metrics.summary import LEAST
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import (
    kl_bars,
    reconstructions,
    swap_grid,
    traversal_grid,
    traversal_pages,
)
from bvae_rl.training.pictures.decoded import (
    SPREAD,
    active_latents,
    carried,
    decode,
    latent_names,
    resting,
    traversals,
)
from bvae_rl.training.pictures.shown_frames import chosen, seen
from bvae_rl.training.validation import spread
from bvae_rl.training.verdict.explained import farthest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 16  # latents in a traversal, those that carry most
FIRST = 5  # of them, that are moved in other frames too
DISTANCE = "distance from the latent's mean, in standard deviations"
TRAINED = " of the training's frames"
PAGES = 2.0 * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 25))  # the same, of a film: slow at ends
TRACKED = LEAST  # share of a factor's information, from which on a latent tracks it
SWAPPED = 6  # frames a side


def vae_figures(
    vae: BetaVAE,
    frames: np.ndarray,
    *,
    seed: int = 0,
    elsewhere: bool = True,
    tracks: Sequence[str] | None = None,
    width: float | None = None,
) -> dict[str, Figure]:
    """Reconstructions, traversals and KL by name, from uint8 frames (N, H, W, C).

    The frames should be spread over all that the VAE is to see. Drawn are some of them at random
    (by ``seed``), those that the VAE does worst, and those that differ most from each other
    (``shown_frames.py``): ``reconstructions``, and with ``elsewhere`` ``traversals_elsewhere``,
    which moves the first latents in one of each. ``traversals`` moves each active latent in the
    frame nearest to the mean of all, as far as it went in the training where that is known (so that
    style moves although the frames are of one appearance). ``tracks`` (D,) says what each latent
    follows (``tracked``); ``width`` is that of each figure in inches.
    """
    with resting(vae):
        mu, logvar = vae.posterior_frames(frames)
        kl, carries = carried(vae, mu, logvar)
        moves = active_latents(vae, mu)
        latents, note = shown_latents(kl, moves)
        names = latent_names(vae)
        follows = None if tracks is None else [tracks[d] for d in latents]
        pool = spread(np.arange(len(frames)))
        decoded = decode(vae, mu[pool])
        kinds = chosen(frames[pool], decoded, seed=seed)
        order, scale = vae.config.channel_order, vae.statistics()
        value_label, paints = DISTANCE + (TRAINED if scale else ""), averaged(vae)
        beside = {
            kind: (seen(frames[pool[places]], order), seen(decoded[places], order))
            for kind, places in kinds.items()
        }
        figures = {
            "reconstructions": reconstructions(
                beside, errors=True, width=width,
                title=f"Frames and their reconstructions, of {len(pool):,} frames{paints}",
            ),
            "traversals": traversal_grid(
                seen(traversals(vae, mu, latents, scale=scale), order), [names[d] for d in latents],
                SPREAD.tolist(), kl=kl[latents], kl_label=carries, tracks=follows, where=True,
                width=width,
                title=f"What each latent does to the most usual of {len(frames):,} frames"
                f"{note}{paints}",
                value_label=value_label,
            ),
            "kl": kl_bars(
                kl, groups=vae.config.groups or None, active=moves, label=carries, width=width,
                title=f"{carries.partition(' ')[0]} of each latent",
            ),
        }  # fmt: skip
        if elsewhere:
            first = latents[:FIRST]
            starts = {kind: mu[pool[places[0]]] for kind, places in kinds.items()}
            moved = [
                traversals(vae, mu, first, start=start, scale=scale) for start in starts.values()
            ]
            figures["traversals_elsewhere"] = traversal_grid(
                seen(np.stack(moved, axis=1).reshape(-1, *moved[0].shape[1:]), order),
                [f"{names[latent]}, {kind}" for latent in first for kind in starts],
                SPREAD.tolist(), where=True, width=width, value_label=value_label,
                title=f"The latents that carry most in other frames, one of each kind{paints}",
            )  # fmt: skip
        return figures


def swap_figure(vae: BetaVAE, frames: np.ndarray, *, width: float | None = None) -> Figure | None:
    """Content of some frames beside the style of others, decoded; None where there are no groups.

    The first group of latents is taken from the row's frame, all others from the column's. Of the
    uint8 ``frames`` (N, H, W, C) those are shown that differ most in each.
    """
    if len(vae.config.groups) < 2 or len(frames) < 2:
        return None
    first, *others = sorted(vae.config.groups, key=lambda name: vae.config.groups[name])
    own = vae.slice_of(first)
    with resting(vae):
        mu, _ = vae.posterior_frames(frames)
        rest = np.delete(mu, np.arange(vae.latent_dim)[own], axis=1)
        rows, columns = (_apart(part) for part in (mu[:, own], rest))
        z = np.repeat(mu[None, columns], len(rows), axis=0)  # (R, S, D)
        z[..., own] = mu[rows][:, None, own]
        swapped = decode(vae, z.reshape(-1, vae.latent_dim))
    order = vae.config.channel_order
    shown = [seen(part, order) for part in (frames[rows], frames[columns], swapped)]
    return swap_grid(
        shown[0], shown[1], shown[2].reshape(len(rows), len(columns), *shown[2].shape[1:]),
        groups=(first, " and ".join(others)), width=width,
        title=f"{first.capitalize()} of one frame, {' and '.join(others)} of another"
        f"{averaged(vae)}",
    )  # fmt: skip


def traversal_film(
    vae: BetaVAE, frames: np.ndarray, *, tracks: Sequence[str] | None = None
) -> list[np.ndarray]:
    """Pages (H, W, 3) on which all active latents go from -2 to 2 standard deviations at once.

    As ``vae_figures`` draws them; ``plots.back_and_forth`` makes them a film without a jump.
    """
    with resting(vae):
        mu, logvar = vae.posterior_frames(frames)
        latents, _ = shown_latents(carried(vae, mu, logvar)[0], active_latents(vae, mu))
        moved = traversals(vae, mu, latents, spread=PAGES, scale=vae.statistics())
        moved = seen(moved, vae.config.channel_order)
    names = latent_names(vae)
    below = [f"\n{tracks[d]}" if tracks is not None and tracks[d] else "" for d in latents]
    return traversal_pages(moved, [names[d] + text for d, text in zip(latents, below, strict=True)])


def tracked(gaps: MIG, factors: Sequence[str]) -> list[str]:
    """The factor that each latent tracks and its share of its information: "target x 76%", or "".

    A latent is named by that factor of which it holds the largest share, from 5% on.
    """
    best = gaps.shares.argmax(axis=1) if len(factors) else np.zeros(len(gaps.shares), int)
    share = gaps.shares.max(axis=1, initial=0.0)
    return [
        f"{factors[k].replace('_', ' ')} {value:.0%}" if value >= TRACKED else ""
        for k, value in zip(best, share, strict=True)
    ]


def shown_latents(kl: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, str]:
    """The latents of largest KL in a traversal, and a line that says what is left out, or "".

    Inactive ones, which do not move (``moves`` (D,)), are left out, unless all are.
    """
    order = np.argsort(-kl, kind="stable")
    count = int(moves.sum())
    rows = (order[moves[order]] if count else order)[:MOST_ROWS]
    if count > MOST_ROWS:
        return rows, f"\nthe {MOST_ROWS} that carry most, of {count} active latents"
    left = len(kl) - len(rows)
    if count and left:
        return rows, f"\n{left} inactive latent{'s' * (left > 1)} left out"
    return rows, "" if count else "\nno latent is active"


def averaged(vae: BetaVAE) -> str:
    """What a picture says of a hardened VAE, whose decoder paints the average of what varies."""
    against = ", ".join(vae.meta.get("hardened", {}).get("against", []))
    return f"\n(hardened: averages of {against})" if against else ""


def _apart(codes: np.ndarray) -> np.ndarray:
    """Up to ``SWAPPED`` rows of codes (N, d) that lie far from each other.

    Only those within 3 deviations of the mean, so that no stray frame is taken for a style.
    """
    off = abs(codes - codes.mean(0)) / np.maximum(codes.std(0), 1e-6)
    near = np.flatnonzero((off < 3).all(axis=1))
    rows = near if len(near) >= SWAPPED else np.arange(len(codes))
    return rows[farthest(torch.from_numpy(codes[rows]), SWAPPED)]
