"""Scores in words: a table of several codes side by side, and what one code's scores allow to say.

Nothing is computed here that is not in the ``Scores``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.array_metrics import LABELS
from bvae_rl.metrics.scores import CodeScores, Readout, Scores

_LEAST = 0.1  # share of a factor's information below which a latent is not said to hold it
_LEAKY = 0.15  # R2 from which a appearance factor is said to leak
_LISTED = 4  # latents named in one sentence

_PARTS = {
    "": "all latents",
    "content/": "content latents, state factors",
    "leak/": "leak: appearance factors from the content latents",
    "style/": "style latents",
}
_CORRELATED = 0.3  # from which two factors are said to go together
_CHANCE = 0.1  # nats that independence gives from which a reader is warned
_METRICS = {
    "r2": "R2",
    "linear_r2": "linear R2",
    "mig": "MIG",
    "dci/disentanglement": "DCI disentanglement",
    "dci/completeness": "DCI completeness",
    "dci/informativeness": "DCI informativeness",
    **LABELS,
}


def table(scores_by_name: Mapping[str, Scores]) -> str:
    """A fixed-width table: one column a code, rows R2, linear R2, MIG and DCI by part and factor.

    ``-`` marks what a code does not have.
    """
    if not scores_by_name:
        raise ValueError("table needs the scores of at least one code, got none")
    columns = {name: scores.to_rows_dict() for name, scores in scores_by_name.items()}
    rows: list[tuple[str, list[str]]] = [
        ("samples", [str(scores.samples) for scores in scores_by_name.values()]),
        (
            "latents (active)",
            [f"{scores.latents} ({scores.active_latents})" for scores in scores_by_name.values()],
        ),
    ]
    known = list(dict.fromkeys(key for column in columns.values() for key in column))
    for part, title in _PARTS.items():
        keys = {m: [k for k in known if _belongs(k, part + m)] for m in _METRICS}
        if any(keys.values()):
            rows.append((title, [""] * len(columns)))
        for metric, label in _METRICS.items():
            for key in keys[metric]:  # the mean comes first
                factor = key.removeprefix(part + metric).removeprefix("/")
                mean = " mean" if metric in ("r2", "linear_r2", "mig") else ""
                values = [_number(column.get(key)) for column in columns.values()]
                rows.append((f"  {label} {factor}" if factor else f"  {label}{mean}", values))
                bounds = [_bounds(column, key) for column in columns.values()]
                if not factor and any(bounds):
                    rows.append(("    95% interval", [bound or "-" for bound in bounds]))
    left = max(len(label) for label, _ in rows)
    widths = [
        max(len(name), *(len(values[i]) for _, values in rows)) for i, name in enumerate(columns)
    ]
    lines = [("", list(columns)), *rows]
    return "\n".join(
        "  ".join(
            [label.ljust(left), *(v.rjust(w) for v, w in zip(values, widths, strict=True))]
        ).rstrip()
        for label, values in lines
    )


def conclusions(scores: Scores, specs: Sequence[FactorSpec]) -> list[str]:
    """What a reader may conclude from the scores, one sentence an entry.

    A latent *tracks* a factor if it holds at least a tenth of its information (adjusted for
    chance) and twice as much as any other latent; latents that hold at least half as much as the
    best *share* it; two that lay a cyclic factor out as a circle *carry* it together.
    """
    roles: dict[str, str] = {spec.name: spec.role for spec in specs}
    named = {*scores.all.factors, *scores.constant_factors}
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
    sentences += together(scores)
    if scores.chance > _CHANCE:
        sentences.append(
            f"with {scores.samples} samples chance alone gives up to {scores.chance:.2f} nats of "
            "information; use more before reading small values"
        )
    return sentences


def _tracking(code: CodeScores, k: int) -> str:
    factor, readable = code.factors[k], f"R2 {code.r2.per_factor[k]:.2f} from all latents"
    share = code.mig.shares[:, k]
    pair = code.mig.carriers[k]
    if len(pair) == 2:
        names = _listed([str(code.latents[j]) for j in pair])
        return f"latents {names} carry {factor} as a circle; {readable}"
    order = np.argsort(-share, kind="stable")
    best = int(order[0])
    if share[best] < _LEAST:
        return (
            f"no single latent tracks {factor} (most in latent {code.latents[best]}: "
            f"{share[best]:.2f} of its information); {readable}"
        )
    sharing = [int(j) for j in order if share[j] > share[best] / 2]
    if len(sharing) == 1:
        return (
            f"latent {code.latents[best]} tracks {factor}: "
            f"{share[best]:.2f} of its information; {readable}"
        )
    some = sharing[:_LISTED]
    names = _listed([str(code.latents[j]) for j in some], more=len(sharing) - len(some))
    parts = ", ".join(f"{share[j]:.2f}" for j in some)
    return f"{factor} is shared by latents {names} ({parts} of its information); {readable}"


def _mixed(code: CodeScores, roles: Mapping[str, str]) -> list[str]:
    """Latents that hold a tenth or more of the information of several factors."""
    share = code.mig.shares
    sentences = []
    for latent, row in zip(code.latents, share, strict=True):
        held = [k for k in np.argsort(-row, kind="stable") if row[k] >= _LEAST]
        if len(held) > 1:
            names = [code.factors[k] for k in held]
            both = len({roles[name] for name in names}) > 1
            mix = ", state and appearance together" if both else ""
            sentences.append(f"latent {latent} mixes {_listed(names)}{mix}")
    if len(sentences) > _LISTED:
        more = len(sentences) - _LISTED
        return [*sentences[:_LISTED], f"{more} more latents mix several factors"]
    return sentences


def together(scores: Scores) -> list[str]:
    """Which factors go together in these samples, in one sentence or none.

    Of correlated factors the usual scores say less (Träuble et al. 2021, arXiv 2006.07886).
    """
    found = np.argwhere(np.abs(np.triu(scores.factor_correlation, 1)) >= _CORRELATED)
    names = scores.all.factors
    listed = [
        f"{names[i]} and {names[j]} ({scores.factor_correlation[i, j]:.2f})" for i, j in found
    ]
    if not listed:
        return []
    return [
        "correlated in these samples, so that scores may take one for the other: "
        + "; ".join(listed[:_LISTED])
        + (f"; {len(listed) - _LISTED} more pairs" if len(listed) > _LISTED else "")
    ]


def _readable(content: CodeScores) -> str:
    worst = int(content.r2.per_factor.argmin())
    return (
        f"the content latents tell the state with R2 {content.r2.mean:.2f} on average "
        f"(lowest: {content.factors[worst]}, {content.r2.per_factor[worst]:.2f}), "
        f"a line with {content.linear_r2.mean:.2f}"
    )


def _leak(leak: Readout) -> str:
    worst = int(leak.r2.per_factor.argmax())
    found = f"most: {leak.factors[worst]}, R2 {leak.r2.per_factor[worst]:.2f}"
    if leak.r2.per_factor[worst] < _LEAKY:
        return f"no appearance factor could be read well from the content latents ({found})"
    return f"the appearance leaks into the content latents ({found})"


def _belongs(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}/")


def _bounds(column: Mapping[str, float], key: str) -> str:
    low, high = column.get(f"{key}_low"), column.get(f"{key}_high")
    return "" if low is None or high is None else f"{low:.3f}..{high:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _listed(names: list[str], *, more: int = 0) -> str:
    words = [*names, f"{more} more"] if more else names
    return f"{', '.join(words[:-1])} and {words[-1]}"
