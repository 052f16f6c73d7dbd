"""EnvPool's environments, which run in C++, as Stable-Baselines3 and this library know them.

``EnvPoolVecEnv`` is a VecEnv like any other, and ``EnvPoolEnv`` a single environment; both show the
frames that ``framed`` makes of others. EnvPool: Weng et al. 2022, https://arxiv.org/abs/2206.10558.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.envpool.pool import Batch, Pool, Tree, row
from bvae_rl.data.pictures.framed import all_shown, frames_space, picked_key, shown_layout

GYMNASIUM = "With backend='gymnasium' (no --backend envpool) environments are Python objects"
NO_FACTORS = (
    "EnvPool gives no factors, and no state can be set in it: for that take the environment in "
    "Python, --env ID without --backend envpool (backend='gymnasium')"
)


class Made(TypedDict, total=False):
    """How EnvPool's environments are made and seen; the names are those of ``EnvConfig``.

    ``domain``: of a world of ours. ``env_kwargs``: EnvPool's options, as ``{"noop_max": 1}``, or
    the arguments of a world. ``frame_skip``: steps of EnvPool's for which each action acts, beside
    a ``frame_skip`` of its own among its options. ``pixels``: what the environment draws.
    ``key``, ``size`` (H, W), ``grey``, ``stacked``: as everywhere. ``threads``: by default as many
    as this process may use.
    """

    domain: str | None
    env_kwargs: Mapping[str, Any] | None
    frame_skip: int
    pixels: bool
    key: str | None
    size: tuple[int, int] | None
    grey: bool
    stacked: int | None
    threads: int | None


class _Shown:
    """A ``Pool``, and how what it answers is seen."""

    def __init__(
        self,
        env_id: str,
        n_envs: int,
        seed: int,
        *,
        domain: str | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        frame_skip: int = 1,
        pixels: bool = False,
        key: str | None = None,
        size: tuple[int, int] | None = None,
        grey: bool = False,
        stacked: int | None = None,
        threads: int | None = None,
    ) -> None:
        if frame_skip < 1:
            raise ValueError(f"frame_skip must be at least 1, got {frame_skip}")
        seeds = [seed + index for index in range(n_envs)]
        self.pool = Pool(
            env_id, n_envs, seeds=seeds, options=env_kwargs or {}, domain=domain, pixels=pixels,
            threads=threads,
        )  # fmt: skip
        self.skip = frame_skip
        space = self.pool.observation_space
        self.key, left_out = picked_key(space, key), None
        if self.key is not None:
            assert isinstance(space, gym.spaces.Dict)
            left_out = self.key, tuple(name for name in space.spaces if name != self.key)
            space = space[self.key]
        self.layout = shown_layout(
            space, size=size, grey=grey, stacked=stacked, known=self.pool.stacked,
            left_out=left_out,
        )  # fmt: skip
        self.space = space if self.layout is None else frames_space(self.layout)
        settings = {
            "domain": domain, "env_kwargs": dict(env_kwargs or {}), "pixels": pixels, "key": key,
            "size": size, "grey": grey, "stacked": stacked,
            "frame_skip": frame_skip if frame_skip > 1 else None,
        }  # fmt: skip
        self.spec = EnvSpec(
            self.pool.env_id,
            max_episode_steps=self.pool.config.get("max_episode_steps"),
            kwargs={name: value for name, value in settings.items() if value},
        )

    def __call__(self, observation: Tree) -> Tree:
        """What is seen of observations (N, ...)."""
        if self.key is not None:
            observation = observation[self.key]
        return observation if self.layout is None else all_shown(self.layout, observation)

    def __str__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.spec.kwargs.items())
        return f"EnvPool({self.spec.id}{given})"


class EnvPoolVecEnv(VecEnv):
    """``n_envs`` environments of EnvPool as a VecEnv; number i has the seed ``seed`` + i.

        venv = EnvPoolVecEnv("CarRacing-v3", n_envs=8, seed=0, frame_skip=4)
        model = PPO("CnnPolicy", venv)

    A finished environment shows the first observation of its next episode at once, and its last one
    as ``infos[i]["terminal_observation"]``; ``infos[i]["episode"]`` holds return, length and
    seconds as those of SB3's ``Monitor``. Equal seeds give equal episodes, whatever ``threads`` is.

    Args:
        env_id: EnvPool's ("Pong-v5"), or the gymnasium id of a world that EnvPool draws.
        n_envs: how many environments.
        seed: of the first of them.
        made: ``domain``, ``env_kwargs``, ``frame_skip``, ``pixels``, ``key``, ``size``, ``grey``,
            ``stacked`` and ``threads`` (``Made``).

    Raises:
        ImportError: without EnvPool, with the extra that brings it.
        ValueError: for an id or an option that EnvPool has not, and pictures that are none.
    """

    without_factors = NO_FACTORS

    def __init__(self, env_id: str, n_envs: int = 8, *, seed: int = 0, **made: Unpack[Made]):
        self._shown = _Shown(env_id, n_envs, seed, **made)
        self.pool, self.layout = self._shown.pool, self._shown.layout
        super().__init__(n_envs, self._shown.space, self.pool.action_space)
        self.metadata = {"render_modes": ["rgb_array"] if self.pool.pixels else []}
        self._began = time.time()
        self._returns, self._lengths = np.zeros(n_envs), np.zeros(n_envs, dtype=int)
        self._actions: np.ndarray | None = None

    def reset(self) -> Any:
        """The first observations; after ``seed(...)`` those of these seeds."""
        if any(self._options):
            raise ValueError(f"EnvPool takes no options at a reset, got {self._options}")
        seeds = None if self._seeds[0] is None else [int(seed or 0) for seed in self._seeds]
        batch = self.pool.reset(seeds)
        self._reset_seeds()
        self.reset_infos = [self._info(batch, index) for index in range(self.num_envs)]
        self._returns[:], self._lengths[:] = 0, 0
        return self._shown(batch.observation)

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        assert self._actions is not None, "step_async comes first"
        batch = self.pool.step(self._actions, skip=self._shown.skip)
        self._returns += batch.rewards
        self._lengths += 1
        infos = [self._info(batch, index) for index in range(self.num_envs)]
        cut = batch.truncated & ~batch.terminated
        for info, by_limit in zip(infos, cut.tolist(), strict=True):
            info["TimeLimit.truncated"] = by_limit
        seen = self._shown(batch.observation)
        if batch.dones.any():
            seen = self._begin(batch, seen, infos)
        return seen, batch.rewards.astype(np.float32), batch.dones, infos

    def _begin(self, batch: Batch, last: Tree, infos: list[dict[str, Any]]) -> Tree:
        """The first observations where an episode ended, whose last one goes into its info."""
        begun = self.pool.begin(batch)
        for index in np.flatnonzero(batch.dones).tolist():
            infos[index]["terminal_observation"] = row(last, index)
            infos[index]["episode"] = {
                "r": round(float(self._returns[index]), 6),
                "l": int(self._lengths[index]),
                "t": round(time.time() - self._began, 6),
            }
            self.reset_infos[index] = self._info(begun, index)
        self._returns[batch.dones], self._lengths[batch.dones] = 0, 0
        return self._shown(begun.observation)

    def _info(self, batch: Batch, index: int) -> dict[str, Any]:
        return {**batch.infos(index), **self.pool.of_world(index)}

    def close(self) -> None:
        self.pool.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """What the environments draw, made with ``pixels=True``."""
        return self.pool.images() if self.pool.pixels else [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """``spec`` and what else all share; AttributeError for what would be Python objects."""
        shared = {
            "spec": self._shown.spec,
            "render_mode": "rgb_array" if self.pool.pixels else None,
        }
        if attr_name not in shared:
            raise AttributeError(
                f"EnvPool runs its environments in C++, and they have no attribute {attr_name!r}; "
                f"there is {' and '.join(shared)}, and pool.config. {GYMNASIUM}"
            )
        return [shared[attr_name] for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """AttributeError: nothing can be set once EnvPool has made its environments."""
        raise AttributeError(
            f"EnvPool runs its environments in C++, and {attr_name!r} cannot be set in them; give "
            f"its options when they are made: env_kwargs={{...}}. {GYMNASIUM}"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """``__str__``; AttributeError for other methods, which C++ does not have."""
        if method_name != "__str__":
            raise AttributeError(
                f"EnvPool runs its environments in C++, and they have no method {method_name!r}. "
                f"{GYMNASIUM}"
            )
        return [str(self._shown) for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        """True for ``Monitor``, whose work is done here, and False for others."""
        return [issubclass(Monitor, wrapper_class) for _ in self._get_indices(indices)]


class EnvPoolEnv(gym.Env[Any, Any]):
    """One environment of EnvPool; the arguments are those of ``EnvPoolVecEnv``."""

    without_factors = NO_FACTORS

    def __init__(self, env_id: str, *, seed: int = 0, **made: Unpack[Made]) -> None:
        self._shown = _Shown(env_id, 1, seed, **made)
        self.pool, self.layout = self._shown.pool, self._shown.layout
        self.skip = self._shown.skip  # steps of EnvPool's that one of an agent is
        self.observation_space = self._shown.space
        self.action_space, self.spec = self.pool.action_space, self._shown.spec
        self.render_mode = "rgb_array" if self.pool.pixels else None
        self.metadata = {"render_modes": ["rgb_array"]}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if options:
            raise ValueError(f"EnvPool takes no options at a reset, got {options}")
        return self._first(self.pool.reset(None if seed is None else [seed]))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        batch = self.pool.step(np.asarray(action)[None], skip=self._shown.skip)
        ended = bool(batch.terminated[0]), bool(batch.truncated[0])
        observation, info = self._first(batch)
        return observation, float(batch.rewards[0]), *ended, info

    def render(self) -> np.ndarray | None:
        """What it draws, made with ``pixels=True``."""
        return self.pool.images()[0] if self.pool.pixels else None

    def close(self) -> None:
        self.pool.close()

    def _first(self, batch: Batch) -> tuple[Any, dict[str, Any]]:
        return row(self._shown(batch.observation), 0), {**batch.infos(0), **self.pool.of_world(0)}

    def __str__(self) -> str:
        return str(self._shown)
