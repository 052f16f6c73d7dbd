"""What is true about a frame: factor descriptions and the protocol of environments that know them.

The library works with any environment. One that also offers the methods of ``FactorEnv`` can be
scored (MIG, DCI, R2), probed and shown in pairs of views. One whose states cannot be set offers
``factor_specs`` and ``info["factors"]`` alone, or says so by ``settable = False``: it is scored and
probed on frames of a policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import gymnasium as gym
import numpy as np

from bvae_rl.data.wrappers import wrappers_of

Kind = Literal["continuous", "cyclic", "categorical"]
Role = Literal["state", "appearance"]

FLOAT32 = 1e-7  # relative rounding of a value that was stored as float32
TRIES = 100  # draws of another appearance, or of a state that is not refused
ON_POLICY = ", on-policy"  # at the end of the name of what was scored on such frames
READ_ON_POLICY = (
    "factors read on-policy: they are correlated; MIG and DCI cannot tell whether the VAE or the "
    "policy joined two of them, so compare VAEs on the same frames, beside the true factors' scores"
)


@dataclass(frozen=True)
class FactorSpec:
    """One ground-truth factor of a frame.

    ``low`` and ``high`` bound a continuous or cyclic factor (a cyclic one has the period
    ``high - low``); ``values`` lists a categorical one. ``role`` says whether the factor is part of
    the task (``state``) or only of its appearance (``appearance``).
    """

    name: str
    kind: Kind = "continuous"
    role: Role = "state"
    low: float = 0.0
    high: float = 1.0
    values: tuple[float, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        for what, known in (("kind", get_args(Kind)), ("role", get_args(Role))):
            if getattr(self, what) not in known:
                raise ValueError(
                    f"factor {self.name!r} has the {what} {getattr(self, what)!r}; known: "
                    f"{', '.join(known)}"
                )
        if self.kind == "categorical":
            if len(self.values) < 2 or not all(
                isinstance(one, Real | np.bool_) for one in self.values
            ):
                raise ValueError(
                    f"factor {self.name!r} is categorical and needs at least two values, which are "
                    f"numbers, got {self.values}"
                )
        elif not self.low < self.high:
            raise ValueError(
                f"factor {self.name!r} needs low < high, got low={self.low}, high={self.high}"
            )

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies in the declared range (closed; a float32 of a limit does)."""
        if self.kind == "categorical":
            return any(np.isclose(value, v) for v in self.values)
        slack = FLOAT32 * max(abs(self.low), abs(self.high))
        return bool(self.low - slack <= value <= self.high + slack)

    def nearest(self, value: float) -> float:
        """The value of the declared range that is nearest to ``value``."""
        if self.kind == "categorical":
            return min(self.values, key=lambda v: abs(v - value))
        return min(max(value, self.low), self.high)

    @property
    def range_text(self) -> str:
        """The range in words, for messages and tables."""
        if self.kind == "categorical":
            return "one of " + ", ".join(f"{v:g}" for v in self.values)
        return f"[{self.low:g}, {self.high:g}]{' ' + self.unit if self.unit else ''}"


@runtime_checkable
class FactorEnv(Protocol):
    """An environment whose frames have known factors. K is the number of specs.

    An attribute ``dependent_factors`` may name those that follow from the others and from what an
    episode fixes (the curvature of a road, from place and track): see the function of that name.
    """

    @property
    def observation_space(self) -> gym.Space[Any]: ...

    @property
    def factor_specs(self) -> tuple[FactorSpec, ...]: ...

    def factors(self) -> np.ndarray:
        """The current factors, shape (K,)."""
        ...

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Independent draws of all factors, shape (K,), within the env's visual domain."""
        ...

    def set_factors(self, factors: np.ndarray) -> Any:
        """Go to the state and appearance given by (K,) factors and return its observation."""
        ...


def factor_env(env: gym.Env[Any, Any]) -> FactorEnv | None:
    """The environment in ``env`` that knows its factors, as seen through the rest; or None.

    Its observations go through the ``gym.ObservationWrapper``s above. There is none behind other
    wrappers that change the observation, by another space or, as they say, by ``settable = False``:
    they would be bypassed.
    """
    above: list[Any] = []
    layer: Any = env
    while not isinstance(layer, FactorEnv):
        if not isinstance(layer, gym.Wrapper):
            return None
        above.insert(0, layer)
        layer = layer.env
    if not all(map(_explains, above)):
        return None
    changing = any(isinstance(one, gym.ObservationWrapper) for one in above)
    return _Seen(layer, tuple(above)) if changing else layer


def _explains(wrapper: Any) -> bool:
    """Whether the observation above ``wrapper`` follows from the one below."""
    return getattr(wrapper, "settable", True) and (
        isinstance(wrapper, gym.ObservationWrapper)
        or wrapper.observation_space == wrapper.env.observation_space
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """A ``FactorEnv`` whose observations go through ``wrappers``, from the inside outwards."""

    inner: FactorEnv
    wrappers: tuple[Any, ...]

    @property
    def observation_space(self) -> gym.Space[Any]:
        return self.wrappers[-1].observation_space

    @property
    def factor_specs(self) -> tuple[FactorSpec, ...]:
        return self.inner.factor_specs

    def reset(self, *, seed: int | None = None) -> Any:
        return self.wrappers[-1].reset(seed=seed)

    def factors(self) -> np.ndarray:
        return self.inner.factors()

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return self.inner.sample_factors(rng)

    def set_factors(self, factors: np.ndarray) -> Any:
        observation = self.inner.set_factors(factors)
        for wrapper in self.wrappers:
            if isinstance(wrapper, gym.ObservationWrapper):
                observation = wrapper.observation(observation)
        return observation


def require_factor_env(env: gym.Env[Any, Any]) -> FactorEnv:
    """``factor_env`` or a ValueError that says what to implement."""
    found = factor_env(env)
    if found is None:
        for layer in wrappers_of(env):
            if not getattr(layer, "settable", True):
                raise ValueError(
                    f"states cannot be set behind {type(layer).__name__}, which would not show "
                    "them: leave it out, or use frames of a policy"
                )
        cure = getattr(env.unwrapped, "without_factors", None) or (
            "give its class factor_specs, factors(), sample_factors(rng) and "
            "set_factors(factors), or wrap it in a FactorWrapper"
        )
        raise ValueError(f"{env} does not know its factors; {cure}")
    return found


def possible_state(
    env: FactorEnv, rng: np.random.Generator, *, held: Mapping[int, float] | None = None
) -> tuple[Any, np.ndarray]:
    """An observation of ``env`` and its factors (K,): sampled ones, with the ``held`` columns at
    their values. ``env`` goes there. The last refusal if all of ``TRIES`` are refused.
    """
    for _ in range(TRIES):
        drawn = env.sample_factors(rng)
        for column, value in (held or {}).items():
            drawn[column] = value
        try:
            return copied(env.set_factors(drawn)), drawn
        except ValueError as error:
            refusal = error
    raise refusal


def copied(observation: Any) -> Any:
    """An observation that no later step writes into; of a Dict each part."""
    if isinstance(observation, Mapping):
        return {key: copied(part) for key, part in observation.items()}
    return np.array(observation)


def draw_appearance(env: FactorEnv, rng: np.random.Generator, *, unlike: np.ndarray) -> np.ndarray:
    """Factors (K,) whose appearance differs from that of the factors ``unlike`` (K,).

    ValueError if none is found in ``TRIES`` draws.
    """
    is_appearance = role_mask(env.factor_specs, "appearance")
    for _ in range(TRIES):
        drawn = env.sample_factors(rng)
        if not np.array_equal(drawn[is_appearance], unlike[is_appearance]):
            return drawn
    raise ValueError(
        f"two views need two appearances, and this environment drew the same one {TRIES} times; "
        "take a visual domain with more than one (--domain)"
    )


def known_specs(env: gym.Env[Any, Any]) -> tuple[FactorSpec, ...]:
    """What the columns of ``info["factors"]`` mean; empty where the environment does not say."""
    try:
        return tuple(env.get_wrapper_attr("factor_specs"))
    except AttributeError:
        return ()


def dependent_factors(env: Any) -> tuple[str, ...]:
    """The factors of ``env`` that cannot be drawn or held independently of the others.

    They are drawn with the rest, and a probe set then takes many episodes. Empty where the
    environment names none.
    """
    try:
        return tuple(env.get_wrapper_attr("dependent_factors"))
    except AttributeError:
        return ()


def check_factors(factors: Any, specs: Sequence[FactorSpec]) -> np.ndarray:
    """``factors`` as float64 (K,) within their ranges; a ValueError names one that is outside."""
    array = np.asarray(factors, dtype=np.float64)
    if array.shape != (len(specs),):
        names = ", ".join(spec.name for spec in specs)
        raise ValueError(f"expected {len(specs)} factors ({names}), got shape {array.shape}")
    for value, spec in zip(array, specs, strict=True):
        if not spec.contains(float(value)):
            raise ValueError(
                f"factor {spec.name!r} = {value:g} is outside its range {spec.range_text}"
            )
    return np.array([spec.nearest(float(v)) for v, spec in zip(array, specs, strict=True)])


def named_factors(factors: Any, specs: Sequence[FactorSpec]) -> dict[str, float]:
    """Factors given as {name: value}, some or all, or as a whole (K,) vector, checked."""
    if not isinstance(factors, Mapping):
        values = check_factors(factors, specs)
        return {spec.name: float(v) for spec, v in zip(specs, values, strict=True)}
    known = {spec.name: spec for spec in specs}
    if unknown := [name for name in factors if name not in known]:
        raise ValueError(f"unknown factor {unknown[0]!r}; known: {', '.join(known)}")
    values = check_factors(list(factors.values()), [known[name] for name in factors])
    return dict(zip(factors, values.tolist(), strict=True))


def check_options(options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Reset options of a world: ``factors`` and ``appearance``; a ValueError for any other."""
    if unknown := sorted(set(options or {}) - {"factors", "appearance"}):
        raise ValueError(
            f"unknown reset option {unknown[0]!r}; known: factors ({{name: value}}, or all in "
            "order), appearance (an appearance object)"
        )
    return options or {}


def role_mask(specs: Sequence[FactorSpec], role: Role) -> np.ndarray:
    """Boolean (K,): which factors have ``role``."""
    return np.array([spec.role == role for spec in specs], dtype=bool)
