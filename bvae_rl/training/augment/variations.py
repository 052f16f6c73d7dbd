"""The variations that an encoder can be made to ignore, by name: a new one is a file and a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from bvae_rl.models.vae_config import ChannelOrder
from bvae_rl.training.augment.background import background
from bvae_rl.training.augment.camera import camera
from bvae_rl.training.augment.colour import FREQUENCY, PART, check_maps, colour
from bvae_rl.training.augment.distractors import distractors
from bvae_rl.training.augment.draws import RGB
from bvae_rl.training.augment.light import light
from bvae_rl.training.augment.noise import noise
from bvae_rl.training.augment.texture import texture

MOST_STRENGTH = 2.0


class Vary(Protocol):
    """x (B, C, H, W) in [0, 1] -> the same in float32, one independent draw a picture.

    ``generator`` is on the CPU, so that every device draws the same. ``strength`` 0 is the picture
    itself, 1 what the defaults were chosen for, and 2 the most.
    """

    def __call__(
        self, x: Tensor, generator: torch.Generator, /, *, strength: float = ...
    ) -> Tensor: ...


@dataclass(frozen=True)
class Variation:
    """One kind of change. ``share`` of the pictures get it where there are several kinds."""

    name: str
    text: str
    """what changes, in a few words"""
    vary: Vary
    share: float = 0.5
    channels: int | None = None
    """how many channels it needs, or a multiple: a stack of such pictures; None: any"""
    words: tuple[str, ...] = ()
    """a factor with one of them in its name, in the singular, is changed by it"""
    version: int = 1
    """raised where it draws otherwise: what was hardened by another one is another training"""

    def suits(self, channels: int) -> bool:
        """Whether pictures of so many channels can be varied."""
        return self.channels is None or channels % self.channels == 0


# In the order in which they are applied: what stands in the picture, its colours and surfaces, the
# light on it, the camera's place, and last the camera's faults.
VARIATIONS: Mapping[str, Variation] = {
    row.name: row
    for row in (
        Variation(
            "distractors", "discs and boxes of any colour before it", distractors,
            words=("distractor",),
        ),
        Variation(
            "background", "another frame of the batch shines through", background, share=0.3,
            words=("background",),
        ),
        Variation(
            "colour", "smooth random maps of the colours", colour, share=0.8, channels=RGB,
            words=("colour", "color", "hue", "saturation", "brightness", "shade"),
        ),
        Variation(
            "texture", "random filters, reliefs and patterns of surfaces", texture, share=0.3,
            words=("texture", "pattern", "material"), version=2,
        ),
        Variation(
            "light", "gain, gamma and a gradient of the light", light,
            words=("light", "brightness"),
        ),
        Variation(
            "camera", "turned, zoomed and shifted a little", camera, words=("camera", "zoom"),
        ),
        Variation("noise", "blur and the sensor's noise", noise, words=("noise", "blur")),
    )
}  # fmt: skip


def versions(names: Sequence[str]) -> dict[str, int]:
    """Of those rows called ``names`` that did not always draw as they do now."""
    return {row.name: row.version for row in named(names) if row.version > 1}


def named(
    names: Sequence[str], *, frequency: float = FREQUENCY, part: float = PART
) -> list[Variation]:
    """The rows called ``names``, each once, in the order in which they are applied.

    ``frequency`` is that of the colour maps (``augment.colour``), in rad, above 0, and ``part`` the
    share of them that leaves some colours as they are, from 0 to 1.

    Raises TypeError for a single string, and ValueError for no names, unknown ones, and another
    frequency or part without colour.
    """
    known = ", ".join(VARIATIONS)
    if isinstance(names, str):
        raise TypeError(f"variations are a sequence of names, got {names!r}; write ({names!r},)")
    if not names:
        raise ValueError(f"no variation is named; take some of: {known}")
    if unknown := [repr(name) for name in names if name not in VARIATIONS]:
        kinds = "variation" if len(unknown) == 1 else "variations"
        near = get_close_matches(unknown[0].strip("'"), VARIATIONS, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"unknown {kinds} {', '.join(unknown)}; known: {known}{meant}")
    rows = [row for name, row in VARIATIONS.items() if name in names]
    return rows if (frequency, part) == (FREQUENCY, PART) else _bent(rows, frequency, part)


def _bent(rows: Sequence[Variation], frequency: float, part: float) -> list[Variation]:
    """``rows`` with colour maps of another ``frequency`` or ``part``."""
    check_maps(frequency=frequency, part=part)
    maps = VARIATIONS["colour"]
    if maps not in rows:
        name, value = ("part", part) if frequency == FREQUENCY else ("frequency", frequency)
        raise ValueError(
            f"{name} {value:g} is that of the colour maps, and colour is not among "
            f"{', '.join(row.name for row in rows)}; add it, or leave the {name} out"
        )
    bent = replace(maps, vary=partial(colour, frequency=frequency, part=part))
    return [bent if row is maps else row for row in rows]


def refuse_unfit(
    rows: Sequence[Variation], shape: Sequence[int], *, channel_order: ChannelOrder = "RGB"
) -> None:
    """ValueError if one of ``rows`` cannot vary pictures of ``shape`` (C, H, W).

    ``channel_order``: what a VAE's config says of the channels. Of "other" ones nobody knows which
    make up a colour: three may be three grey frames, and a map of colours would mix their times.
    """
    channels = 0 if channel_order == "other" else shape[0]
    others = [row.name for row in VARIATIONS.values() if row.channels is None]
    for row in rows:
        if row.channels is None or (channels and row.suits(channels)):
            continue
        seen = f"{shape[0]} of unknown order ('other')" if not channels else f"{shape[0]}"
        raise ValueError(
            f"the variation {row.name!r} needs pictures of {row.channels} channels, or stacks of "
            f"them, and these have {seen}, shape {tuple(shape)}; leave it out and take some of: "
            f"{', '.join(others)}"
        )


def vary(
    x: Tensor, rows: Sequence[Variation], generator: torch.Generator, *, strength: float = 1.0
) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture changed anew by ``rows``, in [0, 1] and float32.

    A single row changes every picture. Of several, each changes its ``share`` of them, drawn
    independently, so that all mixtures occur, each kind without any other, too, and no change at
    all: of colour, distractors and camera .05 of the pictures get none, .3 one, .45 two and .2 all.
    Kinds that hide most of a picture have the smaller shares: of all seven rows a picture gets 3.4
    on average. Most draws within a kind go down to no change, too.

    Args:
        x: pictures, which are not written into.
        rows: from ``named``, which has put them in order.
        generator: on the CPU, so that every device draws the same.
        strength: of every change, from 0, the pictures themselves, to 2.

    Raises ValueError for a strength outside of that.
    """
    check_strength(strength)
    x = x.float()
    if strength == 0.0:
        return x
    for row in rows:
        share = row.share if len(rows) > 1 else 1.0
        chosen = torch.rand(len(x), generator=generator) < share
        picked = chosen.nonzero()[:, 0].to(x.device)
        if len(picked):
            varied = row.vary(x[picked], generator, strength=strength)
            x = x.index_copy(0, picked, varied)
    return x


def check_strength(strength: float) -> None:
    """ValueError unless it is from 0 to 2."""
    if not (math.isfinite(strength) and 0.0 <= strength <= MOST_STRENGTH):
        raise ValueError(f"strength must be from 0 to {MOST_STRENGTH:g}, got {strength:g}")
