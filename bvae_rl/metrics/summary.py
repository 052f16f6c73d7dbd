"""Scores in words: a table of several representations, and what the scores of one allow to say.

Nothing is computed here that is not in the ``Scores``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.array_metrics import LABELS
from bvae_rl.metrics.scores import PartScores, ProbeScores, Scores

LEAST = 0.1  # share of a factor's information below which a latent is not said to hold it
_LEAKY = 0.15  # MLP-probe R2 from which an appearance factor is said to leak
_LISTED = 4  # latents named in one sentence
_CORRELATED = 0.3  # from which two factors are said to be correlated, if chance does not give it
_CHANCE = 0.1  # nats that independence gives from which a reader is warned

_PARTS = {
    "": "all latents",
    "content/": "content latents, state factors",
    "leak/": "leak: appearance factors from the content latents",
    "style/": "style latents",
}
_METRICS = {
    "r2": "MLP-probe R2",
    "linear_r2": "linear-probe R2",
    "mig": "MIG",
    "dci/disentanglement": "DCI disentanglement",
    "dci/completeness": "DCI completeness",
    "dci/informativeness": "DCI informativeness",
    **LABELS,
}


def table(scores_by_name: Mapping[str, Scores]) -> str:
    """A fixed-width table: one column a representation, rows R2, MIG, DCI, ... by part and factor.

    ``-`` marks what a representation does not have.
    """
    if not scores_by_name:
        raise ValueError("table needs the scores of at least one code, got none")
    every = scores_by_name.values()
    columns = [scores.to_rows_dict() for scores in every]
    further = [name for scores in every for name in scores.all.further]
    labels = {**_METRICS, **{name: name for name in further if name not in _METRICS}}
    lines: list[list[str]] = [
        ["", *scores_by_name],
        ["samples", *(str(scores.samples) for scores in every)],
        ["latents (active)", *(f"{scores.latents} ({scores.active_latents})" for scores in every)],
    ]
    known = list(dict.fromkeys(key for column in columns for key in column))
    for part, title in _PARTS.items():
        rows = [line for metric in labels for line in _lines(part, metric, labels, known, columns)]
        if rows:
            lines += [[title, *[""] * len(columns)], *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(map(str.rjust, line[1:], widths[1:]))]).rstrip()
        for line in lines
    )


def _lines(
    part: str,
    metric: str,
    labels: Mapping[str, str],
    known: Sequence[str],
    columns: Sequence[Mapping[str, float]],
) -> list[list[str]]:
    """The mean of one metric, its interval, and its parts by factor."""
    name, label, lines = part + metric, labels[metric], []
    for key in (key for key in known if key == name or key.startswith(f"{name}/")):
        factor = key.removeprefix(name).removeprefix("/")
        suffix = factor or ("mean" if metric in ("r2", "linear_r2", "mig") else "")
        values = [f"{column[key]:.3f}" if key in column else "-" for column in columns]
        lines.append([f"  {label} {suffix}".rstrip(), *values])
        low, high = f"{key}_low", f"{key}_high"
        if low in known and high in known:
            bounds = [
                f"{c[low]:.3f}..{c[high]:.3f}" if low in c and high in c else "-" for c in columns
            ]
            lines.append(["    95% interval", *bounds])
    return lines


def conclusions(scores: Scores, specs: Sequence[FactorSpec]) -> list[str]:
    """What a reader may conclude from the scores, one sentence an entry.

    A latent *tracks* a factor if it holds at least a tenth of its information (adjusted for
    chance) and twice as much as any other latent; latents that hold at least half as much as the
    best *share* it; two that lay a cyclic factor out as a circle *carry* it together.
    """
    roles: dict[str, str] = {spec.name: spec.role for spec in specs}
    named = {*scores.all.factors, *scores.constant_factors, *scores.left_out}
    if named != set(roles):
        raise ValueError(
            f"the scores are of the factors {', '.join(sorted(named))}, "
            f"but the specs describe {', '.join(sorted(roles))}"
        )
    sentences = [_tracking(scores.all, k) for k in range(len(scores.all.factors))]
    sentences += _mixed(scores.all, roles)
    if scores.content is not None:
        sentences.append(_readable(scores.content))
    if scores.leak is not None:
        sentences.append(_leak(scores.leak))
    if scores.active_latents < scores.latents:
        sentences.append(f"{scores.active_latents} of {scores.latents} latents are active")
    if scores.constant_factors:
        names = ", ".join(scores.constant_factors)
        sentences.append(f"not scored, because constant in these samples: {names}")
    sentences += [f"not scored: {name}, {why}" for name, why in scores.left_out.items()]
    sentences += together(scores)
    if scores.chance > _CHANCE:
        sentences.append(
            f"with {scores.samples} samples chance alone gives up to {scores.chance:.2f} nats of "
            "information; use more before reading small values"
        )
    return sentences


def _tracking(part: PartScores, k: int) -> str:
    factor, share = part.factors[k], part.mig.shares[:, k]
    probe = f"MLP-probe R2 {part.r2.per_factor[k]:.2f} from all latents"
    carrier, carried = part.mig.carriers[k], float(part.mig.carried[k])
    if len(carrier) == 2 and carried >= LEAST:
        names = _listed([str(part.latents[j]) for j in carrier])
        return f"latents {names} carry {factor} as a circle: {_held(carried)}; {probe}"
    order = np.argsort(-share, kind="stable")
    best = part.latents[int(order[0])], float(share[order[0]])
    if best[1] < LEAST:
        return f"no latent tracks {factor} (most in {best[0]}: {_held(best[1])}); {probe}"
    sharing = [int(j) for j in order if share[j] > best[1] / 2]
    if len(sharing) == 1:
        return f"latent {best[0]} tracks {factor}: {_held(best[1])}; {probe}"
    some = sharing[:_LISTED]
    names = _listed([str(part.latents[j]) for j in some], more=len(sharing) - len(some))
    held = ", ".join(f"{share[j]:.2f}" for j in some)
    return f"{factor} is shared by latents {names} ({held} of its information); {probe}"


def _held(share: float) -> str:
    return f"{share:.2f} of its information"


def _mixed(part: PartScores, roles: Mapping[str, str]) -> list[str]:
    """Latents that hold a tenth or more of the information of several factors."""
    sentences = []
    for latent, row in zip(part.latents, part.mig.shares, strict=True):
        names = [part.factors[k] for k in np.argsort(-row, kind="stable") if row[k] >= LEAST]
        if len(names) > 1:
            both = len({roles[name] for name in names}) > 1
            mix = ", state and appearance together" if both else ""
            sentences.append(f"latent {latent} mixes {_listed(names)}{mix}")
    more = len(sentences) - _LISTED
    if more > 0:
        return [*sentences[:_LISTED], f"{more} more latents mix several factors"]
    return sentences


def together(scores: Scores) -> list[str]:
    """Which factors are correlated in these samples, in one sentence or none.

    Of correlated factors the usual scores say less (Träuble et al. 2021, arXiv 2006.07886).
    """
    names, correlation = scores.all.factors, scores.factor_correlation
    least = np.maximum(_CORRELATED, scores.correlation_chance)
    listed = [
        f"{names[i]} and {names[j]} ({correlation[i, j]:.2f})"
        for i, j in np.argwhere(np.triu(np.abs(correlation) >= least, 1))
    ]
    if not listed:
        return []
    if len(listed) > _LISTED:
        listed = [*listed[:_LISTED], f"{len(listed) - _LISTED} more pairs"]
    return [
        "correlated in these samples, so that scores may take one for the other: "
        + "; ".join(listed)
    ]


def _readable(content: PartScores) -> str:
    worst = int(content.r2.per_factor.argmin())
    return (
        f"the content latents hold the state with MLP-probe R2 {content.r2.mean:.2f} on average "
        f"(lowest: {content.factors[worst]}, {content.r2.per_factor[worst]:.2f}), "
        f"linear-probe R2 {content.linear_r2.mean:.2f}"
    )


def _leak(leak: ProbeScores) -> str:
    worst = int(leak.r2.per_factor.argmax())
    highest = float(leak.r2.per_factor[worst])
    found = f"most: {leak.factors[worst]}, MLP-probe R2 {highest:.2f}"
    if highest < _LEAKY:
        return f"no appearance factor could be read well from the content latents ({found})"
    return f"the appearance leaks into the content latents ({found})"


def _listed(names: list[str], *, more: int = 0) -> str:
    words = [*names, f"{more} more"] if more else names
    return f"{', '.join(words[:-1])} and {words[-1]}"
