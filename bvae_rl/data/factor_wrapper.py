"""Known factors for anybody's environment, from a few functions of the user's.

    env = FactorWrapper(MyEnv(), specs, read=read, sample=sample, set=set)

offers what ``factors.FactorEnv`` asks for; ``uniform(specs)`` is a ready-made ``sample``. A
function that does this to an environment is a wrapper for every command: ``--wrappers
my_module:with_factors``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.checked_specs import checked_specs
from bvae_rl.data.factors import FactorEnv, FactorSpec, check_factors, factor_env, role_mask

Values = Mapping[str, float] | Sequence[float] | np.ndarray  # by name, or in the order of the specs
Read = Callable[[Any], Values]  # the functions get the environment, whatever its type
Sample = Callable[[Any, np.random.Generator], Values]
Set = Callable[[Any, np.ndarray], Any]  # returns the observation
DrawAppearance = Callable[[np.random.Generator], Mapping[str, float]]

SET_TOLERANCE = 1e-3  # share of a factor's range by which what is read may differ from what was set
SAME_CATEGORY = 1e-4
MOST_ADVISED = 0.1  # a larger difference is an error, not physics
APPEARANCE_STREAM = 1  # random numbers of their own, so that appearances never change the dynamics


class FactorWrapper(gym.Wrapper):
    """``env`` with factors, described by ``specs`` (K of them), and optionally visual domains.

    Each function gets the wrapped ``env`` (your own class is ``env.unwrapped``) and may be left
    out, at a price; at least one is needed:

    ``read(env)`` returns the current factors, (K,) or {name: value}. They stand in
    ``info["factors"]`` at reset and step. Without it nothing is known about on-policy frames: no
    ``on_policy_set``, no factors in ``collect``, no method that sees the true state, and nobody
    checks ``set``.

    ``sample(env, rng)`` returns factors drawn independently of each other and of the current state,
    which it leaves alone. Without it: no ``probe_set``, hence no MIG, DCI and R2 free of the
    policy's habits; no ``collect_independent``, hence no views.

    ``set(env, factors)`` goes to the factors (K,), which are in range, and returns the observation;
    for factors that cannot be (an arm inside an object) it raises a ValueError that says why.
    Without it: as without ``sample``, and no ``domains``.

    ``domains`` holds a function ``draw(rng)`` for each visual domain by name: it returns one
    appearance, the values {name: value} of all factors with role "appearance". The domain named
    ``domain`` (default: the first) is drawn from at each reset and by ``sample_factors``; it stands
    in ``info["domain"]``. Without ``domains`` appearances are what ``env`` and ``sample`` make of
    them.

    ``tolerance`` is the share of a factor's range by which what ``read`` says may differ from what
    ``set`` was asked for: a solver rounds, float32 positions round, a contact pushes back. One
    number for all factors, or {name: share} for some. Frames are labelled with what was asked for.
    """

    def __init__(
        self,
        env: gym.Env,
        specs: Sequence[FactorSpec],
        *,
        read: Read | None = None,
        sample: Sample | None = None,
        set: Set | None = None,
        domains: Mapping[str, DrawAppearance] | None = None,
        domain: str | None = None,
        tolerance: float | Mapping[str, float] = SET_TOLERANCE,
    ) -> None:
        super().__init__(env)
        names = [spec.name for spec in checked_specs(specs)]
        if not names or len(dict.fromkeys(names)) < len(names):
            raise ValueError(f"specs needs factors of different names, got {names}")
        if read is None and sample is None and set is None:
            raise ValueError("FactorWrapper needs at least one of the functions read, sample, set")
        self.factor_specs = tuple(specs)
        self._tolerance = _tolerances(tolerance, names)
        self._is_appearance = role_mask(self.factor_specs, "appearance")
        if domains is not None and (read is None or set is None or not self._is_appearance.any()):
            raise ValueError(
                "visual domains need the functions read and set, and factors with role "
                f"'appearance', got read={read}, set={set} and factors {names}"
            )
        known = list(domains or {})
        if domain not in (None, *known):
            raise ValueError(
                f"unknown visual domain {domain!r}; known: {', '.join(known) or 'none'}"
            )
        self.domain = domain or (known[0] if known else None)
        self.decided_by = {"domain": self.domain}
        self._draw_appearance = None if domains is None or not known else domains[str(self.domain)]
        self._read, self._sample, self._set = read, sample, set
        self._appearance_rng = np.random.default_rng()
        self._was_reset = False

    @property
    def settable(self) -> bool:
        """Whether factors can be drawn and set, as ``FactorEnv`` asks for."""
        return self._sample is not None and self._set is not None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._was_reset = True
        if seed is not None:
            self._appearance_rng = np.random.default_rng([seed, APPEARANCE_STREAM])
        if self._draw_appearance is not None:
            observation = self._go(self._with_appearance(self.factors(), self._appearance_rng))
        return observation, self._with_factors(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, self._with_factors(info)

    def factors(self) -> np.ndarray:
        """The current factors, float64 (K,); finite, but not held against their ranges."""
        if self._read is None:
            raise self._lacks("read", "read(env) -> the current factors")
        values = self._vector(self._read(self.env), source="read")
        if not np.isfinite(values).all():
            each = zip(self.factor_specs, values, strict=True)
            wrong = {spec.name: float(value) for spec, value in each if not np.isfinite(value)}
            raise ValueError(f"read gave factors that are not finite: {wrong}")
        return values

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Independent draws of all factors, float64 (K,), in an appearance of the domain."""
        if self._sample is None:
            raise self._lacks("sample", "sample(env, rng) -> factors, or uniform(specs)")
        values = self._vector(self._sample(self.env, rng), source="sample")
        if self._draw_appearance is not None:
            values = self._with_appearance(values, rng)
        return check_factors(values, self.factor_specs)

    def set_factors(self, factors: np.ndarray) -> Any:
        """Go to ``factors`` (K,) and return the observation.

        ValueError, and the state as before, for a wrong size, a value out of its range, or what
        ``set`` itself refuses.
        """
        return self._go(check_factors(factors, self.factor_specs))

    def _go(self, wanted: np.ndarray) -> Any:
        if self._set is None:
            raise self._lacks("set", "set(env, factors) -> the observation")
        if not self._was_reset:
            raise gym.error.ResetNeeded("factors cannot be set before the first reset()")
        before = None if self._read is None else self.factors()
        try:
            observation = self._set(self.env, wanted.copy())
            self._check_set(wanted, observation)
        except (TypeError, ValueError, IndexError) as error:
            if before is not None and not np.array_equal(self.factors(), before):
                self._set(self.env, before)
            if not isinstance(error, IndexError):
                raise
            names = ", ".join(
                f"factors[{i}] is {spec.name}" for i, spec in enumerate(self.factor_specs)
            )
            raise ValueError(
                f"set(env, factors) failed ({error}): factors is an array in the order of the "
                f"specs, so {names}"
            ) from error
        return observation

    def _check_set(self, wanted: np.ndarray, observation: Any) -> None:
        if observation is None or not self.observation_space.contains(observation):
            raise TypeError(
                f"set must return an observation of {self.observation_space}, got "
                f"{type(observation).__name__} of shape {np.shape(observation)}"
            )
        if self._read is None:
            return
        for spec, asked, got in zip(self.factor_specs, wanted, self.factors(), strict=True):
            apart, allowed = _distance(spec, asked, got), self._tolerance[spec.name]
            if spec.kind == "categorical":
                allowed = SAME_CATEGORY
            if apart > allowed:
                raise ValueError(
                    f"set was asked for {spec.name} = {asked:g} and read says {got:g}: one of the "
                    "two functions is wrong, or the environment cannot be in that state"
                    f"{_cure(spec, apart, allowed)}"
                )

    def _with_appearance(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        assert self._draw_appearance is not None
        appearance = self._draw_appearance(rng)
        specs = [spec for spec in self.factor_specs if spec.role == "appearance"]
        drawn = check_factors(_ordered(appearance, specs, f"visual domain {self.domain!r}"), specs)
        values = values.copy()
        values[self._is_appearance] = drawn
        return values

    def _vector(self, values: Values, *, source: str) -> np.ndarray:
        ordered = _ordered(values, self.factor_specs, source)
        try:
            array = np.array(ordered, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{source} must give numbers (number the values of a category), got {ordered!r}"
            ) from error
        if array.shape != (len(self.factor_specs),):
            raise ValueError(
                f"{source} must give {len(self.factor_specs)} factors, got shape {array.shape}"
            )
        return array

    def _with_factors(self, info: dict[str, Any]) -> dict[str, Any]:
        known = {} if self._read is None else {"factors": self.factors()}
        named = {} if self.domain is None else {"domain": self.domain}
        return {**info, **known, **named}

    def _lacks(self, function: str, form: str) -> ValueError:
        return ValueError(
            f"this FactorWrapper was made without {function}=, which is needed here; give it a "
            f"function {form}"
        )


def uniform(specs: Sequence[FactorSpec]) -> Callable[[Any, np.random.Generator], np.ndarray]:
    """A ``sample`` that draws every factor over its whole range, whatever the others are."""

    def sample(env: Any, rng: np.random.Generator) -> np.ndarray:
        return np.array(
            [
                rng.choice(spec.values)
                if spec.kind == "categorical"
                else rng.uniform(spec.low, spec.high)
                for spec in specs
            ]
        )

    return sample


def settable_env(env: gym.Env) -> FactorEnv | None:
    """``factor_env``, or None if it says that factors cannot be set: by ``settable = False``."""
    found = factor_env(env)
    return found if getattr(getattr(found, "inner", found), "settable", True) else None


def _ordered(values: Values, specs: Sequence[FactorSpec], source: str) -> Any:
    """Values by name put into the order of ``specs``; others as they are."""
    if not isinstance(values, Mapping):
        return values
    names = [spec.name for spec in specs]
    if sorted(values) != sorted(names):
        raise ValueError(f"{source} must give the factors {names}, got {sorted(values)}")
    return [values[name] for name in names]


def _tolerances(tolerance: float | Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """The share of its range that each factor may be off by; ValueError for one that cannot be."""
    given = tolerance if isinstance(tolerance, Mapping) else dict.fromkeys(names, tolerance)
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"tolerance names {unknown}; the factors are {list(names)}")
    for name, share in given.items():
        if not 0 <= share < 0.5:
            raise ValueError(
                f"tolerance is a share of a factor's range, from 0 to below 0.5, got {share!r} for "
                f"{name}"
            )
    return {**dict.fromkeys(names, SET_TOLERANCE), **given}


def _cure(spec: FactorSpec, apart: float, allowed: float) -> str:
    """What to write where the difference is no error but the physics of the environment."""
    enough = math.ceil(200 * apart) / 100  # twice as much, in whole hundredths
    if spec.kind == "categorical" or enough > MOST_ADVISED:
        return ""
    return (
        f". That is {apart:.2g} of its range, and {allowed:g} is allowed; if physics moves it by "
        f"that much, pass tolerance={{{spec.name!r}: {enough:g}}}"
    )


def _distance(spec: FactorSpec, first: float, second: float) -> float:
    """How far two values are apart, as a share of the range; of a circle the shorter way."""
    if spec.kind == "categorical":
        return abs(first - second)
    gap = abs(first - second) / (spec.high - spec.low)
    return abs(gap - round(gap)) if spec.kind == "cyclic" else gap
