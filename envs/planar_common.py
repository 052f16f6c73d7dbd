"""What the planar worlds share beside the arm: arguments, reset options, colours as factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.envs import planar
from bvae_rl.envs.looks import PARTS, Look, check_look_set
from bvae_rl.factors import FactorSpec, check_factors

METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
PROPRIOCEPTION = ("shoulder", "elbow")  # what the arm feels without looking
MAX_STEP = 0.2

JOINT_SPECS = (
    FactorSpec("shoulder", low=planar.Q_LOW[0], high=planar.Q_HIGH[0], unit="rad"),
    FactorSpec("elbow", low=planar.Q_LOW[1], high=planar.Q_HIGH[1], unit="rad"),
)
COLOUR_SPECS = tuple(FactorSpec(f"{part}_colour", role="look") for part in PARTS)


def check_arguments(looks: str, size: int, render_mode: str | None) -> None:
    """Raise a ValueError that says what is known unless an environment can be made of these."""
    check_look_set(looks)
    if render_mode not in (None, *METADATA["render_modes"]):
        raise ValueError(f"unknown render_mode {render_mode!r}; known: rgb_array, None")
    if size < 16:
        raise ValueError(f"size must be at least 16 pixels, got {size}")


def spaces(size: int) -> tuple[gym.spaces.Box, gym.spaces.Box]:
    """Joint velocities in [-1, 1], and RGB frames of ``size`` x ``size``."""
    return (
        gym.spaces.Box(-1.0, 1.0, (2,), np.float32),
        gym.spaces.Box(0, 255, (size, size, 3), np.uint8),
    )


def joint_move(q: np.ndarray, action: np.ndarray) -> np.ndarray:
    """Where the joint angles ``q`` (2,) are to go for ``action`` (2,), within their limits."""
    move = MAX_STEP * np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0)
    return np.clip(q + move, planar.Q_LOW, planar.Q_HIGH)


def uniform(specs: Sequence[FactorSpec], rng: np.random.Generator) -> np.ndarray:
    """Independent uniform factors, shape (K,)."""
    return rng.uniform([spec.low for spec in specs], [spec.high for spec in specs])


def read_options(
    options: dict[str, Any] | None, specs: Sequence[FactorSpec], drawn: Look
) -> tuple[dict[str, float], Look]:
    """The factors that ``reset`` was given by name, and the look: given, ``drawn``, or coloured.

    Raises TypeError for a look that is no Look, ValueError for factors that are unknown, out of
    range, or contradict a given look.
    """
    options = options or {}
    look = options.get("look", drawn)
    if not isinstance(look, Look):
        raise TypeError(f"options['look'] must be a Look, got {type(look).__name__}")
    if "factors" not in options:
        return {}, look
    given = _named(options["factors"], specs)
    parts: dict[str, Any] = {
        part: given[f"{part}_colour"] for part in PARTS if f"{part}_colour" in given
    }
    coloured = replace(look, **parts)
    if "look" in options and coloured != look:
        raise ValueError(f"options['factors'] asks for {coloured}, options['look'] for {look}")
    return given, coloured


def override(
    state: np.ndarray, given: Mapping[str, float], specs: Sequence[FactorSpec]
) -> np.ndarray:
    """``state`` (K,) with the values that were given by name."""
    return np.array([given.get(spec.name, v) for spec, v in zip(specs, state, strict=True)])


def recolour(look: Look, colours: np.ndarray) -> Look:
    """The look with ramp positions ``colours`` (3,) in the order of ``PARTS``, else the same."""
    parts: dict[str, Any] = dict(zip(PARTS, colours.tolist(), strict=True))
    return replace(look, **parts)


def _named(factors: Any, specs: Sequence[FactorSpec]) -> dict[str, float]:
    """Factors given as {name: value} or as a whole (K,) vector, checked."""
    if not isinstance(factors, Mapping):
        values = check_factors(factors, specs)
        return {spec.name: float(v) for spec, v in zip(specs, values, strict=True)}
    known = {spec.name: spec for spec in specs}
    for name, value in factors.items():
        if name not in known:
            raise ValueError(f"unknown factor {name!r}; known: {', '.join(known)}")
        if not known[name].contains(value):
            raise ValueError(
                f"factor {name!r} = {value:g} is outside its range {known[name].range_text}"
            )
    return {name: float(value) for name, value in factors.items()}
