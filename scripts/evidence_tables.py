"""What ``bvae-rl evidence`` found: its units in results.json, and tables of recipes.

Each row of a ``results.json`` says in its supervision budget by which settings it came about: a
fingerprint of all that the numbers of a unit depend on. What has another one is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.scores import REFERENCE, UPPER_BOUND
from bvae_rl.metrics.spread import iqm
from bvae_rl.runtime.runs import Row, Run, RunError
from bvae_rl.scripts.recipes import recipe
from bvae_rl.scripts.study import spread

UNIT = "unit"
DERIVED = ("score", "retention")  # follow from the rows of all units, and are computed anew
COLUMNS: dict[str, tuple[str, str]] = {
    "MIG": ("", "mig/mean"),
    "DCI disentanglement": ("", "dci/disentanglement"),
    "DCI completeness": ("", "dci/completeness"),
    "R2, worst factor": ("", "r2"),
    "leak": ("/content", "leak/largest"),
    "active latents": ("", "active_latents"),
}


def marked(rows: Iterable[Row], key: str) -> list[Row]:
    """The same rows with the fingerprint of their unit in the supervision budget."""
    return [replace(row, budget={**row.budget, UNIT: key}) for row in rows]


def known_units(files: Sequence[Path]) -> dict[str, list[Row]]:
    """Fingerprint -> measured rows of that unit; of two files that hold one, the first counts.

    Raises RunError for a file that is missing or broken.
    """
    found: dict[str, list[Row]] = {}
    for file in files:
        if not file.exists():
            raise RunError(f"there are no results at {file}")
        units: dict[str, list[Row]] = {}
        try:
            rows = Run(file.parent).rows(file.name)
        except (ValueError, TypeError, AttributeError) as error:
            raise RunError(
                f"{file} is no results.json of bvae-rl evidence, which --known takes ({error})"
            ) from error
        for row in rows:
            if UNIT in row.budget and row.metric not in DERIVED:
                units.setdefault(row.budget[UNIT], []).append(row)
        found = units | found
    return found


def known_seeds(units: Mapping[str, Sequence[Row]]) -> tuple[int, ...]:
    """All seeds that any of the units was measured with."""
    seeds = {_seed(row) for rows in units.values() for row in rows}
    return tuple(sorted(seed for seed in seeds if seed is not None))


def columns(
    rows: Sequence[Row], recipes: Sequence[str], domains: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Column -> recipe -> value of each seed; agents were evaluated in ``domains``."""
    found = {
        column: {name: _of(rows, name + part, metric) for name in recipes}
        for column, (part, metric) in COLUMNS.items()
    }
    for domain in domains:
        found[f"agent's score, {domain}"] = {
            name: _of(rows, name, "score", domain) for name in recipes
        }
    return found


def unscored(rows: Sequence[Row], domains: Sequence[str]) -> list[str]:
    """Why agents have no score in some visual domains: a sentence each."""
    scored = {row.domain for row in rows if row.metric == "score"}
    found = []
    for domain in domains:
        ends = {
            method: sum(values) / len(values)
            for method in (UPPER_BOUND, REFERENCE, RANDOM_POLICY)
            if (values := _of(rows, method, "return", domain))
        }
        top = ends.pop(UPPER_BOUND, None)
        if domain in scored or top is None or not ends:
            continue
        references = ", ".join(f"{method} {value:.2f}" for method, value in ends.items())
        found.append(
            f"no scores in {domain}: the true-state agent's return ({top:.2f}) is not above that "
            f"of agents that see nothing ({references}); train for more --total-timesteps"
        )
    return found


def seeds_of(rows: Sequence[Row], recipes: Sequence[str]) -> dict[str, str]:
    """Recipe -> the seeds of its VAEs in words: "0, 1" or, three in a row and more, "0 to 4"."""
    found = {}
    for name in recipes:
        of_recipe = {row.vae_seed for row in rows if row.method == name}
        seeds = sorted(seed for seed in of_recipe if seed is not None)
        whole = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
        found[name] = f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))
    return found


def table(
    values: Mapping[str, Mapping[str, Sequence[float]]], seeds: Mapping[str, str]
) -> list[list[str]]:
    """``columns`` as lines: interquartile mean, and interval or every seed's value."""
    lines = [["recipe", "supervision", "seeds", *values]]
    for name in next(iter(values.values())):
        cells = [spread(of_recipe[name], 2) for of_recipe in values.values()]
        lines.append([name, recipe(name).supervision, seeds[name], *cells])
    return lines


def by_factor(rows: Sequence[Row], recipes: Sequence[str]) -> list[list[str]]:
    """MIG and R2 of each factor, interquartile means."""
    migs = dict.fromkeys(row.metric for row in rows if row.metric.startswith("mig/"))
    factors = [name.removeprefix("mig/") for name in migs if name != "mig/mean"]
    lines = [["MIG / R2", *factors]]
    for name in recipes:
        found = [[_of(rows, name, f"{m}/{factor}") for m in ("mig", "r2")] for factor in factors]
        cells = [" / ".join(f"{float(iqm(v)):.2f}" if v else "-" for v in pair) for pair in found]
        lines.append([name, *cells])
    return lines


def _of(rows: Sequence[Row], method: str, metric: str, domain: str | None = None) -> list[float]:
    """The value of each seed; of metric "r2" the worst factor's."""
    by_seed: dict[int, float] = {}
    for row in rows:
        if row.method != method or (domain is not None and row.domain != domain):
            continue
        seed = _seed(row) or 0  # the random policy has none
        if metric == "r2":
            if row.metric.startswith("r2/") and row.metric != "r2/mean":
                by_seed[seed] = min(row.value, by_seed.get(seed, 1.0))
        elif row.metric == metric:
            by_seed[seed] = row.value
    return [by_seed[seed] for seed in sorted(by_seed)]


def _seed(row: Row) -> int | None:
    return row.agent_seed if row.vae_seed is None else row.vae_seed
