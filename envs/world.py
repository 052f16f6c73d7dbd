"""The base of all but the grid worlds: a state and an appearance, shown as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.factors import appearance_rng, reset_options, split_factors

Step = tuple[np.ndarray, float, bool, bool, dict[str, Any]]

LEAST_SIDE = 16  # pixels
DRAWS = 1000  # of a state that can be


def frame_space(size: Any) -> gym.spaces.Box:
    """The space of RGB frames of ``size`` x ``size`` pixels; ValueError for no such size."""
    if not isinstance(size, int) or isinstance(size, bool) or size < LEAST_SIDE:
        raise ValueError(
            f"size must be a whole number of pixels, {LEAST_SIDE} or more, got {size!r}"
        )
    return gym.spaces.Box(0, 255, (size, size, 3), np.uint8)


class World(gym.Env):
    """Frames of ``size`` x ``size`` pixels, RGB; reset options and info: ``bvae_rl.envs.factors``.

    Subclasses give ``state_specs``, ``proprioception`` (the factors that a body feels without
    seeing), an action space, ``step`` (which returns ``_outcome``), and the methods that raise
    NotImplementedError here.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    state_specs: tuple[FactorSpec, ...]  # of the class, or of each world
    proprioception: ClassVar[tuple[str, ...]]

    def __init__(
        self, domain: Domain[Any], *, size: int, max_steps: int, render_mode: str | None
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"unknown render_mode {render_mode!r}; known: rgb_array, None")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        self._domain, self.domain = domain, domain.name
        self.size, self.max_steps, self.render_mode = size, max_steps, render_mode
        self.factor_specs = (*self.state_specs, *domain.specs)
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._appearance = domain.source
        self._sampled: Any = None  # an appearance for the next set_factors
        self._appearance_rng = np.random.default_rng()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._appearance_rng = appearance_rng(seed)
        given = reset_options(options, self.factor_specs, self._domain.source)
        self._start(seed, given.of_state)
        self.domain = self._domain.name
        self._appearance = given.shown(self._domain.sample(self._appearance_stream()))
        self._sampled, self._steps = None, 0
        return self._frame(), self._info()

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    @property
    def appearance(self) -> Any:
        """The appearance on show."""
        return self._appearance

    def switch(self, domain: str, *, seed: int | None = None) -> np.ndarray:
        """Show the present state in an appearance of another visual domain, and return the frame.

        Nothing else changes: neither the state nor the random numbers of the dynamics, so that the
        same actions bring the same rewards. It lasts until the next reset, which draws from the
        world's own domain. ``factor_specs`` stay, so that the factors of kinds that only ``domain``
        varies are not told. ``seed``: of the appearance; None: the next one of the world's.

        ValueError for an unknown domain; nothing has changed then.
        """
        other = self._named(domain)
        rng = self._appearance_rng if seed is None else appearance_rng(seed)
        self._appearance, self._sampled = other.sample(rng), None
        self.domain = other.name
        return self._frame()

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        return np.array([*self._read(), *self._domain.factors(self._appearance)])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance of the domain.

        Where the domain has an alternative, the choice between the two is no factor but part of the
        draw: the next ``set_factors`` takes it.
        """
        sampled = self._domain.sample(rng)
        self._sampled = sampled if self._domain.alternative else None
        return np.array([*self._draw_state(rng), *self._domain.factors(sampled)])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), keeping the rest of the appearance, and return the frame.

        ValueError where they are out of range or cannot be; nothing has changed then.
        """
        shown = self._sampled or self._appearance
        state, appearance = split_factors(factors, self.factor_specs, shown)
        self._go_to(state)
        self._appearance, self._sampled = appearance, None
        return self._frame()

    def _outcome(
        self, reward: float, success: bool | None = None, info: dict[str, Any] | None = None
    ) -> Step:
        """What ``step`` returns; ``success`` if it is known already."""
        self._steps += 1
        self._appearance = self._appearance.after_step()
        known = self._info(success)
        info = {**info, **known} if info else known
        return self._frame(), float(reward), False, self._steps >= self.max_steps, info

    def _info(self, success: bool | None = None) -> dict[str, Any]:
        values = self.factors()
        if success is None:
            success = self._is_success(values[: len(self.state_specs)])
        return {"factors": values, "is_success": success, "domain": self.domain}

    def _with(self, given: Mapping[str, float]) -> np.ndarray:
        """The current state (S,) but for the ``given`` factors."""
        now = zip(self.state_specs, self._read().tolist(), strict=True)
        return np.array([given.get(spec.name, value) for spec, value in now])

    def _possible(self, draw: Callable[[], np.ndarray]) -> np.ndarray:
        """The first state (S,) of ``draw`` that nothing stands in the way of (``_obstacle``)."""
        for _ in range(DRAWS):
            if self._obstacle(state := draw()) is None:
                return state
        raise AssertionError("no possible state was drawn")

    def _obstacle(self, state: np.ndarray) -> str | None:
        """Why a state (S,) cannot be, or None."""
        return None

    def _appearance_stream(self) -> np.random.Generator:
        return self._appearance_rng

    def _named(self, domain: str) -> Domain[Any]:
        """The visual domain of that name in this world; errors as ``parse_domain``."""
        raise NotImplementedError

    def _read(self) -> np.ndarray:
        """The current state, shape (S,), in the order of ``state_specs``."""
        raise NotImplementedError

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        """Go to the first state of an episode, around the ``given`` factors."""
        raise NotImplementedError

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        """A uniform possible state (S,)."""
        raise NotImplementedError

    def _go_to(self, state: np.ndarray) -> None:
        """Go to a state (S,); ValueError with the reason, and no change, if it cannot be."""
        raise NotImplementedError

    def _is_success(self, state: np.ndarray) -> bool:
        """Whether the task is done in a state (S,)."""
        raise NotImplementedError

    def _frame(self) -> np.ndarray:
        """The picture, uint8 (size, size, 3)."""
        raise NotImplementedError
