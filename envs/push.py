"""``bvae_rl/PlanarPush-v0``: a two-link arm pushes a disc to a goal.

Description: the arm of PlanarReach starts clear of a disc, the disc away from a goal drawn as a
ring. The links run above the table and the fingertip pushes the disc (``planar.push``:
quasi-static, no friction). With ``links=True`` both links lie on the table and push as well, which
is much harder: they are in the way. The disc stays inside a box within reach; an arm that would
crush it against the box stops. The look (three colours; the ring's lies half-way between disc and
background) is drawn at each reset from the set given as ``looks``.
Actions: ``Box(-1, 1, (2,))``, joint velocities; 1 is ``MAX_STEP`` radians a step. Limits clip.
Observations: the frame, ``Box(0, 255, (64, 64, 3), uint8)``, RGB.
Reward: minus the distance from disc to goal; plus 1 while the disc is within ``TOLERANCE``, else
minus ``APPROACH`` times the radians to a pose from which the fingertip pushes straight to the goal.
Termination: none; truncation after ``EPISODE_STEPS`` steps.
Info: ``factors`` (9,), ``is_success`` (disc within ``TOLERANCE`` now), ``look_set``.
Reset options: ``{"look": Look}``, or ``{"factors": (9,) array or {name: value}}`` as PlanarReach.
Factors that put the arm inside the disc are refused. Those drawn are uniform where the arm is clear
of the disc, so joints and disc are not quite independent; the goal and the colours are.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.envs import planar
from bvae_rl.envs import planar_common as common
from bvae_rl.envs.looks import Look, sample_look
from bvae_rl.factors import FactorSpec, check_factors

MAX_STEP = common.MAX_STEP
TOLERANCE = 0.12
APPROACH = 0.1  # a radian
START_DISTANCE = 0.2  # of disc and goal, unless the factors are given
EPISODE_STEPS = 50
LOOK_STREAM = 1
DRAWS = 1000  # most draws are possible: only given factors exhaust them

SPECS = (
    *common.JOINT_SPECS,
    FactorSpec("disc_x", low=planar.DISC_LOW[0], high=planar.DISC_HIGH[0], unit="m"),
    FactorSpec("disc_y", low=planar.DISC_LOW[1], high=planar.DISC_HIGH[1], unit="m"),
    FactorSpec("goal_x", low=planar.DISC_LOW[0], high=planar.DISC_HIGH[0], unit="m"),
    FactorSpec("goal_y", low=planar.DISC_LOW[1], high=planar.DISC_HIGH[1], unit="m"),
    *common.COLOUR_SPECS,
)
JOINTS, DISC, GOAL = slice(0, 2), slice(2, 4), slice(4, 6)
STATE, COLOURS = slice(0, 6), slice(6, 9)


class PlanarPush(gym.Env):
    """See the module's docstring. ``looks`` names the set from which each reset draws its look."""

    metadata = {**common.METADATA}
    factor_specs = SPECS
    proprioception = common.PROPRIOCEPTION

    def __init__(
        self,
        *,
        looks: str = "source",
        size: int = 64,
        links: bool = False,
        render_mode: str | None = None,
    ) -> None:
        common.check_arguments(looks, size, render_mode)
        self.looks = looks
        self.size = size
        self.links = links
        self.render_mode = render_mode
        self.action_space, self.observation_space = common.spaces(size)
        self._state = np.array([0.6, 0.0, 0.0, 0.2, -0.3, 0.1])
        self._look = Look()
        self._look_rng = np.random.default_rng()  # of its own: a look never changes the states
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._look_rng = np.random.default_rng([seed, LOOK_STREAM])
        look = sample_look(self.looks, self._look_rng)
        given, look = common.read_options(options, SPECS, look)
        apart = 0.0 if given else START_DISTANCE
        state = self._draw_state(self.np_random, given, apart=apart)
        self._state, self._look, self._steps = state, look, 0
        return self._frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        q = self._state[JOINTS]
        move = common.joint_move(q, action) - q
        self._state[JOINTS], self._state[DISC] = planar.push(
            q, move, self._state[DISC], links=self.links
        )
        self._steps += 1
        info = self._info()
        bonus = 1.0 if info["is_success"] else -APPROACH * _turn(self._state)
        reward = bonus - _distance(self._state)
        return self._frame(), reward, False, self._steps >= EPISODE_STEPS, info

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (9,)."""
        return np.concatenate([self._state, self._look.u])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (9,): a uniform possible state, and a look drawn from ``self.looks``.

        The palette is no factor but part of the draw: the scene takes it, and ``set_factors``
        keeps it.
        """
        state = self._draw_state(rng, {})
        self._look = sample_look(self.looks, rng)
        return np.concatenate([state, self._look.u])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (9,), keeping the palette, and return the frame.

        ValueError where they are out of range or put the arm inside the disc; nothing has changed.
        """
        values = check_factors(factors, SPECS)
        self._check_clear(values[STATE])
        self._look = common.recolour(self._look, values[COLOURS])
        self._state = values[STATE].copy()
        return self._frame()

    def _frame(self) -> np.ndarray:
        s = self._state
        return planar.draw(s[JOINTS], s[DISC], self._look, size=self.size, goal=s[GOAL])

    def _info(self) -> dict[str, Any]:
        return {
            "factors": self.factors(),
            "is_success": _distance(self._state) < TOLERANCE,
            "look_set": self.looks,
        }

    def _draw_state(
        self, rng: np.random.Generator, given: Mapping[str, float], *, apart: float = 0.0
    ) -> np.ndarray:
        """A uniform state (6,) around the ``given`` factors, disc and goal ``apart`` or more."""
        for _ in range(DRAWS):
            state = common.override(common.uniform(SPECS[STATE], rng), given, SPECS[STATE])
            if self._inside(state) is None and _distance(state) >= apart:
                return state
        self._check_clear(state)
        raise AssertionError("no state far enough from its goal was drawn")

    def _inside(self, state: np.ndarray) -> tuple[str, float] | None:
        """The part of the arm that the disc is inside of, and how deep in metres; or None."""
        depths = planar.overlaps(state[JOINTS], state[DISC], links=self.links)
        part = max(depths, key=lambda name: depths[name])
        return (part, depths[part]) if depths[part] > planar.TOUCH else None

    def _check_clear(self, state: np.ndarray) -> None:
        if (found := self._inside(state)) is not None:
            part, depth = found
            x, y = state[DISC]
            raise ValueError(
                f"impossible factors: the {part} would be {depth:.3g} m inside the disc at "
                f"({x:.3g}, {y:.3g}); move the disc or the joints"
            )


def _distance(state: np.ndarray) -> float:
    return float(np.linalg.norm(state[DISC] - state[GOAL]))


def _turn(state: np.ndarray) -> float:
    """Radians that the joint with more to do is away from pushing the disc straight to the goal.

    Joint angles, not metres: half of all pushes need the elbow on one certain side, and in metres
    an arm bent to the other side is stuck right beside the disc.
    """
    way = state[GOAL] - state[DISC]
    behind = (planar.DISC_RADIUS + planar.TIP_RADIUS) * way / max(_distance(state), 1e-9)
    q1, q2 = state[JOINTS].tolist()
    found = planar.poses(state[DISC] - behind)
    return min((max(abs(a - q1), abs(b - q2)) for a, b in found), default=pi)
