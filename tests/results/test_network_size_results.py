"""What smaller teachers and wider students do follows from the values beside it."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import iqm
from tests.result_cases import (
    RESULTS,
    by_method,
    cell,
    each,
    line,
    lines,
    middle,
    text,
    two,
    values,
    words,
)

PAGE = "hardening/network-size.md"
EVERY = "camera+light+texture+distractors"
DOMAINS = ("source", "ood1", "ood2")
PUSH, WIDER_PUSH = "smaller_push.json", "push_room.json"
HALF = "beta_late:channels=16+32+32,hidden=128"
OWN = ", mended:steps=24000,own=120000"  # hardened on frames of the agent itself
WIDE = f"{HALF}{OWN},channels=32+64+64,hidden=256"


def test_in_planar_reach() -> None:
    wide, small = (
        Run(RESULTS).rows(f"{name}.json") for name in ("hardening_seeds", "teacher_size")
    )
    seeds, domains = range(10, 15), (*DOMAINS, f"ood1:{EVERY}", f"ood2:{EVERY}")
    methods = ("beta_late", "beta_late_hardened")
    shown = [cells[1:] for cells in lines(PAGE, "| as they come | `", "| half | `")]
    wanted = [
        [
            cell(values(rows, method, "mig/mean", "pretrain", seeds)),
            *(cell(values(rows, method, "score", domain, seeds)) for domain in domains),
        ]
        for rows in (wide, small)
        for method in methods
    ]
    assert shown == wanted
    said = words(PAGE)
    for method in methods:
        pair = [cell(values(rows, method, "score", "source", seeds)) for rows in (small, wide)]
        assert f"{pair[0]} {'in `source` ' * (method == 'beta_late')}instead of {pair[1]}" in said
    assert cell(values(small, methods[1], "retention", "ood2", seeds)) in said
    source, ood1, ood2 = (middle(values(small, methods[1], "score", at, seeds)) for at in DOMAINS)
    assert f"(network-size.md): {source}, {ood1} and {ood2})" in text("hardening/planar-reach.md")


def test_in_other_worlds() -> None:
    small = {
        row.method.partition(":")[0]: row.method
        for row in Run(RESULTS).rows("smaller_elsewhere.json")
    }
    lowest = []
    for world, name, recipe, metric, seeds in (
        ("[MuJoCo's Reacher](reacher.md)", "hardening_reacher.json", "beta_late", "score", (0,)),
        ("[MiniGrid](minigrid.md)", "hardening_minigrid.json", "plain", "success", (0, 1, 2)),
    ):
        listed = ", ".join(map(str, seeds))
        shown = line(PAGE, f"{world} | `{recipe}`, {metric} | {listed}")
        for file, method, cells in (
            (name, recipe, shown[0]), ("smaller_elsewhere.json", small[recipe], shown[1])
        ):  # fmt: skip
            found = {
                (row.metric, row.vae_seed): row.value
                for row in Run(RESULTS).rows(file)
                if (row.method, row.domain, row.step) == (method, "source", None)
            }
            assert cells == each([found[metric, seed] for seed in seeds])
            if recipe == "plain":
                places = [f"r2/agent_{axis}" for axis in ("column", "row")]
                r2 = [found[place, seed] for place in places for seed in seeds]
                lowest.append((min(r2), max(r2)))
    (whole, _), (least, most) = lowest
    assert whole >= 0.9955 and (round(least, 2), round(most, 2)) == (0.87, 0.99)
    assert "R2 .87 to .99 instead of .996 and more" in text(PAGE)


def test_in_planar_push() -> None:
    whole = by_method(WIDER_PUSH, "beta_late:frames=source", "score", "source")
    half = by_method(PUSH, HALF, "score", "source")[:3]  # the seeds of the wider one
    shown = line(PAGE, "[PlanarPush](planar-push.md) | `beta_late`, score | 10, 11, 12")
    assert shown == [each(whole), each(half)]
    means = [two(float(np.mean(of))) for of in (half, whole)]
    assert f"have {means[0]} of the true state's score on average instead of {means[1]}" in words(
        PAGE
    )
    factors = ("shoulder", "elbow", "disc_x", "disc_y", "goal_x", "goal_y")
    least = min(min(by_method(PUSH, HALF, f"r2/{factor}", "source")) for factor in factors)
    assert round(least, 2) == 0.98


@pytest.mark.parametrize(
    ("label", "file", "method"),
    [
        ("widths as they come | the same | 24,000", WIDER_PUSH, f"beta_late{OWN}"),
        ("half | half | 24,000", PUSH, f"{HALF}{OWN}"),
        ("half | half | 48,000", PUSH, f"{HALF}{OWN.replace('24000', '48000')}"),
        ("half | **widths as they come** | 24,000", PUSH, WIDE),
    ],
)
def test_a_wider_student_keeps_more_of_a_small_teacher(label: str, file: str, method: str) -> None:
    wanted = [by_method(file, method, "score", domain) for domain in DOMAINS]
    wanted += [by_method(file, method, "retention", domain) for domain in DOMAINS[1:]]
    assert line(PAGE, label)[1:] == [each(found) for found in wanted]


def test_the_best_pair_is_said_as_it_is() -> None:
    said = words(PAGE)
    means = [
        two(float(np.mean(by_method(file, method, "score", "ood2")[:3])))
        for method, file in (
            (WIDE, PUSH), (f"{HALF}{OWN}", PUSH), (f"beta_late{OWN}", WIDER_PUSH)
        )
    ]  # fmt: skip
    assert f"{means[0]} of the true state's score on average over seeds 10, 11 and 12" in said
    assert f"a small student has {means[1]} and a wide teacher {means[2]}" in said
    source, far = (by_method(PUSH, WIDE, "score", domain) for domain in DOMAINS[::2])
    kept = by_method(PUSH, WIDE, "retention", "ood2")
    assert len(kept) == 5 and iqm(source) >= 0.7 and iqm(kept) < 0.9, "one aim of two"
    assert f"it has {cell(source)} in `source` and {cell(far)} in `ood2`" in said
    assert f"The worst, seed {10 + int(np.argmin(far))}, has {each([min(far)])} in `ood2`" in said
    assert f"is missed by it**, with {cell(kept)};" in said
