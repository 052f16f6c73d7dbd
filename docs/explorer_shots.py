"""The stills of the explorer in these documents: a light and a dark page, and a phone.

    bvae-rl train reach_crossed --total-timesteps 2048 --out runs/agent
    bvae-rl explore reach_crossed --domain pretrain --agent runs/agent --out runs/explorer.html
    PYTHONPATH=. python docs/explorer_shots.py runs/explorer.html

Needs Chromium. Each is a PNG of 256 colours, 150 kB at most.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.chromium_cases import DRAWN, browser

HERE = Path(__file__).parent
MOST = 150_000  # bytes
SHOTS = {  # scheme, width, height, section, what is done in it
    "light": ("light", 1180, 760, "matrix", ""),
    "dark": ("dark", 960, 870, "episodes", "const s = document.getElementById('episode-step');"
             " s.value = 20; s.dispatchEvent(new Event('input'));"
             " document.querySelectorAll('#episodes .buttons button')[2].click();"),
    "phone": ("light", 390, 844, "latents", ""),
}  # fmt: skip


def main(source: Path) -> None:
    """Write ``explorer-light.png``, ``explorer-dark.png`` and ``explorer-phone.png``."""
    with tempfile.TemporaryDirectory() as name, browser(Path(name) / "profile") as page:
        page.send("Emulation.setScrollbarsHidden", hidden=True)
        for shot, (scheme, width, height, section, act) in SHOTS.items():
            page.scheme(scheme)
            page.size(width, height, phone=shot == "phone")
            page.open(source)
            page.run(f"document.getElementById({section!r}).scrollIntoView(); {act} 0")
            page.run(DRAWN)
            page.run(DRAWN)
            page.screenshot(Path(name) / "shot.png")
            path = HERE / f"explorer-{shot}.png"
            with Image.open(Path(name) / "shot.png") as full:
                few = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
                few.save(path, optimize=True)
            assert path.stat().st_size <= MOST, f"{path} has {path.stat().st_size:,} bytes"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
