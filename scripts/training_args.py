"""How agents are trained and evaluated: the options of ``train``, ``compare`` and ``transfer``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from bvae_rl.agents.config import GIVEN, SB3, TUNED, AgentConfig
from bvae_rl.agents.eval_plan import UNKNOWN, EvalPlan, plan_evaluation
from bvae_rl.agents.evaluate import CUT
from bvae_rl.agents.hyperparameters import tuned
from bvae_rl.agents.models import check_model, remarks
from bvae_rl.agents.settings import parse
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.rows import Row

NAMED = ("learning_rate", "gamma", "n_envs")  # settings with an option of their own


@dataclass(frozen=True, kw_only=True)
class TrainingArgs:
    """How agents are trained: SB3's defaults, but for worlds with tuned settings."""

    algo: Literal["ppo", "sac"] = "ppo"
    """PPO or SAC, for all methods"""
    total_timesteps: int | None = None
    """environment steps; by default 100,000 (PPO) or 10,000 (SAC)"""
    learning_rate: float | None = None
    """of the agent; by default SB3's, or the tuned one of a known world (as all that follows)"""
    gamma: float | None = None
    """discount of later rewards"""
    n_envs: int | None = None
    """environments side by side in one process"""
    set: tuple[str, ...] = ()
    """any argument of SB3's constructor as NAME=VALUE, for example n_steps=512 ent_coef=0.01
    learning_rate=lin_0.001 (falling to 0), and net_arch=(64, 64)"""
    eval_freq: int | None = None
    """environment steps between two points of the learning curve; by default a tenth of all, or
    more where episodes are long"""
    n_eval_episodes: int | None = None
    """episodes of the evaluation at the end, the same ones for every agent; by default 100, or
    those that fit into a twentieth of the steps of training"""
    eval_steps: int | None = None
    """most environment steps of one evaluation, of which whole episodes count; by default all
    evaluations together take a tenth of those of training, but for worlds with tuned settings"""

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were typed, by name. ValueError for a name twice, or an unknown one."""
        found = parse(self.algo, self.set)
        for name in NAMED:
            value = getattr(self, name)
            if value is None:
                continue
            if name in found:
                flag = name.replace("_", "-")
                raise ValueError(
                    f"{name} is given twice, as --{flag} {value} and --set {name}={found[name]}; "
                    "leave one out"
                )
            found[name] = value
        return found

    def config(self, env: EnvConfig, *, seed: int = 0) -> AgentConfig:
        """The agent's configuration in ``env``; what cannot be is refused here, before training."""
        plain = AgentConfig.of(self.algo, env.id, seed=seed, **self.given)
        config = plain.lasting(self.total_timesteps)
        check_model(config, env)
        return self.plan(env).of(config)

    def plan(self, env: EnvConfig, domains: int = 1) -> EvalPlan:
        """How agents are evaluated on the way, and at the end in each of ``domains``."""
        config = AgentConfig.of(self.algo, env.id).lasting(self.total_timesteps)
        return plan_evaluation(
            config, env, domains=domains, eval_freq=self.eval_freq,
            n_eval_episodes=self.n_eval_episodes, eval_steps=self.eval_steps,
        )  # fmt: skip

    @property
    def training(self) -> dict[str, Any]:
        """These arguments alone, of a class that has more."""
        return {item.name: getattr(self, item.name) for item in fields(TrainingArgs)}

    def lines(self, config: AgentConfig, env: EnvConfig, domains: int = 1) -> list[str]:
        """What is used and where it comes from, how agents are evaluated, and what stands out."""
        row = tuned(env.id, config.algo)
        groups: dict[str, list[str]] = {GIVEN: [], TUNED: [], SB3: []}
        for name, origin in config.origins(env.id, self.given).items():
            value = getattr(config, name) if hasattr(config, name) else config.value(name)
            groups[origin].append(f"{name} {_shown(value)}")
        named = {TUNED: f"known for {row.env} ({row.reason})"} if row else {}
        parts = [
            f"{named.get(key, key)}: {', '.join(found)}" for key, found in groups.items() if found
        ]
        heads = "given" if "net_arch" in self.given else "ours: SB3's differ between methods"
        steps = config.rounded_timesteps
        whole = "" if steps == config.total_timesteps else " (whole rollouts)"
        where = f" in each of {domains} visual domains" if domains > 1 else ""
        return [
            f"{config.algo.upper()} for {steps:,} steps{whole}; {'; '.join(parts)}; hidden layers "
            f"{_shown(config.net_arch)} ({heads})",
            f"evaluation: {self.plan(env, domains).text(config.rollout)}{where}",
            *remarks(config),
        ]


def evaluated(rows: Sequence[Row]) -> list[str]:
    """What has to be said of the evaluations behind ``rows``: unequal numbers, cut episodes."""
    found = []
    final = sorted({row.n for row in rows if row.step is None and row.metric == "return"})
    if len(final) > 1:
        found.append(f"evaluations at the end took {final[0]} to {final[-1]} whole episodes")
    cut = [row for row in rows if row.metric == CUT]
    if cut:
        curve = sum(row.step is not None for row in cut)
        found.append(
            f"{curve} points of learning curves and {len(cut) - curve} evaluations at the end hold "
            "returns of episodes that were cut before they ended: by --eval-steps, or after "
            f"{UNKNOWN:,} steps where an environment states no limit (gymnasium's TimeLimit does)"
        )
    return found


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(part)}" for name, part in value.items()) + "}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
