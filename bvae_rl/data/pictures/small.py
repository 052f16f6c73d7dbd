"""Frames made small, and their principal components: enough to compare pictures with each other.

Not a model of the frames (that is ``models.pca``): a quick look at them, for a figure of coverage
and for an agent that learns while frames are collected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 32  # pixels of a small picture at most
LEAST = 1e-6  # of the first component's variance: below it a component is noise


def small(frames: np.ndarray, side: int = SIDE) -> np.ndarray:
    """uint8 frames (N, H, W, C) as uint8 (N, h, w, C), h and w at most ``side``: means of areas."""
    for axis in (1, 2):
        length = frames.shape[axis]
        step = -(-length // side)
        if step > 1:
            starts = np.arange(0, length, step)
            counts = np.diff([*starts, length]).astype(np.float32)
            shape = [1] * frames.ndim
            shape[axis] = len(starts)
            sums = np.add.reduceat(frames, starts, axis=axis, dtype=np.float32)
            frames = np.rint(sums / counts.reshape(shape)).astype(np.uint8)
    return frames


@dataclass(frozen=True)
class Components:
    """Whitened principal components of small frames: ``directions`` (D, P), ``mean`` (P,).

    ``variances`` (V,) are those of all components of the frames they were fitted on, falling.
    """

    directions: np.ndarray
    mean: np.ndarray
    variances: np.ndarray

    @classmethod
    def fit(cls, frames: np.ndarray, most: int) -> Components:
        """Up to ``most`` components of uint8 frames (N, H, W, C): those that vary, at least one."""
        x = small(frames).reshape(len(frames), -1).astype(np.float64) / 255
        mean = x.mean(axis=0)
        x -= mean
        variances, rotated = np.linalg.eigh(x @ x.T / len(x))
        variances, rotated = variances[::-1].clip(min=0), rotated[:, ::-1]
        least = max(LEAST * variances[0], 1e-12)
        kept = min(most, max(1, int((variances > least).sum())))
        scale = np.maximum(variances[:kept, None], least)
        directions = (rotated[:, :kept].T @ x) / (np.sqrt(len(x)) * scale)
        peaks = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
        directions = np.where(peaks < 0, -directions, directions)  # a sign is free: fix it
        return cls(directions.astype(np.float32), mean.astype(np.float32), variances)

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """Codes (N, D) float32 of uint8 frames (N, H, W, C), of variance 1 where it was fitted."""
        x = small(frames).reshape(len(frames), -1).astype(np.float32) / np.float32(255)
        return np.asarray((x - self.mean) @ self.directions.T)

    @property
    def effective(self) -> float:
        """The participation ratio of the variances: how many directions share them; 0 for none."""
        total = float(self.variances.sum())
        return total**2 / float((self.variances**2).sum()) if total > 1e-12 else 0.0
