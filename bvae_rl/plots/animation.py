"""Pages as an animated GIF or an MP4, and the pages of moving traversals."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.board import LETTER, as_colours, check_frames
from bvae_rl.plots.style import INK, SMALL, TITLE, new_figure
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pages = Sequence[NDArray[np.uint8]]  # (H, W, 3) each

COLOURS = 255  # and one for what stays as on the page before
SAMPLE = 12  # pages, about, that the palette is made of
LAST = 2000  # ms for which the last page stays
CODECS = ("vp09", "mp4v")  # as OpenCV names them; browsers play the first
DPI = 100
TILE = 0.95  # inches of the longer side of a moving frame
MOST_COLUMNS = 8


def gif(pages: Pages, fps: int, *, last: int | None = LAST) -> bytes:
    """``pages`` (H, W, 3) uint8 at ``fps`` a second, round and round; all share one palette.

    The last page stays for ``last`` ms, None: as long as the others. What stays as on the page
    before is left out. ValueError without pages, or below one page a second.
    """
    _check(pages, fps)
    image = require("PIL.Image", extra="plots")
    sample = np.concatenate(pages[:: max(1, len(pages) // SAMPLE)])
    palette = image.fromarray(sample).quantize(COLOURS, dither=image.Dither.NONE)
    first, *rest = (
        image.fromarray(page).quantize(palette=palette, dither=image.Dither.NONE) for page in pages
    )
    buffer = BytesIO()
    ends = np.round(100 * np.arange(len(pages) + 1) / fps)  # a GIF counts in hundredths of a second
    duration = (10 * np.diff(ends)).astype(int).tolist()
    if last is not None:
        duration[-1] = last
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=True
    )
    return buffer.getvalue()


def mp4(pages: Pages, fps: int) -> bytes:
    """``pages`` (H, W, 3) uint8 as an MP4, once: VP9, which browsers play, or else MPEG-4.

    An odd side gets a white line more. ValueError without pages or below one page a second;
    ImportError where OpenCV writes neither.
    """
    _check(pages, fps)
    import cv2

    height, width = pages[0].shape[:2]
    even = [(0, height % 2), (0, width % 2), (0, 0)]
    size = (width + width % 2, height + height % 2)
    with tempfile.TemporaryDirectory() as folder:  # OpenCV writes to a path only
        path = Path(folder) / "film.mp4"
        for codec in CODECS:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
            if not writer.isOpened():
                continue
            for page in pages:
                padded = np.pad(page, even, constant_values=255)
                writer.write(np.ascontiguousarray(padded[..., ::-1]))  # BGR
            writer.release()
            return path.read_bytes()
    raise ImportError(
        f"this OpenCV writes no MP4 ({' and '.join(CODECS)} are missing); install the wheel of "
        "PyPI: pip install --force-reinstall opencv-python"
    )


def back_and_forth(pages: Pages) -> list[NDArray[np.uint8]]:
    """``pages`` and then the inner ones backwards, so that the film has no jump."""
    return [*pages, *pages[-2:0:-1]]


def traversal_pages(
    images: NDArray[np.uint8],
    labels: Sequence[str],
    *,
    title: str = "",
    figure: Figure | None = None,
) -> list[NDArray[np.uint8]]:
    """T pages (H, W, 3): R tiles, one a latent, all of which move at once.

    ``images`` (R, T, H, W, C) uint8, as ``traversal_grid`` takes them; a label may have two lines.
    ``figure`` is drawn on instead of a new one. ValueError if sizes do not agree.
    """
    check_frames(images, 5)
    if len(labels) != len(images):
        raise ValueError(
            f"the images are {images.shape}, with {len(labels)} labels; pass R of both"
        )
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    shown = as_colours(images)
    rows, columns, across, down = _tiling(shown, labels)
    lines = 1 + max(label.count("\n") for label in labels)
    if figure is None:
        top = 0.45 if title else 0.1
        figure = new_figure(
            max(columns * (across + 0.08), LETTER * 1.3 * len(title)) + 0.1,
            rows * (down + 0.17 * lines + 0.1) + top,
        )
        figure.set_dpi(DPI)
    canvas = agg.FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    tiles = []
    for ax in axes:
        ax.set_axis_off()
    for ax, tile, label in zip(axes, shown, labels, strict=False):
        tiles.append(ax.imshow(tile[0], interpolation="nearest"))
        ax.set_title(label, fontsize=SMALL, color=INK, pad=3, linespacing=1.1)
    figure.suptitle(title, fontsize=TITLE, color=INK, x=0.01, ha="left")
    figure.draw_without_rendering()  # twice, until places no longer change
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # and from now on they stay
    pages = []
    for t in range(shown.shape[1]):
        for artist, tile in zip(tiles, shown, strict=True):
            artist.set_data(tile[t])
        canvas.draw()
        pages.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return pages


def _tiling(images: NDArray[np.uint8], labels: Sequence[str]) -> tuple[int, int, float, float]:
    """Rows and columns of the tiles, and the inches that one takes."""
    count, _, height, width, _ = images.shape
    scale = max(TILE / max(height, width), 1 / DPI)
    words = LETTER * max(len(line) for label in labels for line in label.split("\n"))
    across = max(scale * width, words)
    columns = min(count, MOST_COLUMNS, max(1, int(9.0 / across)))
    rows = -(-count // columns)
    return rows, -(-count // rows), across, scale * height  # rows of about the same length


def _check(pages: Pages, fps: int) -> None:
    shapes = {page.shape for page in pages}
    if len(shapes) != 1 or fps < 1 or any(len(s) != 3 or s[2] != 3 for s in shapes):
        raise ValueError(
            f"a film needs pages (H, W, 3) of one size and a frame a second at least, got "
            f"{sorted(shapes)} at {fps} a second"
        )


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """A figure as (H, W, 3)."""
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    figure.set_dpi(DPI)
    canvas = agg.FigureCanvasAgg(figure)
    canvas.draw()
    shown: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return shown
