"""How much an agent is evaluated: by default at most a tenth of the environment steps of training.

Half of that tenth goes to the learning curve and half to the evaluation at the end, each of which
takes at least one whole episode. How long an episode can be is read off the environment's limit of
steps; each episode of one without a limit is cut after ``UNKNOWN`` steps.

Worlds with tuned settings (``bvae_rl.agents.hyperparameters``) are evaluated as in the published
results instead, without a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from bvae_rl.agents.config import CURVE_POINTS, AgentConfig, StepLimit
from bvae_rl.agents.hyperparameters import tuned
from bvae_rl.data.environments import EnvConfig, FrameSkip
from bvae_rl.data.envpool.environments import EnvPoolEnv
from bvae_rl.data.wrappers import wrappers_of

TENTH = 0.1
CURVE_EPISODES, FINAL_EPISODES = 20, 100  # at most
UNKNOWN = 1_000  # steps
PARALLEL = 25  # episodes at most


@dataclass(frozen=True)
class EvalPlan:
    """Points of the curve and the evaluation at the end, in each of ``domains`` visual domains.

    ``curve_limit`` and ``final_limit`` are those of one evaluation; None: no limit.
    """

    eval_freq: int
    curve_episodes: int
    curve_limit: StepLimit | None
    n_eval_episodes: int
    final_limit: StepLimit | None

    def of(self, config: AgentConfig) -> AgentConfig:
        """``config`` with the points of this learning curve."""
        return replace(
            config, eval_freq=self.eval_freq, n_eval_episodes=self.curve_episodes,
            eval_limit=self.curve_limit,
        )  # fmt: skip

    def text(self, rollout: int) -> str:
        """In words; evaluations take place between rollouts of so many environment steps."""
        every = math.ceil(self.eval_freq / rollout) * rollout
        curve = _words(self.curve_episodes, self.curve_limit)
        at_end = _words(self.n_eval_episodes, self.final_limit)
        return f"every {every:,} steps {curve}, at the end {at_end}"


def _words(episodes: int, limit: StepLimit | None) -> str:
    many = f"{episodes} episode{'s' * (episodes > 1)}"
    if limit is None:
        return f"on {many}"
    if limit.each:
        many += f", each cut after {limit.each:,} steps"
        if limit.enough >= episodes * limit.each:
            return f"on {many}"
    long = "" if limit.each else ", however long it takes"
    one = f" (one at least{long})" if limit.most > limit.enough else ""
    return f"on up to {many}, as many as end within {limit.enough:,} steps{one}"


def plan_evaluation(
    config: AgentConfig,
    env: EnvConfig,
    *,
    domains: int = 1,
    eval_freq: int | None = None,
    n_eval_episodes: int | None = None,
    eval_steps: int | None = None,
) -> EvalPlan:
    """The default of what is None: a tenth of ``config.total_timesteps``, or as published.

    ``n_eval_episodes`` is that of the evaluation at the end, which it frees of the default limit of
    steps. ValueError for numbers below 1.
    """
    given = {"eval_freq": eval_freq, "n_eval_episodes": n_eval_episodes, "eval_steps": eval_steps}
    for name, value in given.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    total = config.total_timesteps
    points = CURVE_POINTS if eval_freq is None else max(1, total // eval_freq)
    each = 0 if longest_episode(env) else UNKNOWN
    hard = StepLimit(eval_steps, eval_steps, each=min(each, eval_steps)) if eval_steps else None
    curve, final = hard, hard
    known = tuned(env.id, config.algo) is not None
    if eval_steps is None and not known:
        share = int(TENTH * total / 2)
        longest = min(longest_episode(env) or UNKNOWN, max(UNKNOWN, total))
        if eval_freq is None:
            points = max(1, min(points, share // longest - 1))
        curve = _at_least_one(share // (points + 1), longest, each)
        if n_eval_episodes is None:
            final = _at_least_one(share // domains, longest, each)
        else:
            final = unending(env, n_eval_episodes)
    every = total // points if known else -(-total // points)  # as published, or no point too many
    return EvalPlan(
        eval_freq or max(1, every), CURVE_EPISODES, curve, n_eval_episodes or FINAL_EPISODES, final
    )


def unending(env: EnvConfig, episodes: int) -> StepLimit | None:
    """A limit for so many episodes where nobody knows how long one can be; else None."""
    if longest_episode(env) is not None:
        return None
    together = min(PARALLEL, episodes)  # and all of them count, in the last batch, too
    steps = -(-episodes // together) * together * UNKNOWN
    return StepLimit(steps, steps, each=UNKNOWN)


def _at_least_one(steps: int, longest: int, each: int) -> StepLimit:
    return StepLimit(max(1, steps), max(1, steps, longest), each=each)


@cache
def longest_episode(env: EnvConfig) -> int | None:
    """The limit of an agent's steps that an environment states; None if it states none."""
    made = env.make()
    limits: list[tuple[Any, int]] = []  # and how many of those steps an agent's step is
    skip = 1
    for layer in wrappers_of(made):
        skip *= layer.skip if isinstance(layer, FrameSkip) else 1
        limits.append((getattr(layer, "_max_episode_steps", None), skip))
    skip *= made.unwrapped.skip if isinstance(made.unwrapped, EnvPoolEnv) else 1
    limits.append((getattr(made.unwrapped, "max_steps", None), skip))  # MiniGrid's
    limits.append((made.spec.max_episode_steps if made.spec else None, skip))
    made.close()
    found = [-(-limit // n) for limit, n in limits if isinstance(limit, int) and limit > 0]
    return min(found, default=None)


def side_by_side(env: EnvConfig, episodes: int, limit: StepLimit | None) -> int:
    """How many episodes are played at once: no more than surely end in time."""
    if limit is None:
        return min(PARALLEL, episodes)
    longest = longest_episode(env) or limit.each
    return min(PARALLEL, episodes, max(1, limit.enough // longest)) if longest else 1
