"""Read a recorded dataset of episodes (Minari) into a frame store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.minari_reader import open_minari, read_minari, recorded_factors
from bvae_rl.scripts.collect import Result, pretrain_command
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.progress import Progress


@dataclass(frozen=True)
class Args:
    """What to read."""

    dataset: tyro.conf.Positional[str]
    """id of a local Minari dataset, or its folder"""
    out: Path = Path("runs/frames")
    """folder of the frame store; a killed import goes on there"""
    frames: int | None = None
    """stop after the episode that reaches so many frames; by default all are read"""
    key: str | None = None
    """Dict observations: the key of the picture, where there are several"""
    size: tuple[int, int] | None = None
    """height and width to resize to; needed unless both are 32 to 128 and divisible by 16"""
    channels: int | None = None
    """channels of one picture, where observations hold a stack; the newest is kept"""
    factors: bool = True
    """keep the factors in the recorded infos, where there are any"""
    seed: int | None = None
    """shuffles the episodes; by default they come as recorded"""


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> Result:
    """Read, verify, say what comes next; ``on_progress`` replaces bar and words."""
    store = FrameStore(args.out)
    data = open_minari(args.dataset)
    wanted = max(1, min(args.frames or data.total_steps, data.total_steps))
    progress = Progress({"frames": wanted / 3000})

    def show(added: int) -> None:
        fraction = min(1.0, len(store) / wanted)
        if on_progress:
            on_progress(fraction)
        else:
            progress.update("frames", fraction)

    read_minari(
        data,
        store,
        args.frames,
        key=args.key,
        size=args.size,
        channels=args.channels,
        factors=recorded_factors if args.factors else None,
        seed=args.seed,
        progress=show,
    )
    progress.close()
    store.verify()
    if on_progress:
        return Result(store)
    channels, height, width = store.shape
    specs = store.factor_specs
    known = "; factors " + ", ".join(spec.name for spec in specs) if specs else ""
    if not specs and "factors" in store.read(slice(0, 1)).arrays():
        known = "; factors without names (nothing says what they mean)"
    say(f"{len(store)} frames of {height}x{width}x{channels} from {data.id}{known}")
    if args.frames and len(store) < args.frames:
        say(f"the dataset holds no more; {args.frames} were asked for")
    wrote(args.out, pretrain_command(args.out))
    return Result(store)
