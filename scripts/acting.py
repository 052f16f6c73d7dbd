"""Who acts while frames are collected, by the name that the command line gives."""

from __future__ import annotations

from typing import Any

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.data.shares import Shares
from bvae_rl.data.sources import NAMED


def shares_given(texts: tuple[str, ...]) -> Shares | None:
    """The shares that were given; None without any."""
    return Shares.parse(texts) if texts else None


def acting(policy: str) -> dict[str, Any]:
    """The arguments of ``data.collect.collect`` that make ``policy`` act."""
    if policy in NAMED:
        return {}
    try:
        agent = load_agent(policy)
    except ValueError as error:
        raise ValueError(f"policy is {', '.join(NAMED)} or an agent's folder: {error}") from error
    return {"policy": agent.act, "observe": agent.observe}


def actor_name(agent: LoadedAgent | None) -> str:
    """How a title names who acts; None: a random policy."""
    return "a random policy" if agent is None else f"the {agent.method.name} agent"
