"""What ``bvae-rl visualize`` drew: written, and returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bvae_rl.plots import saved
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.visualize.args import Args
from bvae_rl.scripts.visualize.figures import Shown, films

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Result:
    """The pictures that were written."""

    pictures: list[Path]


def write(args: Args, run: Run, drawn: Mapping[str, Figure], shown: Shown) -> list[Path]:
    """All figures in the format asked for, and the films."""
    pictures = [
        run.write_file(f"{name}.{args.format}", saved(figure, args.format))
        for name, figure in drawn.items()
    ]
    if args.film:
        pictures += [run.write_file(name, data) for name, data in films(shown).items()]
    return pictures
