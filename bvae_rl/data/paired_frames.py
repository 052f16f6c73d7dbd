"""Pairs of frames and what is known about them: which factors differ, or which actuator acted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bvae_rl.data.factors import FactorSpec, role_mask
from bvae_rl.data.frame_store import Frames


@dataclass(frozen=True)
class PairedFrames:
    """N pairs: ``frames`` uint8 (N, 2, H, W, C), and what is known about them.

    ``factors`` (N, 2, K) where they are known, of K ``specs``. ``actions`` (N, A), of pairs made by
    acting: the action between the two frames, zero but for one actuator.
    """

    frames: np.ndarray
    factors: np.ndarray | None = None
    specs: tuple[FactorSpec, ...] = ()
    actions: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.factors is not None and self.factors.shape != (len(self), 2, len(self.specs)):
            raise ValueError(
                f"{len(self)} pairs with {len(self.specs)} specs need factors of shape "
                f"{(len(self), 2, len(self.specs))}, got {self.factors.shape}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def changed(self) -> np.ndarray | None:
        """Boolean (N, K): which factors differ; None where they are not known."""
        return None if self.factors is None else self.factors[:, 0] != self.factors[:, 1]

    @property
    def actuator(self) -> np.ndarray | None:
        """(N,): which component of the action was not zero; None of pairs made by setting."""
        return None if self.actions is None else np.abs(self.actions).argmax(axis=1)

    def rows(self, *, episode: int = 0, state: int = 0) -> Frames:
        """The pairs as 2N rows of a frame store, numbered from ``episode`` and ``state`` on.

        Rows 2i and 2i + 1 are a pair. They share a state number if no state factor differs, and an
        episode if no appearance factor does, as ``batches.Rows`` takes it; pairs whose factors are not
        known were made by acting, which changes no appearance. The second row's action is zero.
        """
        n, changed = len(self), self.changed
        if changed is None:
            changed = np.ones((n, 1), dtype=bool)
        appearance = role_mask(self.specs, "appearance") if self.specs else np.zeros(1, dtype=bool)
        actions = self.actions
        if actions is not None:
            actions = np.stack([actions, np.zeros_like(actions)], axis=1).reshape(2 * n, -1)
        return Frames(
            self.frames.reshape(2 * n, *self.frames.shape[2:]),
            episode + _numbers(changed[:, appearance]),
            state + _numbers(changed[:, ~appearance]),
            None if self.factors is None else self.factors.reshape(2 * n, -1),
            actions,
        )


def check_pairs(n: int) -> None:
    """Raise a ValueError unless ``n`` is a number of pairs that can be drawn."""
    if n < 1:
        raise ValueError(f"n must be at least 1 pair, got {n}")


def _numbers(differs: np.ndarray) -> np.ndarray:
    """(2N,): a number that rises from pair to pair, and within pairs with any of (N, F) true."""
    rises = np.stack([np.ones(len(differs), dtype=bool), differs.any(axis=1)], axis=1)
    return np.cumsum(rises.ravel()) - 1
