"""What a Beta-VAE is built from: sizes, latent groups, likelihood. Plain values, stored as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.data.pictures.resize import MAX_SIDE, MIN_SIDE, fits
from bvae_rl.models.earlier import model_in_todays_words, refuse_removed
from bvae_rl.models.losses import Likelihood
from bvae_rl.models.networks import DecoderName, EncoderName
from bvae_rl.runtime.identity import KIND
from bvae_rl.runtime.whole import is_whole

ChannelOrder = Literal["RGB", "BGR", "other"]
ALL, AUTO = "all", "auto"  # choices of latents that are no groups


@dataclass(frozen=True)
class VAEConfig:
    """What a BetaVAE is built from.

    ``shape``: (C, H, W) of a frame; H and W from 16 to 512.
    ``native``: (C, H, W) of the pictures that frames are made of by resizing or leaving out colour
    (``data.pictures.resize``); None: they are frames already. An environment may show either.
    ``top``: of depth, the bound of the space, which is 1 in x; None of all other pictures.
    ``latent_dim``: number of latents D, at least 1.
    ``groups``: ranges of latents by name, as ``{"content": (0, 24), "style": (24, 32)}``; together
    all latents, without overlap; empty: the latents are in no groups.
    ``parts``: ranges within a group, as ``{"actuator0": (0, 1)}`` for what one actuator drives.
    ``channels``, ``hidden``: widths of the three convolutions and of the linear layers, each > 0.
    ``encoder``, ``decoder``: which networks (``networks.py``).
    ``levels``: values that each quantised latent can take, at least 2 (``codebook.py``); 0 for
    continuous latents.
    ``likelihood``: of a pixel in [0, 1], "gaussian" or "bernoulli".
    ``recon_weight``: weight of minus the log-likelihood, > 0; of a Gaussian 1 / (2 sigma^2)
    (``losses.py``).
    ``channel_order``: what the channels are; "other" fits every environment.

    Raises ValueError for values out of these ranges.
    """

    shape: tuple[int, int, int] = (3, 64, 64)
    latent_dim: int = 32
    groups: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    channels: tuple[int, int, int] = (32, 64, 64)
    hidden: int = 256
    encoder: EncoderName = "space_to_depth"
    decoder: DecoderName = "pixel_shuffle"
    levels: int = 0
    likelihood: Likelihood = "gaussian"
    recon_weight: float = 20.0
    channel_order: ChannelOrder = "RGB"
    native: tuple[int, int, int] | None = None
    top: float | None = None

    def __post_init__(self) -> None:
        # JSON knows no tuples: a config read from a file is made equal to the one that was written
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "groups", {k: tuple(v) for k, v in self.groups.items()})
        object.__setattr__(self, "parts", {k: tuple(v) for k, v in self.parts.items()})
        if self.native is not None:
            same = tuple(self.native) == self.shape
            object.__setattr__(self, "native", None if same else tuple(self.native))
        if len(self.shape) != 3 or not fits(self.shape[1:]):
            raise ValueError(
                f"shape must be (C, H, W) with H and W from {MIN_SIDE} to {MAX_SIDE}, got "
                f"{self.shape}; resize the frames"
            )
        if self.shape[0] < 1:
            raise ValueError(f"a frame needs at least one channel, got shape {self.shape}")
        if not _counts(self.latent_dim):
            raise ValueError(f"latent_dim must be a whole number from 1 on, got {self.latent_dim}")
        widths = [*self.channels] if isinstance(self.channels, Iterable) else []
        if len(widths) != 3 or not all(map(_counts, (*widths, self.hidden))):
            raise ValueError(
                "channels must be three positive widths and hidden one, all whole numbers, got "
                f"{self.channels} and {self.hidden}"
            )
        object.__setattr__(self, "channels", tuple(map(int, widths)))
        object.__setattr__(self, "hidden", int(self.hidden))
        object.__setattr__(self, "latent_dim", int(self.latent_dim))
        for name, value, choices in (
            ("encoder", refuse_removed(self.encoder), get_args(EncoderName)),
            ("decoder", self.decoder, get_args(DecoderName)),
            ("likelihood", self.likelihood, get_args(Likelihood)),
            ("channel_order", self.channel_order, get_args(ChannelOrder)),
        ):
            if value not in choices:
                raise ValueError(f"unknown {name} {value!r}; known: {', '.join(choices)}")
        if not self.recon_weight > 0:
            raise ValueError(f"recon_weight must be positive, got {self.recon_weight}")
        for name in {ALL, AUTO} & {*self.groups, *self.parts}:
            raise ValueError(f"{name!r} is no name for latents of its own; choose another")
        edges = sorted(self.groups.values())
        if edges and (
            edges[0][0] != 0
            or edges[-1][1] != self.latent_dim
            or any(start >= stop for start, stop in edges)
            or any(a[1] != b[0] for a, b in pairwise(edges))
        ):
            raise ValueError(
                f"the groups {dict(self.groups)} do not add up to {self.latent_dim} latents, "
                "without gap or overlap"
            )
        for name, (start, stop) in self.parts.items():
            if name in self.groups or not any(
                low <= start < stop <= high for low, high in self.groups.values()
            ):
                raise ValueError(
                    f"part {name!r} = {(start, stop)} must lie within one of the groups "
                    f"{dict(self.groups)} and have a name of its own"
                )
        if self.levels == 1 or self.levels < 0:
            raise ValueError(f"levels must be 0 (continuous) or at least 2, got {self.levels}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; ``native`` and ``top`` only where there is one."""
        newer = ("native", "top")
        return {k: v for k, v in asdict(self).items() if k not in newer or v is not None}

    def identity(self) -> dict[str, Any]:
        """What a training is made of: ``to_dict``, named as a dataclass is."""
        return {KIND: type(self).__name__, **self.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> VAEConfig:
        """The inverse of ``to_dict``, also of configs written before 0.1.

        Raises ValueError for unknown entries and values that cannot be.
        """
        values = model_in_todays_words(values)
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"unknown entries in a VAE's config: {', '.join(sorted(unknown))}")
        return cls(**values)

    def choice(self, latents: str) -> str:
        """``latents`` by name: "auto" is "content" where there is such a group, else "all".

        Raises ValueError for a group that this VAE does not have.
        """
        if latents == AUTO:
            return "content" if "content" in self.groups else ALL
        self.slice_of(latents)
        return latents

    def slice_of(self, group: str) -> slice:
        """Which latents ``group`` holds: "all", a named group, or a part of one."""
        named = {ALL: (0, self.latent_dim), **self.groups, **self.parts}
        if group not in named:
            known = ", ".join(named)
            raise ValueError(f"this VAE has no latent group {group!r}; known: {known}")
        return slice(*named[group])

    @property
    def sizes(self) -> dict[str, Any]:
        """What both networks are made from."""
        return {"latent_dim": self.latent_dim, "channels": self.channels, "hidden": self.hidden}

    @property
    def pixels(self) -> int:
        """Values in a frame, C * H * W."""
        return int(np.prod(self.shape))


def _counts(number: Any) -> bool:
    return is_whole(number) and number >= 1


def actuator_part(actuator: int) -> str:
    """The name of the part that holds what actuator number ``actuator`` drives."""
    return f"actuator{actuator}"
