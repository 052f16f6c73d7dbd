"""What each latent does: decoded frames in a row a latent, with its KL and what it tracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.board import (
    LETTER,
    as_colours,
    as_heat,
    cell_centres,
    check_frames,
    draw_board,
)
from bvae_rl.plots.style import GROUP_COLOURS, INK, MUTED, SMALL, minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR, NUMBER = 0.5, 0.45  # inches of the longest bar of KL, and of the number after it
APART = 0.12  # inches between what stands beside the frames
LEAST_CHANGE = 8.0  # of 255, which the brightest pixel of "where" stands for at least


def traversal_grid(
    images: NDArray[np.uint8],
    row_labels: Sequence[str],
    column_values: Sequence[float],
    *,
    kl: ArrayLike | None = None,
    kl_label: str = "KL (nats)",
    tracks: Sequence[str] | None = None,
    where: bool = False,
    title: str = "",
    value_label: str = "value of the latent",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Decoded frames (R, T, H, W, C) uint8: one row a latent, one column a value of it.

    On the right, where given: ``where`` shows the pixels that a latent moves (the standard
    deviation over the row, on one scale for all rows), ``kl`` (R,) in nats as bars, under
    ``kl_label``, and ``tracks`` (R) the factor that it follows, in words. ``width`` is that of the
    figure in inches; without effect on a given ``ax``. ValueError if sizes do not agree.
    """
    check_frames(images, 5)
    rows, columns = images.shape[:2]
    if (rows, columns) != (len(row_labels), len(column_values)):
        raise ValueError(
            f"the images are {images.shape}, but there are {len(row_labels)} row labels and "
            f"{len(column_values)} column values; pass (R, T, H, W, C)"
        )
    nats = None if kl is None else np.asarray(kl, float)
    if (nats is not None and nats.shape != (rows,)) or (tracks and len(tracks) != rows):
        raise ValueError(
            f"there are {rows} rows of frames, but kl is "
            f"{None if nats is None else nats.shape} and tracks has {len(tracks or ())} entries; "
            "pass one of each a row"
        )
    words = LETTER * max(map(len, tracks)) if tracks else 0.0
    beside = words + APART if tracks else 0.0
    if nats is not None:
        beside += BAR + NUMBER + APART
    heads = [minus(f"{value:+.2g}") if value else "0" for value in column_values]
    shown = images
    if where:
        heads.append("where")
        shown = np.concatenate([as_colours(images), _moved(images)[:, None]], axis=1)
    figure, ax = draw_board(
        shown, row_labels, heads, title=title, beside=beside, width=width, ax=ax
    )
    ax.set_xlabel(value_label, fontsize=SMALL, color=MUTED)
    _, x = cell_centres(shown)
    pixel = (figure.get_size_inches()[0] - beside) / shown.shape[1] / (shown.shape[3] + 3)
    left = x[-1] + shown.shape[3] / 2 + APART / pixel  # in pixels of the board
    if nats is not None:
        _bars(ax, nats, shown, left, pixel, kl_label)
        left += (BAR + NUMBER) / pixel
    if tracks:
        for y, text in zip(cell_centres(shown)[0], tracks, strict=True):
            _write(ax, left, y, text)
        _head(ax, left, "tracks")
    return figure


def _moved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far each pixel of (R, T, H, W, C) goes along its row, as colours (R, H, W, 3)."""
    spread = images.astype(np.float32).std(axis=1).mean(axis=-1)
    return as_heat(spread, max(float(np.quantile(spread, 0.999)), LEAST_CHANGE))


def _bars(
    ax: Axes,
    nats: NDArray[np.float64],
    shown: NDArray[np.uint8],
    left: float,
    pixel: float,
    label: str,
) -> None:
    limits = ax.get_xlim(), ax.get_ylim()
    longest = BAR / pixel / max(float(nats.max()), 1e-9)
    rows, _ = cell_centres(shown)
    ax.barh(
        rows, nats * longest, left=left, height=0.3 * shown.shape[2], color=GROUP_COLOURS[0],
        clip_on=False,
    )  # fmt: skip
    for y, value in zip(rows, nats, strict=True):
        _write(ax, left + value * longest + 0.05 / pixel, y, f"{value:.1f}")
    _head(ax, left, label)
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])


def _write(ax: Axes, x: float, y: float, text: str) -> None:
    ax.text(x, y, text, fontsize=SMALL, color=INK, va="center", ha="left")


def _head(ax: Axes, x: float, text: str) -> None:
    top = ax.get_xaxis_transform()
    ax.annotate(
        text, (x, 1.0), xycoords=top, xytext=(0, 3.5), textcoords="offset points", fontsize=SMALL,
        color=INK, va="bottom", ha="left", annotation_clip=False,
    )  # fmt: skip
