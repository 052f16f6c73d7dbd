"""Read images, arrays, a LeRobot or a Minari dataset into a frame store, with factors if known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers.factor_table import Marks
from bvae_rl.data.readers.importing import plan_import
from bvae_rl.scripts.collect import Result, pretrain_command
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.progress import Progress


@dataclass(frozen=True)
class FactorArgs:
    """What the columns of a table of factors mean, where their values do not say it."""

    cyclic: tuple[str, ...] = ()
    """factors on a circle: NAME, or NAME=LOW:HIGH where it is not one of 0 to 2 pi, -pi to pi, 0 to
    360, -180 to 180, 0 to 1"""
    appearance: tuple[str, ...] = ()
    """factors that only say how the scene looks; the others are its state"""
    categorical: tuple[str, ...] = ()
    """factors whose numbers are names, not amounts"""
    continuous: tuple[str, ...] = ()
    """factors that are amounts, though they have few values"""


@dataclass(frozen=True)
class Args:
    """What to read."""

    source: tyro.conf.Positional[str]
    """a folder of images (subfolders are episodes), an .npz or .npy file, the folder of a LeRobot
    dataset, or the folder or local id of a Minari dataset"""
    out: Path = Path("runs/frames")
    """folder of the frame store; a killed import goes on there"""
    frames: int | None = None
    """stop after the episode that reaches so many frames; by default all are read"""
    key: str | None = None
    """the array, the camera, or the key of Dict observations that holds the pictures"""
    size: tuple[int, int] | None = None
    """height and width to resize to, where the pictures have others than frames may have"""
    grey: bool = False
    """keep the brightness alone"""
    channels: int | None = None
    """channels of one picture, where the source holds a stack (the newest is kept) or RGBA (4)"""
    factors: str = "recorded"
    """recorded: those in the source, if there are any; none; or a CSV file with a row a frame, in
    the same order or with a column that names the image files"""
    seed: int | None = None
    """shuffles the episodes; by default they come as recorded"""
    table: FactorArgs = FactorArgs()


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> Result:
    """Read, verify, say what comes next; ``on_progress`` replaces bar and words."""
    table = args.table
    marks = Marks(table.cyclic, table.appearance, table.categorical, table.continuous)
    plan = plan_import(
        args.source, args.out, factors=args.factors, marks=marks, key=args.key, size=args.size,
        grey=args.grey, channels=args.channels, frames=args.frames, seed=args.seed,
    )  # fmt: skip
    progress = Progress({"frames": plan.count / 3000})

    def show(added: int) -> None:
        fraction = min(1.0, len(plan.store) / plan.count)
        if on_progress:
            on_progress(fraction)
        else:
            progress.update("frames", fraction)

    store = plan.run(show)
    progress.close()
    if on_progress:
        return Result(store)
    channels, height, width = store.shape
    say(f"{len(store)} frames of {height}x{width}x{channels} from {plan.name}{known(store)}")
    for sentence in plan.table.sentences() if plan.table else ():
        say(f"- {sentence}")
    if args.frames and len(store) < args.frames:
        say(f"the dataset holds no more; {args.frames} were asked for")
    wrote(args.out, pretrain_command(args.out))
    return Result(store)


def known(store: FrameStore) -> str:
    """Which factors a store has, at the end of a sentence."""
    if specs := store.factor_specs:
        return "; factors " + ", ".join(spec.name for spec in specs)
    if "factors" in store.read(slice(0, 1)).arrays():
        return "; factors without names (nothing says what they mean)"
    return ""
