"""One code scored as a task of a larger command: the demo's, and that of ``bvae-rl evidence``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import require_factor_env
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import conclusions
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.plots import png
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.rows import score_rows
from bvae_rl.scripts.evaluate.scoring import add_vae, encoder, new_report
from bvae_rl.training.pictures.of_vae import scores_heatmap

TRAINED = "trained"
ROWS, CONCLUSIONS = "rows.json", "conclusions.json"


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
