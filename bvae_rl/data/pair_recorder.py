"""Pairs of frames from ordinary interaction: a wrapper that keeps what an agent sees as it goes.

    env = PairRecorder(env, FrameStore("runs/pairs"), seed=0, probe=0.1)
    model.learn(...)     # as always
    env.close()          # writes what is not yet on disk

Some of the steps are kept as two rows of a frame store, under the numbers that
``PairedFrames.rows`` gives acted pairs: the frames before and after are one episode and two states;
the action is the first row's, the second row has none. ``pair_sources`` finds among them
``consecutive`` pairs and, where one actuator moved alone, ``actuators``. With a ``twin``, an
environment that can redraw a state, the same two states in another look follow under the same
state numbers: ``looks``, and quads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.acted_pairs import actuator_bounds, lone_action
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorEnv, known_specs, role_mask
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import Frames, FrameStore

TRIES = 20  # looks that a twin draws until one is new


class PairRecorder(gym.Wrapper):
    """``env``, of which ``share`` of the steps are kept in ``store`` (or the folder of one).

    ``probe`` is the share of the kept steps in which the action is replaced by one of a single
    actuator (``info["probe"]`` is then what was done instead): a small disturbance, and the only
    one. ``twin`` is an environment of the same kind, used by nobody else, whose factors can be set
    and whose looks are more than one; ``env`` has to tell its factors in ``info``. Steps that
    change no pixel, or the look, are not kept, nor are looks that the twin refuses to put on.

    Pairs are written ``block`` at a time and at ``close()``, which closes the twin too. The same
    interaction and ``seed`` give the same store. A store takes one process: several recorders of
    one process share one FrameStore object. ValueError or TypeError for what cannot be recorded.
    """

    def __init__(
        self,
        env: gym.Env,
        store: FrameStore | str | Path,
        *,
        seed: int,
        share: float = 0.05,
        probe: float = 0.0,
        twin: gym.Env | None = None,
        block: int = 128,
    ) -> None:
        super().__init__(env)
        for name, value, least in (("share", share, "(0"), ("probe", probe, "[0")):
            if not 0.0 <= value <= 1.0 or (name == "share" and value == 0.0):
                raise ValueError(f"{name} must be in {least}, 1], got {value}")
        if block < 1:
            raise ValueError(f"block must be at least 1 pair, got {block}")
        if env.action_space.shape is None:
            raise TypeError(
                f"a store keeps actions as one row of numbers, and those of {env.action_space} are "
                "none; flatten them (gymnasium.spaces.utils.flatten_space)"
            )
        self.store = store if isinstance(store, FrameStore) else FrameStore(store)
        self.share, self.probe, self.block = share, probe, block
        self._layout = FrameLayout.of(env.observation_space)
        self._bounds = actuator_bounds(env.action_space) if probe else None
        self._specs = known_specs(env)
        self._is_look = role_mask(self._specs, "look")
        self._rng = np.random.default_rng([seed, 0])
        self._twin = None if twin is None else _Twin(twin, env, seed=seed)
        self._knows_factors: bool | None = None
        self._kept: list[_Pair] = []
        self._before: _Moment | None = None  # of a step that is to be kept

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        if self._knows_factors is None:
            self._knows_factors = bool(self._specs) and "factors" in info
            if self._twin is not None and not self._knows_factors:
                raise ValueError(
                    f"a twin redraws a state by its factors, and {self.env} does not tell them in "
                    "info['factors']; leave out twin, or wrap it in a FactorWrapper with read"
                )
        self._decide(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        probed = (
            self._before is not None
            and self._bounds is not None
            and self._rng.random() < self.probe
        )
        if probed and self._bounds is not None:
            actuator = int(self._rng.integers(len(self._bounds[0])))
            action = lone_action(*self._bounds, actuator, self._rng)
        done = np.array(action, dtype=np.float32).ravel()  # a copy: the caller may write into it
        observation, reward, terminated, truncated, info = self.env.step(action)
        if probed:
            info = {**info, "probe": action}
        if self._before is not None:
            self._keep(self._before, self._moment(observation, info), done)
        self._decide(observation, info)
        return observation, reward, terminated, truncated, info

    def flush(self) -> None:
        """Write the pairs that are not yet on disk."""
        if not self._kept:
            return
        specs = self._specs if self._knows_factors and self._same_factors else ()
        if not len(self.store):
            self.store.describe(factor_specs=specs, **{"policy": "agent", **self.store.meta})
        elif self.store.factor_specs != specs:
            raise ValueError(
                f"{self.store.folder} holds frames of the factors "
                f"{[spec.name for spec in self.store.factor_specs]}, not of "
                f"{[spec.name for spec in specs]}; record into another folder"
            )
        episode, state = 0, 0
        if len(self.store):
            episode = int(self.store.array("episode")[-1]) + 1
            state = int(self.store.array("state").max()) + 1
        self.store.append(_rows(self._kept, episode, state, factors=bool(specs)))
        self._kept.clear()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            if self._twin is not None:
                self._twin.env.close()
            super().close()

    @property
    def _same_factors(self) -> bool:
        return self._twin is None or self._twin.source.factor_specs == self._specs

    def _decide(self, observation: Any, info: dict[str, Any]) -> None:
        """Draw whether the next step is kept; only then is what is seen now of interest."""
        keep = self._rng.random() < self.share
        self._before = self._moment(observation, info) if keep else None

    def _moment(self, observation: Any, info: dict[str, Any]) -> _Moment:
        frame = self._layout.frames(np.array(observation)[None])[0]
        if not self._knows_factors:
            return _Moment(frame, None)
        if "factors" not in info:
            raise ValueError(f"{self.env} told its factors at reset and not after a step")
        return _Moment(frame, np.array(info["factors"], dtype=np.float64))

    def _keep(self, before: _Moment, after: _Moment, action: np.ndarray) -> None:
        if np.array_equal(before.frame, after.frame):
            return
        if before.factors is not None and after.factors is not None:
            looks = before.factors[self._is_look], after.factors[self._is_look]
            if not np.array_equal(*looks):
                return
        again = () if self._twin is None else self._twin.redraw(before, after)
        self._kept.append(_Pair((before, after), again, action))
        if len(self._kept) >= self.block:
            self.flush()


@dataclass(frozen=True)
class _Moment:
    """A frame (H, W, C), and its factors (K,) where they are known."""

    frame: np.ndarray
    factors: np.ndarray | None


@dataclass(frozen=True)
class _Pair:
    """Two moments, the same two in another look or nothing, and the action between them (A,)."""

    seen: tuple[_Moment, _Moment]
    again: tuple[_Moment, _Moment] | tuple[()]
    action: np.ndarray


class _Twin:
    """Redraws states of ``env`` in looks of its own."""

    def __init__(self, twin: gym.Env, env: gym.Env, *, seed: int) -> None:
        source = settable_env(twin)
        if source is None:
            raise ValueError(
                f"the factors of the twin {twin} cannot be set, so that it cannot redraw a state; "
                "wrap it in a FactorWrapper with sample and set"
            )
        if twin.unwrapped is env.unwrapped:
            raise ValueError("the twin must be another environment than the one it redraws")
        self.env, self.source = twin, source
        self._layout = FrameLayout.of(twin.observation_space)
        shapes = FrameLayout.of(env.observation_space).shape, self._layout.shape
        names = _state_names(env), _state_names(source)
        if shapes[0] != shapes[1] or names[0] != names[1]:
            raise ValueError(
                "a twin is an environment of the same kind; this one shows "
                f"{shapes[1]} with state factors {names[1]}, not {shapes[0]} with {names[0]}"
            )
        self._is_look = role_mask(source.factor_specs, "look")
        if not self._is_look.any():
            raise ValueError("a twin needs factors with role 'look', and this one has none")
        self._columns = ~role_mask(known_specs(env), "look")
        self._rng = np.random.default_rng([seed, 1])
        twin.reset(seed=seed)

    def redraw(self, before: _Moment, after: _Moment) -> tuple[_Moment, _Moment] | tuple[()]:
        """Both moments in one new look; nothing if the twin refuses them.

        ValueError if it never shows a new look.
        """
        for _ in range(TRIES):
            look = self.source.sample_factors(self._rng)
            try:
                again = self._moment(before, look), self._moment(after, look)
            except ValueError:  # a state that cannot be in this look
                return ()
            if not np.array_equal(again[0].frame, before.frame):
                return again
        raise ValueError(
            f"the twin drew {TRIES} looks and each was the one on show; make it with several "
            "looks, as looks='pretrain'"
        )

    def _moment(self, moment: _Moment, look: np.ndarray) -> _Moment:
        assert moment.factors is not None  # checked at the first reset
        factors = np.array(look, dtype=np.float64)
        factors[~self._is_look] = moment.factors[self._columns]
        observation = np.array(self.source.set_factors(factors))
        return _Moment(self._layout.frames(observation[None])[0], factors)


def _state_names(env: gym.Env | FactorEnv) -> list[str]:
    specs = known_specs(env) if isinstance(env, gym.Env) else env.factor_specs
    return [spec.name for spec in specs if spec.role == "state"]


def _rows(pairs: list[_Pair], episode: int, state: int, *, factors: bool) -> Frames:
    """Two or four rows a pair, numbered from ``episode`` and ``state`` on."""
    moments, episodes, states, actions = list[_Moment](), [], [], []
    for pair in pairs:
        for two in filter(None, (pair.seen, pair.again)):
            moments += two
            episodes += [episode, episode]
            states += [state, state + 1]
            actions += [pair.action, np.zeros_like(pair.action)]
            episode += 1
        state += 2
    known = [moment.factors for moment in moments]
    return Frames(
        np.stack([moment.frame for moment in moments]),
        np.array(episodes),
        np.array(states),
        np.array(known, dtype=np.float32) if factors else None,
        np.stack(actions),
    )
