"""What a finished VAE shows and what it leaves out, in numbers and in sentences to act on.

A VAE can leave a ball out, with all latents active and nine tenths of the pixels' variance
explained. So what stands before the background and what moves are looked at apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.background import stands_out, told_apart
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.batches.pixel_weights import moved
from bvae_rl.training.verdict.explained import places, share, squares

# Most of something is missing where less than half of its variance is explained, some of it where
# more than 6% of its places show nothing of it. Measured in nine worlds, 200 to 3,000 steps: with a
# thing lost shares of motion from 0 to .40 or places from 8%, with nothing lost shares of .57 and
# more and places of at most 2%, 5% while all is still blurred (docs/guides/small-objects.md).
MISSING, MISSED = 0.5, 0.06
AT_ONCE = 64  # frames, whose activations stay in the cache
WORST = 10  # rows that are remembered
FOREGROUND, MOTION = "foreground", "motion"
KINDS = (MOTION, FOREGROUND)


@dataclass
class _Sums:
    """Squared differences over one kind of pixels, of each frame, and its places."""

    left: list[Tensor] = field(default_factory=list)
    there: list[Tensor] = field(default_factory=list)
    missed: int = 0
    places: int = 0
    told: int = 0  # frames that show such pixels
    failed: int = 0  # frames in which more than half of the pixels would be such

    def add(self, left: Tensor, there: Tensor) -> None:
        """Squares (B, 1, H, W)."""
        self.left.append(left.sum(dim=(1, 2, 3)))
        self.there.append(there.sum(dim=(1, 2, 3)))

    def add_kind(self, left: Tensor, there: Tensor, where: Tensor, things: Tensor) -> Tensor:
        """Squares of the pixels ``where``, and of places; returns where these are told apart."""
        apart = told_apart(where)
        where = where & apart
        self.failed += int((~apart).sum())
        self.told += int(where.any(dim=3).any(dim=2).sum())
        self.add(left * where, there * where)
        missed, found = places(left, there, where, things | where)
        self.missed, self.places = self.missed + missed, self.places + found
        return where

    @property
    def share(self) -> float | None:
        """Share explained; None where there is no variance, or most frames could not be told."""
        if self.failed > self.told or not self.left:
            return None
        return share(torch.cat(self.left), torch.cat(self.there))


@torch.no_grad()
def judge(vae: BetaVAE, store: FrameStore, rows: np.ndarray) -> tuple[dict[str, float], list[int]]:
    """Scores of the reconstructions of ``rows`` (n,) of ``store``, and the worst of the rows.

    ``vae/explained`` is the share of the variance around the rows' mean picture that is explained,
    and ``vae/explained_foreground`` and ``vae/explained_motion`` that of the pixels which differ
    from the frame's background (``background.py``), and from the next frame of its episode.
    ``vae/missed_foreground`` and ``vae/missed_motion`` are the shares of the places with such
    pixels that show nothing of them (``explained.places``). Scores of what does not vary, is
    not there, or cannot be told in most frames are left out. The worst rows are those of the
    largest squared error, the worst first.
    """
    device = next(vae.parameters()).device
    training = vae.training
    vae.eval()
    parts = np.array_split(rows, -(-len(rows) // AT_ONCE))
    sums_of_parts = [frames_at(store, part).double().sum(dim=0) for part in parts]
    mean = (torch.stack(sums_of_parts).sum(dim=0) / len(rows)).float().to(device)
    beside = _beside(store.column("episode"), rows)
    everything, sums = _Sums(), {kind: _Sums() for kind in KINDS}
    for part, following in zip(parts, np.array_split(beside, len(parts)), strict=True):
        x = frames_at(store, part).to(device)
        left, there = squares(x, vae.decode(vae.encode(x)[0])), squares(x, mean)
        everything.add(left, there)
        nothing = torch.zeros_like(left, dtype=torch.bool)
        things = sums[FOREGROUND].add_kind(left, there, stands_out(x), nothing)
        # a frame alone in its episode is compared with itself: nothing moves
        moves = moved(x, frames_at(store, following).to(device))
        sums[MOTION].add_kind(left, there, moves, things)
    vae.train(training)
    there = torch.cat(everything.there).cpu().double().sum()
    scores = {
        "vae/pixel_variance": float(there) / (len(rows) * math.prod(store.shape)),
        "vae/explained": everything.share,
    }
    scores |= {f"vae/explained_{kind}": sums[kind].share for kind in KINDS}
    for kind, found in sums.items():
        if found.share is not None and found.places:
            scores[f"vae/missed_{kind}"] = found.missed / found.places
    worst = torch.cat(everything.left).argsort(descending=True, stable=True)[:WORST]
    known = {name: value for name, value in scores.items() if value is not None}
    return known, rows[worst.cpu().numpy()].tolist()


def _beside(episode: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of each row the next of its episode, at its end the one before, and alone in it itself."""
    after = np.minimum(rows + 1, len(episode) - 1)
    before = np.maximum(rows - 1, 0)
    other = np.where((episode[after] == episode[rows]) & (after > rows), after, before)
    return np.where(episode[other] == episode[rows], other, rows)
