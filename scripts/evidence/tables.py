"""What ``bvae-rl evidence`` found, as tables: recipes down, metrics or factors across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.scores import REFERENCE, UPPER_BOUND
from bvae_rl.models.vae_config import AUTO
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.spread import iqm
from bvae_rl.scripts.evaluate.more import GENERALISATION
from bvae_rl.scripts.evidence.args import Args
from bvae_rl.scripts.evidence.units import Unit, batches, known_of, row_of, seed_of
from bvae_rl.scripts.study import spread
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.hardening.settings import Hardening

COLUMNS: dict[str, tuple[str, str]] = {
    "MIG": ("", "mig/mean"),
    "DCI disentanglement": ("", "dci/disentanglement"),
    "DCI completeness": ("", "dci/completeness"),
    "R2, worst factor": ("", "r2"),
    "leak": ("/content", "leak/largest"),
    "active latents": ("", "active_latents"),
}
STATE_R2 = "R2 of state, {}"  # in another domain than the probe was fitted in


def columns(
    rows: Sequence[Row], recipes: Sequence[str], domains: Sequence[str], read: Sequence[str] = ()
) -> dict[str, dict[str, list[float]]]:
    """Column -> recipe -> value of each seed; agents were evaluated in ``domains``.

    The state was read in the ``read`` ones; earlier results, which do not know it, have no column.
    """
    found = {
        column: {name: _of(rows, name + part, metric) for name in recipes}
        for column, (part, metric) in COLUMNS.items()
    }
    for domain in read:
        values = {name: _of(rows, name, GENERALISATION, domain) for name in recipes}
        if any(values.values()):
            found[STATE_R2.format(domain)] = values
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
        of_recipe = {seed_of(row) for row in rows if row.method == name}
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
        lines.append([name, known_of(name), seeds[name], *cells])
    return lines


def hardenings(args: Args) -> list[str]:
    """Of each hardened row how it was hardened: a sentence each."""
    found = []
    for name in args.recipes:
        row, teacher = row_of(name), Unit(name, 0).teacher
        if row.harden is None or teacher is None:
            continue
        by = row.harden
        latents = "content, where there is such a group" if by.latents == AUTO else by.latents
        maps = f" of frequency {by.frequency:g}" if by.frequency != FREQUENCY else ""
        maps += f" with part {by.part:g}" if by.part != PART else ""
        strength = f" of strength {by.strength:g}" if by.strength != 1.0 else ""
        found.append(
            f"{name}: {teacher.name}, then {by.batches(batches(row, args))} batches against "
            f"{', '.join(by.against)}{maps}{strength} (latents: {latents}; {by.clean} clean "
            f"frames a batch{_student(by)})"
        )
    return found


def _student(by: Hardening) -> str:
    """Where it has other widths than its teacher, which."""
    widths = [] if by.channels is None else [f"channels {'+'.join(map(str, by.channels))}"]
    widths += [] if by.hidden is None else [f"hidden {by.hidden}"]
    return f"; a student of {', '.join(widths)}" if widths else ""


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
        seed = seed_of(row) or 0  # the random policy has none
        if metric == "r2":
            if row.metric.startswith("r2/") and row.metric != "r2/mean":
                by_seed[seed] = min(row.value, by_seed.get(seed, 1.0))
        elif row.metric == metric:
            by_seed[seed] = row.value
    return [by_seed[seed] for seed in sorted(by_seed)]
