"""Appearances and visual domains of all families: domains cannot meet, and parts stay distinct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from bvae_rl.envs.appearance import Appearance, blend, check_distinct
from bvae_rl.envs.domains import DOMAINS, Domain, Ranges, Variation, parse_domain
from bvae_rl.envs.grid.appearances import RAMPS as GRID_RAMPS
from bvae_rl.envs.grid.appearances import GridAppearance, Tiles, grid_domain, grid_kinds
from bvae_rl.envs.mujoco.appearances import KINDS as MUJOCO_KINDS
from bvae_rl.envs.mujoco.appearances import RAMPS as MUJOCO_RAMPS
from bvae_rl.envs.mujoco.appearances import MujocoAppearance, mujoco_domain
from bvae_rl.envs.planar.appearances import HUE_SOURCE, PlanarAppearance
from bvae_rl.envs.planar.palettes import MIN_CONTRAST, PALETTES
from bvae_rl.envs.planar.variations import KINDS as PLANAR_KINDS
from bvae_rl.envs.planar.variations import planar_domain
from tests.domain_cases import holds

ROOM = Tiles(across=8, size=64, least=5)
PARTS = ("arm", "object", "target", "floor")
MEMBERS = {"source": {"source", "pretrain"}, "ood1": {"ood1", "pretrain"}, "ood2": {"ood2"}}
NO_HUE = "shape+texture+distractors+camera+light+noise"


@dataclass(frozen=True)
class Family:
    """How a family finds a domain by its name, and what it varies."""

    domain: Callable[[str], Domain[Any]]
    source: Appearance
    kinds: dict[str, tuple[Variation, ...]]
    combined: tuple[str, ...] = ("all",)


FAMILIES = {
    "planar": Family(planar_domain, PlanarAppearance(), PLANAR_KINDS, ("all", f"hue+{NO_HUE}")),
    "grid": Family(lambda name: grid_domain(name, ROOM), GridAppearance(), grid_kinds(ROOM)),
    "mujoco": Family(
        lambda name: mujoco_domain(name, PARTS),
        MujocoAppearance(),
        {"colours": mujoco_domain("ood1", PARTS).variations, **MUJOCO_KINDS},
    ),
}
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
every_kind = pytest.mark.parametrize(
    ("family", "kinds"),
    [
        pytest.param(family, kinds, id=f"{name}-{kinds[:30]}")
        for name, family in FAMILIES.items()
        for kinds in (*family.kinds, *family.combined)
    ],
)


def meet(first: Ranges, second: Ranges) -> bool:
    return any(a <= d and c <= b for a, b in first for c, d in second)


@every_kind
def test_domains_are_disjoint_whatever_is_varied(family: Family, kinds: str) -> None:
    rng = np.random.default_rng(0)
    domains = {name: family.domain(f"{name}:{kinds}") for name in DOMAINS}
    for name in DOMAINS:
        for _ in range(150):
            appearance = domains[name].sample(rng)
            owners = {other for other in DOMAINS if holds(domains[other], appearance)}
            assert owners == MEMBERS[name] if name in MEMBERS else owners >= {"pretrain"}
            assert name == "ood2" or "ood2" not in owners


@every_kind
def test_what_a_domain_does_not_vary_is_as_in_the_source(family: Family, kinds: str) -> None:
    domain = family.domain(f"ood1:{kinds}")
    source = HUE_SOURCE if "hue" in kinds else family.source
    assert domain.source == source
    for seed in range(20):
        appearance = domain.sample(np.random.default_rng(seed))
        values = dict(zip([s.name for s in domain.specs], domain.factors(appearance), strict=True))
        assert appearance != source and source.at(values) == appearance


@every_family
def test_the_ranges_of_a_variation_are_apart_and_within_its_factor(family: Family) -> None:
    for variation in (v for variations in family.kinds.values() for v in variations):
        source = variation.ranges("source")
        for low, high in (*source, *variation.ood1, *variation.ood2, *variation.pretrain):
            assert variation.spec.contains(low) and variation.spec.contains(high) and low <= high
        assert variation.spec.role == "appearance"
        assert all(meet((part,), variation.pretrain) for part in (*source, *variation.ood1))
        if variation.spec.name != "distractor_phase":  # where they are on their ways is in all
            assert not meet(source, variation.ood1)
            assert not meet(variation.pretrain, variation.ood2)


def test_half_of_ood2_are_a_second_palette_with_all_of_its_colours() -> None:
    domain, rng = planar_domain("ood2"), np.random.default_rng(0)
    drawn = [domain.sample(rng) for _ in range(200)]
    second = [appearance for appearance in drawn if appearance.palette == "second"]
    assert 70 < len(second) < 130
    assert min(a.arm for a in second) < 0.2 and max(a.arm for a in second) > 0.8
    assert all(a.arm >= 0.85 for a in drawn if a.palette == "main")


def test_ramps_keep_their_distance() -> None:
    for ramps, least in (
        *((palette, MIN_CONTRAST) for palette in PALETTES.values()),
        (GRID_RAMPS, 80),
        (MUJOCO_RAMPS, 100),
    ):
        for one, other in combinations(ramps.values(), 2):
            first, second = (
                np.stack([blend(ramp, u) for u in np.linspace(0, 1, 101)]) for ramp in (one, other)
            )
            assert np.linalg.norm(first[:, None] - second, axis=-1).min() > least


def test_parts_that_look_alike_are_refused_unless_allowed() -> None:
    for make, parts in ((PlanarAppearance, "arm.* and target"), (MujocoAppearance, "arm.*object")):
        with pytest.raises(ValueError, match=rf"{parts} \(.*\) cannot be told apart"):
            make(brightness=0.1)
        dark = make(brightness=0.1, indistinct=True)
        assert all(max(colour) < 30 for colour in dark.colours.values())
    with pytest.raises(ValueError, match=r"target .* and key .* 39 of 441 in RGB, and 40"):
        check_distinct({"target": (0, 0, 0), "key": (39, 0, 0)})
    check_distinct({"target": (0, 0, 0), "key": (40, 0, 0)})


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (PlanarAppearance, {"shape": "heart"}, "unknown shape 'heart'; known: disc, square"),
        (PlanarAppearance, {"texture": "wood"}, "unknown texture 'wood'; known: plain, gradient"),
        (PlanarAppearance, {"palette": "third"}, "unknown palette 'third'; known: main, second"),
        (PlanarAppearance, {"arm": 1.5}, r"arm colour of an appearance must be in \[0, 1\]"),
        (PlanarAppearance, {"zoom": 3.0}, r"zoom of an appearance must be in \[0.5, 2\], got 3.0"),
        (PlanarAppearance, {"distractors": 5}, r"distractors of .* in \[0, 4\], got 5"),
        (PlanarAppearance, {"noise": np.nan}, "noise of an appearance must be in .* got nan"),
        (GridAppearance, {"wall": 1.5}, r"wall colour of an appearance must be in \[0, 1\]"),
        (GridAppearance, {"floor_texture": "wood"}, "unknown floor_texture 'wood'; known: plain"),
        (GridAppearance, {"tile": 0}, r"tile of an appearance must be in \[1, inf\], got 0"),
        (MujocoAppearance, {"texture": "wood"}, "unknown texture 'wood'; known: plain, checker"),
        (MujocoAppearance, {"arm": 1.5}, r"arm colour of an appearance .* \[0, 1\], got 1.5"),
        (MujocoAppearance, {"zoom": np.nan}, r"zoom of an appearance .* \[0.5, 2\], got nan"),
    ],
)
def test_an_appearance_that_cannot_be_says_what_can(
    make: type[Any], wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(**wrong)


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        ("planar", "dark", "unknown visual domain 'dark'; known: source, ood1, ood2, pretrain"),
        ("planar", "ood1:fog", "kind of change 'fog' in visual domain 'ood1:fog'; .*: colours"),
        ("planar", "ood1:", "unknown kind of change '' in visual domain 'ood1:'"),
        ("planar", "ood1:hue+colours", "hue and colours exclude each other"),
        ("grid", "ood1:hue", r"'hue' in visual domain 'ood1:hue'.*: colours, texture, tile, all"),
        ("mujoco", "ood1:fog", r"kind of change 'fog' .* material, light, camera"),
    ],
)
def test_unknown_names_list_the_known(family: str, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FAMILIES[family].domain(name)


def test_all_takes_one_palette_and_kinds_come_in_one_order() -> None:
    assert planar_domain("ood1:all+camera").kinds == planar_domain("ood1:all").kinds
    assert planar_domain("ood1:all").kinds == tuple(kind for kind in PLANAR_KINDS if kind != "hue")
    one, other = (
        parse_domain(f"ood1:{kinds}", PLANAR_KINDS, PlanarAppearance())
        for kinds in ("noise+light", "light+noise")
    )
    assert one.specs == other.specs


def test_the_hue_domains_hold_the_full_circle_but_for_the_gaps_between_them() -> None:
    for variation in PLANAR_KINDS["hue"]:
        length = {name: sum(b - a for a, b in variation.ranges(name)) for name in ("ood1", "ood2")}
        assert length["ood1"] == pytest.approx(0.5) and length["ood2"] == pytest.approx(0.24)
        assert variation.spec.kind == "cyclic"


def test_hues_keep_their_distance_whatever_they_are() -> None:
    hues = np.linspace(0, 1, 24, endpoint=False)
    colours = [PlanarAppearance(h, h, h, palette="hue").colours for h in hues]
    for first, second in combinations(("arm", "target", "background"), 2):
        points = [np.array([c[part] for c in colours], float) for part in (first, second)]
        gaps = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
        assert gaps.min() > MIN_CONTRAST
