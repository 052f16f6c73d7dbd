"""Frames side by side: traversals of latents, frames by visual domain, reconstructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.style import DPI, MUTED, SMALL, minus, new_figure, polish

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAP = 3  # white pixels between frames
CELL = 0.62  # inches a frame takes, or as many as show each of its pixels


def traversal_grid(
    images: NDArray[np.uint8],
    row_labels: Sequence[str],
    column_values: Sequence[float],
    *,
    title: str = "",
    value_label: str = "value of the latent",
) -> Figure:
    """Decoded frames (R, T, H, W, C) uint8: one row a latent, one column a value of it."""
    rows, columns = _sizes(images, 5)
    if (rows, columns) != (len(row_labels), len(column_values)):
        raise ValueError(
            f"the images are {images.shape}, but there are {len(row_labels)} row labels and "
            f"{len(column_values)} column values; pass (R, T, H, W, C)"
        )
    heads = [minus(f"{value:+.2g}") if value else "0" for value in column_values]
    figure = _grid(images, list(row_labels), heads, title=title)
    ax = figure.axes[0]
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.set_xlabel(value_label, fontsize=SMALL, color=MUTED)
    return figure


def reconstructions(
    kinds: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]], *, title: str = ""
) -> Figure:
    """Frames (N, H, W, C) uint8 above their reconstructions, a line for each kind by its name."""
    columns = max(len(frames) for frames, _ in kinds.values())
    lines, labels = [], []
    for kind, (frames, recon) in kinds.items():
        _sizes(frames, 4)
        if frames.shape != recon.shape:
            raise ValueError(
                f"frames are {frames.shape} and reconstructions {recon.shape}; pass equal"
            )
        blank = np.full((columns - len(frames), *frames.shape[1:]), 255, np.uint8)
        lines += [np.concatenate([part, blank]) for part in (frames, recon)]
        labels += [kind, "decoded"]
    return _grid(np.stack(lines), labels, [], title=title)


def frame_sheet(frames: Mapping[str, NDArray[np.uint8]], *, title: str = "") -> Figure:
    """Frames (N, H, W, C) uint8 by name, as many for each: one row a name."""
    shapes = {name: rows.shape for name, rows in frames.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"every row needs frames of one number and size, got {shapes}")
    images = np.stack(list(frames.values()))
    _sizes(images, 5)
    return _grid(images, list(frames), [], title=title)


def _sizes(images: NDArray[np.uint8], dimensions: int) -> tuple[int, int]:
    if images.ndim != dimensions or images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"pictures need uint8 frames with {dimensions} dimensions, 1 or 3 channels last, got "
            f"{images.dtype} {images.shape}"
        )
    if 0 in images.shape:
        raise ValueError(f"there is no frame to show in an array of shape {images.shape}")
    return images.shape[0], images.shape[1]


def _grid(
    images: NDArray[np.uint8], row_labels: list[str], heads: list[str], *, title: str
) -> Figure:
    rows, columns, height, width, channels = images.shape
    board = np.full(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 255, np.uint8
    )
    for row, column in np.ndindex(rows, columns):
        y, x = row * (height + GAP), column * (width + GAP)
        board[y : y + height, x : x + width] = images[row, column]
    longest = max(len(label) for label in row_labels)
    across, down = max(CELL, width / DPI), max(CELL, height / DPI)
    figure = new_figure(
        0.4 + 0.075 * longest + across * columns, (0.8 if heads else 0.4) + down * rows
    )
    ax = figure.add_subplot()
    ax.imshow(board if channels == 3 else board[..., 0], cmap="gray", vmin=0, vmax=255)
    polish(ax, title=title)
    ax.set_yticks([row * (height + GAP) + height / 2 for row in range(rows)], row_labels)
    ax.set_xticks([i * (width + GAP) + width / 2 for i in range(len(heads))], heads)
    ax.tick_params(length=0, labelsize=SMALL)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure
