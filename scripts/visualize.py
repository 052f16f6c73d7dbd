"""Draw what the latents of a VAE hold: heatmap, traversals, reconstructions, an episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.data.collect import record_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import READ_ON_POLICY, FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import mig
from bvae_rl.models.hub import find_vae
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import png, timelines
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import (
    EnvArgs,
    command_for,
    results_folder,
    say,
    store_folder,
    world_of,
    wrote,
)
from bvae_rl.scripts.held_frames import on_policy_frames
from bvae_rl.scripts.own_folder import own_folder
from bvae_rl.training.pictures import (
    information_heatmap,
    latent_names,
    noted,
    write_vae_pictures,
)
from bvae_rl.training.validation import ACTIVE_KL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SETTINGS = "pictures.json"


@dataclass(frozen=True)
class Args:
    """Which VAE, on which frames."""

    vae: tyro.conf.Positional[str] = "reach_crossed"
    """a VAE's folder, a shipped name (reach_crossed, car_racing, ...) or a Hub id"""
    domain: str | None = None
    """visual domain to draw from; the heatmap leaves out what does not vary in it"""
    store: Path | None = None
    """frames of a store (bvae-rl import, collect), instead of an environment's"""
    agent: Path | None = None
    """folder of a trained agent whose episode is shown; by default a random policy acts"""
    out: Path | None = None
    """folder of the pictures; default runs/pictures/NAME-ENV-DOMAIN"""
    samples: int = 4000
    """frames behind the heatmap and the traversals"""
    seed: int = 0
    """draws the frames and the episode"""
    world: EnvArgs = EnvArgs()


@dataclass(frozen=True)
class Result:
    """The pictures that were written."""

    pictures: list[Path]


def main(args: Args) -> Result:
    """Draw everything that the environment allows."""
    folder = find_vae(args.vae)
    vae = BetaVAE.load(folder)
    if args.store is not None:
        from bvae_rl.scripts.visualize_store import visualize_store  # which calls parts of this one

        run = Run(args.out or store_folder("pictures", folder.name, args.store))
        return visualize_store(args, vae, run)
    named = world_of(folder, args.world, stored=True)
    env = named.config(args.domain).seen_by(Wanted.of(vae))
    run = own_folder(
        args.out, results_folder("pictures", folder.name, named, args.domain),
        {"vae": vae, "env": env, "samples": args.samples, "seed": args.seed,
         "agent": None if args.agent is None else str(args.agent)},
        file=SETTINGS, what="pictures",
    )  # fmt: skip
    world = env.make()
    agent = load_agent(args.agent) if args.agent else None
    known = settable_env(world)
    if known is not None:
        probe = probe_set(world, args.samples, seed=args.seed)
    else:
        probe = _played(vae, env, run, args)
    pictures = write_vae_pictures(vae, probe.frames, run.folder)
    specs = known_specs(world)
    if specs and probe.factors is not None and (np.ptp(probe.factors, axis=0) > 0).any():
        note = READ_ON_POLICY if known is None else ""
        if note:
            say(note)
        figure = heatmap(vae, probe, specs, note=note)
        pictures.insert(0, run.write_file("heatmap.png", png(figure)))
    figure = episode_timelines(vae, env, agent, seed=args.seed)
    pictures.append(run.write_file("timelines.png", png(figure)))
    for path in pictures:
        wrote(path)
    evaluate = command_for("evaluate", args.vae, world=named, domain=args.domain)
    say(f"next: {evaluate}")
    return Result(pictures)


def _played(vae: BetaVAE, env: EnvConfig, run: Run, args: Args) -> Frames:
    say("drawn from frames of a random policy, which takes a moment to collect")
    return on_policy_frames(env, args.samples, seed=args.seed, out=run.folder / "frames", vae=vae)


def episode_timelines(
    vae: BetaVAE, env: EnvConfig, agent: LoadedAgent | None, *, seed: int
) -> Figure:
    """Latents and factors over one episode of ``agent`` (None: of a random policy)."""
    venv = env.vec(1, seed=seed)
    acting: dict[str, Any] = (
        {} if agent is None else {"policy": agent.act, "observe": agent.observe}
    )
    episode = record_episode(venv, seed=seed, **acting)
    specs = known_specs(env.make())
    venv.close()
    who = "a random policy" if agent is None else f"the {agent.method.name} agent"
    domain = f" in {env.domain}" if env.domain else ""
    return timelines(
        vae.encode_frames(episode.frames),
        episode.factors if specs else None,
        latent_names(vae),
        [spec.name for spec in specs] if episode.factors is not None else [],
        periods=[spec.high - spec.low if spec.kind == "cyclic" else None for spec in specs],
        title=f"An episode of {who}{domain}",
    )


def heatmap(vae: BetaVAE, probe: Frames, known: Sequence[FactorSpec], *, note: str = "") -> Figure:
    """Which latent tracks which of the ``known`` factors that vary in the ``probe`` frames."""
    assert probe.factors is not None
    varies = np.ptp(probe.factors, axis=0) > 0
    specs = [spec for spec, v in zip(known, varies, strict=True) if v]
    mu, logvar = vae.posterior_frames(probe.frames)
    gaps = mig(mu, probe.factors[:, varies], kinds=[spec.kind for spec in specs])
    names = [spec.name for spec in specs]
    figure = information_heatmap(vae, gaps, names, active=mean_kl(mu, logvar) > ACTIVE_KL)
    return noted(figure, note)
