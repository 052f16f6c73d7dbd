"""Score a VAE on frames with known factors: MIG, DCI, R2, beside an untrained encoder and PCA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import tyro

from bvae_rl.collect import collect
from bvae_rl.environments import EnvConfig
from bvae_rl.factor_wrapper import settable_env
from bvae_rl.factors import require_factor_env
from bvae_rl.frames import Frames, FrameStore
from bvae_rl.hub import find_vae
from bvae_rl.metrics import Scores, conclusions, score, table
from bvae_rl.model import BetaVAE, read_config
from bvae_rl.pca import PCAEncoder
from bvae_rl.pictures import information_heatmap, mean_kl
from bvae_rl.plots import png
from bvae_rl.plug.frames_in import FrameLayout, frames_to_x
from bvae_rl.plug.latent_env import Encoder
from bvae_rl.probe_sets import probe_set
from bvae_rl.runs import Row, Run
from bvae_rl.scripts.common import EnvArgs, command_line, say, wrote
from bvae_rl.scripts.progress import Progress
from bvae_rl.validation import ACTIVE_KL, validate

TRAINED, UNTRAINED, PCA = "trained", "untrained", "pca"
ROWS, CONCLUSIONS = "rows.json", "conclusions.json"
OTHER_SEED = 1_000_003  # PCA is fitted on other frames than are scored
PCA_FRAMES = 10_000

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Args:
    """What to score, on which frames."""

    vae: tyro.conf.Positional[str]
    """folder of a VAE, or the name of a shipped one (reach_pairs, reach_plain)"""
    world: EnvArgs = EnvArgs()
    looks: str | None = None
    """named set of looks to draw from; what does not vary in it is not scored"""
    out: Path | None = None
    """where scores.json and the heatmap go; default runs/evaluate/NAME"""
    samples: int = 8000
    """frames with independent factors"""
    floors: bool = True
    """also score an untrained encoder and PCA of the same size"""
    fit_steps: int = 2000
    """training steps of the small network behind each R2"""
    seed: int = 0
    """draws the frames, the untrained encoder and the regressors' splits"""


@dataclass(frozen=True)
class Result:
    """Scores by name of the code; empty where the environment knows no factors."""

    scores: dict[str, Scores]
    metrics: dict[str, float]
    out: Path


def main(args: Args) -> Result:
    """Probe, encode, score, draw."""
    folder = find_vae(args.vae)
    vae = BetaVAE.load(folder)
    env = args.world.config(args.looks)
    run = Run(args.out or Path("runs/evaluate") / folder.name)
    world = env.make()
    FrameLayout.of(world.observation_space, shape=vae.config.shape)
    source = settable_env(world)
    if source is None:
        return _without_factors(args, env, vae, run)
    codes = {folder.name: TRAINED} | ({UNTRAINED: UNTRAINED, PCA: PCA} if args.floors else {})
    progress = Progress(dict.fromkeys(codes, 30.0))
    scores = {
        name: score_encoder(code, env, args, progress=partial(progress.update, name))
        for name, code in codes.items()
    }
    progress.close()
    own = scores[folder.name]
    rows = [row for name, one in scores.items() for row in score_rows(name, one, env, args)]
    run.write_json("scores.json", {name: one.to_json() for name, one in scores.items()})
    run.write_json("results.json", [row.to_dict() for row in rows])
    say(table(scores))
    for sentence in conclusions(own, source.factor_specs):
        say(f"- {sentence}")
    run.write_file("heatmap.png", png(heatmap(vae, own)))
    wrote(run.folder, f"bvae-rl visualize {args.vae} {args.world.flags}")
    return Result(scores, {}, run.folder)


def task(
    name: str,
    code: str,
    env: EnvConfig,
    args: Args,
    out: Path,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Score one code into ``out`` (rows, conclusions, heatmap) unless that is done already."""
    run = Run(out)
    config = {"env": asdict(env), **asdict(args), "vae": read_config(args.vae)["weights_sha256"]}
    if run.done("score", config=config):
        return progress(1.0)
    scores = score_encoder(code, env, args, progress=progress)
    run.write_json("scores.json", scores.to_json())
    run.write_json(ROWS, [row.to_dict() for row in score_rows(name, scores, env, args)])
    if code == TRAINED:
        specs = require_factor_env(env.make()).factor_specs
        run.write_json(CONCLUSIONS, conclusions(scores, specs))
        run.write_file("heatmap.png", png(heatmap(BetaVAE.load(args.vae), scores)))
    run.mark_done("score", config=config)


def score_encoder(
    code: str, env: EnvConfig, args: Args, *, progress: Callable[[float], None]
) -> Scores:
    """Score ``trained`` (the VAE), ``untrained`` or ``pca`` on a probe set of ``env``."""
    vae = BetaVAE.load(find_vae(args.vae))
    world = env.make()
    probe = probe_set(world, args.samples, seed=args.seed)
    progress(0.1)
    codes = _encoder(code, vae, world, args).encode_frames(probe.frames)
    groups, active = None, None
    if code == TRAINED:
        groups = vae.config.groups
        active = mean_kl(*vae.posterior_frames(probe.frames)) > ACTIVE_KL
    progress(0.3)
    assert probe.factors is not None
    specs = require_factor_env(world).factor_specs
    scores = score(
        codes,
        probe.factors,
        specs,
        groups=groups,
        active=active,
        seed=args.seed,
        steps=args.fit_steps,
    )
    progress(1.0)
    return scores


def score_rows(name: str, scores: Scores, env: EnvConfig, args: Args) -> list[Row]:
    """One row a metric; a part of the code ("content") is an arm of its own, ``name/content``."""
    trained = read_config(find_vae(args.vae)).get("training", {})
    seed = args.seed if name in (UNTRAINED, PCA) else trained.get("seed")
    return [
        Row(
            study="representation",
            arm=f"{name}/{part}" if part else name,
            algo="none",
            env=env.id,
            vae_seed=seed,
            look_set=env.looks,
            metric=metric,
            value=value,
            n=scores.samples,
            command=command_line(),
        )
        for key, value in scores.to_rows_dict().items()
        for part, metric in _placed(key)
    ]


def _placed(key: str) -> list[tuple[str, str]]:
    """The part of the code and the metric that a key of ``Scores.to_rows_dict`` stands for."""
    part, _, metric = key.partition("/")
    if part == "leak":  # by a line it is never more: left out
        factor = metric.removeprefix("r2/") if metric else "largest"
        return (
            []
            if factor == "r2" or factor.startswith("linear_r2")
            else [("content", f"leak/{factor}")]
        )
    if part not in ("active", "content", "look"):
        part, metric = "", key
    return [(part, f"{metric}/mean" if metric in ("r2", "linear_r2", "mig") else metric)]


def heatmap(vae: BetaVAE, scores: Scores) -> Figure:
    """Share of each factor's information that each latent holds, the picture behind MIG."""
    active = None
    if scores.active is not None:
        active = np.isin(range(scores.latents), scores.active.latents)
    return information_heatmap(vae, scores.all.mig, scores.all.factors, active=active)


def _encoder(code: str, vae: BetaVAE, world: Any, args: Args) -> Encoder:
    if code == UNTRAINED:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(args.seed)
            return BetaVAE(vae.config).eval()
    if code == PCA:
        frames = probe_set(world, PCA_FRAMES, seed=args.seed + OTHER_SEED).frames
        return PCAEncoder.fit(frames, vae.config.latents, seed=args.seed)
    return vae


def _without_factors(args: Args, env: EnvConfig, vae: BetaVAE, run: Run) -> Result:
    """What can be said where nothing is known about the frames: the bound and its parts."""
    frames = visited(env, min(args.samples, 1024), seed=args.seed, out=run.folder / "frames").frames
    metrics = validate(vae, frames_to_x(frames))
    run.write_json("scores.json", metrics)
    say(f"{env.id} does not know its factors, so there is no MIG, DCI or R2 (see FactorEnv).")
    say("On frames visited by a random policy:")
    for name, value in metrics.items():
        say(f"  {name.removeprefix('vae/'):20} {value:.2f}")
    wrote(run.folder, f"bvae-rl visualize {args.vae} {args.world.flags}")
    return Result({}, metrics, run.folder)


def visited(env: EnvConfig, n: int, *, seed: int, out: Path) -> Frames:
    """``n`` frames that a random policy visits."""
    store = FrameStore(out)
    store.describe(env=env.id, wrappers=list(env.wrappers), looks=env.looks, seed=seed)
    venv = env.vec(8, seed=seed)
    collect(venv, store, n, seed=seed)
    venv.close()
    return store.read(slice(0, n))
