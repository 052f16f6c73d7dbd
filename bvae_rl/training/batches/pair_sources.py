"""Where pairs come from, and which latents the two frames of a pair share.

    views          one state in two appearances (the *content* latents are shared), and two states
                   in one appearance (the *style* latents are): known groups (Bouchacourt et al.
                   2018, 1705.08841)
    interventions  two frames between which one actuator moved: all is shared but what it drives
    consecutive    a frame and one of the next: the appearance is shared
    augment        "views" made by image augmentation, of frames from anywhere

Names joined by "+" mix, equal parts of the batch for each kind of pair. An objective that infers
what is shared, or asks only for frames that belong together, takes ``unlabelled`` pairs, which need
no latent groups.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae_config import VAEConfig, actuator_part
from bvae_rl.training.augment.appearances import change_appearance, draw_appearances
from bvae_rl.training.batches.batch import Batch, Pairing, Source, frames_at, mixture
from bvae_rl.training.batches.rows import Rows

T = TypeVar("T")
GAPS = (1, 2, 4, 8)  # steps between two consecutive frames, drawn anew for each pair


def paired(names: str, rows: Rows, config: VAEConfig, *, known: bool = True) -> Pairing:
    """The pairing called ``names`` ("views", "views+interventions", ...).

    ``known`` marks the latents that each pair shares (``Batch.shared``), for which the VAE needs
    groups; without it ``shared`` is None, and any VAE will do. ValueError for an unknown name,
    latent groups that are missing, and pairs that the store lacks.
    """
    kinds = {name: partial(make, rows, config, known) for name, make in PAIRS.items()}
    return mixture([source for found in asked_for(names, kinds) for source in found])


def unlabelled(names: str, rows: Rows) -> Pairing:
    """The same pairs for a learner that has to find out what they share, with any latents."""
    return paired(names, rows, VAEConfig(latent_dim=1), known=False)


class MissingPairs(ValueError):
    """A store has no pairs of the kind that was asked for."""


def views(rows: Rows, config: VAEConfig, known: bool) -> list[Source]:
    """One state in two appearances, and two states in one appearance."""
    if not len(rows.same_state) or not rows.has_same_appearance:
        raise MissingPairs(
            "the frame store holds no pairs of one state in two appearances; collect it with two "
            "views (bvae-rl collect --policy independent --views 2), or train without pairs"
        )
    content, style = _shared(config, "content", known), _shared(config, "style", known)

    def same_state(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        return _batch(store, rows.same_state[rng.integers(len(rows.same_state), size=n)], content)

    def same_appearance(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        return _batch(store, rows.same_appearance(rng, n), style)

    return [same_state, same_appearance]


def interventions(rows: Rows, config: VAEConfig, known: bool) -> list[Source]:
    """Frames between which one actuator moved; each has latents of its own."""
    first, last, which = moved_actuators(rows, config, known=known)
    masks = None
    if known:
        driven = sorted({int(actuator) for actuator in which})
        masks = torch.ones(driven[-1] + 1, config.latent_dim, dtype=torch.bool)
        for actuator in driven:
            masks[actuator, config.slice_of(actuator_part(actuator))] = False

    def draw(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        before, after, moved = drawn_runs(rng, n, first, last, which)
        shared = None if masks is None else masks[moved]
        return _batch(store, np.stack([before, after], axis=1), shared)

    return [draw]


def moved_actuators(
    rows: Rows, config: VAEConfig, *, known: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ``rows.interventions`` gives, checked: some, and (``known``) latents for each actuator.

    The numbers of choices (Discrete) move no actuator: 3 is no more of anything than 2.
    """
    first, last, which = rows.interventions()
    if not len(first) or _choices(rows):
        raise MissingPairs(
            "the frame store holds no frames between which one actuator moved alone; collect some "
            "(bvae-rl collect --interventions 20000), which takes actions Box(low, high, (A,))"
        )
    names = [actuator_part(int(actuator)) for actuator in np.unique(which)]
    if known and (missing := [name for name in names if name not in config.parts]):
        raise ValueError(
            f"interventions need latents of their own for each actuator, parts of the content: "
            f"{', '.join(missing)} missing, got {dict(config.parts)}"
        )
    return first, last, which


def drawn_runs(
    rng: np.random.Generator, n: int, first: np.ndarray, last: np.ndarray, which: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Tensor]:
    """Of runs as ``moved_actuators`` gives them: rows before and after (n,), actuators (n,)."""
    picked = rng.integers(len(first), size=n)
    later = rng.integers(first[picked] + 1, last[picked] + 1)
    return first[picked], later, torch.from_numpy(which[picked])


def known_names(names: str, known: Collection[str]) -> list[str]:
    """The parts of "views+interventions"; ValueError for one that is unknown, or comes twice."""
    found = names.split("+")
    if unknown := [name for name in found if name not in known]:
        raise ValueError(
            f"this objective does not take pairs {', '.join(unknown)!r}; it takes: "
            f"{', '.join(known)}, joined by +"
        )
    if len({*found}) < len(found):
        raise ValueError(
            f"all kinds of pairs make equal parts of a batch: name each once, got {names!r}"
        )
    return found


def asked_for(names: str, kinds: Mapping[str, Callable[[], T]]) -> list[T]:
    """What each of the kinds in ``names`` makes.

    ValueError for an unknown name; for pairs that the store lacks it says which ones it gives.
    """
    found = []
    for name in known_names(names, kinds):
        try:
            found.append(kinds[name]())
        except MissingPairs as error:
            there = [other for other, make in kinds.items() if _gives(make)]
            raise ValueError(f"{error}; this store gives: {', '.join(there) or 'none'}") from error
    return found


def _gives(make: Callable[[], object]) -> bool:
    try:
        make()
    except MissingPairs:
        return False
    except ValueError:  # it has them, but other latents are needed
        return True
    return True


def consecutive(
    rows: Rows, config: VAEConfig, known: bool, *, gaps: Sequence[int] = GAPS
) -> list[Source]:
    """A frame and one that comes ``gaps`` steps later in its episode; the appearance is shared."""
    found = [pairs for gap in gaps if len(pairs := rows.following(gap))]
    if not found or _independent(rows):
        raise MissingPairs(
            "the frame store holds no frames that follow each other; collect some by acting "
            "(bvae-rl collect --policy random)"
        )
    style = _shared(config, "style", known)

    def draw(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        gap = rng.integers(len(found), size=n)
        pairs = np.stack([found[g][rng.integers(len(found[g]))] for g in gap])
        return _batch(store, pairs, style)

    return [draw]


def augment(rows: Rows, config: VAEConfig, known: bool) -> list[Source]:
    """A frame in other colours, and two frames of one appearance in the same new colours."""
    if rows.store.shape[0] != 3:
        raise MissingPairs(
            f"augmentation turns colours, and frames of {rows.store.shape} have none"
        )
    if not rows.has_two_states:
        raise MissingPairs("augmentation needs two frames of one appearance, and there are none")
    content, style = _shared(config, "content", known), _shared(config, "style", known)

    def same_state(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        x = frames_at(store, rng.choice(rows.train, size=n))
        first = change_appearance(x, draw_appearances(n, rng))
        return Batch(first, change_appearance(x, draw_appearances(n, rng)), _each(content, n))

    def same_appearance(store: FrameStore, rng: np.random.Generator, n: int) -> Batch:
        x = frames_at(store, rows.two_states(rng, n).T.ravel())  # first frames, then second ones
        x, x2 = change_appearance(x, draw_appearances(n, rng)).chunk(2)
        return Batch(x, x2, _each(style, n))

    return [same_state, same_appearance]


PAIRS: dict[str, Callable[[Rows, VAEConfig, bool], list[Source]]] = {
    "views": views,
    "interventions": interventions,
    "consecutive": consecutive,
    "augment": augment,
}


def _independent(rows: Rows) -> bool:
    """Whether the states of the store were sampled one by one, so that none leads to the next."""
    return rows.store.meta.get("policy") in ("independent", "drawn")  # as older stores say


def _choices(rows: Rows) -> bool:
    """Whether the store's actions are numbers of choices: one column of whole numbers from 0 on."""
    actions = rows.store.column("actions")
    return actions.shape[1] == 1 and bool(((actions == np.floor(actions)) & (actions >= 0)).all())


def _shared(config: VAEConfig, group: str, known: bool) -> Tensor | None:
    """Boolean (1, D): the latents of ``group``; None if it is not ``known``."""
    if not known:
        return None
    if "content" not in config.groups or "style" not in config.groups:
        raise ValueError(
            f"pairs need the latent groups 'content' and 'style', got {dict(config.groups)}; "
            "for example content=24 and style=8"
        )
    mask = torch.zeros(1, config.latent_dim, dtype=torch.bool)
    mask[:, config.slice_of(group)] = True
    return mask


def _batch(store: FrameStore, pairs: np.ndarray, shared: Tensor | None) -> Batch:
    """Rows (n, 2) as a batch; ``shared`` is (1, D) for all pairs, (n, D), or not known."""
    x, x2 = frames_at(store, pairs.T.ravel()).chunk(2)
    return Batch(x, x2, _each(shared, len(pairs)))


def _each(shared: Tensor | None, pairs: int) -> Tensor | None:
    return None if shared is None else shared.expand(pairs, -1)
