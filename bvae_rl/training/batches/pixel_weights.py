"""What each pixel counts in the likelihood: more where something stands, or where it moved.

A small object is worth little in a sum over pixels, and its colour even less: it is learned last,
or never. Weights of 1 and ``factor`` change that without touching beta; they are not normalised,
so a pixel of the background costs what it always did, and only what stands before it costs more.
Where more than half of a picture would count more, the guess has failed (a textured background, a
pair of two appearances), and all of it counts 1: no picture counts much more than another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from torch import Tensor
from torch.nn import functional

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.training.batches.background import THRESHOLD, stands_out, told_apart
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.grids import other_state
from bvae_rl.training.batches.rare_pixels import rare, shows_rare_things, still_rare

Kind = Literal["foreground", "motion", "rare"]
Weigh = Callable[[Batch, int], Batch]


@dataclass(frozen=True)
class Weighting:
    """Pixels of ``kind`` count ``factor`` times as much as others.

    foreground  what differs from the frame's background, its most usual colour (the median): for
                frames whose background has one colour and fills more than half of the picture
    motion      what differs between the two frames of a pair, where most of them is equal: a pair
                of two appearances, with two backgrounds, gets no weights
    rare        foreground, and on top of it, in the first part of a training, pixels at which
                something is seldom to be seen, up to 300 times as much (``rare_pixels.py``)
    """

    kind: Kind
    factor: float = 10.0

    def __post_init__(self) -> None:
        if self.kind not in (known := get_args(Kind)):
            raise ValueError(f"unknown weighting {self.kind!r}; known: {', '.join(known)}")
        if not self.factor >= 1:
            raise ValueError(f"the factor of a weighting must be at least 1, got {self.factor}")


def check_weighting(asked: Weighting | str | None) -> None:
    """ValueError for the name of a weighting that there is not."""
    known = ("auto", "none", *get_args(Kind))
    if isinstance(asked, str) and asked not in known:
        raise ValueError(f"unknown weighting {asked!r}; known: {', '.join(known)}")


def as_weighting(asked: Weighting | str | None, store: FrameStore) -> Weighting | None:
    """A weighting by its name: "auto" is rare where the frames of ``store`` show rare things, else
    foreground, and "none" is None. ValueError for an unknown name."""
    check_weighting(asked)
    if asked == "auto":
        asked = "rare" if shows_rare_things(store) else "foreground"
    if isinstance(asked, str):
        return None if asked == "none" else Weighting(asked)  # type: ignore[arg-type]
    return asked


def foreground(x: Tensor, factor: float) -> Tensor:
    """Weights (B, 1, H, W) of x (B, C, H, W): ``factor`` where it differs from its background."""
    return _weights(stands_out(x), factor)


def motion(x: Tensor, x2: Tensor, factor: float) -> Tensor:
    """Weights (B, 1, H, W): ``factor`` where frames of one appearance differ, a pixel dilated."""
    grown = functional.max_pool2d(moved(x, x2).float(), 3, stride=1, padding=1) > 0
    return _weights(grown, factor)


def moved(x: Tensor, x2: Tensor) -> Tensor:
    """Where two frames (B, C, H, W) differ, bool (B, 1, H, W)."""
    return ((x - x2).abs() > THRESHOLD).any(dim=1, keepdim=True)


def weigher(weighting: Weighting, store: FrameStore, steps: int) -> Weigh:
    """What gives a batch of ``store`` its weights at one of ``steps``.

    It raises ValueError for motion without pairs.
    """
    factor = weighting.factor
    seldom = rare(store) if weighting.kind == "rare" else None

    def weigh(batch: Batch, step: int) -> Batch:
        if weighting.kind != "motion":
            places = 1.0 if seldom is None else seldom ** still_rare(step / steps)
            second = None if batch.x2 is None else places * foreground(batch.x2, factor)
            return replace(batch, weight=places * foreground(batch.x, factor), weight2=second)
        x, x2 = _of_one_appearance(batch)
        weight = motion(x, x2, factor)
        if batch.x2 is not None:
            return replace(batch, weight=weight, weight2=weight)
        return replace(batch, weight=weight)

    return weigh


def _of_one_appearance(batch: Batch) -> tuple[Tensor, Tensor]:
    """Each picture and another state in its appearance."""
    if batch.x2 is not None:
        return batch.x, batch.x2
    if batch.take is None:
        raise ValueError(
            "motion is what differs between two frames, and this objective takes single ones; "
            "weigh the foreground, or train on pairs"
        )
    return batch.x, other_state(batch.x)


def _weights(counts: Tensor, factor: float) -> Tensor:
    """(B, 1, H, W) of booleans -> (B, 1, H, W): ``factor`` where they are true."""
    return 1.0 + (factor - 1.0) * counts.float() * told_apart(counts)
