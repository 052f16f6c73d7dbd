"""Write one page in which a VAE runs live: move latents, encode frames, swap content and style."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.frames import frames_entry
from bvae_rl.report.explorer.page import document
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import (
    command_for,
    results_folder,
    say,
    store_folder,
    wrote,
)
from bvae_rl.scripts.explore.args import Args as Args
from bvae_rl.scripts.explore.episodes import Plan
from bvae_rl.scripts.explore.frames import Shown, shown_env, shown_frames
from bvae_rl.scripts.explore.panels import episode_plan, extras, refuse_unplayable
from bvae_rl.scripts.explore.serve import page_server, serve
from bvae_rl.scripts.explore.vae import entry_of, read_latents, require_known_layers
from bvae_rl.scripts.own_folder import own_folder
from bvae_rl.scripts.same_frames import require_same_frames
from bvae_rl.scripts.vae_keys import names_apart

PAGE = "explorer.html"
MADE_OF = "vaes.json"  # beside the page, so that no page of other VAEs is written over it
UNNAMED = "vae"  # the folder that commands call a VAE by: it says nothing


@dataclass(frozen=True)
class Result:
    """The page that was written."""

    page: Path


def main(args: Args) -> Result:
    """Encode frames, write the page, and serve it if asked for."""
    with page_server(port=args.port) if args.serve else nullcontext() as server:
        page = write_page(args)
        wrote(page)
        say(f"{page.stat().st_size / 1e6:.1f} MB, opens in a browser, with nothing beside it")
        if server is None:
            again = {"store": args.store, "domain": args.domain, "world": args.world}
            say(f"next: {command_for('visualize', args.vae, **again)}")
        else:
            server.page = page.read_bytes()
            serve(server)
    return Result(page)


def write_page(args: Args) -> Path:
    """Encode frames and write the page; ValueError for what cannot be shown."""
    if args.samples < 2 or args.frames < 1:
        raise ValueError(
            "the page needs two samples and a frame to choose at least, got "
            f"--samples {args.samples} --frames {args.frames}"
        )
    refuse_unplayable(args)
    vaes = {name: BetaVAE.load(find_vae(vae)) for name, vae in _named(args).items()}
    page = (
        args.out
        or own_folder(
            None, _default(args, next(iter(vaes))), {"vaes": vaes}, file=MADE_OF, what="a page"
        ).folder
    )
    if page.is_dir() or page.suffix not in (".html", ".htm"):
        page /= PAGE
    require_same_frames(vaes)
    require_known_layers(vaes)
    first = next(iter(vaes.values()))
    env, reason = shown_env(args, find_vae(args.vae), first)
    plan = episode_plan(args, first, env)
    shown = shown_frames(args, list(vaes.values()), env, reason)
    text = document(payload(args, vaes, shown, plan), title=title(vaes, shown))
    return Run(page.parent).write_file(page.name, text)


def payload(
    args: Args, vaes: Mapping[str, BetaVAE], shown: Shown, plan: Plan | None = None
) -> dict[str, Any]:
    """All that the page shows of ``vaes`` on the frames ``shown``; ``plan`` of ``episode_plan``."""
    if plan is None or shown.env is None:
        plan = episode_plan(args, next(iter(vaes.values())), shown.env)
    measured = None if shown.drawn else shown.frames
    entries = []
    rows = shown.spread(args.frames)
    for name, vae in vaes.items():
        read = read_latents(vae, measured, shown.factors, shown.specs)
        entries.append(entry_of(name, vae, read, about=about(vae, int(read.active.sum()))))
    names = [spec.name for spec in shown.specs]
    panels, notes = extras(args, vaes, shown, plan)
    return {
        "title": title(vaes, shown),
        "vaes": entries,
        "frames": frames_entry(
            shown.frames[rows], source=shown.source, drawn=shown.drawn,
            factors=None if shown.factors is None else shown.factors[rows], factor_names=names,
        ),
        "notes": notes,
        **panels,
    }  # fmt: skip


def title(vaes: Mapping[str, BetaVAE], shown: Shown) -> str:
    """The heading of the page: "What reach_crossed sees in PlanarReach"."""
    where = "" if shown.env is None else f" in {_short(shown.env.id)}"
    if list(vaes) == [UNNAMED]:
        return f"What the VAE sees{where}"
    return f"What {' and '.join(vaes)} {'see' if len(vaes) > 1 else 'sees'}{where}"


def _short(env_id: str) -> str:
    """An environment's id without where it is from, and without its version."""
    return re.sub(r"-v\d+$", "", re.split("[/:]", env_id)[-1])


def about(vae: BetaVAE, active: int) -> str:
    """A VAE in two sentences."""
    config = vae.config
    channels, height, width = config.shape
    groups = ", ".join(f"{stop - start} {name}" for name, (start, stop) in config.groups.items())
    trained = _trained(vae.meta)
    kinds = f" of {config.levels} values each" if config.levels else ""
    return (
        f"Frames of {height} x {width} pixels in {channels} "
        f"{'channel' if channels == 1 else 'channels'}; {vae.latent_dim} "
        f"{'latent' if vae.latent_dim == 1 else 'latents'}{kinds}"
        f"{f' ({groups})' if groups else ''}, {active} active.{trained}"
    )


def _trained(meta: Mapping[str, Any]) -> str:
    """How long a VAE was trained, and hardened, and on what; empty where that is not known."""
    last = meta.get("training") or {}
    first = (meta.get("hardened") or {}).get("training") or {}
    counts = [part.get("step", part.get("steps")) for part in (first or last, last)]
    env = (last.get("store") or {}).get("env", "").rpartition(":")[2]
    seen = f" on frames of {env}" if env else ""
    if first and all(counts):
        against = ", ".join(meta["hardened"].get("against", ()))
        return (
            f" Trained for {counts[0]:,} batches, then hardened for {counts[1]:,} batches{seen}: "
            f"what it draws are averages of {against or 'what varied'}."
        )
    return f" Trained for {counts[1]:,} batches{seen}." if counts[1] else ""


def _named(args: Args) -> dict[str, str]:
    """VAEs by a short name each, the last parts of what was typed."""
    typed = (args.vae, *args.beside)
    return dict(zip(names_apart([Path(vae) for vae in typed]), typed, strict=True))


def _default(args: Args, name: str) -> Path:
    if args.store is not None:
        return store_folder("explorer", name, args.store)
    return results_folder("explorer", name, args.world, args.domain)
