"""Score VAEs on frames with known factors, beside references, upper bound, on-policy frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import (
    ON_POLICY,
    dependent_factors,
    require_factor_env,
)
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.layouts import Wanted, picture_layouts
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from bvae_rl.metrics import MetricReport, Scores, conclusions
from bvae_rl.metrics.array_metrics import chosen
from bvae_rl.metrics.report import LEAST_EPISODES
from bvae_rl.metrics.summary import together
from bvae_rl.models.hub import find_vae
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.plots import png
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.latent_env import Encoder
from bvae_rl.scripts.common import (
    command_for,
    free_folder,
    results_folder,
    say,
    store_folder,
    wrote,
)
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args as Args
from bvae_rl.scripts.evaluate.args import ScoreArgs as ScoreArgs
from bvae_rl.scripts.evaluate.rows import score_row, score_rows
from bvae_rl.scripts.held_frames import read_specs
from bvae_rl.scripts.own_folder import own_folder
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.vae_keys import names_apart
from bvae_rl.scripts.worlds import in_gymnasium, world_of
from bvae_rl.training.decoded import active_latents
from bvae_rl.training.pictures import scores_heatmap

TRAINED, UNTRAINED, PCA = "trained", "untrained", "pca"
ROWS, CONCLUSIONS = "rows.json", "conclusions.json"
SETTINGS = "evaluation.json"
OTHER_SEED = 1_000_003  # PCA is fitted on other frames than are scored
PCA_FRAMES = 10_000


@dataclass(frozen=True)
class Result:
    """Scores by name of the code; empty where the environment knows no factors.

    ``metrics`` holds what is no score of one code on the probe set.
    """

    scores: dict[str, Scores]
    metrics: dict[str, float]
    out: Path


def main(args: Args) -> Result:
    """Probe, encode once, score, draw."""
    try:
        chosen(_of_arrays(args))
    except ValueError as error:
        raise ValueError(
            f"{error}; of an environment also: {', '.join(more.INTERVENTIONAL)}"
        ) from None
    places = [find_vae(vae) for vae in (args.vae, *args.compare)]
    folders = dict(zip(names_apart(places), places, strict=True))
    vaes = {name: BetaVAE.load(folder) for name, folder in folders.items()}
    name, vae = next(iter(vaes.items()))
    if args.store is not None:
        from bvae_rl.scripts.evaluate.store import evaluate_store  # which calls parts of this one

        run = own_folder(
            args.out, store_folder("evaluate", name, args.store),
            settings(args, folders, store=FrameStore.existing(args.store)),
            file=SETTINGS, what="an evaluation",
        )  # fmt: skip
        return evaluate_store(args, vaes, run)
    args = replace(args, world=in_gymnasium(world_of(args.vae, args.world, stored=True)))
    env = args.world.config(args.domain).seen_by(Wanted.of(vae))
    world = env.make()
    for one in vaes.values():
        picture_layouts(world.observation_space, Wanted.of(one), stacked=1)
    source = settable_env(world)
    told = read_specs(world) if source is None else ()
    run = own_folder(
        args.out, results_folder("evaluate", name, args.world, args.domain),
        settings(
            args, folders, env=env, factors=list(told if source is None else source.factor_specs),
            **({"factors_read": "on-policy"} if told else {}),
        ),
        file=SETTINGS, what="an evaluation",
    )  # fmt: skip
    train = command_for(
        "train", vae=args.vae, world=args.world, domain=args.domain,
        out=free_folder(Path("runs/agents") / name),
    )  # fmt: skip
    if told:
        from bvae_rl.scripts.evaluate.on_policy import evaluate_on_policy  # calls parts of this one

        return evaluate_on_policy(args, vaes, env, run, train)
    if source is None:
        from bvae_rl.scripts.evaluate.bare import without_factors  # likewise

        return without_factors(args, env, vaes, run, train)
    probe = probe_set(world, args.samples, seed=args.seed)
    report = new_report(probe, source.factor_specs, args)
    met = _on_policy(env, args)
    steps = [*vaes, *(f"{one}{ON_POLICY}" for one in vaes if met)]
    steps += [UNTRAINED, PCA, "bounds"] if args.references else []
    progress = Progress(dict.fromkeys([*steps, "more"], 20.0))
    for label, model in vaes.items():
        add_vae(report, label, model, probe)
        progress.update(label, 1.0)
        if met is not None:
            add_vae(report, f"{label}{ON_POLICY}", model, met, episode=met.episode)
            progress.update(f"{label}{ON_POLICY}", 1.0)
    if args.references:
        for code in (UNTRAINED, PCA):
            report.add(code, encoder(code, vae, world, args).encode_frames(probe.frames))
            progress.update(code, 1.0)
        report.add_bounds(name)
        progress.update("bounds", 1.0)
    further = more.measured(vaes, world, probe, args)
    progress.close()
    written(args, run, report, further, vaes, env, name)
    if dependent := dependent_factors(world):
        say(
            f"- {', '.join(dependent)}: not independent, they follow from other factors and from "
            "the episode; their scores share what they have in common"
        )
    if met is not None:
        for sentence in together(report.scores[f"{name}{ON_POLICY}"]):
            say(f"- on-policy frames: {sentence}")
    wrote(run.folder, train)
    return Result(report.scores, further, run.folder)


def written(
    args: Args,
    run: Run,
    report: MetricReport,
    further: dict[str, float],
    vaes: Mapping[str, BetaVAE],
    env: EnvConfig,
    name: str,
    *,
    note: str = "",
) -> None:
    """Write scores, rows and heatmap; print the table, and what it says of the VAE ``name``.

    ``note`` is what to know of all these frames: it stands in each of them.
    """
    rows: list[Row] = []
    for label, scores in report.scores.items():
        vae = vaes.get(label) or vaes.get(label.removesuffix(ON_POLICY))
        rows += score_rows(label, scores, env, args.seed, vae)
    for key, value in further.items():
        label, _, metric = key.partition("/")
        elsewhere = metric.startswith(more.GENERALISATION)
        n = min(more.TESTED, args.samples) if elsewhere else len(report.factors)
        rows.append(score_row(label, metric, value, n, env, args.seed, vaes.get(label)))
    beside = {"more": further, "note": note}
    run.write_json("scores.json", {**report.to_json(), **{k: v for k, v in beside.items() if v}})
    run.write_rows(rows)
    say(report.table())
    if note:
        say(f"- {note}")
    if further:
        say(more.lines_of(further))
    for sentence in report.conclusions(name):
        say(f"- {sentence}")
    run.write_file("heatmap.png", png(scores_heatmap(vaes, report.scores, note=note)))


def settings(args: Args, folders: Mapping[str, Path], **frames: Any) -> dict[str, Any]:
    """All that the scores depend on: VAEs by their weights, ``frames``, and how they are scored."""
    vaes = {name: read_config(folder)["weights_sha256"] for name, folder in folders.items()}
    named = ("samples", "on_policy", "references", "seed", "scoring")
    given = {name: getattr(args, name) for name in named}
    return {"vaes": vaes, **frames, **given}


def _of_arrays(args: Args) -> list[str]:
    return [name for name in args.scoring.metrics if name not in more.INTERVENTIONAL]


def new_report(probe: Frames, specs: Any, args: Args) -> MetricReport:
    """An empty report on the probe set, with the settings of the arguments."""
    scoring = args.scoring
    return MetricReport(
        probe.factors, specs, metrics=_of_arrays(args), reference=scoring.published,
        seed=args.seed, replicates=scoring.replicates, slow_replicates=scoring.slow_replicates,
        steps=scoring.fit_steps,
    )  # fmt: skip


def add_vae(
    report: MetricReport, name: str, vae: BetaVAE, frames: Frames, *, episode: Any = None
) -> Scores:
    """Score the VAE's latents of the frames; those that hardly vary are inactive.

    In the published definitions all count.
    """
    mu = vae.encode_frames(frames.frames)
    active = None if report.settings.get("reference") else active_latents(vae, mu)
    return report.add(
        name, mu, groups=vae.config.groups, active=active, factors=frames.factors, episode=episode
    )


def _on_policy(env: EnvConfig, args: Args) -> Frames | None:
    """Frames of a random policy, if wanted and of enough episodes to test on others."""
    if not args.on_policy:
        return None
    world = env.make()
    if info_factors(world.reset(seed=args.seed)[1]) is None:
        say(
            f"on-policy frames are not scored: {env.id} does not tell its factors while it acts; "
            "FactorWrapper(env, specs, read=...) does"
        )
        return None
    met = on_policy_set(world, None, args.on_policy, seed=args.seed)
    if (episodes := len(np.unique(met.episode))) >= LEAST_EPISODES:
        return met
    say(
        f"on-policy frames are not scored: {args.on_policy} are of {episodes} episodes, and "
        f"{LEAST_EPISODES} are needed to test on others than were fitted; see --on-policy"
    )
    return None


def task(
    name: str,
    code: str,
    env: EnvConfig,
    args: Args,
    out: Path,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Score one code into ``out`` (rows, conclusions, heatmap) unless that is done already.

    ``code`` is the VAE of ``args`` (TRAINED), or the reference UNTRAINED or PCA of its shape.
    """
    run, folder = Run(out), find_vae(args.vae)
    asked = {name: value for name, value in asdict(args).items() if name != "store" or value}
    asked["world"] = args.world.identity()
    config = {"env": env.identity(), **asked, "vae": read_config(folder)["weights_sha256"]}
    if run.done("score", config=config):
        return progress(1.0)
    vae, world = BetaVAE.load(folder), env.make()
    probe = probe_set(world, args.samples, seed=args.seed)
    specs = require_factor_env(world).factor_specs
    report = new_report(probe, specs, args)
    progress(0.2)
    if code == TRAINED:
        scores = add_vae(report, name, vae, probe)
        run.write_file("heatmap.png", png(scores_heatmap({name: vae}, report.scores)))
    else:
        scores = report.add(name, encoder(code, vae, world, args).encode_frames(probe.frames))
    rows = score_rows(name, scores, env, args.seed, vae if code == TRAINED else None)
    run.write_rows(rows, name=ROWS)
    run.write_json(CONCLUSIONS, conclusions(scores, specs))
    run.mark_done("score", config=config)
    progress(1.0)


def encoder(code: str, vae: BetaVAE, world: Any, args: Args) -> Encoder:
    """The ``untrained`` encoder of the VAE's shape, or ``pca`` of as many components."""
    if code == UNTRAINED:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(args.seed)
            return BetaVAE(vae.config).eval()
    frames = probe_set(world, PCA_FRAMES, seed=args.seed + OTHER_SEED).frames
    return PCAEncoder.fit(frames, vae.config.latent_dim, seed=args.seed)
