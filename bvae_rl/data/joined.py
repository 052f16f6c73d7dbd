"""Several frame stores as one: frames of a random policy, and of the agents that came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bvae_rl.data.collecting.plan import INDEPENDENT
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.parts import JOINED


def joined(stores: Sequence[FrameStore], folder: str | Path) -> FrameStore:
    """The frames of all ``stores``, one after the other, in ``folder``; a single one as it is.

    Episodes and states are numbered on; beside frames of a policy each frame of a state that was
    drawn alone is an episode of its own, since none follows another. What all of them have is kept:
    the description of how they were made, and the factors where they are the same ones; goes on
    where it was stopped.

    Raises ValueError for no stores, one that is given twice, frames of different shapes, and a
    folder with other frames.
    """
    if not stores:
        raise ValueError("there are no frames; give at least one store")
    first, *others = stores
    if not others:
        return first
    hashes = refuse_unlike(stores)
    labelled = all(one.factor_specs == first.factor_specs for one in others)
    shared = {
        name: value
        for name, value in first.meta.items()
        if all(name in one.meta and one.meta[name] == value for one in others)
    }
    store = FrameStore(folder)
    store.declare(
        factor_specs=first.factor_specs if labelled else (),
        **{**shared, JOINED: hashes},
    )
    store.expect(sum(map(len, stores)))
    drawn = [_unrelated(one) for one in stores]
    done, seen, episode, state = store.blocks, 0, 0, 0
    for one, alone in zip(stores, drawn, strict=True):
        apart = alone and not all(drawn)
        for number in range(one.blocks):
            if seen >= done:
                block = one.block(number)
                block = replace(block, episode=block.state) if apart else block
                block = _renumbered(block, episode, state, labelled=labelled)
                notes = {k: v for k, v in one.appended[number].items() if k != "rows"}
                store.append(block, **notes)
            seen += 1
        episode += int(one.column("state" if apart else "episode").max()) + 1
        state += int(one.column("state").max()) + 1
    return store


def refuse_unlike(stores: Sequence[FrameStore]) -> list[str]:
    """The hash of each store's frames; ValueError where ``joined`` would refuse them."""
    hashes = [one.identity()["sha256"] for one in stores]
    if twice := next((i for i, one in enumerate(hashes) if one in hashes[:i]), 0):
        raise ValueError(
            f"{stores[twice].folder} holds the same frames as "
            f"{stores[hashes.index(hashes[twice])].folder}, and what is held out of one would be "
            "trained on in the other; give each store once"
        )
    for one in stores[1:]:
        if one.shape != stores[0].shape:
            same = "--grey" if {one.shape[0], stores[0].shape[0]} == {1, 3} else "the same --size"
            raise ValueError(
                f"{one.folder} holds frames of {one.shape} and {stores[0].folder} of "
                f"{stores[0].shape}; collect both with {same}"
            )
    return hashes


def _unrelated(store: FrameStore) -> bool:
    """Whether no two frames share an episode, a state or an action, though the numbers say one."""
    drawn = store.meta.get("policy") == INDEPENDENT and not store.meta.get("interventions")
    return (
        drawn and not store.column("episode").any() and len(store) == len({*store.column("state")})
    )


def _renumbered(block: Frames, episode: int, state: int, *, labelled: bool) -> Frames:
    """Frames, episodes and states, and factors where they are ``labelled``."""
    return replace(
        Frames(block.frames, block.episode + episode, block.state + state),
        factors=block.factors if labelled else None,
    )
