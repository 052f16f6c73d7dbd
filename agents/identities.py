"""What an agent's folder says it was made of, and how folders that were written earlier say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bvae_rl.agents.settings import MAIN, default


def as_written_now(config: Mapping[str, Any]) -> dict[str, Any]:
    """``AgentConfig.identity`` out of an agent's folder.

    Earlier folders have a field for each setting, those of the other algorithm too.
    """
    if "settings" in config or "n_steps" not in config:
        return dict(config)
    kept = ("algo", "total_timesteps", "seed", "n_envs", "net_arch", "eval_freq", "n_eval_episodes")
    settings = {name: default(config["algo"], name) for name in MAIN[config["algo"]]}
    rate = {"learning_rate": config["learning_rate"]}
    policy: dict[str, Any] = {}
    names = ["batch_size", "gamma"]
    if config["algo"] == "ppo":
        names += ["n_steps", "n_epochs", "gae_lambda", "ent_coef"]
        policy = {"activation_fn": "ReLU", "log_std_init": config["log_std_init"]}
        if config["lr_decay"]:
            rate = {"learning_rate": f"lin_{config['learning_rate']:g}"}
    else:
        names += ["train_freq", "gradient_steps", "buffer_size", "learning_starts"]
    settings |= {name: config[name] for name in names} | rate
    settings |= {"policy_kwargs": policy} if policy else {}
    return {**{name: config[name] for name in kept}, "settings": settings}
