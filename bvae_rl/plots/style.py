"""What all pictures share: colours, names of methods, axes, and the way to a PNG.

Colours: Okabe and Ito (2008), "Color universal design"; grey for the two floors.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHODS: Mapping[str, tuple[str, str, str]] = {  # name: (label, colour, marker)
    "state": ("true state", "#000000", "o"),
    "random_policy": ("random policy", "#b8b8b8", "x"),
    "blind": ("blind", "#8a8a8a", "X"),
    "pixels": ("raw pixels", "#D55E00", "s"),
    "pixels_randomised": ("randomised pixels", "#E69F00", "D"),
    "random": ("untrained encoder", "#009E73", "v"),
    "pca": ("PCA", "#CC79A7", "P"),
    "bvae": ("Beta-VAE", "#56B4E9", "^"),
    "bvae_pairs": ("pair-supervised Beta-VAE", "#0072B2", "p"),
}
# What happens to an encoder after a move; never in one picture with methods, so colours come again.
TREATMENTS: Mapping[str, tuple[str, str, str]] = {
    "frozen": ("frozen", "#8a8a8a", "X"),
    "online": ("online, new frames only", "#D55E00", "s"),
    "online_mixed": ("online, half old frames", "#0072B2", "p"),
    "online_constant": ("the same, beta constant", "#E69F00", "D"),
}
KNOWN = {**METHODS, **TREATMENTS}
LABELS = {"untrained": "untrained encoder"}  # codes that are not methods
OTHER_COLOURS = ("#7A5C00", "#5D3A9B", "#00595C", "#8B1E3F", "#4B5D16", "#B0A000")
OTHER_MARKERS = ("<", ">", "h", "8", "*", "d")
GROUP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
INK, MUTED, FAINT = "#1b1b1b", "#5f5f5f", "#d9d9d9"
SMALL, TEXT, TITLE = 8.5, 9.5, 11.0  # points; nothing is printed smaller than SMALL


def method_label(method: str) -> str:
    """The name of a method or code as it is printed; "method/part" is a part of its code."""
    name, _, part = method.partition("/")
    label = KNOWN[name][0] if name in KNOWN else LABELS.get(name, name)
    return f"{label}, {part}" if part else label


def method_colour(method: str) -> str:
    """The fixed colour of a method; an unknown method always gets the same other one."""
    return (
        KNOWN[method][1] if method in KNOWN else OTHER_COLOURS[_hash(method) % len(OTHER_COLOURS)]
    )


def method_marker(method: str) -> str:
    """The fixed marker of a method, so that colour is never the only difference."""
    return (
        KNOWN[method][2] if method in KNOWN else OTHER_MARKERS[_hash(method) % len(OTHER_MARKERS)]
    )


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches whose labels are laid out without clipping."""
    figure: Figure = require("matplotlib.figure", extra="plots").Figure(
        figsize=(width, height), layout="constrained", facecolor="white"
    )
    return figure


def axes_of(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """``ax`` and its figure, or one new axes in a new figure of that size in inches."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.add_subplot()
    figure = ax.get_figure(root=True)  # type: ignore[assignment]
    return figure, ax


def polish(ax: Axes, *, title: str = "", grid: str | None = None) -> None:
    """The shared look of one axes; ``grid`` is "x", "y" or None."""
    ax.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=8)
    ax.tick_params(labelsize=SMALL, colors=MUTED, labelcolor=INK, length=3, width=0.8)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_fontsize(TEXT)
        label.set_color(INK)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=FAINT, linewidth=0.6)  # type: ignore[arg-type]


def minus(text: str) -> str:
    """Numbers as matplotlib's own ticks print them."""
    return text.replace("-", "\N{MINUS SIGN}")


def legend(owner: Axes | Figure, **options: Any) -> None:
    """A frameless legend in the shared type size."""
    defaults = {"frameon": False, "fontsize": SMALL, "labelcolor": INK, "title_fontsize": SMALL}
    made = owner.legend(**{**defaults, **options})
    made.get_title().set_color(MUTED)


def png(figure: Figure, *, dpi: int = 130) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure."""
    buffer = BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=dpi,
        bbox_inches="tight",
        pad_inches=0.12,
        metadata={"Software": None},
    )
    return buffer.getvalue()


def _hash(name: str) -> int:
    return zlib.crc32(name.encode())
