"""Pages as an animated GIF."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from bvae_rl.runtime.optional import require

COLOURS = 255  # and one for what stays as on the page before
SAMPLE = 12  # pages, about, that the palette is made of
LAST = 2000  # ms for which the last page stays


def animated(pages: Sequence[NDArray[np.uint8]], fps: int) -> bytes:
    """``pages`` (H, W, 3) at ``fps`` a second, round and round; all share one palette.

    What stays as on the page before is left out.
    """
    image = require("PIL.Image", extra="plots")
    sample = np.concatenate(pages[:: max(1, len(pages) // SAMPLE)])
    palette = image.fromarray(sample).quantize(COLOURS, dither=image.Dither.NONE)
    first, *rest = (
        image.fromarray(page).quantize(palette=palette, dither=image.Dither.NONE) for page in pages
    )
    buffer = BytesIO()
    duration = [1000 // fps] * len(rest) + [LAST]
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=True
    )
    return buffer.getvalue()
