"""What the worlds of all families do alike with factors: those of the state, then those of the
appearance; and with the options of ``reset``.

``options={"factors": ...}`` takes a vector (K,) in the order of ``factor_specs`` or some factors by
name; what is not given is drawn. ``options={"appearance": ...}`` takes an appearance object of the
family, also one of no domain; appearance factors that contradict it are an error.
``info`` holds ``factors`` (K,), ``is_success`` and ``domain`` (the argument of the world).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from bvae_rl.data.factors import FactorSpec, check_factors, check_options, named_factors
from bvae_rl.envs.appearance import Appearance

A = TypeVar("A", bound=Appearance)


def appearance_rng(seed: int) -> np.random.Generator:
    """Random numbers of their own for appearances, so that these never change the dynamics."""
    return np.random.default_rng([seed, 1])


@dataclass(frozen=True)
class ResetOptions(Generic[A]):
    """The factors that ``reset`` was given, by name, and the appearance or None."""

    of_state: dict[str, float]
    of_appearance: dict[str, float]
    appearance: A | None

    def shown(self, sampled: A) -> A:
        """The appearance to show in place of the ``sampled`` one."""
        return (self.appearance or sampled).at(self.of_appearance)


def reset_options(
    options: Mapping[str, Any] | None, specs: Sequence[FactorSpec], source: A
) -> ResetOptions[A]:
    """Checked options of ``reset`` in a world whose appearances are of the type of ``source``.

    TypeError for another appearance; ValueError for unknown options and factors, for factors out of
    their ranges, and for appearance factors that contradict the appearance.
    """
    options = check_options(options)
    given = named_factors(options.get("factors", {}), specs)
    roles = {spec.name: spec.role for spec in specs}
    state, of_appearance = (
        {name: value for name, value in given.items() if roles[name] == role}
        for role in ("state", "appearance")
    )
    appearance = options.get("appearance")
    if "appearance" in options:
        if not isinstance(appearance, type(source)):
            raise TypeError(
                f"options['appearance'] must be a {type(source).__name__}, got "
                f"{type(appearance).__name__}"
            )
        if (asked := appearance.at(of_appearance)) != appearance:
            raise ValueError(
                f"options['factors'] asks for {asked}, options['appearance'] for {appearance}"
            )
    return ResetOptions(state, of_appearance, appearance)


def split_factors(
    factors: np.ndarray | Sequence[float], specs: Sequence[FactorSpec], shown: A
) -> tuple[np.ndarray, A]:
    """The state factors of checked ``factors`` (K,), and ``shown`` with the appearance factors.

    ValueError where factors are out of range or make an appearance that cannot be.
    """
    values = check_factors(factors, specs)
    states = sum(spec.role == "state" for spec in specs)
    named = zip((spec.name for spec in specs[states:]), values[states:].tolist(), strict=True)
    return values[:states], shown.at(dict(named))
