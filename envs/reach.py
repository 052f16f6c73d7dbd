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

from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.envs import planar
from bvae_rl.envs import planar_common as common
from bvae_rl.envs.looks import Look, sample_look
from bvae_rl.factors import FactorSpec, check_factors

MAX_STEP = common.MAX_STEP
TOLERANCE = 0.12
EPISODE_STEPS = 50

SPECS = (
    *common.JOINT_SPECS,
    FactorSpec("target_x", low=planar.TARGET_LOW[0], high=planar.TARGET_HIGH[0], unit="m"),
    FactorSpec("target_y", low=planar.TARGET_LOW[1], high=planar.TARGET_HIGH[1], unit="m"),
    *common.COLOUR_SPECS,
)
STATE = slice(0, 4)
COLOURS = slice(4, 7)


class PlanarReach(gym.Env):
    """See the module's docstring. ``looks`` names the set from which each reset draws its look."""

    metadata = {**common.METADATA}
    factor_specs = SPECS
    proprioception = common.PROPRIOCEPTION

    def __init__(
        self, *, looks: str = "source", size: int = 64, render_mode: str | None = None
    ) -> None:
        common.check_arguments(looks, size, render_mode)
        self.looks = looks
        self.size = size
        self.render_mode = render_mode
        self.action_space, self.observation_space = common.spaces(size)
        self._state = np.array([(spec.low + spec.high) / 2 for spec in SPECS[STATE]])
        self._look = Look()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        state, look = self._draw_state(self.np_random), sample_look(self.looks, self.np_random)
        given, look = common.read_options(options, SPECS, look)
        state = common.override(state, given, SPECS[STATE])
        self._state, self._look, self._steps = state, look, 0
        return self._frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self._state[:2] = common.joint_move(self._state[:2], action)
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
        self._look = common.recolour(self._look, values[COLOURS])
        self._state = values[STATE].copy()
        return self._frame()

    @staticmethod
    def _draw_state(rng: np.random.Generator) -> np.ndarray:
        return common.uniform(SPECS[STATE], rng)

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
