"""One episode, as ``bvae-rl visualize`` shows it: time lines, and a recording for Rerun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bvae_rl.agents.evaluate import LoadedAgent
from bvae_rl.data.collecting.collect import record_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import timelines
from bvae_rl.plots.recording import episode_rrd
from bvae_rl.scripts.acting import actor_name
from bvae_rl.training.pictures.decoded import decode, latent_names
from bvae_rl.training.pictures.shown_frames import seen

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def record(env: EnvConfig, agent: LoadedAgent | None, *, seed: int) -> Frames:
    """One episode of ``agent`` (None: of a random policy)."""
    venv = env.vec(1, seed=seed)
    acting: dict[str, Any] = (
        {} if agent is None else {"policy": agent.act, "observe": agent.observe}
    )
    episode = record_episode(venv, seed=seed, **acting)
    venv.close()
    return episode


def draw_episode(
    vae: BetaVAE,
    episode: Frames,
    specs: Sequence[FactorSpec],
    *,
    title: str,
    width: float | None = None,
) -> Figure:
    """Latents, and the factors where they are known, over the steps."""
    told = _told(episode, specs)
    return timelines(
        vae.encode_frames(episode.frames), episode.factors if told else None, latent_names(vae),
        [spec.name for spec in told],
        periods=[spec.high - spec.low if spec.kind == "cyclic" else None for spec in told],
        title=title, width=width,
    )  # fmt: skip


def episode_timelines(
    vae: BetaVAE, env: EnvConfig, agent: LoadedAgent | None, *, seed: int
) -> Figure:
    """Latents and factors over one episode of ``agent`` (None: of a random policy)."""
    specs, title = known_specs(env.make()), episode_title(env, agent)
    return draw_episode(vae, record(env, agent, seed=seed), specs, title=title)


def episode_title(env: EnvConfig, agent: LoadedAgent | None) -> str:
    """Who acts, and in which visual domain."""
    return f"An episode of {actor_name(agent)}{f' in {env.domain}' if env.domain else ''}"


def recording(vae: BetaVAE, episode: Frames, specs: Sequence[FactorSpec]) -> bytes:
    """The episode with its latents as a ``.rrd`` file."""
    told, order = _told(episode, specs), vae.config.channel_order
    codes = vae.encode_frames(episode.frames)
    return episode_rrd(
        np.ascontiguousarray(seen(episode.frames, order)), seen(decode(vae, codes), order), codes,
        latent_names(vae), episode.factors if told else None, [spec.name for spec in told],
    )  # fmt: skip


def _told(episode: Frames, specs: Sequence[FactorSpec]) -> Sequence[FactorSpec]:
    return specs if episode.factors is not None else ()
