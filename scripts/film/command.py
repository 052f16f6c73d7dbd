"""Draw an animated GIF: an agent acts in several visual domains, and its latents move beside it.

Or two agents side by side, in one episode whose appearance changes (``beside``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.plots.animation import gif as animated
from bvae_rl.runtime.runs import Run, explained
from bvae_rl.scripts.acting import differences, refuse_other
from bvae_rl.scripts.common import EnvArgs, can_make, say, wrote
from bvae_rl.scripts.film.alone import record
from bvae_rl.scripts.film.alone_picture import gif
from bvae_rl.scripts.film.beside import Plan, encoder_of, require_switch, take
from bvae_rl.scripts.film.beside_picture import lanes, picture
from bvae_rl.scripts.film.panels import factor_panels, latent_panels, most_varied
from bvae_rl.scripts.worlds import changed, own_domain

PRACTICE, PRACTICE_STEPS = 8, 150  # episodes that a probe is fitted on, and the most of each
OTHER_SEED = 1_000
MOST_FPS = 50  # that browsers show of a GIF
EPISODES = ("source", "source", "ood1", "ood1", "ood1", "ood1")
OWN = 3  # episodes where the environment has no visual domains
CHANGES = ("source", "ood1", "ood2", "source", "ood2", "ood1")


@dataclass(frozen=True)
class Args:
    """Which agent, in which domains."""

    agent: Path
    """folder of a trained agent whose encoder is a VAE (bvae-rl train)"""
    beside: Path | None = None
    """folder of another agent on as many latents, to act beside it from the same start: one episode
    each, in which the appearance changes. In grey behind the latents: those of the same states in
    the first domain"""
    world: EnvArgs = EnvArgs()
    domains: tuple[str, ...] | None = None
    """visual domain of each episode, in order, or with --beside of each part of the one episode; by
    default two episodes in source and four in ood1, where the environment knows them, else three
    as it is; or source, ood1, ood2, source, ood2, ood1"""
    change_every: float = 2.0
    """with --beside: seconds of the film until the appearance changes"""
    skip_steps: int = 0
    """with --beside: environment steps before the film begins"""
    latents: str = "auto"
    """latents of which the six that vary most have a time line each; without --beside all others
    share the last panel; by default content where the VAE has it, else all"""
    factors: tuple[str, ...] | None = None
    """state factors instead: the true value of each, and what a linear probe of the latents reads,
    fitted on other episodes of the agent in the first domain"""
    steps: int = 25
    """environment steps of each episode, at most; without --beside"""
    fps: int = 12
    """frames a second"""
    seed: int = 0
    """of the first episode; each further one has the next"""
    out: Path = Path("runs/film.gif")
    """the picture"""


@dataclass(frozen=True)
class Result:
    """The picture that was written."""

    picture: Path


def main(args: Args) -> Result:
    """Write the GIF."""
    with explained(args.out):  # minutes before there is something to write
        args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.out.is_dir():
        raise ValueError(f"{args.out} is a folder; give a file, such as --out {args.out}/film.gif")
    drawn = filmed(args)
    wrote(Run(args.out.parent).write_file(args.out.name, drawn))
    return Result(args.out)


def filmed(args: Args) -> bytes:
    """Record the episodes and draw a picture a frame: the GIF, which is not written."""
    domains: tuple[str | None, ...] | None = args.domains
    if domains == () or args.steps < 2 or not 1 <= args.fps <= MOST_FPS:
        raise ValueError(
            f"a film needs a domain, two steps and 1 to {MOST_FPS} frames a second, got "
            f"--domains {' '.join(args.domains or ())} --steps {args.steps} --fps {args.fps}"
        )
    if args.factors == ():
        raise ValueError("--factors takes names of state factors; name some, or leave it out")
    agent = load_agent(args.agent)
    vae = encoder_of(agent)
    columns = range(vae.latent_dim)[vae.slice_of(vae.config.choice(args.latents))]
    # EnvPool's copies tell no factors and change no appearance
    env = changed(replace(agent.env, backend="gymnasium"), args.world)
    _say_differences(args.agent, agent, env)
    if args.beside is not None:
        return _beside(args, agent, load_agent(args.beside), env, args.domains or CHANGES, columns)
    if domains is None:
        known = all(can_make(env.with_domain(name)) for name in dict.fromkeys(EPISODES))
        domains = EPISODES if known else (env.domain,) * OWN
    film = record(agent, vae, env, domains, steps=args.steps, seed=args.seed)
    if args.factors and not film.names:
        raise ValueError(f"{env.id} does not tell its factors: leave --factors out")
    if args.factors:
        first = (domains[0],) * PRACTICE
        practice = record(agent, vae, env, first, steps=PRACTICE_STEPS, seed=args.seed + OTHER_SEED)
        panels = factor_panels(film, practice, args.factors)
    else:
        of_agent = range(vae.latent_dim)[vae.slice_of(agent.method.latents)]
        panels = latent_panels(film, columns, of_agent=of_agent)
    return gif(film, panels, args.fps)


def _say_differences(folder: Path | None, agent: LoadedAgent, env: EnvConfig) -> None:
    if differs := differences(agent.env, env):
        say(f"the agent at {folder} was trained with {differs}")


def _beside(
    args: Args,
    agent: LoadedAgent,
    other: LoadedAgent,
    env: EnvConfig,
    domains: tuple[str, ...],
    columns: Sequence[int],
) -> bytes:
    """The film of two agents in one episode each."""
    every = round(args.change_every * args.fps)
    if every < 2 or args.skip_steps < 0 or args.factors:
        raise ValueError(
            "a film of two agents shows each domain for two frames at least, skips no less than 0 "
            f"steps, and shows latents instead of factors; got --change-every {args.change_every:g}"
            f" at --fps {args.fps}, --skip-steps {args.skip_steps}, --factors "
            f"{' '.join(args.factors or ()) or '(none)'}"
        )
    widths = [encoder_of(one).latent_dim for one in (agent, other)]
    if widths[0] != widths[1]:
        raise ValueError(
            f"the agents see {widths[0]} and {widths[1]} latents, which cannot stand beside each "
            "other; film agents on one VAE, or on a VAE and what it was hardened into"
        )
    refuse_other(other, agent.env, args.beside)
    _say_differences(args.beside, other, env)
    require_switch(env, domains)
    plan = Plan(domains, every, args.seed, args.skip_steps)
    takes = [take(one, env, plan) for one in (agent, other)]
    shown = most_varied(takes[0].reference, columns)
    _, update = picture(
        lanes(takes, shown), plan, [f"latent {d}" for d in shown], fps=args.fps,
        trained_in=[own_domain(one.env) for one in (agent, other)],
    )  # fmt: skip
    pages = [update(t) for t in range(max(len(one.frames) for one in takes))]
    return animated(pages, args.fps)
