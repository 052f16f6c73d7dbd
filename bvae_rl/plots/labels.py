"""Words beside the points of a curve, where they cover neither the curve nor each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.style import MUTED, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]  # left, bottom, right, top, in points (1/72 inch)

SIDES = (  # of a point, in the order in which they are tried
    (1, 1), (-1, -1), (1, 0), (0, 1), (0, -1), (-1, 0), (1, -1), (-1, 1)
)  # fmt: skip
NEAR, FAR = 7.0, (22.0, 40.0, 60.0)  # points between a point and its words; from far by a line
WIDTH, LINE = 0.66, 1.25  # of a letter and a line, in sizes of the type


def label_points(
    ax: Axes,
    points: ArrayLike,
    words: Sequence[str],
    *,
    colours: Sequence[str],
    bold: Sequence[bool],
) -> None:
    """Write ``words`` beside ``points`` (P, 2), which a line joins in this order.

    The axes must have got their place and limits (``figure.draw_without_rendering``); the words
    take no part in the layout.
    """
    at = np.asarray(points, float).reshape(-1, 2)
    if not len(at):
        return
    scale = 72.0 / ax.figure.dpi
    frame = ax.get_window_extent()
    size = np.array([frame.width, frame.height]) * scale
    places = (ax.transData.transform(at) - [frame.x0, frame.y0]) * scale
    drawn = _sampled(places)
    boxes: list[Box] = []
    for point, place, word, colour, heavy in zip(at, places, words, colours, bold, strict=True):
        options = [
            (distance * x, distance * y) for distance, (x, y) in product((NEAR, *FAR), SIDES)
        ]
        found = [_box(place, offset, word) for offset in options]
        best = int(np.argmin([_cost(box, boxes, drawn, size) for box in found]))
        boxes.append(found[best])
        x, y = options[best]
        note = ax.annotate(
            word, (float(point[0]), float(point[1])), xytext=(x, y), textcoords="offset points",
            ha=("right", "center", "left")[int(np.sign(x)) + 1],
            va=("top", "center", "bottom")[int(np.sign(y)) + 1],
            fontsize=SMALL, fontweight="bold" if heavy else "normal", color=colour,
            linespacing=1.1, zorder=4,
            arrowprops=None if best < len(SIDES) else {
                "arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4
            },
        )  # fmt: skip
        note.set_in_layout(False)


def _sampled(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points and 20 places on the way from each to the next."""
    shares = np.linspace(0, 1, 20, endpoint=False)[:, None]
    return np.concatenate([places, *(a + shares * (b - a) for a, b in pairwise(places))])


def _box(place: NDArray[np.float64], offset: tuple[float, float], words: str) -> Box:
    """What ``words`` take if the corner or side that faces ``place`` is ``offset`` from it."""
    lines = words.split("\n")
    width, height = WIDTH * SMALL * max(map(len, lines)), LINE * SMALL * len(lines)
    x, y = offset
    left = float(place[0]) + x - width * (1 - np.sign(x)) / 2
    bottom = float(place[1]) + y - height * (1 - np.sign(y)) / 2
    return left, bottom, left + width, bottom + height


def _cost(
    box: Box, boxes: Sequence[Box], drawn: NDArray[np.float64], size: NDArray[np.float64]
) -> float:
    """How much stands under a box already (words, curve), or how far it leaves the axes."""
    left, bottom, right, top = box
    shared = sum(
        max(0.0, min(right, r) - max(left, x)) * max(0.0, min(top, t) - max(bottom, y))
        for x, y, r, t in boxes
    )
    under = (drawn[:, 0] > left) & (drawn[:, 0] < right)
    under &= (drawn[:, 1] > bottom) & (drawn[:, 1] < top)
    outside = max(0.0, -left, right - size[0]) + max(0.0, -bottom, top - size[1])
    return 5.0 * shared + 10.0 * float(under.sum()) + 4.0 * outside
