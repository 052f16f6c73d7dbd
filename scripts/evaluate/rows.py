"""Scores of a code as rows of results."""

from __future__ import annotations

from bvae_rl.data.environments import EnvConfig
from bvae_rl.metrics import Scores
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.rows import Row
from bvae_rl.scripts.common import command_line


def score_rows(
    name: str, scores: Scores, env: EnvConfig, seed: int, vae: BetaVAE | None
) -> list[Row]:
    """All numbers as rows of study "representation"; parts of a code are "NAME/content" etc."""
    return [
        score_row(f"{name}/{part}" if part else name, metric, value, scores.samples, env, seed, vae)
        for key, value in scores.to_rows_dict().items()
        for part, metric in _placed(key)
    ]


def score_row(
    method: str, metric: str, value: float, n: int, env: EnvConfig, seed: int, vae: BetaVAE | None
) -> Row:
    """``seed`` is that of the frames; the row has the VAE's own where there is one."""
    training = {} if vae is None else vae.meta.get("training", {})
    return Row(
        study="representation", method=method, algo="none", env=env.id,
        vae_seed=training.get("seed", seed), domain=env.domain, metric=metric, value=value, n=n,
        command=command_line(),
    )  # fmt: skip


def _placed(key: str) -> list[tuple[str, str]]:
    """The part of the code and the metric that a key of ``Scores.to_rows_dict`` stands for."""
    part, _, metric = key.partition("/")
    if part == "leak":  # by a linear probe it is never more: left out
        factor = metric.removeprefix("r2/") if metric else "largest"
        if factor.startswith(("r2", "linear_r2")):
            return []
        return [("content", f"leak/{factor}")]
    if part not in ("content", "style"):
        part, metric = "", key
    return [(part, f"{metric}/mean" if metric in ("r2", "linear_r2", "mig") else metric)]
