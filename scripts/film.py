"""Draw an animated GIF: an agent acts in several visual domains, and its latents move beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.data.collect import record_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import known_specs
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots.style import FAINT, GROUP_COLOURS, INK, MUTED, minus, new_figure, polish
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, wrote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
Shown = range | Mapping[int, int]
BAND = ("#eef3f8", "#ffffff")  # episodes in turn, so that their borders show
DPI = 100


@dataclass(frozen=True)
class Args:
    """Which agent, in which domains."""

    agent: Path
    """folder of a trained agent whose encoder is a VAE (bvae-rl train)"""
    world: EnvArgs = EnvArgs()
    domains: tuple[str, ...] = ("source", "source", "ood1", "ood1", "ood1", "ood1")
    """visual domain of each episode, in order"""
    latents: str = "auto"
    """latents with a time line each; all others share the last panel; by default content where the
    VAE has it, else all"""
    factors: tuple[str, ...] = ()
    """state factors instead, each with the latent that follows it best"""
    steps: int = 25
    """environment steps of each episode, at most"""
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


@dataclass(frozen=True)
class Film:
    """T frames (T, H, W, C), their latents (T, D) and factors (T, K), and where each episode of
    which domain begins."""

    frames: NDArray[np.uint8]
    codes: Array
    factors: Array
    names: tuple[str, ...]
    begins: tuple[int, ...]
    domains: tuple[str, ...]


def main(args: Args) -> Result:
    """Record the episodes, draw a picture a frame, write the GIF."""
    if not args.domains or args.steps < 2 or args.fps < 1:
        raise ValueError(
            "a film needs a domain, two steps and a frame a second, got "
            f"--domains {' '.join(args.domains)} --steps {args.steps} --fps {args.fps}"
        )
    agent = load_agent(args.agent)
    vae = agent.encoder
    if not isinstance(vae, BetaVAE):
        raise ValueError(f"the agent in {args.agent} sees no VAE's latents; train one that does")
    columns = vae.slice_of(vae.config.choice(args.latents))
    film = record(agent, vae, args.world.config(), args.domains, steps=args.steps, seed=args.seed)
    shown = following(film, args.factors) if args.factors else range(vae.latent_dim)[columns]
    run = Run(args.out.parent)
    wrote(run.write_file(args.out.name, gif(film, shown, args.fps)))
    return Result(args.out)


def record(
    agent: LoadedAgent,
    vae: BetaVAE,
    env: EnvConfig,
    domains: tuple[str, ...],
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
    if not specs or any(episode.factors is None for episode in episodes):
        raise ValueError(
            f"{env.id} does not tell its factors, so nothing stands beside the latents"
        )
    frames = np.concatenate([episode.frames for episode in episodes])
    lengths = [len(episode.frames) for episode in episodes]
    return Film(
        frames,
        vae.encode_frames(frames).astype(float),
        np.concatenate([np.asarray(episode.factors, float) for episode in episodes]),
        tuple(spec.name.replace("_", " ") for spec in specs if spec.role == "state"),
        (0, *np.cumsum(lengths[:-1]).tolist()),
        domains,
    )


def following(film: Film, factors: Sequence[str]) -> dict[int, int]:
    """For each factor by name the latent that follows it best, as {latent: factor}.

    ValueError for a factor that is none, and for two that one latent follows best.
    """
    names = [name.replace(" ", "_") for name in film.names]
    if unknown := [name for name in factors if name not in names]:
        raise ValueError(f"there is no state factor {unknown[0]!r}; known: {', '.join(names)}")
    r = _correlation(film)
    found: dict[int, int] = {}
    for name in factors:
        k = names.index(name)
        d = int(np.argmax(abs(r[:, k])))
        if d in found:
            raise ValueError(
                f"latent {d} follows both {names[found[d]]} and {name} best; leave one of them out"
            )
        found[d] = k
    return found


def gif(film: Film, shown: Shown, fps: int) -> bytes:
    """The film as an animated GIF whose frames share one palette.

    ``shown``: latents, all others in a panel of their own, or {latent: the factor it follows}.
    """
    image = require("PIL.Image", extra="plots")
    _, update = _picture(film, shown)
    pages = [image.fromarray(update(t)) for t in range(len(film.frames))]
    sample = np.concatenate([np.asarray(page) for page in pages[:: max(1, len(pages) // 12)]])
    palette = image.fromarray(sample).quantize(256, dither=image.Dither.NONE)
    first, *rest = (page.quantize(palette=palette, dither=image.Dither.NONE) for page in pages)
    buffer = BytesIO()
    duration = [1000 // fps] * len(rest) + [2000]  # the last frame stays for a moment
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=False
    )
    return buffer.getvalue()


def _picture(film: Film, shown: Shown) -> tuple[Figure, Any]:
    """The figure, and a function that draws frame t and returns its pixels (H, W, 3)."""
    agg = require("matplotlib.backends.backend_agg", extra="plots")
    figure = new_figure(8.6, 4.2)
    canvas = agg.FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    r = _correlation(film)
    follows = shown if isinstance(shown, Mapping) else {d: int(np.argmax(abs(r[d]))) for d in shown}
    hidden = () if isinstance(shown, Mapping) else range(film.codes.shape[1])
    others = [d for d in hidden if d not in follows]
    rows = len(follows) + bool(others)
    grid = figure.add_gridspec(rows, 2, width_ratios=(1, 1.25))
    screen = figure.add_subplot(grid[:, 0])
    screen.set_axis_off()
    picture = screen.imshow(film.frames[0], interpolation="nearest")
    title = screen.set_title("", fontsize=11, color=INK, pad=8)
    note = screen.text(
        0.5, -0.03, "what the agent sees; right, in grey:\ntrue values of what latents follow",
        fontsize=8.5, color=MUTED, ha="center", va="top", transform=screen.transAxes,
    )  # fmt: skip
    note.set_in_layout(False)
    lines: list[tuple[Any, Array]] = []
    truths = _standard(film.factors[:, : len(film.names)])
    panels = [figure.add_subplot(grid[row, 1]) for row in range(rows)]
    for ax, (d, k) in zip(panels, follows.items(), strict=False):
        sign = -1.0 if r[d, k] < 0 else 1.0
        truth = truths[:, k]
        lines.append((ax.plot([], [], color=FAINT, linewidth=5, solid_capstyle="round")[0], truth))
        colour = GROUP_COLOURS[d % len(GROUP_COLOURS)]
        line = ax.plot([], [], color=colour, linewidth=1.6)[0]
        lines.append((line, sign * _standard(film.codes[:, d])))
        name = minus(f"{'-' if sign < 0 else ''}latent {d}")
        _panel(ax, film, f"{name} follows {film.names[k]}", lines[-1][1], truth)
    if others:
        for place, d in enumerate(others):
            colour = GROUP_COLOURS[place % len(GROUP_COLOURS)]
            line = panels[-1].plot([], [], color=colour, linewidth=1.2)[0]
            lines.append((line, film.codes[:, d]))
        about = "all other latents, which the agent does not see"
        _panel(panels[-1], film, about, film.codes[:, others])
    panels[-1].set_xlabel("environment step", fontsize=9)

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


def _panel(ax: Any, film: Film, title: str, *values: Array) -> None:
    low = min(float(value.min()) for value in values)
    high = max(float(value.max()) for value in values)
    ax.set_xlim(0, len(film.frames) - 1)
    ax.set_ylim(low - 0.3, high + 0.3)
    ends = (*film.begins[1:], len(film.frames) - 1)
    for place, (begin, end) in enumerate(zip(film.begins, ends, strict=True)):
        ax.axvspan(begin, end, color=BAND[place % 2], linewidth=0)
    polish(ax)
    ax.set_title(title, fontsize=9, color=INK, loc="left", pad=3)
    ax.tick_params(left=False, labelleft=False, labelbottom=ax.get_subplotspec().is_last_row())
    ax.spines["bottom"].set_color(MUTED)


def _about(film: Film, episode: int) -> str:
    domain = film.domains[episode]
    seen = "that it was trained in" if domain == film.domains[0] else "new to the agent"
    return f"{domain}: an appearance {seen}"


def _correlation(film: Film) -> Array:
    """Pearson's r (D, K) of latents and state factors."""
    truths = _standard(film.factors[:, : len(film.names)])
    r: Array = _standard(film.codes).T @ truths / len(truths)
    return r


def _standard(x: Array) -> Array:
    spread = x.std(axis=0)
    standard: Array = (x - x.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return standard
