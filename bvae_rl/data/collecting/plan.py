"""What to collect of an environment, and what the store says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.collecting.rollout import Bounds
from bvae_rl.data.collecting.shares import Shares, shares_of
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.in_hand import described
from bvae_rl.runtime.whole import is_whole

RANDOM, INDEPENDENT = "random", "independent"


@dataclass(frozen=True)
class Plan:
    """What to collect: ``frames`` of them, and how. ``check`` refuses what does not go together.

    ``policy`` names who acts: "random", "independent" (nobody: states are sampled, which takes an
    environment whose factors can be set), "sticky" (random actions that are held), "mixed" (by
    ``shares`` of who acts), or somebody who is handed over as a function. With
    ``views`` = 2 each sampled state is shown in two appearances; ``interventions`` single-action
    transitions come on top. ``n_envs`` environments act side by side, fewer if there is not an
    episode of ``max_episode_steps`` for each. An episode that is longer is cut there, and its first
    ``skip_steps`` are not kept. ``acts``: what tells a function that acts from others.
    """

    frames: int = 50_000
    policy: str = RANDOM
    views: int = 1
    interventions: int = 0
    n_envs: int = 8
    seed: int = 0
    max_episode_steps: int = MAX_EPISODE_STEPS
    skip_steps: int = 0
    shares: Shares | None = None
    acts: str = ""

    def __post_init__(self) -> None:
        for name, least in (("frames", 1), ("interventions", 0), ("n_envs", 1), ("seed", 0)):
            value = getattr(self, name)
            if not is_whole(value):
                raise ValueError(f"{name} must be a whole number, got {value!r}")
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
            object.__setattr__(self, name, int(value))  # numpy's are no JSON
        bounds = self.bounds  # checked as they are built
        shares_of(self.policy, self.shares)
        if self.policy == INDEPENDENT and bounds != Bounds(MAX_EPISODE_STEPS):
            raise ValueError(
                "sampled states have no episodes, so they take neither max_episode_steps "
                "(--max-episode-steps) nor skip_steps (--skip-steps)"
            )
        if self.views != 1 and self.policy != INDEPENDENT:
            raise ValueError(
                "two views of a state need sampled states: policy='independent' (--policy "
                "independent)"
            )

    @property
    def bounds(self) -> Bounds:
        """What is kept of each episode."""
        return Bounds(self.max_episode_steps, self.skip_steps)

    @property
    def covering(self) -> Shares | None:
        """By which shares frames are collected; None where one policy acts all the time."""
        return shares_of(self.policy, self.shares)

    @property
    def rows(self) -> int:
        """Frames in the store, those of interventions with them."""
        return self.frames + 2 * self.views * self.interventions

    def described(self, env: EnvConfig | gym.Env | VecEnv) -> dict[str, Any]:
        """What the store says about its frames: all that they depend on."""
        found: dict[str, Any] = {"policy": self.policy, "views": self.views, "seed": self.seed}
        if isinstance(env, EnvConfig):
            found = {**env.described(), **found}
        else:
            found = {"shown": described(env), **found}
        if self.policy != INDEPENDENT:
            held = not isinstance(env, EnvConfig)  # which are as many as there are
            found["n_envs"] = getattr(env, "num_envs", 1) if held else self.n_envs
            for name in ("max_episode_steps", "skip_steps"):
                if (value := getattr(self, name)) != getattr(Plan, name):
                    found[name] = value
        if self.acts:
            found["acts"] = self.acts
        if self.covering is not None:
            found["shares"] = self.covering.described()
        if self.interventions:  # which block is which depends on both numbers
            found |= {"frames": self.frames, "interventions": self.interventions}
        return found
