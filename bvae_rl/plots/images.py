"""Frames side by side: by visual domain, beside their reconstructions, with content and style
swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.board import as_colours, as_heat, check_frames, draw_board
from bvae_rl.plots.style import MUTED, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_ERROR = 32.0  # of 255, which the brightest pixel of an error stands for at least


def reconstructions(
    kinds: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    *,
    errors: bool = False,
    title: str = "",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Frames (N, H, W, C) uint8 above their reconstructions, a line for each kind by its name.

    ``errors`` adds a third line: the absolute difference, averaged over channels, on one scale for
    all frames that is printed below. ``width`` is that of the figure in inches; without effect on a
    given ``ax``. ValueError if sizes do not agree.
    """
    columns = max((len(frames) for frames, _ in kinds.values()), default=0)
    lines, labels = [], []
    for frames, recon in kinds.values():
        check_frames(frames, 4)
        if frames.shape != recon.shape:
            raise ValueError(
                f"frames are {frames.shape} and reconstructions {recon.shape}; pass equal"
            )
    if not kinds:
        raise ValueError("there is no frame to show; pass name -> (frames, reconstructions)")
    off = {
        kind: np.abs(frames.astype(np.float64) - recon).mean(axis=-1)
        for kind, (frames, recon) in kinds.items()
    }
    worst = max(float(np.quantile(np.concatenate(list(off.values())), 0.999)), LEAST_ERROR)
    for kind, (frames, recon) in kinds.items():
        parts = [frames, recon]
        if errors:
            parts = [*map(as_colours, parts), as_heat(off[kind], worst)]
        blank = np.full((columns - len(frames), *parts[0].shape[1:]), 255, np.uint8)
        lines += [np.concatenate([part, blank]) for part in parts]
        labels += [kind, "decoded", "error"][: len(parts)]
    figure, ax = draw_board(np.stack(lines), labels, [], title=title, width=width, ax=ax)
    if errors:
        ax.xaxis.set_label_position("bottom")
        ax.set_xlabel(
            f"error: mean absolute difference of the channels; brightest: {worst:.0f} of 255",
            fontsize=SMALL, color=MUTED, loc="left",
        )  # fmt: skip
    return figure


def frame_sheet(
    frames: Mapping[str, NDArray[np.uint8]],
    *,
    title: str = "",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Frames (N, H, W, C) uint8 by name, as many for each: one row a name.

    ``width`` is that of the figure in inches; without effect on a given ``ax``.
    """
    shapes = {name: rows.shape for name, rows in frames.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"every row needs frames of one number and size, got {shapes}")
    images = np.stack(list(frames.values()))
    check_frames(images, 5)
    return draw_board(images, list(frames), [], title=title, width=width, ax=ax)[0]


def swap_grid(
    rows: NDArray[np.uint8],
    columns: NDArray[np.uint8],
    swapped: NDArray[np.uint8],
    *,
    groups: Sequence[str] = ("content", "style"),
    title: str = "",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """What two groups of latents hold: one taken from the row's frame, the other from the column's.

    ``rows`` (R, H, W, C) and ``columns`` (S, H, W, C) are the frames, ``swapped`` (R, S, H, W, C)
    what is decoded from the first of ``groups`` of row r and the second of column s; all uint8.
    ``width`` is that of the figure in inches; without effect on a given ``ax``. ValueError if sizes
    do not agree.
    """
    check_frames(rows, 4)
    check_frames(columns, 4)
    check_frames(swapped, 5)
    if (
        swapped.shape != (len(rows), len(columns), *rows.shape[1:])
        or rows[0].shape != columns[0].shape
    ):
        raise ValueError(
            f"rows are {rows.shape}, columns {columns.shape} and swapped {swapped.shape}; pass "
            "(R, H, W, C), (S, H, W, C) and (R, S, H, W, C)"
        )
    height = rows.shape[1]
    corner = np.full_like(rows[:1], 255)
    top = np.concatenate([corner, columns])[None]
    body = np.concatenate([rows[:, None], swapped], axis=1)
    first, second = groups
    figure, ax = draw_board(
        np.concatenate([top, body]), [""] * (1 + len(rows)), [], title=title, width=width, ax=ax
    )
    for across, words in (
        (True, f"{second} of \N{RIGHTWARDS ARROW}"),
        (False, f"{first} of \N{DOWNWARDS ARROW}"),
    ):
        ax.text(
            rows.shape[2] - 1, height * (0.3 if across else 0.75), words, fontsize=SMALL,
            color=MUTED, ha="right", va="center",
        )  # fmt: skip
    return figure
