"""The picture of two agents side by side, their latents as time lines under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.board import as_colours
from bvae_rl.plots.style import FAINT, GROUP_COLOURS, INK, MUTED, SMALL, TEXT, TITLE, new_figure
from bvae_rl.runtime.optional import require
from bvae_rl.scripts.film.beside import Plan, Take

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Array = NDArray[np.float64]
DPI = 100
LANE = 2.5  # standard deviations in the first domain, from the middle of a lane to its edge
OUT = 0.62  # where a line that leaves its lane is cut off, in lanes
BEHIND = "#c9c9c9"


@dataclass(frozen=True)
class Side:
    """One agent's half: what it shows at each of T frames, and lanes (T, L) of its latents."""

    take: Take
    lines: Array
    behind: Array | None


def lanes(takes: Sequence[Take], shown: Sequence[int]) -> list[Side]:
    """Each take with the latents ``shown`` in lanes: number k is centred at -k and 1 wide.

    All are scaled alike, by mean and standard deviation of the first take's codes in the first
    domain.
    """
    reference = takes[0].reference[:, shown]
    mean, std = reference.mean(axis=0), np.maximum(reference.std(axis=0), 1e-6)

    def placed(codes: Array) -> Array:
        away: Array = (codes[:, shown] - mean) / std / (2 * LANE)
        return np.clip(away, -OUT, OUT) - np.arange(len(shown))

    return [
        Side(take, placed(take.codes), None if take.in_first is None else placed(take.in_first))
        for take in takes
    ]


def picture(
    sides: Sequence[Side],
    plan: Plan,
    names: Sequence[str],
    *,
    fps: int,
    trained_in: Sequence[str | None],
) -> tuple[Figure, Callable[[int], NDArray[np.uint8]]]:
    """The figure, and a function that draws frame t and returns its pixels (H, W, 3).

    ``trained_in``: the visual domain of each agent, from the left.
    """
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    height, width = sides[0].take.pictures.shape[1:3]
    figure = new_figure(8.8, 1.0 + 4.1 * height / width + 0.34 * len(names) + 0.5)
    canvas = agg.FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.05)
    ratios = (4.1 * height / width, 0.34 * len(names) + 0.5)
    grid = figure.add_gridspec(2, len(sides), height_ratios=ratios)
    heading = figure.suptitle(" ", fontsize=TITLE + 1, color=INK)
    halves = [
        _Half(
            figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column]), side, plan,
            names if column == 0 else [""] * len(names), fps,
        )
        for column, side in enumerate(sides)
    ]  # fmt: skip

    def update(t: int) -> NDArray[np.uint8]:
        domain = plan.domains[plan.on_show(t)]
        heading.set_text(f"{domain}: {_known(domain, trained_in)}")
        for half in halves:
            half.update(t)
        canvas.draw()
        pixels: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        return pixels

    return figure, update


def _known(domain: str, trained_in: Sequence[str | None]) -> str:
    """Which of two agents have learned in ``domain``."""
    known = [domain == own for own in trained_in]
    if all(known):
        return "the appearance of training"
    if any(known):
        return f"the appearance that the {'left' if known[0] else 'right'} agent learned in"
    return "new to both agents"


class _Half:
    """One agent's picture above its lanes."""

    def __init__(
        self,
        screen: Axes,
        below: Axes,
        side: Side,
        plan: Plan,
        names: Sequence[str],
        fps: int,
    ) -> None:
        self.side = side
        take = side.take
        screen.set_axis_off()
        large = take.pictures is not take.frames and take.pictures.shape != take.frames.shape
        smooth = "antialiased" if large else "nearest"
        self.screen = screen.imshow(as_colours(take.pictures[0]), interpolation=smooth)
        self.corner = self._inset(screen) if large else None
        self.title = screen.set_title(" ", fontsize=TEXT + 0.5, color=INK, loc="left", pad=5)
        self.note = screen.set_title(" ", fontsize=TEXT + 0.5, color=INK, loc="right", pad=5)
        self.over = screen.text(
            0.5, 0.5, "", fontsize=TITLE, color="white", ha="center", va="center",
            transform=screen.transAxes, bbox={"facecolor": INK, "alpha": 0.75, "linewidth": 0},
        )  # fmt: skip
        count = side.lines.shape[1]
        behind = range(0 if side.behind is None else count)
        self.behind = [
            below.plot([], [], color=BEHIND, linewidth=3.4, solid_capstyle="round")[0]
            for _ in behind
        ]
        self.lines = [
            below.plot([], [], color=GROUP_COLOURS[k % len(GROUP_COLOURS)], linewidth=1.3)[0]
            for k in range(count)
        ]
        self.plan, self.domains = plan, _dress(below, plan, names, fps)

    def _inset(self, screen: Axes) -> Any:
        """What the agent sees, in a corner of the large picture."""
        corner = screen.inset_axes((0.76, 0.65, 0.22, 0.33))
        corner.set_xticks([])
        corner.set_yticks([])
        corner.set_anchor("NE")
        for spine in corner.spines.values():
            spine.set_color("white")
            spine.set_linewidth(1.5)
        return corner.imshow(as_colours(self.side.take.frames[0]), interpolation="nearest")

    def update(self, t: int) -> None:
        take = self.side.take
        last = min(t, len(take.frames) - 1)
        self.screen.set_data(as_colours(take.pictures[last]))
        if self.corner is not None:
            self.corner.set_data(as_colours(take.frames[last]))
        self.title.set_text(take.label)
        self.note.set_text(f"return {take.returns[last]:.0f}".replace("-", "\N{MINUS SIGN}"))
        self.over.set_text(" episode over " if take.over and t >= last else "")
        self.over.set_visible(take.over and t >= last)
        for number, name in enumerate(self.domains):
            now = number == self.plan.on_show(t)
            name.set(color=INK if now else MUTED, fontweight="bold" if now else "normal")
        for values, lines in ((self.side.behind, self.behind), (self.side.lines, self.lines)):
            if values is None:
                continue
            for k, line in enumerate(lines):
                line.set_data(np.arange(last + 1), values[: last + 1, k])


def _dress(below: Axes, plan: Plan, names: Sequence[str], fps: int) -> list[Text]:
    """Lanes with their names, a mark at each change, seconds below; returns the domains' names."""
    domains = []
    below.set_xlim(0, plan.frames - 1)
    below.set_ylim(0.5 - len(names) - 0.2, 0.7)
    for number, begin in enumerate(plan.changes):
        end = begin + plan.every
        if number:
            below.axvline(begin, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
        name = below.text(
            (begin + min(end, plan.frames - 1)) / 2, 1.01, plan.domains[number], fontsize=SMALL,
            color=MUTED, ha="center", va="bottom", transform=below.get_xaxis_transform(),
        )  # fmt: skip
        domains.append(name)
    for spine in below.spines.values():
        spine.set_visible(False)
    below.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED)
    below.set_yticks([-k for k in range(len(names))], names)
    below.set_xticks(plan.changes, [f"{begin / fps:g}" for begin in plan.changes])
    below.set_xlabel(
        "seconds; grey: the same states in the first appearance", fontsize=SMALL,
        color=MUTED, labelpad=2,
    )  # fmt: skip
    for k in range(len(names)):
        below.axhline(-k, color=FAINT, linewidth=0.5, zorder=0.5)
    return domains
