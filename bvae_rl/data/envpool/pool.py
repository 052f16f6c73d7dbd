"""N environments of EnvPool behind one plain interface: reset, step, begin again those that ended.

EnvPool resets a finished environment at its *next* step, in which the agent's action is lost; here
whoever asks resets it at once. Through an ``EnvPoolWorld`` its pictures and actions become those of
a world of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.envpool.ids import check_arguments, checked_options, drawn_by, made
from bvae_rl.data.envpool.pixels import OPTIONS, check_renderer, drawn_space
from bvae_rl.runtime.devices import threads_here

Tree = Any  # an array (N, ...), or a dictionary of them
HIDDEN = ("env_id", "players")  # of EnvPool's infos: which environment, which we know
SEEDS = 2**31  # EnvPool's are int32


@dataclass(frozen=True)
class Batch:
    """What N environments answer: ``observation``, ``rewards`` (N,) float64, and how it ended.

    ``info``: of each name N rows. After a reset ``rewards`` are 0 and nothing has ended.
    """

    observation: Tree
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: dict[str, Tree]

    @property
    def dones(self) -> np.ndarray:
        """(N,) bool: whose episode has ended."""
        return self.terminated | self.truncated

    def infos(self, index: int) -> dict[str, Any]:
        """The info of one environment."""
        return row(self.info, index)


class Pool:
    """``n_envs`` copies of ``env_id``, EnvPool's own or a world that says how EnvPool draws it.

    ``options``: of EnvPool, or of the world. ``domain``: of a world. ``pixels``: the observation is
    what the environment draws. ``threads`` None: as many as this process may use; results do not
    depend on it.
    """

    def __init__(
        self,
        env_id: str,
        n_envs: int,
        *,
        seeds: Sequence[int],
        options: Mapping[str, Any],
        domain: str | None = None,
        pixels: bool = False,
        threads: int | None = None,
    ) -> None:
        if n_envs < 1:
            raise ValueError(f"n_envs must be at least 1, got {n_envs}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.n_envs, self.pixels = n_envs, pixels
        self.threads = threads or min(n_envs, threads_here())
        self.env_id, self._class, registered = drawn_by(env_id)
        self.options = {**registered, **options}
        if self._class is None:
            self.inner_id = self.env_id
            if domain is not None:
                raise ValueError(
                    f"EnvPool draws {self.env_id} in one way: leave out --domain {domain}; worlds "
                    "with visual domains are those of ours that EnvPool draws, as "
                    "bvae_rl/CarRacing-v0"
                )
        else:
            if pixels:
                raise ValueError(f"{self.env_id} shows pictures already; leave out pixels")
            self.options["domain"] = domain
            if domain is None:
                del self.options["domain"]
        self._all = np.arange(n_envs)
        self._raw: Tree = None  # EnvPool's newest observations, beneath a world
        self._build(seeds)

    def _build(self, seeds: Sequence[int]) -> None:
        """Environments that have never been reset, with a seed each."""
        self._seeds, self._fresh = [int(seed) % SEEDS for seed in seeds], True
        options, self.world = dict(self.options), None
        if self._class is not None:
            self.world, options = self._world(options)
            self.inner_id = self.world.env_id
        drawing: dict[str, Any] = {}
        if self.pixels:
            check_renderer(self.inner_id)
            drawing = {name: options.pop(name) for name in OPTIONS if name in options}
        options = {**checked_options(self.inner_id, options), **drawing}
        self.inner = made(
            self.inner_id, num_envs=self.n_envs, seed=self._seeds, num_threads=self.threads,
            **options, **({"render_mode": "rgb_array"} if self.pixels else {}),
        )  # fmt: skip
        self.config: dict[str, Any] = self.inner.config
        if not hasattr(self, "observation_space"):
            self.observation_space, self.action_space = self._spaces(options)

    def _world(self, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The world that stands before EnvPool, and what is EnvPool's of ``options``."""
        assert self._class is not None
        own = {name: options.pop(name) for name in ("max_episode_steps",) if name in options}
        check_arguments(self.env_id, self._class, options)
        return self._class.envpool(self._seeds, **options), own

    def _spaces(self, options: Mapping[str, Any]) -> tuple[gym.Space[Any], gym.Space[Any]]:
        if self.world is not None:
            return self.world.observation_space, self.world.action_space
        if self.pixels:
            return drawn_space(self.inner_id, options), self.inner.action_space
        return self.inner.observation_space, self.inner.action_space

    @property
    def stacked(self) -> int | None:
        """How many frames are stacked among the channels; None: none are."""
        many = self.config.get("stack_num", 1)
        return many if many > 1 and self.world is None and not self.pixels else None

    def reset(self, seeds: Sequence[int] | None = None) -> Batch:
        """The first observations of new episodes; with ``seeds`` those of a pool just made."""
        self._check_open()
        if seeds is not None and not (self._fresh and list(seeds) == self._seeds):
            self.close()
            self._build(seeds)
        self._fresh = False
        return self._seen(self._batch(*self.inner.reset()), np.ones(self.n_envs, dtype=bool))

    def step(self, actions: np.ndarray, *, skip: int = 1) -> Batch:
        """Each action acts for ``skip`` steps or until the episode ends; rewards add up.

        ValueError for actions that are none of ``action_space``'s: another shape than
        (N, *its shape), or numbers that a Discrete one has not.
        """
        self._check_open()
        if self._fresh:
            raise gym.error.ResetNeeded(f"{self.env_id} was not reset: call reset() before step()")
        self._check_actions(actions)
        if self.world is not None:
            actions = self.world.actions(actions)
        batch = self._batch(*self.inner.step(actions))
        for _ in range(skip - 1):
            (on,) = np.nonzero(~batch.dones)
            if not len(on):
                break
            further = self._batch(*self.inner.step(actions[on], on))
            further = replace(further, rewards=further.rewards + batch.rewards[on])
            batch = further if len(on) == self.n_envs else _placed(batch, on, further)
        return self._seen(batch, np.zeros(self.n_envs, dtype=bool))

    def begin(self, batch: Batch) -> Batch:
        """``batch`` with the first observations and infos of new episodes where it has ended."""
        (ended,) = np.nonzero(batch.dones)
        begun = self._batch(*self.inner.reset(ended))
        if self.world is not None:
            raw = replace(batch, observation=self._raw)
            return self._seen(_placed(raw, ended, begun), batch.dones)
        if self.pixels:
            begun = replace(begun, observation=self.inner.render(env_ids=ended))
        return _placed(batch, ended, begun)

    def of_world(self, index: int) -> dict[str, Any]:
        """What a world says of one environment."""
        return {} if self.world is None else self.world.infos(index)

    def images(self) -> list[np.ndarray]:
        """What each environment draws."""
        return list(self.inner.render(env_ids=self._all))

    def close(self) -> None:
        """Give back threads and memory; once is enough."""
        if self.inner is not None:
            self.inner.close()
            self.inner = None

    def _check_open(self) -> None:
        if self.inner is None:
            raise gym.error.ClosedEnvironmentError(f"{self.env_id} is closed: make it anew")

    def _check_actions(self, actions: np.ndarray) -> None:
        space = self.action_space
        if space.shape is not None and actions.shape != (self.n_envs, *space.shape):
            raise ValueError(
                f"actions of {self.n_envs} environments of {self.env_id} have shape "
                f"{(self.n_envs, *space.shape)}, got {actions.shape}"
            )
        if isinstance(space, gym.spaces.Discrete):
            last = space.start + space.n - 1
            whole = np.issubdtype(actions.dtype, np.integer)
            if not whole or actions.min() < space.start or actions.max() > last:
                raise ValueError(
                    f"actions of {self.env_id} are integers from {space.start} to {last}, got "
                    f"{actions.tolist()}"
                )

    def _seen(self, batch: Batch, started: np.ndarray) -> Batch:
        """``batch`` with the pictures that are seen of it."""
        if self.world is not None:
            self._raw = batch.observation
            return replace(batch, observation=self.world.frames(self._raw, started))
        if self.pixels:
            return replace(batch, observation=self.inner.render(env_ids=self._all))
        return batch

    @staticmethod
    def _batch(observation: Tree, *answer: Any) -> Batch:
        """What EnvPool answers to a reset or a step, in the order of its environments."""
        info = answer[-1]
        order = np.argsort(info["env_id"])
        n = len(order)
        none = np.zeros(n, dtype=bool)
        rewards, terminated, truncated = answer[:-1] or (np.zeros(n), none, none)
        shown = {name: value for name, value in info.items() if name not in HIDDEN}
        batch = Batch(observation, rewards.astype(np.float64), terminated, truncated, shown)
        return batch if np.array_equal(order, np.arange(n)) else _each(lambda x: x[order], batch)


def row(tree: Tree, index: int) -> Tree:
    """One environment's part of an array (N, ...) or of a dictionary of them."""
    if isinstance(tree, Mapping):
        return {name: row(part, index) for name, part in tree.items()}
    return tree[index]


def _each(function: Any, *trees: Any) -> Any:
    """``function`` of the arrays at the same place in each."""
    first = trees[0]
    if isinstance(first, Batch):
        parts = [vars(tree) for tree in trees]
        return Batch(**_each(function, *parts))
    if isinstance(first, Mapping):
        return {name: _each(function, *(tree[name] for tree in trees)) for name in first}
    return function(*trees)


def _placed(tree: Any, rows: np.ndarray, new: Any) -> Any:
    """A copy of ``tree`` with ``new`` in its ``rows``."""

    def put(old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        changed = old.copy()
        changed[rows] = fresh
        return changed

    return _each(put, tree, new)
