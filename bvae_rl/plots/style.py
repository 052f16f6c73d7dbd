"""What all pictures share: colours, names of methods, axes, and the way to a PNG or a PDF.

Colours: Okabe and Ito (2008), "Color universal design"; grey for references.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from bvae_rl.runtime.optional import require
from bvae_rl.runtime.spread import ENOUGH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["png", "pdf"]
POWER = r"$\mathdefault"  # how a logarithmic axis begins its numbers
Style = tuple[str, str, str]  # label, colour, marker
METHODS: Mapping[str, Style] = {
    "state": ("true state", "#000000", "o"),
    "random_policy": ("random policy", "#b8b8b8", "x"),
    "blind": ("own joints, no picture", "#8a8a8a", "X"),
    "pixels": ("raw pixels, NatureCNN", "#D55E00", "s"),
    "pixels_randomised": ("raw pixels, NatureCNN, random appearances", "#E69F00", "D"),
    "pixels_recoloured": ("raw pixels, NatureCNN, recoloured", "#F0E442", "h"),
    "pixels_recoloured_strong": ("raw pixels, NatureCNN, recoloured, strongly", "#B8860B", "8"),
    "pixels_recoloured_all": ("raw pixels, NatureCNN, all recoloured", "#6B8E23", "*"),
    "pixels_recoloured_all_strong": (
        "raw pixels, NatureCNN, all recoloured, strongly", "#2F4F2F", "d",
    ),
    "pixels_recoloured_episode": ("raw pixels, NatureCNN, recoloured by episode", "#A0522D", "<"),
    "pixels_recoloured_episode_strong": (
        "raw pixels, NatureCNN, recoloured by episode, strongly", "#8B1A1A", ">",
    ),
    "untrained": ("untrained encoder", "#009E73", "v"),
    "pca": ("PCA", "#CC79A7", "P"),
    "bvae": ("Beta-VAE, all latents", "#56B4E9", "^"),
    "bvae-content": ("Beta-VAE, content latents", "#0072B2", "p"),
    "bvae-hardened": ("Beta-VAE, hardened, all latents", "#7FB77E", "H"),
    "bvae-content-hardened": ("Beta-VAE, hardened, content latents", "#004D40", "+"),
}  # fmt: skip
# What happens to an encoder in a new domain; never in one picture with methods, so colours recur.
TREATMENTS: Mapping[str, Style] = {
    "frozen": ("frozen", "#8a8a8a", "X"),
    "online": ("online, new frames only", "#D55E00", "s"),
    "online_mixed": ("online, half old frames", "#0072B2", "p"),
    "online_constant": ("online, half old frames, constant beta", "#E69F00", "D"),
    "online_hardened": ("online, half old frames, hardened on", "#009E73", "^"),
}
KNOWN = {**METHODS, **TREATMENTS}
OTHER_COLOURS = ("#7A5C00", "#5D3A9B", "#00595C", "#8B1E3F", "#4B5D16", "#B0A000")
OTHER_MARKERS = ("<", ">", "h", "8", "*", "d")
STEP = 7  # from a pair of both to one with another colour and another marker
GROUP_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
INK, MUTED, FAINT = "#1b1b1b", "#5f5f5f", "#d9d9d9"
DPI = 130
PRINT = 300  # dots an inch of what is no line and no letter in a PDF
COLUMN, PAGE = 3.4, 6.9  # inches: one column of a paper, and both with the gap between them
SMALL, TEXT, TITLE = 8.5, 9.5, 11.0  # points; nothing is printed smaller than SMALL


def method_label(method: str) -> str:
    """The name of a method or representation as it is printed, an unknown one as it is.

    "method/group" is a representation's group of latents: "Beta-VAE, content latents".
    """
    name, _, group = method.partition("/")
    label = method_style(name)[0]
    whole = label.removesuffix(", all latents").removesuffix(", content latents")
    return f"{whole}, {group} latents" if group else label


def method_colour(method: str) -> str:
    """The fixed colour of a method; an unknown method always gets the same other one."""
    return method_style(method)[1]


def method_style(method: str) -> Style:
    """Label, colour and marker of a method; those of ``KNOWN`` differ in all three."""
    return KNOWN.get(method, (method, *_other(zlib.crc32(method.encode()))))


def method_styles(methods: Iterable[str]) -> dict[str, Style]:
    """The styles of all methods in a figure: an unknown one has its own as long as no other in the
    figure has its colour or its marker, else the next that is free.
    """
    found: dict[str, Style] = {}
    for method in methods:
        style = method_style(method)
        if method not in KNOWN:
            place = zlib.crc32(method.encode())
            others = [_other(place + n * STEP) for n in range(len(OTHER_COLOURS) ** 2)]
            used = {word for _, *words in found.values() for word in words}
            free = [pair for pair in others if not used & {*pair}]
            free += [pair for pair in others if pair not in {(c, m) for _, c, m in found.values()}]
            style = (method, *(free or others)[0])
        found[method] = style
    return found


def _other(place: int) -> tuple[str, str]:
    """One of all pairs of ``OTHER_COLOURS`` and ``OTHER_MARKERS``."""
    rest, colour = divmod(place, len(OTHER_COLOURS))
    return OTHER_COLOURS[colour], OTHER_MARKERS[rest % len(OTHER_MARKERS)]


def seeds_note(one: str, middle: str, band: str, seeds: int) -> str:
    """What the marks of ``seeds`` seeds are: each one, their middle, and from five on its band."""
    note = f"{one}: seeds; {middle}: their interquartile mean"
    return note + (f"; {band}: its 95% bootstrap interval" if seeds >= ENOUGH else "")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches whose labels are laid out without clipping."""
    figure: Figure = _plain_text()(figsize=(width, height), layout="constrained", facecolor="white")
    return figure


@cache
def _plain_text() -> type[Figure]:
    """A figure that draws each text as it is: in a user's names a "$" begins no formula."""
    base = require("matplotlib.figure", extra="plots").Figure
    text = require("matplotlib.text", extra="plots").Text

    class PlainText(base):  # type: ignore[misc, valid-type]
        def draw(self, renderer: Any) -> None:
            for one in self.findobj(text):
                if "$" in one.get_text() and not one.get_text().startswith(POWER):
                    one.set_parse_math(False)
            super().draw(renderer)

    return PlainText


def axes_of(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """``ax`` and its figure, or one new axes in a new figure of that size in inches."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.add_subplot()
    figure = ax.get_figure(root=True)  # type: ignore[assignment]
    return figure, ax


def polish(ax: Axes, *, title: str = "", grid: str | None = None) -> None:
    """The shared style of one axes; ``grid`` is "x", "y" or None."""
    ax.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=8)
    ax.tick_params(which="both", labelsize=SMALL, colors=MUTED, labelcolor=INK, length=3, width=0.8)
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


def saved(figure: Figure, kind: Format = "png") -> bytes:
    """The figure as a file, the same bytes for the same figure.

    A PDF is one of vectors with its fonts embedded (TrueType), pictures at ``PRINT`` dots an inch.
    ValueError for an unknown ``kind``.
    """
    if kind == "png":
        return png(figure)
    if kind != "pdf":
        raise ValueError(f"a picture is saved as png or pdf, got {kind!r}")
    buffer = BytesIO()
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of each glyph
    with require("matplotlib", extra="plots").rc_context({"pdf.fonttype": 42}):
        figure.savefig(
            buffer, format="pdf", dpi=PRINT, bbox_inches="tight", pad_inches=0.02,
            metadata={"CreationDate": None, "Creator": None, "Producer": None},
        )  # fmt: skip
    return buffer.getvalue()


def png(figure: Figure, *, dpi: int = DPI) -> bytes:
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
