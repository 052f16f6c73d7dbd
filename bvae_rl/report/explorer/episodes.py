"""Episodes in the payload: frames, codes, factors, actions, rewards and values, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.report.explorer.factor_names import factor_entries
from bvae_rl.report.explorer.payload import packed

MOST = 1_300_000  # characters of all pictures together
LEAST = 20  # steps that are kept whatever their size


@dataclass(frozen=True, eq=False)
class Episode:
    """T frames uint8 (T, H, W, C) in a visual ``domain``, and what belongs to each.

    ``codes`` and ``in_first`` hold (T, D) for each VAE; ``in_first`` those of the same states in
    the first domain, or None. ``factors`` (T, K); ``actions`` (T, A); ``rewards`` (T,) that
    followed; ``values`` (T,) that the agent expected. ``over``: the episode ended after the last.
    """

    domain: str
    frames: np.ndarray
    codes: Sequence[np.ndarray]
    in_first: Sequence[np.ndarray] | None = None
    factors: np.ndarray | None = None
    actions: np.ndarray | None = None
    rewards: np.ndarray | None = None
    values: np.ndarray | None = None
    over: bool = False
    success: bool | None = None

    def until(self, steps: int) -> Episode:
        """Its first ``steps``."""
        if steps >= len(self.frames):
            return self
        named = ("frames", "factors", "actions", "rewards", "values")
        cut: dict[str, Any] = {
            name: None if (value := getattr(self, name)) is None else value[:steps]
            for name in named
        }
        first = None if self.in_first is None else [one[:steps] for one in self.in_first]
        codes = [one[:steps] for one in self.codes]
        return replace(self, **cut, codes=codes, in_first=first, over=False, success=None)


def episodes_entry(
    episodes: Sequence[Episode], *, who: str, specs: Sequence[FactorSpec] = ()
) -> dict[str, Any]:
    """``payload["episodes"]``; ``who`` acts in them, the factors are those of ``specs``.

    Where the pictures would make the page too large, all episodes are cut to their first steps,
    which ``cut`` then says.
    """
    steps, cut = max(len(one.frames) for one in episodes), None
    pictures = [film(one.frames) for one in episodes]
    while sum(len(one["data"]) for one in pictures) > MOST and steps > LEAST:
        steps = cut = max(LEAST, round(0.8 * steps))
        episodes = [one.until(steps) for one in episodes]
        pictures = [film(one.frames) for one in episodes]
    return {
        "who": who,
        "cut": cut,
        "factors": factor_entries(specs),
        "domains": [_entry(one, shown) for one, shown in zip(episodes, pictures, strict=True)],
    }


def film(frames: np.ndarray) -> dict[str, Any]:
    """Frames (T, H, W, C) as a packed array; with ``"differences": true`` each but the first minus
    the one before, modulo 256, where that is smaller.
    """
    plain = packed(frames, "u1")
    steps = np.diff(frames, axis=0, prepend=np.zeros_like(frames[:1]))
    moved = packed(steps.astype(np.uint8), "u1")
    return plain if len(plain["data"]) <= len(moved["data"]) else {**moved, "differences": True}


def _entry(one: Episode, pictures: dict[str, Any]) -> dict[str, Any]:
    def maybe(values: np.ndarray | None) -> dict[str, Any] | None:
        return None if values is None else packed(values, "f4")

    return {
        "domain": one.domain,
        "pictures": pictures,
        "codes": [packed(codes, "f4") for codes in one.codes],
        "in_first": None if one.in_first is None else [packed(c, "f4") for c in one.in_first],
        "factors": maybe(one.factors),
        "actions": maybe(one.actions),
        "rewards": maybe(one.rewards),
        "values": maybe(one.values),
        "over": one.over,
        "success": one.success,
    }
