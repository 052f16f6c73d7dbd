"""Appearances of the MuJoCo worlds: each shows what it says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bvae_rl.envs.mujoco.appearances import RAMPS, SOURCE, MujocoAppearance
from bvae_rl.envs.mujoco.paint import TEXTURE_LOW, pattern
from bvae_rl.envs.mujoco.pusher import MujocoPusher
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate
from bvae_rl.envs.mujoco.world import MujocoWorld
from tests.mujoco_cases import need_drawing


def shown(make: type[MujocoWorld], appearance: MujocoAppearance, *, seed: int = 0) -> np.ndarray:
    """The first frame of an episode in an appearance, as int."""
    need_drawing()
    return make().reset(seed=seed, options={"appearance": appearance})[0].astype(int)


def changed(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pixels differ clearly, (H, W)."""
    return np.abs(frame - other).max(axis=-1) > 20


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
        frames = [shown(make, MujocoAppearance(**{part: u}), seed=seed) for u in (0.0, 1.0)]
        where = changed(*frames)
        assert least <= where.sum() < 1500
        change = (frames[1] - frames[0])[where].mean(axis=0)
        ramp = np.subtract(*RAMPS[part][::-1])
        assert change @ ramp / np.linalg.norm(change) / np.linalg.norm(ramp) > 0.97
        floor = [shown(make, MujocoAppearance(floor=u), seed=seed) for u in (0.0, 1.0)]
        assert changed(*floor).sum() > 1200
        see_through = make is MujocoRelocate and part == "target"
        assert (changed(*floor) & where).sum() < 0.5 * where.sum() or see_through


def test_brightness_is_a_factor_on_every_pixel() -> None:
    for make in (MujocoReacher, MujocoPusher):
        full = shown(make, MujocoAppearance(gloss=0.0))
        half = shown(make, MujocoAppearance(gloss=0.0, brightness=0.5))
        assert half == pytest.approx(full / 2, abs=3)


def test_the_camera_turns_and_zooms() -> None:
    plain = shown(MujocoReacher, SOURCE)
    turned = shown(MujocoReacher, MujocoAppearance(azimuth=90.0, light_angle=90.0))
    assert np.abs(np.rot90(plain, -1) - turned).mean() < 3 < np.abs(plain - turned).mean()
    areas = [
        np.subtract(
            *(shown(MujocoReacher, MujocoAppearance(arm=u, zoom=zoom)) for u in (1.0, 0.0))
        ).sum()
        for zoom in (0.6, 1.0)
    ]
    assert areas[1] / areas[0] == pytest.approx(1 / 0.6**2, rel=0.15)


def test_light_gloss_and_texture_show() -> None:
    for appearance, least in (
        (MujocoAppearance(light_angle=120.0), 8),
        (MujocoAppearance(gloss=1.0), 8),
        (MujocoAppearance(texture="rings"), 800),
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
