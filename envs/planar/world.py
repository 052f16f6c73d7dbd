"""What the planar worlds share: spaces, the arm's motion, episodes, factors and appearances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.factors import appearance_rng, check_render_mode, reset_options, split_factors
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import PlanarAppearance
from bvae_rl.envs.planar.variations import COLOURS, planar_domain

MAX_STEP = 0.2
EPISODE_STEPS = 50
DRIFT = 0.02  # turns of the distractors' phase a step

JOINT_SPECS = (
    FactorSpec("shoulder", low=planar.Q_LOW[0], high=planar.Q_HIGH[0], unit="rad"),
    FactorSpec("elbow", low=planar.Q_LOW[1], high=planar.Q_HIGH[1], unit="rad"),
)
COLOUR_SPECS = tuple(variation.spec for variation in COLOURS)


class PlanarWorld(gym.Env):
    """A two-link arm with joint velocities as actions, seen from above.

    Subclasses give ``state_specs`` and the methods that raise NotImplementedError here. Reset
    options and info: ``bvae_rl.envs.factors``.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    proprioception = ("shoulder", "elbow")  # what the arm feels without seeing
    state_specs: ClassVar[tuple[FactorSpec, ...]]

    def __init__(
        self, *, domain: str = "source", size: int = 64, render_mode: str | None = None
    ) -> None:
        self._domain = planar_domain(domain)
        if not isinstance(size, int) or size < 16:
            raise ValueError(f"size must be a whole number of pixels, 16 or more, got {size!r}")
        self.domain, self.size = domain, size
        self.render_mode = check_render_mode(render_mode)
        self.factor_specs = (*self.state_specs, *self._domain.specs)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._state = self._first_state()
        self._appearance = self._domain.source
        self._sampled: PlanarAppearance | None = None  # its palette is no factor
        self._appearance_rng = np.random.default_rng()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._appearance_rng = appearance_rng(seed)
        given = reset_options(options, self.factor_specs, self._domain.source)
        self._state = self._draw_state(self.np_random, given.of_state, start=True)
        self._appearance = given.shown(self._domain.sample(self._appearance_stream()))
        self._sampled, self._steps = None, 0
        return self._frame(), self._info(self._is_success())

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    @property
    def appearance(self) -> PlanarAppearance:
        """The appearance on show."""
        return self._appearance

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        return np.array([*self._state, *self._domain.factors(self._appearance)])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance of the domain.

        Its palette is no factor but part of the draw: the next ``set_factors`` takes it.
        """
        sampled = self._domain.sample(rng)
        self._sampled = sampled if self._domain.alternative else None
        return np.array([*self._draw_state(rng, {}), *self._domain.factors(sampled)])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), keeping the rest of the appearance, and return the frame.

        ValueError where they are out of range or cannot be; nothing has changed then.
        """
        shown = self._sampled or self._appearance
        state, appearance = split_factors(factors, self.factor_specs, shown)
        self._check_state(state)
        self._state, self._appearance, self._sampled = state, appearance, None
        return self._frame()

    def _end_step(
        self, reward: float, success: bool
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """What ``step`` returns; the distractors have moved on."""
        self._steps += 1
        if self._appearance.distractors:
            self._appearance = self._appearance.drifted(DRIFT)
        ended = self._steps >= EPISODE_STEPS
        return self._frame(), reward, False, ended, self._info(success)

    def _frame(self) -> np.ndarray:
        raise NotImplementedError

    def _is_success(self) -> bool:
        raise NotImplementedError

    def _first_state(self) -> np.ndarray:
        """The state before the first reset."""
        raise NotImplementedError

    def _draw_state(
        self, rng: np.random.Generator, given: Mapping[str, float], *, start: bool = False
    ) -> np.ndarray:
        """A uniform possible state around the ``given`` factors; at the ``start`` of an episode
        one from which there is something to do.
        """
        raise NotImplementedError

    def _check_state(self, state: np.ndarray) -> None:
        """Raise a ValueError with the reason for a state that cannot be."""

    def _appearance_stream(self) -> np.random.Generator:
        return self._appearance_rng

    def _info(self, success: bool) -> dict[str, Any]:
        return {"factors": self.factors(), "is_success": success, "domain": self.domain}


def joint_move(q: np.ndarray, action: np.ndarray) -> np.ndarray:
    """Where the joint angles ``q`` (2,) are to go for ``action`` (2,), within their limits."""
    if np.shape(action) != (2,) or not np.isfinite(action).all():
        raise ValueError(f"an action is two finite joint velocities, got {action}")
    move = MAX_STEP * np.minimum(np.maximum(np.asarray(action, dtype=np.float64), -1.0), 1.0)
    return np.minimum(np.maximum(q + move, planar.Q_LOW), planar.Q_HIGH)


def uniform(
    specs: Sequence[FactorSpec], rng: np.random.Generator, given: Mapping[str, float]
) -> np.ndarray:
    """Independent uniform factors, shape (K,), but for those that were ``given`` by name."""
    drawn = rng.uniform([spec.low for spec in specs], [spec.high for spec in specs])
    return np.array([given.get(spec.name, v) for spec, v in zip(specs, drawn, strict=True)])
