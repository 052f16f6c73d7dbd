"""What the planar worlds share beside the arm: spaces, reset options, factors and appearances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec, check_factors, check_options, named_factors
from bvae_rl.envs.domains import check_name
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import SOURCE, Appearance, planar_set, sample_appearance

MAX_STEP = 0.2
EPISODE_STEPS = 50
APPEARANCE_STREAM = (
    1  # looks have random numbers of their own, so that they never change the states
)
DRIFT = 0.02  # turns of the distractors' phase a step

JOINT_SPECS = (
    FactorSpec("shoulder", low=planar.Q_LOW[0], high=planar.Q_HIGH[0], unit="rad"),
    FactorSpec("elbow", low=planar.Q_LOW[1], high=planar.Q_HIGH[1], unit="rad"),
)
COLOUR_SPECS = planar_set("source").specs


class PlanarWorld(gym.Env):
    """A two-link arm with joint velocities as actions, seen from above.

    ``domain`` names the set from which each reset draws its appearance (``appearances``): the variations
    that it varies are the appearance factors, behind the state factors. Subclasses give ``state_specs``
    and the methods that raise NotImplementedError here.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    proprioception = ("shoulder", "elbow")  # what the arm feels without looking
    state_specs: ClassVar[tuple[FactorSpec, ...]]

    def __init__(
        self, *, domain: str = "source", size: int = 64, render_mode: str | None = None
    ) -> None:
        self._domain = planar_set(check_name(domain))
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"unknown render_mode {render_mode!r}; known: rgb_array, None")
        if not isinstance(size, int) or size < 16:
            raise ValueError(f"size must be a whole number of pixels, 16 or more, got {size!r}")
        self.domain = domain
        self.size = size
        self.render_mode = render_mode
        self.factor_specs = (*self.state_specs, *self._domain.specs)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._state = self._first_state()
        self._appearance = SOURCE
        self._appearance_rng = np.random.default_rng()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._appearance_rng = np.random.default_rng([seed, APPEARANCE_STREAM])
        options = dict(check_options(options))
        given = named_factors(options.get("factors", {}), self.factor_specs)
        of_state = {spec.name: given[spec.name] for spec in self.state_specs if spec.name in given}
        of_appearance = {name: value for name, value in given.items() if name not in of_state}
        state = self._draw_state(self.np_random, of_state, start=True)
        appearance = sample_appearance(self.domain, self._appearance_stream())
        if "appearance" in options:
            appearance = _checked_appearance(options["appearance"], of_appearance)
        self._state, self._appearance, self._steps = state, appearance.at(of_appearance), 0
        return self._frame(), self._info(self._is_success())

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    @property
    def appearance(self) -> Appearance:
        """The appearance on show."""
        return self._appearance

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        of_appearance = [self._appearance.factor(spec.name) for spec in self._domain.specs]
        return np.array([*self._state, *of_appearance])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance drawn from ``self.domain``.

        The palette is no factor but part of the draw: the scene takes it, and ``set_factors``
        keeps it.
        """
        self._appearance = sample_appearance(self.domain, rng)
        of_appearance = [self._appearance.factor(spec.name) for spec in self._domain.specs]
        return np.concatenate([self._draw_state(rng, {}), of_appearance])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), keeping the rest of the appearance, and return the frame.

        ValueError where they are out of range or cannot be; nothing has changed then.
        """
        values = check_factors(factors, self.factor_specs)
        state, of_appearance = np.split(values, [len(self.state_specs)])
        self._check_state(state)
        names = [spec.name for spec in self._domain.specs]
        self._appearance = self._appearance.at(
            dict(zip(names, of_appearance.tolist(), strict=True))
        )
        self._state = state
        return self._frame()

    def _told(
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


def _checked_appearance(appearance: Any, factors: Mapping[str, float]) -> Appearance:
    if not isinstance(appearance, Appearance):
        raise TypeError(
            f"options['appearance'] must be an Appearance, got {type(appearance).__name__}"
        )
    if (asked := appearance.at(factors)) != appearance:
        raise ValueError(
            f"options['factors'] asks for {asked}, options['appearance'] for {appearance}"
        )
    return appearance
