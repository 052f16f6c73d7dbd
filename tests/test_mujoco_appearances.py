"""Appearances of the MuJoCo worlds: each shows what it says, and none is drawn that hides a part."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bvae_rl.envs.mujoco.appearances import (
    RAMPS,
    SOURCE,
    SceneAppearance,
    in_scene_set,
    sample_scene_appearance,
    scene_set,
)
from bvae_rl.envs.mujoco.paint import TEXTURE_LOW, pattern
from bvae_rl.envs.mujoco.world import MujocoPusher, MujocoReacher, MujocoRelocate, MujocoWorld
from tests.mujoco_cases import MUJOCO_WORLDS, need_drawing

PARTS = ("arm", "object", "target", "floor")
every_world = pytest.mark.parametrize("make", MUJOCO_WORLDS.values(), ids=MUJOCO_WORLDS.keys())


def shown(make: type[MujocoWorld], appearance: SceneAppearance, *, seed: int = 0) -> np.ndarray:
    """The first frame of an episode in an appearance, as int."""
    need_drawing()
    return make().reset(seed=seed, options={"appearance": appearance})[0].astype(int)


def changed(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pixels differ clearly, (H, W)."""
    return np.abs(frame - other).max(axis=-1) > 20


def test_ramps_do_not_meet() -> None:
    u = np.linspace(0, 1, 51)[:, None]
    ramps = [np.array(first) + u * (np.array(last) - first) for first, last in RAMPS.values()]
    for ramp, other in combinations(ramps, 2):
        assert np.linalg.norm(ramp[:, None] - other, axis=-1).min() > 100


@pytest.mark.parametrize("kinds", ["", ":material", ":light", ":camera", ":all"])
def test_look_sets_own_what_they_draw(kinds: str) -> None:
    rng = np.random.default_rng(0)
    sets = {name: scene_set(name + kinds, PARTS) for name in ("source", "ood1", "ood2", "pretrain")}
    owners = {
        "source": {"source", "pretrain"},
        "ood1": {"ood1", "pretrain"},
        "ood2": {"ood2"},
    }
    for name, expected in owners.items():
        for _ in range(100):
            appearance = sample_scene_appearance(sets[name], rng)
            assert {other for other in sets if in_scene_set(appearance, sets[other])} == expected
    seen = [sample_scene_appearance(sets["pretrain"], rng) for _ in range(200)]
    assert all(in_scene_set(appearance, sets["pretrain"]) for appearance in seen)
    assert not any(in_scene_set(appearance, sets["ood2"]) for appearance in seen)


def test_what_a_set_does_not_vary_is_as_in_the_source() -> None:
    light = scene_set("ood1:light", PARTS)
    assert [spec.name for spec in light.specs] == ["brightness", "light_angle"]
    appearance = sample_scene_appearance(light, np.random.default_rng(0))
    assert appearance == SOURCE.at(
        {name: appearance.factor(name) for name in ("brightness", "light_angle")}
    )
    assert not in_scene_set(SceneAppearance(brightness=appearance.brightness, gloss=0.9), light)


def test_looks_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown texture 'wood'; known: plain, checker, dots"):
        SceneAppearance(texture="wood")
    with pytest.raises(
        ValueError, match=r"arm colour of an appearance must be in \[0, 1\], got 1.5"
    ):
        SceneAppearance(arm=1.5)
    with pytest.raises(ValueError, match=r"zoom of an appearance must be in \[0.5, 2\], got nan"):
        SceneAppearance(zoom=float("nan"))
    with pytest.raises(ValueError, match=r"arm .* and object .* cannot be told apart"):
        SceneAppearance(brightness=0.1)
    assert SceneAppearance(brightness=0.1, indistinct=True).colours()["floor"] == (8, 8, 9)


def test_a_look_of_one_world_is_checked_in_another() -> None:
    need_drawing()
    with pytest.raises(ValueError, match="shows arm, target, floor, and no object"):
        MujocoReacher().reset(options={"appearance": SceneAppearance(object=0.5)})
    with pytest.raises(TypeError, match="must be a SceneAppearance, got str"):
        MujocoReacher().reset(options={"appearance": "ood1"})
    options = {"appearance": SceneAppearance(arm=0.5), "factors": {"arm_colour": 0.6}}
    with pytest.raises(ValueError, match=r"options\['factors'\] asks for SceneAppearance\(arm=0.6"):
        MujocoReacher().reset(options=options)


@pytest.mark.parametrize(
    ("make", "part", "least"),
    [
        (MujocoReacher, "arm", 60),
        (MujocoReacher, "target", 12),
        (MujocoPusher, "arm", 300),
        (MujocoPusher, "object", 20),
        (MujocoPusher, "target", 25),
        (MujocoRelocate, "arm", 60),
        (MujocoRelocate, "object", 10),
        (MujocoRelocate, "target", 40),
    ],
)
def test_each_colour_is_that_of_its_part_and_well_visible(
    make: type[MujocoWorld], part: str, least: int
) -> None:
    """Only the part's pixels change; where they change, they change as the ramp does."""
    for seed in range(3):
        frames = [shown(make, SceneAppearance(**{part: u}), seed=seed) for u in (0.0, 1.0)]
        where = changed(*frames)
        assert least <= where.sum() < 1500
        change = (frames[1] - frames[0])[where].mean(axis=0)
        ramp = np.subtract(*RAMPS[part][::-1])
        assert change @ ramp / np.linalg.norm(change) / np.linalg.norm(ramp) > 0.97
        floor = [shown(make, SceneAppearance(floor=u), seed=seed) for u in (0.0, 1.0)]
        assert changed(*floor).sum() > 1200
        see_through = make is MujocoRelocate and part == "target"
        assert (changed(*floor) & where).sum() < 0.5 * where.sum() or see_through


def test_brightness_is_a_factor_on_every_pixel() -> None:
    for make in (MujocoReacher, MujocoPusher):
        full = shown(make, SceneAppearance(gloss=0.0))
        half = shown(make, SceneAppearance(gloss=0.0, brightness=0.5))
        assert half == pytest.approx(full / 2, abs=3)


def test_the_camera_turns_and_zooms() -> None:
    plain = shown(MujocoReacher, SOURCE)
    turned = shown(MujocoReacher, SceneAppearance(azimuth=90.0, light_angle=90.0))
    assert np.abs(np.rot90(plain, -1) - turned).mean() < 3 < np.abs(plain - turned).mean()
    areas = [
        np.subtract(
            *(shown(MujocoReacher, SceneAppearance(arm=u, zoom=zoom)) for u in (1.0, 0.0))
        ).sum()
        for zoom in (0.6, 1.0)
    ]
    assert areas[1] / areas[0] == pytest.approx(1 / 0.6**2, rel=0.15)


def test_light_gloss_and_texture_show() -> None:
    for appearance, least in (
        (SceneAppearance(light_angle=120.0), 8),
        (SceneAppearance(gloss=1.0), 8),
        (SceneAppearance(texture="rings"), 800),
    ):
        assert changed(shown(MujocoPusher, SOURCE), shown(MujocoPusher, appearance)).sum() >= least


def test_patterns_differ_and_are_light_enough() -> None:
    patterns = [pattern(name) for name in ("checker", "dots", "stripes", "rings")]
    for one, other in combinations(patterns, 2):
        assert (one != other).mean() > 0.2
    assert all(set(np.unique(one)) == {TEXTURE_LOW, 255} for one in patterns)


def test_worlds_that_share_a_painter_do_not_see_each_other() -> None:
    need_drawing()
    first, second = MujocoReacher(), MujocoReacher(domain="ood2:all")
    alone = [first.reset(seed=seed)[0] for seed in range(4)]
    for seed, frame in enumerate(alone):
        second.reset(seed=seed)
        assert np.array_equal(first.reset(seed=seed)[0], frame)


@every_world
def test_looks_have_random_numbers_of_their_own(make: type[MujocoWorld]) -> None:
    need_drawing()
    one, other = make(domain="source:all"), make(domain="ood2:all")
    for env in (one, other):
        env.reset(seed=5)
    for _ in range(2):
        states = [env.reset()[1]["factors"][: len(env.task.specs)] for env in (one, other)]
        assert np.array_equal(*states)
    assert other.appearance != one.appearance == SOURCE
