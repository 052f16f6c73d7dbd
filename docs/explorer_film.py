"""The film and the picture of the explorer in these documents, as a browser shows them.

    bvae-rl explore reach_crossed --domain pretrain --out runs/explorer.html
    PYTHONPATH=. python docs/explorer_film.py runs/explorer.html

Needs Chromium. Latents are moved one after another, from one end of what frames have to the other.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from bvae_rl.plots.animation import gif
from tests.chromium_cases import DRAWN, Page, browser

HERE = Path(__file__).parent
WIDTH, HEIGHT, TALL, FPS = 960, 790, 1860, 10
SWING = (0.0, 0.8, 1.5, 2.0, 1.5, 0.8, 0.0, -0.8, -1.5, -2.0, -1.5, -0.8, 0.0)  # deviations
MOVED = (2, 3, 0, 1, 8, 5)  # latents of reach_crossed: place of the disc, arm, two colours
SET = """(() => {{
  const z = explorer.vae().mean.slice();
  z[{d}] += {by} * explorer.vae().std[{d}];
  explorer.set(z);
}})()"""


def shot(page: Page, folder: Path) -> np.ndarray:
    """What the window shows, (H, W, 3) uint8 RGB."""
    page.run(DRAWN)
    page.screenshot(folder / "shot.png")
    return cv2.cvtColor(cv2.imread(str(folder / "shot.png")), cv2.COLOR_BGR2RGB)


def main(source: Path) -> None:
    """Write ``explorer.gif`` and ``explorer.png`` beside this file."""
    with tempfile.TemporaryDirectory() as name, browser(Path(name) / "profile") as page:
        folder = Path(name)
        page.scheme("light")
        page.size(WIDTH, HEIGHT)
        page.send("Emulation.setScrollbarsHidden", hidden=True)
        page.open(source)
        pages = []
        for d in MOVED:
            for by in SWING:
                page.run(SET.format(d=d, by=by))
                pages.append(shot(page, folder))
        (HERE / "explorer.gif").write_bytes(gif(pages, FPS, last=None))
        page.size(WIDTH, TALL)
        page.run("explorer.set(explorer.vae().encode(explorer.state.frame))")
        page.run(DRAWN)
        page.screenshot(HERE / "explorer.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
