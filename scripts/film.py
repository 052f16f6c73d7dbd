"""Draw an animated GIF: an agent acts in several visual domains, and its latents move beside it.

Or two agents side by side, in one episode whose appearance changes (``film_beside``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.data.collect import record_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import known_specs
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots.animation import gif as animated
from bvae_rl.plots.style import FAINT, INK, MUTED, new_figure, polish
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, can_make, changed, wrote
from bvae_rl.scripts.film_beside import Plan, encoder_of, require_switch, take
from bvae_rl.scripts.film_beside_picture import lanes, picture
from bvae_rl.scripts.film_panels import (
    Film,
    Panel,
    factor_panels,
    latent_panels,
    most_varied,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
BAND = ("#eef3f8", "#ffffff")  # episodes in turn, so that their borders show
DPI = 100
PRACTICE, PRACTICE_STEPS = 8, 150  # episodes that a probe is fitted on, and the most of each
OTHER_SEED = 1_000
EPISODES = ("source", "source", "ood1", "ood1", "ood1", "ood1")
OWN = 3  # episodes where the environment has no visual domains
TRUE = "; right, in grey:\ntrue values of what the lines follow"
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
    factors: tuple[str, ...] = ()
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
    drawn = filmed(args)
    wrote(Run(args.out.parent).write_file(args.out.name, drawn))
    return Result(args.out)


def filmed(args: Args) -> bytes:
    """Record the episodes and draw a picture a frame: the GIF, which is not written."""
    domains: tuple[str | None, ...] | None = args.domains
    if domains == () or args.steps < 2 or args.fps < 1:
        raise ValueError(
            "a film needs a domain, two steps and a frame a second, got "
            f"--domains {' '.join(args.domains or ())} --steps {args.steps} --fps {args.fps}"
        )
    agent = load_agent(args.agent)
    vae = encoder_of(agent)
    columns = range(vae.latent_dim)[vae.slice_of(vae.config.choice(args.latents))]
    # EnvPool's copies tell no factors and change no appearance
    env = changed(replace(agent.env, backend="gymnasium"), args.world)
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
        panels = latent_panels(film, columns)
    return gif(film, panels, args.fps)


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
            f"{' '.join(args.factors) or '(none)'}"
        )
    widths = [encoder_of(one).latent_dim for one in (agent, other)]
    if widths[0] != widths[1]:
        raise ValueError(
            f"the agents see {widths[0]} and {widths[1]} latents, which cannot stand beside each "
            "other; film agents on one VAE, or on a VAE and what it was hardened into"
        )
    require_switch(env, domains)
    plan = Plan(domains, every, args.seed, args.skip_steps)
    takes = [take(one, env, plan) for one in (agent, other)]
    shown = most_varied(takes[0].reference, columns)
    _, update = picture(
        lanes(takes, shown), plan, [f"latent {d}" for d in shown], fps=args.fps,
        trained_in=agent.env.domain or domains[0],
    )  # fmt: skip
    pages = [update(t) for t in range(max(len(one.frames) for one in takes))]
    return animated(pages, args.fps)


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
    frames = np.concatenate([episode.frames for episode in episodes])
    lengths = [len(episode.frames) for episode in episodes]
    return Film(
        frames,
        vae.encode_frames(frames).astype(float),
        np.concatenate([np.asarray(episode.factors, float) for episode in episodes])
        if specs
        else np.empty((len(frames), 0)),
        tuple(spec.name.replace("_", " ") for spec in specs if spec.role == "state"),
        (0, *np.cumsum(lengths[:-1]).tolist()),
        domains,
    )


def gif(film: Film, panels: Sequence[Panel], fps: int) -> bytes:
    """The film as an animated GIF whose frames share one palette."""
    _, update = _picture(film, panels)
    return animated([update(t) for t in range(len(film.frames))], fps)


def _picture(film: Film, panels: Sequence[Panel]) -> tuple[Figure, Any]:
    """The figure, and a function that draws frame t and returns its pixels (H, W, 3)."""
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    figure = new_figure(8.6, 4.2)
    canvas = agg.FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    grid = figure.add_gridspec(len(panels), 2, width_ratios=(1, 1.25))
    screen = figure.add_subplot(grid[:, 0])
    screen.set_axis_off()
    picture = screen.imshow(film.frames[0], interpolation="nearest")
    title = screen.set_title("", fontsize=11, color=INK, pad=8)
    note = screen.text(
        0.5, -0.03, "what the agent sees" + TRUE * any(panel.truth is not None for panel in panels),
        fontsize=8.5, color=MUTED, ha="center", va="top", transform=screen.transAxes,
    )  # fmt: skip
    note.set_in_layout(False)
    lines: list[tuple[Any, Array]] = []
    axes = [figure.add_subplot(grid[row, 1]) for row in range(len(panels))]
    for ax, panel in zip(axes, panels, strict=True):
        if panel.truth is not None:
            thick = ax.plot([], [], color=FAINT, linewidth=5, solid_capstyle="round")[0]
            lines.append((thick, panel.truth))
        for colour, values in zip(panel.colours, panel.lines, strict=True):
            width = 1.2 if len(panel.lines) > 1 else 1.6
            lines.append((ax.plot([], [], color=colour, linewidth=width)[0], values))
        _frame(ax, film, panel)
    axes[-1].set_xlabel("environment step", fontsize=9)

    def update(t: int) -> NDArray[np.uint8]:
        episode = int(np.searchsorted(film.begins, t, side="right")) - 1
        picture.set_data(film.frames[t])
        title.set_text(_about(film, episode))
        for line, values in lines:
            line.set_data(np.arange(t + 1), values[: t + 1])
        canvas.draw()
        pixels: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        return pixels

    return figure, update


def _frame(ax: Any, film: Film, panel: Panel) -> None:
    values = (*panel.lines, *(() if panel.truth is None else (panel.truth,)))
    low = min(float(value.min()) for value in values)
    high = max(float(value.max()) for value in values)
    ax.set_xlim(0, len(film.frames) - 1)
    room = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    ends = (*film.begins[1:], len(film.frames) - 1)
    for place, (begin, end) in enumerate(zip(film.begins, ends, strict=True)):
        ax.axvspan(begin, end, color=BAND[place % 2], linewidth=0)
    polish(ax)
    ax.set_title(panel.title, fontsize=9, color=INK, loc="left", pad=3)
    ax.tick_params(left=False, labelleft=False, labelbottom=ax.get_subplotspec().is_last_row())
    ax.spines["bottom"].set_color(MUTED)


def _about(film: Film, episode: int) -> str:
    domain = film.domains[episode]
    if domain is None:
        return f"episode {episode + 1}"
    seen = "that it was trained in" if domain == film.domains[0] else "new to the agent"
    return f"{domain}: an appearance {seen}"
