"""Episodes of one agent in several visual domains, one after the other."""

from __future__ import annotations

import numpy as np

from bvae_rl.agents.evaluate import LoadedAgent
from bvae_rl.data.collecting.collect import record_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import known_specs
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.film.panels import Film
from bvae_rl.scripts.worlds import own_domain
from bvae_rl.training.pictures.shown_frames import seen


def record(
    agent: LoadedAgent,
    vae: BetaVAE,
    env: EnvConfig,
    domains: tuple[str | None, ...],
    *,
    steps: int,
    seed: int,
) -> Film:
    """One episode of ``agent`` in each domain, one after the other."""
    episodes = []
    for turn, domain in enumerate(domains):
        venv = env.with_domain(domain).vec(1, seed=seed + turn)
        episodes.append(
            record_episode(
                venv,
                seed=seed + turn,
                policy=agent.act,
                observe=agent.observe,
                most=steps,
            )
        )
        venv.close()
    specs = known_specs(env.with_domain(domains[0]).make())
    if any(episode.factors is None for episode in episodes):
        specs = ()
    state = [k for k, spec in enumerate(specs) if spec.role == "state"]
    frames = np.concatenate([episode.frames for episode in episodes])
    lengths = [len(episode.frames) for episode in episodes]
    return Film(
        seen(frames, vae.config.channel_order),
        vae.encode_frames(frames).astype(float),
        np.concatenate([np.asarray(episode.factors, float)[:, state] for episode in episodes])
        if specs
        else np.empty((len(frames), 0)),
        tuple(specs[k].name.replace("_", " ") for k in state),
        (0, *np.cumsum(lengths[:-1]).tolist()),
        domains,
        own_domain(agent.env),
    )
