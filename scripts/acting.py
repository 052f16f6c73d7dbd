"""Who acts while frames are collected, by the name that the command line gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from bvae_rl.agents.evaluate import AGENT_FILE, LoadedAgent, agent_digest, load_agent
from bvae_rl.data.collecting.shares import Shares
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.data.sources import NAMED
from bvae_rl.models.digest import encoder_digest
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.common import say

UNCHANGING = ("domain", "size", "grey", "backend", "frame_stack")  # what it sees is made its own


def shares_given(texts: tuple[str, ...]) -> Shares | None:
    """The shares that were given; None without any."""
    return Shares.parse(texts) if texts else None


def acting(policy: str, env: EnvConfig) -> dict[str, Any]:
    """The arguments of ``data.collecting.collect.collect`` that make ``policy`` act in ``env``.

    Where an agent was trained elsewhere, or by other settings, that is said.
    """
    if policy in NAMED:
        return {}
    try:
        agent = load_agent(policy)
    except ValueError as error:
        raise ValueError(f"policy is {', '.join(NAMED)} or an agent's folder: {error}") from error
    if agent.env.id != env.id:
        say(f"the agent at {policy} was trained in {agent.env.id}, and acts in {env.id}")
    elif differs := differences(agent.env, env):
        say(f"the agent at {policy} was trained with {differs}")
    return {"policy": agent.act, "observe": agent.observe}


def acts_of(policy: str) -> str:
    """What tells an agent, by its folder, from another that was trained there; else ""."""
    there = Path(policy)
    known = policy not in NAMED and (there / AGENT_FILE).exists()
    return agent_digest(there) if known else ""


def acts_in(
    agent: LoadedAgent, env: EnvConfig, vae: BetaVAE, *, folder: Path | None, own_env: bool
) -> tuple[EnvConfig, str]:
    """Where an agent is shown, and by which settings it was trained otherwise.

    With ``own_env`` that is its own environment, in frames that ``vae`` takes: nobody has named
    another. ValueError for an agent of another environment than ``env``.
    """
    refuse_other(agent, env, folder)
    if not own_env:
        return env, differences(agent.env, env)
    own = replace(agent.env, backend="gymnasium", domain=env.domain)
    return own.seen_by(Wanted.of(vae)), ""


def refuse_other(agent: LoadedAgent, env: EnvConfig, folder: str | Path | None) -> None:
    """ValueError for an agent, that of ``folder``, of another environment than ``env``."""
    if agent.env.id != env.id:
        raise ValueError(
            f"the agent at {folder} was trained in {agent.env.id}, and the frames are of "
            f"{env.id}; give an agent of {env.id}, or --env with the agent's environment"
        )


def differences(trained: EnvConfig, here: EnvConfig) -> str:
    """Settings that change what an agent acts in, as "frame_skip 4, here 1"; empty if none."""
    before, now = trained.identity(), here.identity()
    names = [item.name for item in fields(EnvConfig) if item.name not in UNCHANGING]
    return "; ".join(
        f"{name} {_words(getattr(trained, name))}, here {_words(getattr(here, name))}"
        for name in names
        if before.get(name) != now.get(name)
    )


def _words(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def unlike(agent: LoadedAgent, vaes: Iterable[BetaVAE]) -> str:
    """How what ``agent`` reads is none of the ``vaes`` that are shown, in words; "" where it is."""
    if not isinstance(agent.encoder, BetaVAE):
        return "which reads no VAE"
    shown = {encoder_digest(vae) for vae in vaes}
    there = encoder_digest(agent.encoder) in shown
    return "" if there else "which reads another VAE than the one shown"


def actor_name(agent: LoadedAgent | None) -> str:
    """How a title names who acts; None: a random policy."""
    return "a random policy" if agent is None else f"the {agent.method.name} agent"
