"""Frames from a dataset of episodes that somebody already has: Minari (extra ``minari``).

    read_minari("reach/random-v0", FrameStore("runs/frames"), size=(64, 64))

keeps what ``collect`` keeps: of an episode of T steps the T frames that an action followed (not the
one that ends it), those actions (of Dict and Tuple spaces none), and factors where they are known.
Minari stores pictures as JPEG unless a dataset was made with ``jpeg_encoding=False``; the frames
are what it decodes.
"""

from __future__ import annotations

import logging
import math
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.readers.picture_bytes import Size
from bvae_rl.data.readers.recorded_pictures import RecordedPicture
from bvae_rl.runtime.identity import HasIdentity
from bvae_rl.runtime.optional import require

Factors = Callable[[Any], np.ndarray | None]  # minari.EpisodeData of T steps -> (T + 1, K)
Progress = Callable[[int], None]  # called with the number of frames added

BLOCK_FRAMES = 512
VECTORS = (
    gym.spaces.Box,
    gym.spaces.Discrete,
    gym.spaces.MultiDiscrete,
    gym.spaces.MultiBinary,
)

logger = logging.getLogger(__name__)


def recorded_factors(episode: Any) -> np.ndarray | None:
    """``infos["factors"]`` of an episode, (T + 1, K), or None where the dataset has none."""
    return (episode.infos or {}).get("factors")


def open_minari(dataset: str | Path) -> Any:
    """The ``minari.MinariDataset`` of a folder or of the id of a local dataset; never downloads.

    ValueError for an unknown id lists the local ones; ImportError names what is to be installed.
    """
    minari = require("minari", extra="minari")
    folders = (Path(dataset) / "data", Path(dataset))
    folder = next((path for path in folders if (path / "metadata.json").is_file()), None)
    try:
        return minari.load_dataset(str(dataset)) if folder is None else minari.MinariDataset(folder)
    except FileNotFoundError as error:
        raise ValueError(
            f"no Minari dataset {str(dataset)!r}, neither a folder nor a local id; local: "
            f"{', '.join(_local(minari)) or 'none'}; a remote one comes with: minari download "
            f'{dataset} (needs: pip install "minari[hf]")'
        ) from error
    except (AssertionError, KeyError, TypeError, ValueError, OSError, gym.error.Error) as error:
        raise ValueError(
            f"{dataset} is no dataset that minari {minari.__version__} can read "
            f"({type(error).__name__}: {error}); download or record it again"
        ) from error


def read_minari(
    dataset: Any,
    store: FrameStore,
    n: int | None = None,
    *,
    key: str | None = None,
    size: Size | None = None,
    grey: bool = False,
    channels: int | None = None,
    factors: Factors | None = recorded_factors,
    factor_specs: Sequence[FactorSpec] | None = None,
    seed: int | None = None,
    progress: Progress = lambda added: None,
) -> None:
    """Append whole episodes of ``dataset`` (id, folder or MinariDataset) until n frames are there.

    ``n`` None reads all. ``key``, ``size``, ``grey`` and ``channels`` say where the picture is and
    what of it the frames keep (``RecordedPicture.of``). ``factors`` gets each episode and returns
    (T + 1, K), or None for none at all. ``factor_specs`` (K) say what they mean; recorded factors
    without them are described by the dataset's recorded environment where it can be made and knows.
    ``seed`` shuffles the episodes; ``episode`` in the store is the place in that order.

    Called again after a kill it goes on with the next episode. Raises ValueError for what is no
    dataset of pictures, an unreadable episode, factors or actions that do not fit, or a store that
    was made in another way.
    """
    if n is not None and n < 1:
        raise ValueError(f"n must be at least 1 frame, got {n}")
    if seed is not None and seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    data = open_minari(dataset) if isinstance(dataset, str | Path) else dataset
    picture = RecordedPicture.of(
        data.observation_space, key=key, size=size, grey=grey, channels=channels
    )
    order = np.asarray(data.episode_indices, dtype=np.int64)
    if seed is not None:
        order = np.random.default_rng(seed).permutation(order)
    if not len(order):
        raise ValueError(f"the Minari dataset {data.id} holds no episodes")
    first = None if factors is None else factors(_episode(data, order[0]))
    if first is not None and np.ndim(first) != 2:
        raise ValueError(f"factors are (T + 1, K) for each episode, got shape {np.shape(first)}")
    columns = None if first is None else np.shape(first)[1]
    specs = _specs(data, factor_specs, columns, recorded=factors is recorded_factors)
    store.declare(
        factor_specs=specs,
        **_environment(data),
        minari=data.id,
        episodes={"count": len(order), "seed": seed, "crc32": zlib.crc32(order.tobytes())},
        picture={
            "key": picture.key,
            "recorded": picture.recorded,
            "size": picture.size,
            **({"grey": True} if grey else {}),
        },
        factors=None if factors is None or columns is None else _name(factors),
    )
    reader = _Reader(data, picture, factors, columns)
    done = int(store.array("episode")[-1]) + 1 if len(store) else 0
    row, waiting = len(store), list[Frames]()
    for place in range(done, len(order)):
        if row >= (math.inf if n is None else n):
            break
        waiting.append(reader.frames(_episode(data, order[place]), place, row))
        row += len(waiting[-1])
        if row - len(store) >= BLOCK_FRAMES:
            _append(store, waiting, progress)
    _append(store, waiting, progress)
    if not len(store):
        raise ValueError(f"no episode of the Minari dataset {data.id} holds a step")


@dataclass(frozen=True)
class _Reader:
    """Turns episodes into rows; ``columns`` is K, or None where nothing is known."""

    data: Any
    picture: RecordedPicture
    factors: Factors | None
    columns: int | None

    def frames(self, episode: Any, place: int, row: int) -> Frames:
        """The T frames of an episode, at ``place`` in the order and from ``row`` in the store."""
        name, steps = f"episode {episode.id} of {self.data.id}", len(episode)
        try:
            frames = self.picture.frames(episode.observations)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if len(frames) != steps + 1:
            raise ValueError(
                f"{name} has {len(frames)} observations for {steps} steps; Minari keeps one more "
                "observation than steps, the first being that of reset()"
            )
        return Frames(
            frames[:-1],
            np.full(steps, place),
            np.arange(row, row + steps),
            self._factors(episode, name),
            self._actions(episode, name),
        )

    def _factors(self, episode: Any, name: str) -> np.ndarray | None:
        values = None if self.factors is None else self.factors(episode)
        if values is None and self.columns is None:
            return None
        if values is None or self.columns is None:
            raise ValueError(
                f"{name} has {'no ' if values is None else ''}factors, unlike the first one read; "
                "all episodes need them, or read without: factors=None (--factors none)"
            )
        array, expected = np.asarray(values, dtype=np.float32), (len(episode) + 1, self.columns)
        if array.shape != expected:
            raise ValueError(
                f"{name} has factors of shape {array.shape}, expected (T + 1, K) = {expected}: one "
                "row for each observation, that of reset() too"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has factors that are not finite")
        return array[:-1]

    def _actions(self, episode: Any, name: str) -> np.ndarray | None:
        if not isinstance(self.data.action_space, VECTORS):
            return None  # of parts: a store keeps vectors
        actions = np.asarray(episode.actions, dtype=np.float32)
        if len(actions) != len(episode):
            raise ValueError(f"{name} has {len(actions)} actions for {len(episode)} steps")
        return actions.reshape(len(episode), math.prod(self.data.action_space.shape or ()))


def _append(store: FrameStore, waiting: list[Frames], progress: Progress) -> None:
    """Write the episodes that wait as one block, and forget them."""
    parts = [part for part in waiting if len(part)]
    waiting.clear()
    if parts:
        columns = [part.arrays() for part in parts]
        names = columns[0]
        store.append(Frames(**{name: np.concatenate([c[name] for c in columns]) for name in names}))
        progress(sum(len(part) for part in parts))


def _episode(data: Any, index: np.int64) -> Any:
    try:
        (episode,) = data.iterate_episodes([int(index)])
    except (AssertionError, KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"episode {index} of {data.id} cannot be read ({error}); download or record the "
            "dataset again"
        ) from error
    return episode


def _specs(
    data: Any, given: Sequence[FactorSpec] | None, columns: int | None, *, recorded: bool
) -> tuple[FactorSpec, ...]:
    """What the factors mean: as given, or as the recorded environment says; () if nobody does."""
    if given is not None:
        if len(given) != columns:
            raise ValueError(
                f"factor_specs describe {len(given)} factors and {data.id} has {columns or 0}"
            )
        return tuple(given)
    if columns is None or not recorded or data.env_spec is None:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # an older version of the id
            env = gym.make(data.env_spec)
    except (AttributeError, ImportError, OSError, TypeError, ValueError, gym.error.Error) as error:
        why = f"its environment cannot be made ({error})"
    else:
        specs = known_specs(env)
        env.close()
        if len(specs) == columns:
            return specs
        why = f"{data.env_spec.id} describes {len(specs)} factors, and {columns} are recorded"
    logger.warning("%s: the factors are kept without names and ranges: %s", data.id, why)
    return ()


def _environment(data: Any) -> dict[str, Any]:
    """What is recorded about the environment, under the names that ``collect`` uses.

    Of the wrappers those without arguments, which is how the commands name wrappers.
    """
    spec = data.env_spec
    if spec is None:
        return {}
    return {
        "env": spec.id,
        "wrappers": [one.entry_point for one in spec.additional_wrappers if not one.kwargs],
        "domain": spec.kwargs.get("domain"),
    }


def _name(factors: Factors) -> Any:
    """Where factors come from, the same in every process."""
    if factors is recorded_factors:
        return "infos"
    if isinstance(factors, HasIdentity):
        return factors.identity()
    return str(getattr(factors, "__qualname__", type(factors).__qualname__))


def _local(minari: Any) -> list[str]:
    """Ids of the datasets on this machine; those that cannot be listed are left out."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Misconfigured dataset", UserWarning)
            return list(minari.list_local_datasets())
    except (OSError, TypeError, ValueError):  # a folder without a version number stops minari
        return []
