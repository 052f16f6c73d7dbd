"""How an agent is trained, whatever it sees: one configuration for all methods of a comparison."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from bvae_rl.agents.hyperparameters import tuned
from bvae_rl.agents.settings import MAIN, check, default, known_algorithm, require_name
from bvae_rl.runtime.identity import KIND, identity

TIMESTEPS = {"ppo": 100_000, "sac": 10_000}  # where nobody says how long
CURVE_POINTS = 10  # evaluations after that of the beginning
GIVEN, TUNED, SB3 = "given", "tuned", "SB3's defaults"


def check_seeds(seeds: Sequence[int]) -> None:
    """ValueError for a seed that no generator takes, before any work."""
    if wrong := [seed for seed in seeds if not 0 <= seed < 2**32]:
        raise ValueError(f"seeds are from 0 to 2**32 - 1, got {wrong[0]}")


@dataclass(frozen=True)
class StepLimit:
    """Environment steps of one evaluation: no further episode begins that would end after
    ``enough``, and none is played beyond ``most``, so that the first may take longer than enough.
    ``each``: after so many an episode is cut, and its return so far counts; 0: never.
    """

    enough: int
    most: int
    each: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.enough <= self.most:
            raise ValueError(
                f"a limit of evaluation steps needs 1 <= enough <= most, got {self.enough} and "
                f"{self.most}"
            )

    def identity(self) -> dict[str, Any]:
        """Its fields, of which ``each`` is newer: as before without it."""
        plain = {KIND: type(self).__name__, "enough": self.enough, "most": self.most}
        return {**plain, "each": self.each} if self.each else plain


@dataclass(frozen=True)
class AgentConfig:
    """How to train: the same for every method.

    ``settings`` are arguments of SB3's constructor by name (``bvae_rl.agents.settings`` says which
    values); what is not among them is SB3's default. ``net_arch`` are the hidden layers of actor
    and critic alike, always explicit: SB3's default differs between pictures and vectors.
    ``normalize_reward``: PPO learns from rewards over the running std of their discounted sum, as
    SB3's ``VecNormalize`` gives them; evaluations count the environment's own. A point
    of the learning curve takes ``n_eval_episodes`` every ``eval_freq`` environment steps, or
    those that ``eval_limit`` allows (None: no limit).
    """

    algo: Literal["ppo", "sac"] = "ppo"
    total_timesteps: int = 100_000
    seed: int = 0
    n_envs: int = 1
    normalize_reward: bool = False
    net_arch: tuple[int, ...] = (256, 256)
    settings: Mapping[str, Any] = field(default_factory=dict)
    eval_freq: int = 10_000
    n_eval_episodes: int = 20
    eval_limit: StepLimit | None = None

    def __post_init__(self) -> None:
        known_algorithm(self.algo)
        object.__setattr__(self, "settings", dict(self.settings))
        for name in ("total_timesteps", "n_envs", "eval_freq", "n_eval_episodes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{name} must be a whole number, got {value!r}")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not isinstance(self.normalize_reward, bool):
            raise ValueError(
                f"normalize_reward must be True or False, got {self.normalize_reward!r}"
            )
        if self.normalize_reward and self.algo != "ppo":
            raise ValueError(
                f"normalize_reward is for PPO, got {self.algo}: rewards in a replay buffer would "
                "be on many scales"
            )
        object.__setattr__(self, "net_arch", _widths(self.net_arch))
        for name, value in self.settings.items():
            check(self.algo, name, value)
        if self.algo == "sac" and self.per_rollout[1] == "episode" and self.n_envs > 1:
            raise ValueError(
                f"train_freq in episodes needs one environment, got n_envs {self.n_envs}"
            )

    @classmethod
    def of(cls, algo: str, env_id: str = "", **given: Any) -> AgentConfig:
        """The settings of an environment (``bvae_rl.agents.hyperparameters``), some replaced.

        ``given`` are fields and arguments of SB3's constructor alike; of ``policy_kwargs`` only
        what is named is replaced.
        """
        row = tuned(env_id, known_algorithm(algo))
        settings = dict(row.settings) if row else {}
        own: dict[str, Any] = {"algo": algo, "total_timesteps": TIMESTEPS[algo]}
        own["eval_freq"] = TIMESTEPS[algo] // CURVE_POINTS
        names = {item.name for item in fields(cls)}
        own |= {name: settings.pop(name) for name in names & set(settings)}
        for name, value in given.items():
            if name in names:
                own[name] = value
                continue
            require_name(algo, name)
            if name == "policy_kwargs" and isinstance(value, dict):
                value = {**settings.get(name, {}), **value}
            settings[name] = value
        return cls(**own, settings=settings)

    def value(self, name: str) -> Any:
        """What SB3's argument ``name`` is set to, SB3's default included."""
        return self.settings.get(name, default(self.algo, name))

    def origins(self, env_id: str, given: Collection[str]) -> dict[str, str]:
        """Where each setting comes from: GIVEN (by the names in ``given``), TUNED or SB3."""
        row = tuned(env_id, self.algo)
        of_row = row.settings if row else {}
        ours = [name for name in ("n_envs", "normalize_reward") if getattr(self, name)]
        names = dict.fromkeys((*ours, *MAIN[self.algo], *self.settings))
        return {n: GIVEN if n in given else TUNED if n in of_row else SB3 for n in names}

    def lasting(self, total_timesteps: int | None) -> AgentConfig:
        """The same for ``total_timesteps``, evaluated ten times; None leaves it as it is."""
        if total_timesteps is None:
            return self
        return replace(
            self, total_timesteps=total_timesteps,
            eval_freq=max(1, total_timesteps // CURVE_POINTS),
        )  # fmt: skip

    @property
    def per_rollout(self) -> tuple[int, str]:
        """How much each environment does between two updates, and its unit: step or episode."""
        length = self.value("n_steps" if self.algo == "ppo" else "train_freq")
        return (length, "step") if isinstance(length, int) else (length[0], length[1])

    @property
    def rollout(self) -> int:
        """Environment steps of all environments between two updates; of episodes at least these."""
        length, unit = self.per_rollout
        return self.n_envs * (length if unit == "step" else 1)

    @property
    def rounded_timesteps(self) -> int:
        """Environment steps that are taken: ``total_timesteps``, rounded up to whole rollouts."""
        return math.ceil(self.total_timesteps / self.rollout) * self.rollout

    def identity(self) -> dict[str, Any]:
        """All that it does as plain values, SB3's main defaults among ``settings`` included."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["settings"] = {**{n: self.value(n) for n in MAIN[self.algo]}, **self.settings}
        for name in ("eval_limit", "normalize_reward"):  # newer: as before without them
            if not plain[name]:
                del plain[name]
        found: dict[str, Any] = identity(plain)
        return found


def _widths(net_arch: Any) -> tuple[int, ...]:
    wide = net_arch if isinstance(net_arch, tuple | list) else (net_arch,)
    if not wide or not all(isinstance(w, int) and not isinstance(w, bool) and w > 0 for w in wide):
        raise ValueError(
            f"net_arch needs at least one positive width, such as (256, 256); got {net_arch!r}"
        )
    return tuple(wide)
