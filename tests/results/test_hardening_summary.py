"""The table of all worlds on the page of hardened encoders is what the values give."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import iqm
from tests.result_cases import RESULTS, by_method, cell, each, line, lines, values

PAGE = "hardening/index.md"
TEN = (10, 11, 12, 13, 14)
OWN = ", mended:steps=24000,own=120000"
WIDE = "channels=32+64+64,hidden=256"
Of = Callable[[str, str], list[float]]  # metric, domain -> one value a seed


def study(file: str, start: str, seeds: tuple[int, ...] = TEN) -> Of:
    rows = Run(RESULTS).rows(file)
    return lambda metric, domain: values(rows, start, metric, domain, seeds)


def named(file: str, method: str) -> Of:
    return lambda metric, domain: by_method(file, method, metric, domain)


def check(
    label: str,
    hardened: Of,
    teacher: Of,
    aim: bool | None,
    *,
    print_as: Callable[[list[float]], str] = cell,
) -> None:
    """``aim``: whether the share that is kept reaches that of the row; None: it is of scores."""
    shown = line(PAGE, label)
    kept = hardened("retention", "ood2")
    wanted = [hardened("score", "source"), hardened("score", "ood2"), teacher("score", "ood2")]
    assert shown[-5:-1] == [print_as(found) for found in (*wanted, kept)]
    assert shown[-6] == str(len(kept))
    if aim is not None:
        share, _, verdict = shown[-1].partition(" kept: ")
        assert bool(iqm(kept) >= float(share)) is aim and verdict == ("met" if aim else "missed")


def test_planar_reach() -> None:
    seeds, small = "hardening_seeds.json", "teacher_size.json"
    check(
        "[PlanarReach](planar-reach.md#five-seeds) | nothing",
        study(seeds, "beta_late_hardened"), study(seeds, "beta_late"), None,
    )  # fmt: skip
    half = study(small, "beta_late_hardened")
    label = "the same, [half the widths](network-size.md) | nothing"
    check(label, half, study(small, "beta_late"), None)
    own = study(seeds, "augment_interventions_hardened")
    check("the same | own actions", own, study(seeds, "augment_interventions"), None)
    room = "views_interventions_room"
    views = named("hardening_ablations.json", f"{room}_hardened:steps=12000")
    label = "the same, [against colour alone](settings.md) | views and actions"
    check(label, views, study(seeds, room), None)
    for of in (half, own):
        aims = ((0.90, "source"), (0.90, "ood1"), (0.88, "ood2"))
        assert all(round(float(iqm(of("score", domain))), 2) >= aim for aim, domain in aims)
    aims = ((1.0, "source"), (0.95, "ood2"))
    missed = [aim - float(iqm(views("score", domain))) for aim, domain in aims]
    assert all(0 < by < 0.05 for by in missed), "by little"


def test_planar_push() -> None:
    room = "views_interventions_room"
    label = "[PlanarPush](planar-push.md), agents' own frames | views and actions"
    own, before = named("push_room.json", f"{room}{OWN}"), named("push_room.json", room)
    check(label, own, before, True, print_as=each)
    half = "beta_late:channels=16+32+32,hidden=128"
    wide = named("smaller_push.json", f"{half}{OWN},{WIDE}")
    label = "the same, [a small teacher, a wide student](network-size.md) | nothing"
    check(label, wide, named("smaller_push.json", half), False)


def test_reacher() -> None:
    file, seeds = "hardening_reacher.json", (0, 1, 2, 3, 4)
    hardened = study(file, "beta_late_hardened", seeds)
    label = "[MuJoCo's Reacher](reacher.md) | nothing"
    check(label, hardened, study(file, "beta_late", seeds), True)


def test_minigrid() -> None:
    file, seeds = "hardening_minigrid.json", (0, 1, 2, 3, 4)
    far = "ood2:colours+texture"

    def success(start: str) -> Of:
        found = study(file, start, seeds)

        def of(metric: str, domain: str) -> list[float]:
            source, there = found("success", "source"), found("success", far)
            shares = [one / before for one, before in zip(there, source, strict=True)]
            return shares if metric == "retention" else source if domain == "source" else there

        return of

    label = "[MiniGrid](minigrid.md), success, also on other tiles | nothing"
    check(label, success("plain_hardened"), success("plain"), False)


@pytest.mark.parametrize(
    ("file", "label", "seeds"),
    [
        (
            "hardening_car_racing.json",
            "[CarRacing](car-racing.md), return | nothing | 3 agents",
            (0, 1, 2),
        ),
        (
            "hardening_car_racing_seeds.json",
            "the same, [two further VAEs](car-racing.md#two-further-vaes) | nothing | 2",
            (1, 2),
        ),
    ],
)
def test_car_racing(file: str, label: str, seeds: tuple[int, ...]) -> None:
    found = {
        (row.method, row.domain, row.agent_seed): row.value
        for row in Run(RESULTS).rows(file)
        if row.metric == "return" and row.step is None
    }
    after, far, before = (
        [found[method, domain, seed] for seed in seeds]
        for method, domain in (
            ("bvae-hardened", "source"), ("bvae-hardened", "ood2"), ("bvae", "ood2")
        )
    )  # fmt: skip
    shares = [there / here for there, here in zip(far, after, strict=True)]
    *cells, aim = line(PAGE, label)
    whole = [", ".join(f"{value:.0f}" for value in of) for of in (after, far, before)]
    assert cells == [*whole, each(shares)]
    assert min(shares) >= 0.85 and aim == ".85 kept: met"
    assert len(lines(PAGE, "| [", "| the same")) == 10
