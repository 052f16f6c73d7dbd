"""Pictures of a VAE while it is trained, for TensorBoard (and what reads its files, as W&B)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import back_and_forth, gif, reconstructions, traversal_grid, traversal_pages
from bvae_rl.plots.animation import pixels
from bvae_rl.runtime.optional import require
from bvae_rl.training.pictures.decoded import (
    SPREAD,
    active_latents,
    carried,
    decode,
    latent_names,
    resting,
    traversals,
)
from bvae_rl.training.pictures.figures import DISTANCE, PAGES, shown_latents
from bvae_rl.training.pictures.shown_frames import seen
from bvae_rl.training.validation import spread

FPS = 12
MOST_FRAMES = 256  # that the latents' spread is taken from
SHEET, ROWS = 8, 8  # frames of a sheet, latents of a traversal
TAG = "pictures"

Pixels = NDArray[np.uint8]  # (H, W, 3)


class PretrainingPictures:
    """A callback of ``pretrain``: reconstructions, traversals and a film of them in TensorBoard.

        pretrain(env, callbacks=[PretrainingPictures(frames, "runs/vae/tensorboard")])

    ``frames``: uint8 (N, H, W, C) as the VAE takes them, of which 256 are used. ``out``: folder of
    the event files. ``freq``: batches between two pictures, at least 1; they are drawn when metrics
    are logged, the first time then and the last time at the end of the training if that is due.
    ``film``: also the traversals in motion, as an animated picture.

    ValueError for values out of these ranges, ImportError without the extras ``plots`` and ``log``.
    """

    def __init__(
        self, frames: np.ndarray, out: str | Path, *, freq: int = 2000, film: bool = True
    ) -> None:
        if freq < 1 or not len(frames):
            raise ValueError(
                f"pictures need a frame and freq of at least 1, got {len(frames)} frames and "
                f"freq={freq}"
            )
        require("matplotlib", extra="plots")
        self.freq, self.film = freq, film
        self.drawn: list[int] = []  # the steps
        self._frames = frames[spread(np.arange(len(frames)), MOST_FRAMES)]
        self._writer = require("torch.utils.tensorboard", extra="log").SummaryWriter(str(out))

    def __call__(self, step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        if self.drawn and step // self.freq == self.drawn[-1] // self.freq:
            return
        self.drawn.append(step)
        for name, picture in vae_pictures(vae, self._frames).items():
            self._writer.add_image(f"{TAG}/{name}", picture, step, dataformats="HWC")
        if self.film:
            pages = traversal_pages_of(vae, self._frames)
            write_film(self._writer, f"{TAG}/traversals_film", pages, step)
        self._writer.flush()


def vae_pictures(vae: BetaVAE, frames: np.ndarray) -> dict[str, Pixels]:
    """``reconstructions`` and ``traversals`` as pixels, from uint8 frames (N, H, W, C)."""
    order = vae.config.channel_order
    with resting(vae):
        mu, logvar = vae.posterior_frames(frames)
        kl, carries = carried(vae, mu, logvar)
        latents = shown_latents(kl, active_latents(vae, mu))[0][:ROWS]
        rows = spread(np.arange(len(frames)), SHEET)
        beside = {"frame": (seen(frames[rows], order), seen(decode(vae, mu[rows]), order))}
        moved = seen(traversals(vae, mu, latents), order)
    names = latent_names(vae)
    grid = traversal_grid(
        moved, [names[d] for d in latents], SPREAD.tolist(), kl=kl[latents], kl_label=carries,
        where=True, value_label=DISTANCE,
    )  # fmt: skip
    sheet = reconstructions(beside, errors=True)
    return {"reconstructions": pixels(sheet), "traversals": pixels(grid)}


def traversal_pages_of(vae: BetaVAE, frames: np.ndarray) -> list[Pixels]:
    """The same traversals in motion, without a jump."""
    with resting(vae):
        mu, logvar = vae.posterior_frames(frames)
        kl, _ = carried(vae, mu, logvar)
        latents = shown_latents(kl, active_latents(vae, mu))[0][:ROWS]
        moved = traversals(vae, mu, latents, spread=PAGES[::2])
    names = latent_names(vae)
    pages = traversal_pages(seen(moved, vae.config.channel_order), [names[d] for d in latents])
    return back_and_forth(pages)


def write_film(
    writer: Any, tag: str, pages: Sequence[Pixels], step: int, *, fps: int = FPS
) -> None:
    """``pages`` as an animated picture of a ``SummaryWriter``.

    Its own ``add_video`` makes the same of them, with moviepy, which this does without.
    """
    summaries = require("tensorboard.compat.proto.summary_pb2", extra="log")
    height, width = pages[0].shape[:2]
    picture = summaries.Summary.Image(
        height=height, width=width, colorspace=3,
        encoded_image_string=gif(pages, fps, last=None),
    )  # fmt: skip
    summary = summaries.Summary(value=[summaries.Summary.Value(tag=tag, image=picture)])
    writer._get_file_writer().add_summary(summary, step)
