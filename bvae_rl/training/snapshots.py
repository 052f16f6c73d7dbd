"""Snapshots of a training: VAEs as they were on the way, to be looked at.

A callback of ``train_vae`` writes ``OUT/snapshots/step-000200`` and so on, closer together in the
beginning, where most happens. ``bvae-rl explore`` shows them. Nothing goes on from them, and no
agent learns on them: they have no statistics of their latents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.training.recipes.last_phase import TEACHER
from bvae_rl.training.selection import SELECTION

FOLDER = "snapshots"


def marks(steps: int, count: int, *, every: int) -> list[int]:
    """``count`` of the steps ``every``, 2 ``every``, ... and ``steps``, all where there are fewer.

    From the first to the last, each by about the same factor later. ValueError for fewer than two.
    """
    if count < 2:
        raise ValueError(f"a history needs 2 snapshots or more, got {count} (--snapshots)")
    possible = [*range(every, steps, every), steps]
    count = min(count, len(possible))
    wanted = np.geomspace(possible[0], steps, count).round()
    found: list[int] = []
    for n, place in enumerate(np.searchsorted(possible, wanted)):
        earliest = found[-1] + 1 if found else 0
        found.append(min(max(int(place), earliest), len(possible) - count + n))
    return [possible[place] for place in found]


def keep_snapshots(
    out: str | Path, steps: int, count: int, *, log_freq: int
) -> Callable[[int, BetaVAE, dict[str, float]], None]:
    """A callback that keeps ``count`` VAEs of a training of ``steps`` in ``out``.

    It is called every ``log_freq`` steps and after the last, and there are no others to keep.
    """
    kept = marks(steps, count, every=log_freq)

    def keep(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        if step not in kept:
            return
        own = vae.meta, vae.folder
        vae.meta = {
            "training": {"step": step, "steps": steps},
            "scores": {"validation": dict(metrics)},
        }
        vae.save(Path(out) / FOLDER / f"step-{step:06d}")
        vae.meta, vae.folder = own

    return keep


def snapshots(folder: str | Path) -> list[Path]:
    """The folders of the snapshots in a VAE's ``folder``, by step.

    Where it has none of its own: of its teacher, or of the seed that was kept of several.
    """
    for place in _places(Path(folder)):
        found = [path.parent for path in (place / FOLDER).glob("step-*/config.json")]
        if found:
            return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))
    return []


def _places(folder: Path) -> Iterator[Path]:
    yield from (folder, folder / TEACHER)
    if (folder / SELECTION).exists():
        seed = folder / Run(folder).read_json(SELECTION)["best"]
        yield from (seed, seed / TEACHER)
