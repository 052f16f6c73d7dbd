"""Several seeds of one recipe side by side, of which the best is kept (``training.selection``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.devices import set_threads
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE, Run
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts.common import aligned, command_line, say, wrote
from bvae_rl.scripts.held_frames import HeldFrames, held_frames, probe_frames
from bvae_rl.scripts.pretrain.args import Args, SourceArgs
from bvae_rl.scripts.pretrain.collected import frames_for
from bvae_rl.scripts.pretrain.once import IMAGES_PER_SECOND, next_command, train_once, verdict
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.selection import SELECTION, UNLABELLED, Selection, check_enough, select
from bvae_rl.training.trainer import NotFinite
from bvae_rl.training.watch import LOG, Collapsed


def train_seeds(args: Args, *, on_progress: Callable[[float], None] | None = None) -> BetaVAE:
    """Train several VAEs into OUT/seed-K, keep the best as OUT, say how the others did."""
    if (seeds := args.several.seeds) < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    run = Run(args.out)
    if run.path(CONFIG_FILE).exists() and not run.path(SELECTION).exists():
        raise ValueError(
            f"{args.out} holds a VAE that was not chosen from several seeds; choose another folder "
            "or delete it"
        )
    store = frames_for(args)
    args = args.on(store.folder)  # collected once, for all seeds
    held = frames_to_judge(args, store)
    folders = {
        f"seed-{seed}": run.path(f"seed-{seed}") for seed in range(args.seed, args.seed + seeds)
    }
    tasks = [
        Task(name, finished, (args.but(seeds=1, seed=args.seed + n, out=folder),))
        for n, (name, folder) in enumerate(folders.items())
    ]
    progress = Progress(
        dict.fromkeys(folders, args.steps * args.train.batch_size / IMAGES_PER_SECOND),
        workers=args.several.workers,
    )
    done = dict.fromkeys(folders, 0.0)

    def show(name: str, fraction: float) -> None:
        done[name] = fraction
        if on_progress is None:
            progress.update(name, fraction)
        else:
            on_progress(sum(done.values()) / len(done))

    failures = run_parallel(tasks, workers=args.several.workers, on_progress=show)
    progress.close()
    failed = {name: words for name, words in zip(folders, failures, strict=True) if words}
    kept = {name: folder for name, folder in folders.items() if name not in failed}
    if len(kept) < 2:
        raise ValueError(
            f"of {seeds} seeds {len(kept)} neither diverged nor collapsed, too few to choose from: "
            f"{'; '.join(failed.values())}"
        )
    chosen = select(
        kept,
        held.frames,
        by=args.several.select,
        specs=held.specs,
        group=held.group,
        seed=args.seed,
    )
    keep(kept[chosen.best], run, chosen, failed)
    vae = BetaVAE.load(args.out)
    if on_progress is None:
        say(table(chosen, failed))
        say(chosen.why)
        verdict(vae, args.out)
        wrote(run.path(SELECTION))
        wrote(args.out, next_command(args.out, store))
    return vae


def finished(args: Args, *, progress: Callable[[float], None]) -> str:
    """Train one VAE unless that is done; returns why it diverged or collapsed, "" if it did not."""
    run = Run(args.out)
    config = asdict(args.but(workers=1))
    for name in ("snapshots", "log_pictures"):  # what is looked at changes no training
        del config[name]
    own = ("env", "wrappers", "env_kwargs", "domain", "frames")  # newer ones only where given
    config["source"] = {
        name: value
        for name, value in config["source"].items()
        if name in own or value != getattr(SourceArgs, name)
    }
    if run.done("failed", config=config):
        progress(1.0)
        return str(run.finished()["failed"]["info"]["words"])
    try:
        set_threads(args.threads)
        train_once(args, on_progress=progress)
    except (Collapsed, NotFinite) as error:
        run.mark_done("failed", config=config, words=str(error))
        return str(error)
    return ""


def frames_to_judge(args: Args, store: FrameStore) -> HeldFrames:
    """What to compare on; a ValueError where there is too little.

    ``args.several.select`` mig and r2 need factors: of the store, or of its environment.
    """
    held = held_frames(store, validation=args.train.validation)
    if args.several.select in UNLABELLED or held.labelled:
        check_enough(len(held.frames))
        return held
    sampled = probe_frames(store, seed=args.seed)
    if sampled is None:
        raise ValueError(
            f"{store.folder} holds no factors and its environment can sample none, so none can be "
            f"selected by {args.several.select}: take --select udr or independence, which need none"
        )
    return sampled


def keep(folder: Path, run: Run, chosen: Selection, failed: Mapping[str, str]) -> None:
    """Copy the chosen VAE and its pictures, the config last: with it the folder is whole."""
    pictures = (path.name for path in sorted(folder.glob("*.png")))
    for name in (WEIGHTS_FILE, LOG, *pictures):
        run.write_file(name, (folder / name).read_bytes())
    summary = {
        **asdict(chosen), "mean": chosen.mean, "spread": chosen.spread, "failed": dict(failed),
        "command": command_line(),
    }  # fmt: skip
    run.write_json(SELECTION, summary)
    run.write_file(CONFIG_FILE, (folder / CONFIG_FILE).read_bytes())


def table(chosen: Selection, failed: Mapping[str, str]) -> str:
    """One line a seed, best first."""
    ordered = sorted(chosen.candidates, key=lambda candidate: -candidate.score)
    lines = [["seed", chosen.by.upper(), "active", "KL", "lower bound", ""]]
    for one in ordered:
        mark = "kept" if one.name == chosen.best else ""
        cells = [f"{one.score:.3f}", str(one.active_latents), f"{one.kl:.1f}", f"{one.elbo:.1f}"]
        lines.append([one.name.removeprefix("seed-"), *cells, mark])
    for name in failed:
        lines.append([name.removeprefix("seed-"), "-", "-", "-", "-", "diverged or collapsed"])
    return aligned(lines)
