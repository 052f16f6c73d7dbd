"""``bvae_rl/PlanarPush-v0``: a two-link arm pushes a disc to a goal."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, pi

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.scene import draw
from bvae_rl.envs.planar.world import COLOUR_SPECS, JOINT_SPECS, PlanarWorld, joint_move, uniform
from bvae_rl.envs.world import Step

TOLERANCE = 0.12
APPROACH = 0.1  # a radian
START_DISTANCE = 0.2  # of disc and goal, unless the factors are given
DRAWS = 1000  # most draws are possible: only given factors exhaust them

STATE_SPECS = (
    *JOINT_SPECS,
    FactorSpec("disc_x", low=planar.DISC_LOW[0], high=planar.DISC_HIGH[0], unit="m"),
    FactorSpec("disc_y", low=planar.DISC_LOW[1], high=planar.DISC_HIGH[1], unit="m"),
    FactorSpec("goal_x", low=planar.DISC_LOW[0], high=planar.DISC_HIGH[0], unit="m"),
    FactorSpec("goal_y", low=planar.DISC_LOW[1], high=planar.DISC_HIGH[1], unit="m"),
)
SPECS = (*STATE_SPECS, *COLOUR_SPECS)
JOINTS, DISC, GOAL = slice(0, 2), slice(2, 4), slice(4, 6)


class PlanarPush(PlanarWorld):
    """A two-link arm pushes a disc to a goal.

    ## Description
    The arm of PlanarReach starts clear of a disc, the disc away from a goal that is drawn as a ring
    in a colour half-way between disc and background. The links run above the table and the
    fingertip pushes the disc (``planar.arm.push``: quasi-static, no friction). The disc stays
    inside a box within reach; an arm that would crush it against the box stops. Each reset draws an
    appearance of the visual domain.

    ## Action Space
    ``Box(-1, 1, (2,), float32)``: velocities of shoulder and elbow; 1 is ``MAX_STEP`` radians a
    step. Joint limits clip.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``: the frame, RGB. Factors: the two joint angles, x and y
    of disc and goal, and those of the appearance (three colours unless ``domain`` names other
    kinds). Factors that put the arm inside the disc are refused. Sampled ones are uniform where the
    arm is clear of the disc, so joints and disc are not quite independent.

    ## Rewards
    Minus the distance from disc to goal in metres; plus 1 while the disc is within ``TOLERANCE``,
    which is success, else minus ``APPROACH`` times the radians to a pose from which the fingertip
    pushes straight to the goal.

    ## Termination
    None. Truncation after ``EPISODE_STEPS`` steps.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; kinds in ``planar.variations``); ``size``: pixels
    of a side, 16 or more; ``links``: both links lie on the table and push as well, which is much
    harder, since they are in the way; ``render_mode``: "rgb_array" or None.
    """

    state_specs = STATE_SPECS

    def __init__(
        self,
        *,
        domain: str = "source",
        size: int = 64,
        links: bool = False,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(domain=domain, size=size, render_mode=render_mode)
        self.links = links
        self._state = np.array([0.6, 0.0, 0.0, 0.2, -0.3, 0.1])

    def step(self, action: np.ndarray) -> Step:
        q = self._state[JOINTS]
        move = joint_move(q, action) - q
        self._state[JOINTS], self._state[DISC] = planar.push(
            q, move, self._state[DISC], links=self.links
        )
        success = self._is_success(self._state)
        bonus = 1.0 if success else -APPROACH * _turn(self._state)
        return self._outcome(bonus - _distance(self._state), success)

    def _frame(self) -> np.ndarray:
        s = self._state
        return draw(s[JOINTS], s[DISC], self._appearance, size=self.size, goal=s[GOAL])

    def _is_success(self, state: np.ndarray) -> bool:
        return _distance(state) < TOLERANCE

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        """Clear of the disc, and unless factors are given disc and goal apart."""
        apart = 0.0 if given else START_DISTANCE
        self._state = self._clear_state(self.np_random, given, apart=apart)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        return self._clear_state(rng, {})

    def _go_to(self, state: np.ndarray) -> None:
        self._check_state(state)
        super()._go_to(state)

    def _clear_state(
        self, rng: np.random.Generator, given: Mapping[str, float], *, apart: float = 0.0
    ) -> np.ndarray:
        for _ in range(DRAWS):
            state = uniform(STATE_SPECS, rng, given)
            if self._inside(state) is None and _distance(state) >= apart:
                return state
        self._check_state(state)
        raise AssertionError("no state far enough from its goal was drawn")

    def _inside(self, state: np.ndarray) -> tuple[str, float] | None:
        """The part of the arm that the disc is inside of, and how deep in metres; or None."""
        depths = planar.overlaps(state[JOINTS], state[DISC], links=self.links)
        part = max(depths, key=lambda name: depths[name])
        return (part, depths[part]) if depths[part] > planar.TOUCH else None

    def _check_state(self, state: np.ndarray) -> None:
        if (found := self._inside(state)) is not None:
            part, depth = found
            x, y = state[DISC]
            raise ValueError(
                f"impossible factors: the {part} would be {depth:.3g} m inside the disc at "
                f"({x:.3g}, {y:.3g}); move the disc or the joints"
            )


def _distance(state: np.ndarray) -> float:
    x, y = (state[DISC] - state[GOAL]).tolist()
    return hypot(x, y)


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
