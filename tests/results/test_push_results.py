"""What the docs say of PlanarPush follows from the values beside it."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, by_method, each, line, text, two, words

PAGE, REPRESENTATION = "hardening/planar-push.md", "representation.md"
FILE = "push_room.json"
ROOM = "views_interventions_room"
FACTORS = ("shoulder", "elbow", "disc_x", "disc_y", "goal_x", "goal_y")
DOMAINS = ("source", "ood1", "ood2")
OWN = ", mended:steps=24000,own=120000"  # hardened on frames of the agent itself


def listed(found: list[float]) -> str:
    """As in a sentence."""
    return " and".join(each(found).rsplit(",", 1))


@pytest.mark.parametrize(
    ("label", "method"),
    [
        ("`--release 0.2`, as before", f"{ROOM}, release 0.2"),
        ("**they fall at once** (.35)", ROOM),
    ],
)
def test_what_the_weights_do_to_the_smallest_thing(label: str, method: str) -> None:
    wanted = [by_method(FILE, method, f"r2/{factor}", "pretrain") for factor in FACTORS]
    wanted.append(by_method(FILE, method, "mig/mean", "pretrain"))
    wanted += [by_method(FILE, method, "score", domain) for domain in DOMAINS]
    assert line(REPRESENTATION, label) == [each(found) for found in wanted]


def test_what_a_probe_reads_in_far_colours() -> None:
    hardened = f"{ROOM}_hardened:steps=12000"
    shown = [
        listed(by_method(FILE, method, "generalisation", domain)[:3])  # seeds 10 to 12
        for method, domain in ((hardened, "ood2"), (ROOM, "ood2"), (hardened, "source"))
    ]
    assert (
        f"with a mean R2 of {shown[0]} (before hardening {shown[1]}). That is {shown[2]}"
        in words(PAGE)
    )


def test_agents_keep_their_score_on_encoders_hardened_on_their_own_frames() -> None:
    page = words(PAGE)
    kept = {
        name: by_method(FILE, f"{name}{OWN}", "retention", "ood2") for name in (ROOM, "beta_late")
    }
    shown = [listed(found) for found in kept.values()]
    assert (
        f"{shown[0]} of it in `ood2` on the latents of pairs and actions, and {shown[1]} on those "
        "of single frames" in page
    )
    assert min(min(found) for found in kept.values()) >= 0.9, "the aim"
    after, before_it = (
        two(float(np.mean(by_method(FILE, name, "score", "source"))))
        for name in (f"{ROOM}{OWN}", ROOM)
    )
    assert f"{after} on average instead of {before_it}, on pairs and actions" in page
    hardened = "beta_late_hardened:frames=source,steps=12000"
    before = sorted(
        by_method(FILE, f"{ROOM}_hardened:steps=12000", "retention", "ood2")
        + by_method(FILE, hardened, "retention", "ood2")
    )
    assert "keep two fifths to two thirds of their score" in page and "one of six .92" in page
    assert [round(before[k], 2) for k in (0, -2, -1)] == [0.4, 0.66, 0.92]
    worst = min(min(by_method(FILE, hardened, f"r2/{factor}", "pretrain")) for factor in FACTORS)
    assert f"R2 {two(worst)} and more of each, hardened" in page


def test_every_factor_is_found_and_agents_use_it() -> None:
    worst = min(min(by_method(FILE, ROOM, f"r2/{factor}", "pretrain")) for factor in FACTORS)
    assert round(worst, 2) >= 0.9
    scores = by_method(FILE, ROOM, "score", "source")
    low, mean = (two(value) for value in (min(scores), float(np.mean(scores))))
    assert f"agents have {low} or more of the true state's score in `source`, {mean} on" in text(
        REPRESENTATION
    )


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
        ("**120,000 frames of the agent, 24,000 batches**", f"{ROOM}{OWN}"),
        ("the same, agents on `beta_late`", f"beta_late{OWN}"),
    ],
)
def test_what_hardening_keeps(label: str, method: str) -> None:
    wanted = [by_method(FILE, method, "score", domain) for domain in DOMAINS]
    wanted += [by_method(FILE, method, "retention", domain) for domain in DOMAINS[1:]]
    assert line(PAGE, label)[1:] == [each(found) for found in wanted]


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
    now, gentle = (two(found[name]) for name in ("release 0.35", "beta 20, tc 80"))
    page = words(REPRESENTATION)
    assert f"for a MIG of {gentle} instead of {two(before)} in PlanarReach" in page
    assert f"it is {now} there" in page
