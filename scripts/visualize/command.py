"""Draw what the latents of a VAE hold: heatmap, traversals, reconstructions, swaps, an episode."""

from __future__ import annotations

import numpy as np

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import READ_ON_POLICY, known_specs
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.acting import acts_in, unlike
from bvae_rl.scripts.common import (
    EnvArgs,
    can_make,
    command_for,
    results_folder,
    say,
    store_folder,
    wrote,
)
from bvae_rl.scripts.held_frames import on_policy_frames
from bvae_rl.scripts.own_folder import own_folder
from bvae_rl.scripts.visualize.args import Args as Args
from bvae_rl.scripts.visualize.beside import compared
from bvae_rl.scripts.visualize.episode import draw_episode, episode_title, record, recording
from bvae_rl.scripts.visualize.figures import Shown, figures
from bvae_rl.scripts.visualize.results import Result as Result
from bvae_rl.scripts.visualize.results import write
from bvae_rl.scripts.visualize.store import visualize_store
from bvae_rl.scripts.worlds import in_gymnasium, world_of

SETTINGS = "pictures.json"
DOMAINS = ("source", "pretrain", "ood1", "ood2")
APPEARANCES = 64  # frames of each further domain, whose style is swapped in


def main(args: Args) -> Result:
    """Draw everything that the environment allows."""
    if args.width is not None and not 3.0 <= args.width <= 50.0:
        raise ValueError(f"--width is 3 to 50 inches, got {args.width:g}")
    if args.rrd:
        require("rerun", extra="rerun")  # now, and not after all pictures
    folder = find_vae(args.vae)
    vae = BetaVAE.load(folder)
    if args.store is not None:
        run = own_folder(
            args.out, store_folder("pictures", folder.name, args.store),
            {"vae": vae, "store": FrameStore.existing(args.store), "samples": args.samples,
             "seed": args.seed},
            file=SETTINGS, what="pictures",
        )  # fmt: skip
        return visualize_store(args, vae, run)
    named = in_gymnasium(world_of(folder, args.world, stored=True))
    env = named.config(args.domain).seen_by(Wanted.of(vae))
    run = own_folder(
        args.out, results_folder("pictures", folder.name, named, args.domain),
        {"vae": vae, "env": env, "samples": args.samples, "seed": args.seed,
         "agent": None if args.agent is None else str(args.agent)},
        file=SETTINGS, what="pictures",
    )  # fmt: skip
    world = env.make()
    agent = load_agent(args.agent) if args.agent else None
    settable = settable_env(world) is not None
    if settable:
        probe = probe_set(world, args.samples, seed=args.seed)
    else:
        probe = _played(vae, env, run, args)
    note = "" if settable else READ_ON_POLICY
    shown = Shown.of(vae, probe, known_specs(world), note=note)
    if shown.note:
        say(shown.note)
    styles = _appearances(env, probe, args) if settable and vae.config.groups else probe.frames
    drawn = figures(shown, width=args.inches, seed=args.seed, styles=styles)
    if not shown.specs:
        say("no heatmap and no scatter: the environment tells no factors that vary here")
    drawn |= compared(args.vae, vae, args.beside, probe.frames, width=args.inches)
    if agent is not None:
        own_env = args.world == EnvArgs()
        env, differs = acts_in(agent, env, vae, folder=args.agent, own_env=own_env)
        if own_env and args.domain is None:
            env = env.with_domain(agent.env.domain)
        if differs:
            say(f"the agent at {args.agent} was trained with {differs}")
        if other := unlike(agent, [vae]):
            say(f"the agent at {args.agent} {other.removeprefix('which ')}")
    episode = record(env, agent, seed=args.seed)
    specs, title = known_specs(env.make()), episode_title(env, agent)
    drawn["timelines"] = draw_episode(vae, episode, specs, title=title, width=args.inches)
    pictures = write(args, run, drawn, shown)
    if args.rrd:
        pictures.append(run.write_file("episode.rrd", recording(vae, episode, specs)))
    for path in pictures:
        wrote(path)
    evaluate = command_for("evaluate", args.vae, world=named, domain=args.domain)
    say(f"next: {evaluate}")
    return Result(pictures)


def _played(vae: BetaVAE, env: EnvConfig, run: Run, args: Args) -> Frames:
    say("drawn from frames of a random policy, which takes a moment to collect")
    return on_policy_frames(env, args.samples, seed=args.seed, out=run.folder / "frames", vae=vae)


def _appearances(env: EnvConfig, probe: Frames, args: Args) -> np.ndarray:
    """As many frames of each visual domain that the environment knows, (N, H, W, C)."""
    found = []
    for domain in DOMAINS:
        if not can_make(env.with_domain(domain)):
            continue
        world = env.with_domain(domain).make()
        found.append(probe_set(world, APPEARANCES, seed=args.seed).frames)
        world.close()
    return np.concatenate([probe.frames[:APPEARANCES], *found]) if found else probe.frames
