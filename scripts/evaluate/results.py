"""What an evaluation found: returned, written, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import ON_POLICY
from bvae_rl.metrics import MetricReport, Scores
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import png
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import say
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.rows import score_row, score_rows
from bvae_rl.training.pictures.of_vae import scores_heatmap


@dataclass(frozen=True)
class Result:
    """Scores by name of the code; empty where the environment knows no factors.

    ``metrics`` holds what is no score of one code on the probe set.
    """

    scores: dict[str, Scores]
    metrics: dict[str, float]
    out: Path


def write(
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
