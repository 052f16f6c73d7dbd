"""``bvae_rl/PlanarReach-v0``: a two-link arm reaches for a coloured target.

Description: the arm starts at random joint angles in front of a target disc at a random place
within reach. The look (three colours) is drawn at each reset from the set given as ``looks``.
Actions: ``Box(-1, 1, (2,))``, joint velocities; 1 is ``MAX_STEP`` radians a step. Limits clip.
Observations: the frame, ``Box(0, 255, (64, 64, 3), uint8)``, RGB.
Reward: minus the distance from fingertip to target centre, plus 1 within ``TOLERANCE``.
Termination: none; truncation after ``EPISODE_STEPS`` steps.
Info: ``factors`` (7,), ``is_success`` (fingertip within ``TOLERANCE`` now), ``look_set``.
Reset options: ``{"look": Look}``, or ``{"factors": (7,) array or {name: value}}``; colours given as
factors override the look that would have been drawn; contradicting a given ``look`` is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.envs import planar
from bvae_rl.envs.looks import PARTS, Look, check_look_set, sample_look
from bvae_rl.factors import FactorSpec, check_factors

MAX_STEP = 0.2
TOLERANCE = 0.12
EPISODE_STEPS = 50

SPECS = (
    FactorSpec("shoulder", low=planar.Q_LOW[0], high=planar.Q_HIGH[0], unit="rad"),
    FactorSpec("elbow", low=planar.Q_LOW[1], high=planar.Q_HIGH[1], unit="rad"),
    FactorSpec("target_x", low=planar.TARGET_LOW[0], high=planar.TARGET_HIGH[0], unit="m"),
    FactorSpec("target_y", low=planar.TARGET_LOW[1], high=planar.TARGET_HIGH[1], unit="m"),
    *(FactorSpec(f"{part}_colour", role="look") for part in PARTS),
)
STATE = slice(0, 4)
COLOURS = slice(4, 7)


class PlanarReach(gym.Env):
    """See the module's docstring. ``looks`` names the set from which each reset draws its look."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    factor_specs = SPECS
    proprioception = ("shoulder", "elbow")  # what the arm feels without looking

    def __init__(
        self, *, looks: str = "source", size: int = 64, render_mode: str | None = None
    ) -> None:
        check_look_set(looks)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"unknown render_mode {render_mode!r}; known: rgb_array, None")
        if size < 16:
            raise ValueError(f"size must be at least 16 pixels, got {size}")
        self.looks = looks
        self.size = size
        self.render_mode = render_mode
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._state = np.array([(spec.low + spec.high) / 2 for spec in SPECS[STATE]])
        self._look = Look()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        state, look = self._draw_state(self.np_random), sample_look(self.looks, self.np_random)
        options = options or {}
        if "look" in options:
            look = options["look"]
            if not isinstance(look, Look):
                raise TypeError(f"options['look'] must be a Look, got {type(look).__name__}")
        if "factors" in options:
            given = _named(options["factors"])
            state = np.array(
                [given.get(s.name, v) for s, v in zip(SPECS[STATE], state, strict=True)]
            )
            coloured = _colour(look, given)
            if "look" in options and coloured != look:
                raise ValueError(
                    f"options['factors'] asks for {coloured}, options['look'] for {look}"
                )
            look = coloured
        self._state, self._look, self._steps = state, look, 0
        return self._frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        move = MAX_STEP * np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0)
        self._state[:2] = np.clip(self._state[:2] + move, planar.Q_LOW, planar.Q_HIGH)
        self._steps += 1
        info = self._info()
        reward = -self._distance() + float(info["is_success"])
        return self._frame(), reward, False, self._steps >= EPISODE_STEPS, info

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (7,)."""
        return np.concatenate([self._state, self._look.u])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Independent factors, shape (7,): a uniform state, and a look drawn from ``self.looks``.

        The palette is no factor but part of the draw: the scene takes it, and ``set_factors``
        keeps it.
        """
        self._look = sample_look(self.looks, rng)
        return np.concatenate([self._draw_state(rng), self._look.u])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (7,), keeping the palette, and return the frame."""
        values = check_factors(factors, SPECS)
        self._state = values[STATE].copy()
        arm, target, background = values[COLOURS].tolist()
        self._look = Look(arm, target, background, self._look.palette)
        return self._frame()

    @staticmethod
    def _draw_state(rng: np.random.Generator) -> np.ndarray:
        return rng.uniform([s.low for s in SPECS[STATE]], [s.high for s in SPECS[STATE]])

    def _distance(self) -> float:
        _, tip = planar.joints(self._state[:2])
        return float(np.linalg.norm(tip - self._state[2:4]))

    def _frame(self) -> np.ndarray:
        return planar.draw(self._state[:2], self._state[2:4], self._look, size=self.size)

    def _info(self) -> dict[str, Any]:
        return {
            "factors": self.factors(),
            "is_success": self._distance() < TOLERANCE,
            "look_set": self.looks,
        }


def _named(factors: Any) -> dict[str, float]:
    """Factors given as {name: value} or as a whole (7,) vector, checked."""
    if not isinstance(factors, Mapping):
        values = check_factors(factors, SPECS)
        return {spec.name: float(v) for spec, v in zip(SPECS, values, strict=True)}
    known = {spec.name: spec for spec in SPECS}
    for name, value in factors.items():
        if name not in known:
            raise ValueError(f"unknown factor {name!r}; known: {', '.join(known)}")
        if not known[name].contains(value):
            raise ValueError(
                f"factor {name!r} = {value:g} is outside its range {known[name].range_text}"
            )
    return {name: float(value) for name, value in factors.items()}


def _colour(look: Look, given: dict[str, float]) -> Look:
    parts = {part: given[f"{part}_colour"] for part in PARTS if f"{part}_colour" in given}
    return Look(**{**asdict(look), **parts})
