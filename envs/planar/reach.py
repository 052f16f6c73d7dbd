"""``bvae_rl/PlanarReach-v0``: a two-link arm reaches for a coloured target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.scene import draw
from bvae_rl.envs.planar.world import COLOUR_SPECS, JOINT_SPECS, PlanarWorld, joint_move, uniform
from bvae_rl.envs.world import Step

TOLERANCE = 0.12
STATE_SPECS = (
    *JOINT_SPECS,
    FactorSpec("target_x", low=planar.TARGET_LOW[0], high=planar.TARGET_HIGH[0], unit="m"),
    FactorSpec("target_y", low=planar.TARGET_LOW[1], high=planar.TARGET_HIGH[1], unit="m"),
)
SPECS = (*STATE_SPECS, *COLOUR_SPECS)  # of a domain that varies the colours


class PlanarReach(PlanarWorld):
    """A two-link arm reaches for a coloured target.

    ## Description
    The arm starts at random joint angles, the target disc at a random place within reach. Each
    reset draws an appearance of the visual domain.

    ## Action Space
    ``Box(-1, 1, (2,), float32)``: velocities of shoulder and elbow; 1 is ``MAX_STEP`` radians a
    step. Joint limits clip.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``: the frame, RGB. Factors: the two joint angles, x and y
    of the target, and those of the appearance (three colours unless ``domain`` names other kinds).

    ## Rewards
    Minus the distance from fingertip to target centre in metres; plus 1 within ``TOLERANCE``, which
    is success.

    ## Termination
    None. Truncation after ``EPISODE_STEPS`` steps.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; kinds in ``planar.variations``); ``size``: pixels
    of a side, 16 or more; ``render_mode``: "rgb_array" or None.
    """

    state_specs = STATE_SPECS

    def step(self, action: np.ndarray) -> Step:
        self._state[:2] = joint_move(self._state[:2], action)
        distance = _distance(self._state)
        success = distance < TOLERANCE
        return self._outcome(-distance + float(success), success)

    def _frame(self) -> np.ndarray:
        return draw(self._state[:2], self._state[2:4], self._appearance, size=self.size)

    def _is_success(self, state: np.ndarray) -> bool:
        return _distance(state) < TOLERANCE

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        self._state = uniform(STATE_SPECS, self.np_random, given)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        return uniform(STATE_SPECS, rng, {})

    def _appearance_stream(self) -> np.random.Generator:
        # Published runs drew colours between the states; other kinds do not change the states.
        return self.np_random if self._domain.kinds == ("colours",) else self._appearance_rng


def _distance(state: np.ndarray) -> float:
    _, tip = planar.joints(state[:2])
    return float(np.linalg.norm(tip - state[2:4]))
