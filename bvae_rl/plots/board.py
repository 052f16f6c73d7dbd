"""Frames in rows and columns on one axes: what every sheet of frames is drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.style import DPI, SMALL, axes_of, polish
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 3  # pixels between frames
LIGHT, GREY = 215, 190  # of 255: edge of a frame that white does not set off, and what does
CELL = 0.62  # inches that the longer side of a frame takes, or as many as show each of its pixels
LOWEST = 0.2  # inches that the label of a row takes
LETTER = 0.07  # inches


def draw_board(
    images: NDArray[np.uint8],
    row_labels: Sequence[str],
    heads: Sequence[str],
    *,
    title: str = "",
    beside: float = 0.0,
    width: float | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Frames (R, T, H, W, C) uint8 with a label to each row and a head over each column, or none.

    ``beside``: inches left free on the right. ``width``: inches of the whole figure, by default as
    many as show each pixel; without effect on a given ``ax``. Frame (r, t) stands at
    ``cell_centres``.
    """
    rows, columns, height, breadth, _ = images.shape
    labels = 0.3 + LETTER * max(map(len, row_labels), default=0)
    scale = max(1 / DPI, CELL / max(height, breadth), LOWEST / height)  # inches a pixel
    if width is not None:
        room = max(width - labels - beside, 1.0)
        scale = room / (columns * (breadth + GAP))
    figure, ax = axes_of(
        ax,
        labels + beside + scale * columns * (breadth + GAP),
        (0.8 if heads else 0.4) + scale * rows * (height + GAP),
    )
    board = joined(images)
    grey = board.shape[-1] == 1
    ax.imshow(
        board[..., 0] if grey else board, cmap="gray", vmin=0, vmax=255, interpolation="nearest"
    )
    polish(ax, title=title)
    y, x = cell_centres(images)
    ax.set_yticks(y, list(row_labels))
    ax.set_xticks(x[: len(heads)], list(heads))
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0, labelsize=SMALL)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure, ax


def joined(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (R, T, H, W, C) as one picture, with white between them; grey where they are white."""
    rows, columns, height, width, channels = images.shape
    sides = images[:, :, [0, -1]].mean((2, 3, 4)), images[:, :, :, [0, -1]].mean((2, 3, 4))
    light = (np.minimum(*sides) > LIGHT).mean() > 0.25  # of the frames
    board = np.full(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels),
        GREY if light else 255, np.uint8,
    )  # fmt: skip
    for row, column in np.ndindex(rows, columns):
        y, x = row * (height + GAP), column * (width + GAP)
        board[y : y + height, x : x + width] = images[row, column]
    return board


def cell_centres(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Where the rows and the columns of frames (R, T, H, W, C) have their middles, in pixels."""
    rows, columns, height, width, _ = images.shape
    y = [row * (height + GAP) + (height - 1) / 2 for row in range(rows)]
    return y, [column * (width + GAP) + (width - 1) / 2 for column in range(columns)]


def check_frames(images: NDArray[np.uint8], dimensions: int) -> None:
    """ValueError unless these are uint8 frames (..., H, W, C) of 1 or 3 channels, at least one."""
    if images.ndim != dimensions or images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"pictures need uint8 frames with {dimensions} dimensions, 1 or 3 channels last, got "
            f"{images.dtype} {images.shape}"
        )
    if 0 in images.shape:
        raise ValueError(f"there is no frame to show in an array of shape {images.shape}")


def as_colours(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (..., H, W, 1 or 3) with three channels."""
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def as_heat(values: NDArray[np.float64], top: float) -> NDArray[np.uint8]:
    """Values (...), 0 to ``top``, as colours (..., 3) uint8: black for 0, then through red."""
    colours = require("matplotlib", extra="plots").colormaps["inferno"]
    shown: NDArray[np.uint8] = colours(values / max(top, 1e-9), bytes=True)[..., :3]
    return shown
