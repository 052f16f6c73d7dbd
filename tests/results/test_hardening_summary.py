"""The table of all worlds on the page of hardened encoders is what the values give."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import iqm
from tests.result_cases import RESULTS, by_method, cell, each, line, lines, two, values

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
    aim: str,
    *,
    print_as: Callable[[list[float]], str] = cell,
) -> None:
    """The row that begins with ``label``; ``aim`` is what stands at its end."""
    shown = line(PAGE, label)
    kept = hardened("retention", "ood2")
    wanted = [hardened("score", "source"), hardened("score", "ood2"), teacher("score", "ood2")]
    assert shown[-5:-1] == [print_as(found) for found in (*wanted, kept)]
    assert shown[-6] == str(len(kept)) and shown[-1] == aim


def share(of: Of, least: float) -> str:
    """Whether so much of the score in source is kept in ood2."""
    verdict = "met" if iqm(of("retention", "ood2")) >= least else "missed"
    return f"{least:g} kept: {verdict}".removeprefix("0")


def scores(of: Of, source: float, ood1: float, ood2: float) -> str:
    """Whether the scores reach these, of which those in source and ood2 are named."""
    aims = {"source": source, "ood1": ood1, "ood2": ood2}
    away = [aim - round(float(iqm(of("score", at))), 2) for at, aim in aims.items()]
    little = " by little" if max(away) < 0.06 else ""
    verdict = "met" if max(away) <= 0 else f"missed{little}"
    named = " and ".join(two(aim) if aim < 1 else f"{aim:.1f}" for aim in (source, ood2))
    return f"{named}: {verdict}"


def test_planar_reach() -> None:
    seeds, small = "hardening_seeds.json", "teacher_size.json"
    whole = study(seeds, "beta_late_hardened")
    label = "[PlanarReach](planar-reach.md#five-seeds) | nothing"
    check(label, whole, study(seeds, "beta_late"), scores(whole, 0.9, 0.9, 0.88))
    half = study(small, "beta_late_hardened")
    label = "the same, [half the widths](network-size.md) | nothing"
    check(label, half, study(small, "beta_late"), scores(half, 0.9, 0.9, 0.88))
    own, before = (study(seeds, f"augment_interventions{end}") for end in ("_hardened", ""))
    check("the same | own actions", own, before, scores(own, 0.9, 0.9, 0.88))
    room = "views_interventions_room"
    views = named("hardening_ablations.json", f"{room}_hardened:steps=12000")
    label = "the same, [against colour alone](settings.md) | views and actions"
    check(label, views, study(seeds, room), scores(views, 1.0, 1.0, 0.95))


def test_planar_push() -> None:
    room = "views_interventions_room"
    label = "[PlanarPush](planar-push.md), own frames | views and actions"
    own, before = named("push_room.json", f"{room}{OWN}"), named("push_room.json", room)
    check(label, own, before, share(own, 0.9))
    own = named("push_room.json", f"beta_late{OWN}")
    before = named("push_room.json", "beta_late:frames=source")
    check("the same | nothing", own, before, share(own, 0.9), print_as=each)
    half = "beta_late:channels=16+32+32,hidden=128"
    wide = named("smaller_push.json", f"{half}{OWN},{WIDE}")
    label = "the same, [a small teacher, a wide student](network-size.md) | nothing"
    check(label, wide, named("smaller_push.json", half), share(wide, 0.9))


def test_reacher() -> None:
    file, seeds = "hardening_reacher.json", (0, 1, 2, 3, 4)
    hardened = study(file, "beta_late_hardened", seeds)
    label = "[MuJoCo's Reacher](reacher.md) | nothing"
    check(label, hardened, study(file, "beta_late", seeds), share(hardened, 0.8))


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
    hardened = success("plain_hardened")
    check(label, hardened, success("plain"), share(hardened, 0.9))


@pytest.mark.parametrize(
    ("file", "label", "seeds"),
    [
        (
            "hardening_car_racing.json",
            "[CarRacing](car-racing.md), return, own frames beside others | nothing | 3 agents",
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
    after, near, far, before = (
        [found[method, domain, seed] for seed in seeds]
        for method, domain in (
            ("bvae-hardened", "source"), ("bvae-hardened", "ood1"), ("bvae-hardened", "ood2"),
            ("bvae", "ood2"),
        )
    )  # fmt: skip
    shares, nearer = ([a / b for a, b in zip(of, after, strict=True)] for of in (far, near))
    *cells, aim = line(PAGE, label)
    whole = [", ".join(f"{value:.0f}" for value in of) for of in (after, far, before)]
    assert cells == [*whole, each(shares)]
    assert min(*shares, *nearer) >= 0.85 and aim == ".85 kept: met"
    assert len(lines(PAGE, "| [", "| the same")) == 11
