"""A measured number for tests."""

from __future__ import annotations

from bvae_rl.runtime.rows import Row

ROW = Row(
    study="transfer",
    method="bvae",
    algo="ppo",
    env="Env-v0",
    vae_seed=1,
    agent_seed=2,
    domain="ood1",
    metric="return",
    value=-3.5,
    n=100,
    budget={"env_steps": 1000, "paired": False},
    command="bvae-rl transfer",
)
