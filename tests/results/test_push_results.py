"""What the docs say of PlanarPush follows from the values beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import interval, iqm

RESULTS = Path(__file__).parents[2] / "docs" / "results"
ROOM = "views_interventions_room"
FACTORS = ("shoulder", "elbow", "disc_x", "disc_y", "goal_x", "goal_y")
DOMAINS = ("source", "ood1", "ood2")
HALF = "beta_late:channels=16+32+32,hidden=128"
OWN = ", mended:steps=24000,own=120000"  # hardened on frames of the agent itself


def values(method: str, metric: str, domain: str, file: str = "push_room.json") -> list[float]:
    """One a seed, in their order."""
    found = {
        row.vae_seed: row.value
        for row in Run(RESULTS).rows(file)
        if (row.method, row.metric, row.domain) == (method, metric, domain)
    }
    return [found[seed] for seed in sorted(found, key=int)]  # type: ignore[arg-type]


def each(found: list[float]) -> str:
    assert found
    return ", ".join(f"{value:.2f}".replace("0.", ".", 1) for value in found)


def cell(found: list[float]) -> str:
    """Interquartile mean and 95% interval."""
    bounds = interval(found)
    assert bounds is not None
    low, high = (f"{float(value):.2f}" for value in bounds)
    return f"{float(iqm(found)):.2f} [{low}, {high}]".replace("0.", ".")


def cells(page: str, label: str) -> list[str]:
    (line,) = (
        line
        for line in (RESULTS / page).read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {label} |")
    )
    return [part.strip() for part in line.split("|")[2:-1]]


@pytest.mark.parametrize(
    ("label", "method"),
    [
        ("`--release 0.2`, as before", f"{ROOM}, release 0.2"),
        ("**they fall at once** (.35)", ROOM),
    ],
)
def test_what_the_weights_do_to_the_smallest_thing(label: str, method: str) -> None:
    wanted = [values(method, f"r2/{factor}", "pretrain") for factor in FACTORS]
    wanted.append(values(method, "mig/mean", "pretrain"))
    wanted += [values(method, "score", domain) for domain in DOMAINS]
    assert cells("representation.md", label) == [each(found) for found in wanted]


def test_what_a_probe_reads_in_far_colours() -> None:
    page = " ".join((RESULTS / "hardening.md").read_text(encoding="utf-8").split())
    hardened = f"{ROOM}_hardened:steps=12000"
    shown = [
        " and".join(each(values(method, "generalisation", domain)).rsplit(",", 1))
        for method, domain in ((hardened, "ood2"), (ROOM, "ood2"), (hardened, "source"))
    ]
    assert f"with a mean R2 of {shown[0]} (before hardening {shown[1]}). That is {shown[2]}" in page


def test_agents_keep_their_score_on_encoders_hardened_on_their_own_frames() -> None:
    page = " ".join((RESULTS / "hardening.md").read_text(encoding="utf-8").split())
    kept = {
        name: values(f"{name}, mended:steps=24000,own=120000", "retention", "ood2")
        for name in (ROOM, "beta_late")
    }
    shown = [" and".join(each(found).rsplit(",", 1)) for found in kept.values()]
    assert (
        f"{shown[0]} of it in `ood2` on the latents of pairs and actions, and {shown[1]} on those "
        "of single frames" in page
    )
    assert min(kept[ROOM]) >= 0.9, "the aim"
    before = sorted(
        values(f"{ROOM}_hardened:steps=12000", "retention", "ood2")
        + values("beta_late_hardened:frames=source,steps=12000", "retention", "ood2")
    )
    assert "keep two fifths to two thirds of their score" in page and "one of six .92" in page
    assert [round(before[k], 2) for k in (0, -2, -1)] == [0.4, 0.66, 0.92]
    hardened = "beta_late_hardened:frames=source,steps=12000"
    worst = min(min(values(hardened, f"r2/{factor}", "pretrain")) for factor in FACTORS)
    assert f"R2 {worst:.2f}".replace("0.", ".") + " and more of each, hardened" in page


def test_every_factor_is_found_and_agents_use_it() -> None:
    worst = min(min(values(ROOM, f"r2/{factor}", "pretrain")) for factor in FACTORS)
    assert round(worst, 2) >= 0.9
    scores = values(ROOM, "score", "source")
    low, mean = (f"{value:.2f}".removeprefix("0") for value in (min(scores), np.mean(scores)))
    page = (RESULTS / "representation.md").read_text(encoding="utf-8")
    assert f"agents have {low} or more of the true state's score in `source`, {mean} on" in page


@pytest.mark.parametrize(
    ("label", "method"),
    [
        ("`views_interventions_room`", ROOM),
        ("the same, **hardened**", f"{ROOM}_hardened:steps=12000"),
        ("with maps of all colours (`part=0`)", f"{ROOM}_hardened:steps=12000,part=0"),
        ("with `part=0`, for 36,000 batches", f"{ROOM}_hardened:steps=36000,part=0"),
        ("`beta_late`", "beta_late:frames=source"),
        ("`beta_late`, **hardened**", "beta_late_hardened:frames=source,steps=12000"),
        (
            "sampled states in colours of `pretrain`, 12,000 batches",
            f"{ROOM}, mended:steps=12000",
        ),
        (
            "these and 40,000 frames of the agent",
            f"{ROOM}, mended:steps=12000,own=40000 beside",
        ),
        ("120,000 frames of the agent alone", f"{ROOM}, mended:steps=12000,own=120000"),
        (
            "**120,000 frames of the agent, 24,000 batches**",
            f"{ROOM}, mended:steps=24000,own=120000",
        ),
        ("the same, agents on `beta_late`", "beta_late, mended:steps=24000,own=120000"),
    ],
)
def test_what_hardening_keeps(label: str, method: str) -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8").partition("## PlanarPush")[2]
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    shown = [part.strip() for part in line.split("|")[3:-1]]
    wanted = [values(method, "score", domain) for domain in DOMAINS]
    wanted += [values(method, "retention", domain) for domain in DOMAINS[1:]]
    assert shown == [each(found) for found in wanted]


def test_what_it_costs_in_planar_reach() -> None:
    found = {
        row.method: row.value
        for row in Run(RESULTS).rows("room_release.json")
        if row.metric == "mig/mean" and row.domain == "pretrain"
    }
    (before,) = [
        row.value
        for row in Run(RESULTS).rows("hardening_seeds.json")
        if (row.method, row.metric, row.vae_seed) == (ROOM, "mig/mean", 10)
    ]
    page = " ".join((RESULTS / "representation.md").read_text(encoding="utf-8").split())
    now, gentle = (each([found[name]]) for name in ("release 0.35", "beta 20, tc 80"))
    assert f"for a MIG of {gentle} instead of {each([before])} in PlanarReach" in page
    assert f"it is {now} there" in page


def test_a_smaller_network_does_what_the_page_says() -> None:
    file = "smaller_push.json"
    whole = values("beta_late:frames=source", "score", "source")
    half = values(HALF, "score", "source", file)[:3]  # the seeds of the wider one
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    seeds = "[PlanarPush](#planarpush) | `beta_late`, score | 10, 11, 12"
    assert f"| {seeds} | {each(whole)} | {each(half)} |" in page
    means = [each([float(np.mean(of))]) for of in (half, whole)]
    words = " ".join(page.split())
    assert f"have {means[0]} of the true state's score on average instead of {means[1]}" in words
    least = min(min(values(HALF, f"r2/{factor}", "source", file)) for factor in FACTORS)
    assert round(least, 2) == 0.98


@pytest.mark.parametrize(
    ("label", "file", "method"),
    [
        ("widths as they come | the same | 24,000", "push_room.json", f"beta_late{OWN}"),
        ("half | half | 24,000", "smaller_push.json", f"{HALF}{OWN}"),
        ("half | half | 48,000", "smaller_push.json", f"{HALF}{OWN.replace('24000', '48000')}"),
        (
            "half | **widths as they come** | 24,000",
            "smaller_push.json",
            f"{HALF}{OWN},channels=32+64+64,hidden=256",
        ),
    ],
)
def test_a_wider_student_keeps_more_of_a_small_teacher(label: str, file: str, method: str) -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    shown = [part.strip() for part in line.removeprefix(f"| {label} |").split("|")[1:-1]]
    wanted = [values(method, "score", domain, file) for domain in DOMAINS]
    wanted += [values(method, "retention", domain, file) for domain in DOMAINS[1:]]
    assert shown == [each(found) for found in wanted]


def test_the_best_pair_is_said_as_it_is() -> None:
    words = " ".join((RESULTS / "hardening.md").read_text(encoding="utf-8").split())
    wider = f"{HALF}{OWN},channels=32+64+64,hidden=256"
    means = [
        each([float(np.mean(values(method, "score", "ood2", file)[:3]))])
        for method, file in (
            (wider, "smaller_push.json"),
            (f"{HALF}{OWN}", "smaller_push.json"),
            (f"beta_late{OWN}", "push_room.json"),
        )
    ]
    assert f"{means[0]} of the true state's score on average over seeds 10, 11 and 12" in words
    assert f"a small student has {means[1]} and a wide teacher {means[2]}" in words
    source, far = (values(wider, "score", domain, "smaller_push.json") for domain in DOMAINS[::2])
    kept = values(wider, "retention", "ood2", "smaller_push.json")
    assert len(kept) == 5 and iqm(source) >= 0.7 and iqm(kept) < 0.9, "one aim of two"
    assert f"it has {cell(source)} in `source` and {cell(far)} in `ood2`" in words
    assert f"The worst, seed {10 + int(np.argmin(far))}, has {each([min(far)])} in `ood2`" in words
    assert f"is missed by it**, with {cell(kept)};" in words
    assert min(values(f"beta_late{OWN}", "retention", "ood2")) > 0.9
