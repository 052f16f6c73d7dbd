"""What a film of one agent shows: what it sees, and beside it the panels as time goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.animation import gif as animated
from bvae_rl.plots.board import as_colours
from bvae_rl.plots.style import FAINT, INK, MUTED, new_figure, polish
from bvae_rl.runtime.optional import require
from bvae_rl.scripts.film.panels import Film, Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
BAND = ("#eef3f8", "#ffffff")  # episodes in turn, so that their borders show
DPI = 100
TRUE = "; right, in grey:\ntrue values of what the lines follow"


def gif(film: Film, panels: Sequence[Panel], fps: int) -> bytes:
    """The film as an animated GIF whose frames share one palette."""
    _, update = picture(film, panels)
    return animated([update(t) for t in range(len(film.frames))], fps)


def picture(film: Film, panels: Sequence[Panel]) -> tuple[Figure, Any]:
    """The figure, and a function that draws frame t and returns its pixels (H, W, 3)."""
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    figure = new_figure(8.6, 4.2)
    canvas = agg.FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    grid = figure.add_gridspec(len(panels), 2, width_ratios=(1, 1.25))
    screen = figure.add_subplot(grid[:, 0])
    screen.set_axis_off()
    frames = as_colours(film.frames)
    shown = screen.imshow(frames[0], interpolation="nearest")
    title = screen.set_title("", fontsize=11, color=INK, pad=8)
    note = screen.text(
        0.5, -0.03, "what the agent sees" + TRUE * any(panel.truth is not None for panel in panels),
        fontsize=8.5, color=MUTED, ha="center", va="top", transform=screen.transAxes,
    )  # fmt: skip
    note.set_in_layout(False)
    lines: list[tuple[Any, Array]] = []
    axes = [figure.add_subplot(grid[row, 1]) for row in range(len(panels))]
    for ax, panel in zip(axes, panels, strict=True):
        if panel.truth is not None:
            thick = ax.plot([], [], color=FAINT, linewidth=5, solid_capstyle="round")[0]
            lines.append((thick, panel.truth))
        for colour, values in zip(panel.colours, panel.lines, strict=True):
            width = 1.2 if len(panel.lines) > 1 else 1.6
            lines.append((ax.plot([], [], color=colour, linewidth=width)[0], values))
        _frame(ax, film, panel)
    axes[-1].set_xlabel("environment step", fontsize=9)

    def update(t: int) -> NDArray[np.uint8]:
        episode = int(np.searchsorted(film.begins, t, side="right")) - 1
        shown.set_data(frames[t])
        title.set_text(_about(film, episode))
        for line, values in lines:
            line.set_data(np.arange(t + 1), values[: t + 1])
        canvas.draw()
        pixels: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        return pixels

    return figure, update


def _frame(ax: Any, film: Film, panel: Panel) -> None:
    values = (*panel.lines, *(() if panel.truth is None else (panel.truth,)))
    low = min(float(value.min()) for value in values)
    high = max(float(value.max()) for value in values)
    ax.set_xlim(0, len(film.frames) - 1)
    room = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    ends = (*film.begins[1:], len(film.frames) - 1)
    for place, (begin, end) in enumerate(zip(film.begins, ends, strict=True)):
        ax.axvspan(begin, end, color=BAND[place % 2], linewidth=0)
    polish(ax)
    ax.set_title(panel.title, fontsize=9, color=INK, loc="left", pad=3)
    ax.tick_params(left=False, labelleft=False, labelbottom=ax.get_subplotspec().is_last_row())
    ax.spines["bottom"].set_color(MUTED)


def _about(film: Film, episode: int) -> str:
    domain = film.domains[episode]
    if domain is None:
        return f"episode {episode + 1}"
    seen = "that it was trained in" if domain == film.trained_in else "new to the agent"
    return f"{domain}: an appearance {seen}"
