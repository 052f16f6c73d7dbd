"""Which encoder, latents and scaling made a code: one short name, carried by the observation space.

Codes of another encoder have the same shape and mean something else, so an agent on them acts
badly and says nothing. SB3 compares observation spaces where it loads an agent and where it is
given another environment, keeps them in ``model.zip`` and replay buffers, and wrappers hand them
on: so the name lives there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from bvae_rl.models.digest import encoder_digest, named
from bvae_rl.models.scaling import Encoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.content import as_array, content, decides, networks
from bvae_rl.sb3.policy_encoder import PolicyEncoder


class Codes(gym.spaces.Box):
    """Box(-inf, inf, (``width``,), float32) of codes.

    ``codes``: what made them, as ``CodeMaker`` names it.
    ``made_by``: the line that makes them, for messages.

    Equal to another ``Codes`` only if the same made both; equal to every plain Box like it, since
    agents that were saved by earlier versions have one.
    """

    def __init__(self, width: int, *, codes: str, made_by: str) -> None:
        super().__init__(-np.inf, np.inf, (width,), np.float32)
        self.codes, self.made_by = codes, made_by

    def __eq__(self, other: object, /) -> bool:
        return super().__eq__(other) and (not isinstance(other, Codes) or self.codes == other.codes)

    __hash__ = None  # type: ignore[assignment]  # as of a Box

    def __repr__(self) -> str:
        return f"Codes({self.shape}, {self.codes}; an agent on them needs {self.made_by})"


class CodeMaker:
    """An encoder, the columns that are chosen of its codes, and how they are scaled.

    ``codes`` names them: fingerprint of the weights, columns, and a checksum of mean and scale
    where they are standardised, as "3f2a81c0b1d29e04[0:24]/9ab3c1d2". It stays until ``renew``.
    """

    def __init__(
        self, encoder: Encoder, columns: slice, scaling: Sequence[np.ndarray] | None
    ) -> None:
        self._encoder, self._columns, self._scaling = encoder, columns, scaling
        self.renew()

    def renew(self) -> None:
        """Name the codes as they are now."""
        encoder = self._encoder.encoder if isinstance(self._encoder, BetaVAE) else self._encoder
        modules = [part for network in networks(encoder) for part in network.modules()]
        # kept, since to walk through the modules takes ten times as long as to look here
        self._tensors = [held for m in modules for held in (m._parameters, m._buffers) if held]
        self._versions = self._version()
        held = [t for one in self._tensors for t in one.values() if t is not None]
        ends = [t for t in (*held[:1], *held[-1:]) if not t.is_inference()]
        self._ends = [(tensor, tensor._version) for tensor in ends]
        self.codes = self._name()

    @property
    def touched(self) -> bool:
        """Whether the first or the last weight was written: what trains an encoder writes both."""
        return any(tensor._version != version for tensor, version in self._ends)

    @property
    def moved(self) -> bool:
        """Whether the encoder's weights are others than when the codes were named. It is cheap."""
        versions = self._version()
        if versions == self._versions:
            return False
        if self._name() != self.codes:
            return True
        self._versions = versions  # the same weights were written again
        return False

    def _name(self) -> str:
        encoder, columns, scaling = self._encoder, self._columns, self._scaling
        if isinstance(encoder, PolicyEncoder):  # whose codes are chosen and scaled already
            columns, scaling = encoder.seen(columns)
        scaled = "" if scaling is None else f"/{_digest(part.tobytes() for part in scaling)[:8]}"
        return f"{_name_of(encoder)}[{columns.start}:{columns.stop}]{scaled}"

    def _version(self) -> int:
        """A number that changes whenever a weight is written or replaced; torch counts."""
        return sum(
            id(tensor) + (0 if tensor.is_inference() else tensor._version)
            for held in self._tensors
            for tensor in held.values()
            if tensor is not None
        )


def _name_of(encoder: Any) -> str:
    """16 hexadecimal digits that differ between encoders with different weights.

    An encoder of one's own may have a method ``fingerprint() -> str`` that tells it from others;
    else its class, its arrays and tensors, and what else holds some or is a function do.
    """
    if isinstance(encoder, PolicyEncoder):
        return named(encoder.weights())
    if isinstance(encoder, BetaVAE):
        return encoder_digest(encoder)
    own: Callable[[], str] | None = getattr(encoder, "fingerprint", None)
    if callable(own):
        return _digest([own().encode()])
    parts = (
        encoder.state_dict() if isinstance(encoder, nn.Module) else getattr(encoder, "__dict__", {})
    )
    arrays = {k: as_array(v) for k, v in parts.items() if isinstance(v, np.ndarray | torch.Tensor)}
    texts = (f"{k}{v.dtype}{v.shape}".encode() + v.tobytes() for k, v in sorted(arrays.items()))
    others = (
        part
        for name, value in sorted(parts.items())
        if name not in arrays and decides(value)
        for part in (name.encode(), *content(value))
    )
    return _digest(chain([type(encoder).__qualname__.encode()], texts, others))


def code_spaces(space: gym.Space[Any]) -> dict[Any, Codes]:
    """The spaces of codes in an observation space by their keys; None where it is one itself."""
    parts = space.spaces if isinstance(space, gym.spaces.Dict) else {None: space}
    return {key: part for key, part in parts.items() if isinstance(part, Codes)}


def rename(space: gym.Space[Any], codes: Mapping[Any, str], made_by: str) -> None:
    """Give the codes in ``space`` other names; whoever holds the same object sees it."""
    for key, part in code_spaces(space).items():
        part.codes, part.made_by = codes[key], made_by


def refuse_other_codes(
    agent: gym.Space[Any], shown: gym.Space[Any], *, what: str = "the environment shows"
) -> None:
    """ValueError, with the line to write, if an agent on ``agent`` would be given other codes.

    ``agent``: the observation space that it was trained on.
    ``shown``: the one that ``what`` names.
    """
    there = code_spaces(shown)
    for key, mine in code_spaces(agent).items():
        if key in there and there[key].codes != mine.codes:
            raise ValueError(
                f"the agent was trained on the codes {mine.codes} and {what} {there[key].codes}, "
                "which another encoder, choice of latents or scaling made; give it "
                f"{mine.made_by}"
            )


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
