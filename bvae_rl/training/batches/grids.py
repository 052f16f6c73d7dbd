"""Grids of 2 x 2 pictures: two states, each in two appearances.

Every picture can be made from the three others.

Of the pictures (u, a), (v, a), (u, b), (v, b) the first takes its content latents from (u, b) and
its style latents from (v, a): what it needs never comes from where anything else of it could be
read off, so that content that knows a colour, or style that knows a place, is of no use to anybody.
Where v is u after one actuator moved, the rest of the content comes from (v, b), and what the
actuator drives from (u, b). Analogies of this kind train encoders since Reed et al. 2015 (Deep
visual analogy-making, NIPS).

    views          u and v are any two states shown in the same two appearances
    interventions  v is u after one actuator moved
    augment        u and v of one appearance, from which augmentation makes two others
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae_config import VAEConfig, actuator_part
from bvae_rl.training.augment.appearances import change_appearance, draw_appearances
from bvae_rl.training.batches.batch import Batch, Pairing, Source, frames_at, mixture
from bvae_rl.training.batches.pair_sources import (
    MissingPairs,
    asked_for,
    drawn_runs,
    known_names,
    moved_actuators,
)
from bvae_rl.training.batches.rows import Rows, worth_pairing

BLOCKS = 4  # (u, a), (v, a), (u, b), (v, b), by number: bit 0 is the state, bit 1 the appearance
OTHER_STATE, OTHER_APPEARANCE = 1, 2


def grid_pairing(names: str, rows: Rows, config: VAEConfig) -> Pairing:
    """The grids called ``names``: "views", "views+interventions", "augment", ...

    ValueError for an unknown name, latent groups that it needs, and grids that the store lacks.
    """
    wanted = known_names(names, GRIDS)
    recolour = "augment" in wanted and not _has_views(rows)
    kinds = {name: partial(make, rows, config, recolour) for name, make in GRIDS.items()}
    return mixture(asked_for(names, kinds), pictures=BLOCKS)


def other_state(values: Tensor) -> Tensor:
    """Of each picture (4n, ...) what belongs to the other state in its appearance."""
    ua, va, ub, vb = values.chunk(BLOCKS)
    return torch.cat([va, ua, vb, ub])


def views(rows: Rows, config: VAEConfig, recolour: bool) -> Source:
    """Two states that both stand in the same two episodes."""
    views = _Views(rows)
    if not views.grids:
        raise MissingPairs(
            "the frame store holds no two states in the same two appearances; collect it with two "
            "views (bvae-rl collect --policy independent --views 2)"
        )
    take = _take(config, set())

    def draw(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        u, v = views.draw(rng, n)
        return _batch(store, np.stack([u, v, views.twin[u], views.twin[v]]), take[:, None])

    return draw


def interventions(rows: Rows, config: VAEConfig, recolour: bool) -> Source:
    """A state, and the same after one actuator moved."""
    first, last, which = moved_actuators(rows, config)
    take = torch.zeros(BLOCKS, int(which.max()) + 1, config.latent_dim, dtype=torch.long)
    latent = np.zeros(take.shape[1], dtype=int)  # the first of those that an actuator drives
    for actuator in np.unique(which):
        part = actuator_part(int(actuator))
        take[:, actuator], latent[actuator] = _take(config, {part}), config.slice_of(part).start
    moves = Moves(rows.store)

    def direction(u: np.ndarray, v: np.ndarray, moved: Tensor) -> Tensor:
        found = torch.zeros(len(u), config.latent_dim)
        found[torch.arange(len(u)), latent[moved]] = moves.sign(u, v, moved.numpy())
        return torch.cat([found, -found, found, -found])

    if recolour:

        def recoloured(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
            u, v, moved = drawn_runs(rng, n, first, last, which)
            grids = _recoloured(store, rng, np.stack([u, v]), take[:, moved])
            return replace(grids, direction=direction(u, v, moved))

        return recoloured
    views = _Views(rows)
    there = views.stand_beside(first, first + 1)
    if not there.any():
        raise MissingPairs(
            "the frame store shows what one actuator did in one appearance only; collect it "
            "with two views (bvae-rl collect --policy independent --views 2 --interventions "
            "20000), or add augment"
        )
    first, which = first[there], which[there]

    def draw(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        u, v, moved = drawn_runs(rng, n, first, first + 1, which)
        grids = np.stack([u, v, views.twin[u], views.twin[v]])
        return replace(_batch(store, grids, take[:, moved]), direction=direction(u, v, moved))

    return draw


def augment(rows: Rows, config: VAEConfig, recolour: bool) -> Source:
    """Two frames of one appearance, in two others that augmentation makes of it."""
    if rows.store.shape[0] != 3:
        raise MissingPairs(f"augmentation turns colours; frames of {rows.store.shape} have none")
    if not rows.has_two_states:
        raise MissingPairs("augmentation needs two frames of one appearance, and there are none")
    take = _take(config, set())

    def draw(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        return _recoloured(store, rng, rows.two_states(rng, n).T, take[:, None])

    return draw


GRIDS: dict[str, Callable[[Rows, VAEConfig, bool], Source]] = {
    "views": views,
    "interventions": interventions,
    "augment": augment,
}


def _take(config: VAEConfig, moved: set[str]) -> Tensor:
    """(4, D): from which picture each latent of each picture is taken.

    ``moved`` are the parts of the content that one actuator drives; with none the states differ in
    everything, and all content comes from the same state in the other appearance.
    """
    if "content" not in config.groups or "style" not in config.groups:
        raise ValueError(
            f"grids need the latent groups 'content' and 'style', got {dict(config.groups)}; "
            "for example content=24 and style=8"
        )
    take = torch.zeros(BLOCKS, config.latent_dim, dtype=torch.long)
    for block in range(BLOCKS):
        other = OTHER_APPEARANCE | (OTHER_STATE if moved else 0)
        take[block, config.slice_of("content")] = block ^ other
        for part in moved:
            take[block, config.slice_of(part)] = block ^ OTHER_APPEARANCE
        take[block, config.slice_of("style")] = block ^ OTHER_STATE
    return take


class Moves:
    """Which way an actuator went between two rows of its run: the sign of its actions' sum."""

    def __init__(self, store: FrameStore) -> None:
        actions = store.column("actions").astype(np.float64)  # (N, A)
        self._before = np.concatenate([np.zeros((1, actions.shape[1])), actions.cumsum(axis=0)])

    def sign(self, u: np.ndarray, v: np.ndarray, actuator: np.ndarray) -> Tensor:
        """-1, 0 or 1 for each pair of rows, (n,)."""
        total = self._before[v, actuator] - self._before[u, actuator]
        return torch.from_numpy(np.sign(total.round(6))).float()


@dataclass(frozen=True)
class _Table:
    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


class _Views:
    """Which row shows the state of another in another appearance, and which states share both."""

    def __init__(self, rows: Rows) -> None:
        self.episode = rows.episode
        self.twin = np.full(len(rows.episode), -1)
        first, second = rows.same_state[::-1].T  # the first twin of several stays
        self.twin[second], self.twin[first] = first, second
        shown = np.flatnonzero(self.twin >= 0)
        key = np.stack([self.episode[shown], self.episode[self.twin[shown]]], axis=1)
        order = np.lexsort(key.T[::-1])
        shown, key = shown[order], key[order]
        new = np.r_[True, (key[1:] != key[:-1]).any(axis=1)] if len(key) else np.zeros(0, bool)
        starts = np.flatnonzero(new)
        lengths = np.diff(np.r_[starts, len(shown)])
        kept = worth_pairing(lengths)
        self._table = _Table(shown, starts[kept], lengths[kept])

    @property
    def grids(self) -> int:
        """How many pairs of episodes share two states or more."""
        return len(self._table.starts)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows u and v (n,) of one episode whose twins are of one episode too."""
        table = self._table
        group = rng.integers(len(table.starts), size=n)
        length = table.lengths[group]
        first = rng.integers(length)
        second = (first + 1 + rng.integers(length - 1)) % length
        return table.rows[table.starts[group] + first], table.rows[table.starts[group] + second]

    def stand_beside(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Whether rows u and v (n,) are both shown in one other appearance too, bool (n,)."""
        a, b = self.twin[u], self.twin[v]
        return (a >= 0) & (b >= 0) & (self.episode[a] == self.episode[b])


def _recoloured(
    store: FrameStore, rng: np.random.Generator, states: np.ndarray, take: Tensor
) -> Batch:
    """Two rows of one appearance each (2, n), in two appearances that augmentation makes."""
    n = states.shape[1]
    x = frames_at(store, states.ravel())
    parts = [change_appearance(x, draw_appearances(n, rng)) for _ in range(2)]
    return _as_batch(torch.cat(parts), take)


def _batch(store: FrameStore, grids: np.ndarray, take: Tensor) -> Batch:
    """Rows (4, n) as a batch; ``take`` is (4, 1 or n, D)."""
    return _as_batch(frames_at(store, grids.ravel()), take)


def _as_batch(x: Tensor, take: Tensor) -> Batch:
    """Pictures (4n, C, H, W) of which no state is known to have more of anything."""
    take = take.expand(BLOCKS, len(x) // BLOCKS, -1).flatten(0, 1)
    return Batch(x, take=take, direction=torch.zeros(take.shape))


def _has_views(rows: Rows) -> bool:
    return len(rows.same_state) > 0
