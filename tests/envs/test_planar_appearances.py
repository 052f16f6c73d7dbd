"""What each kind of change does to a planar frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import DRIFT, SHAPES, SOURCE, TEXTURES, PlanarAppearance
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.envs.planar.scene import OUTLINES, draw
from bvae_rl.envs.planar.variations import planar_domain

Q, TARGET = np.array([1.2, 0.9]), np.array([0.4, 0.3])  # the arm is to the left of the target
PIXEL = planar.WINDOW / 64


def frame(appearance: PlanarAppearance, **state: np.ndarray) -> np.ndarray:
    return draw(state.get("q", Q), state.get("target", TARGET), appearance)


def test_appearance_factors_read_back_what_they_set() -> None:
    domain, rng = planar_domain("pretrain:all"), np.random.default_rng(0)
    for _ in range(50):
        appearance = domain.sample(rng)
        values = {spec.name: appearance.factor(spec.name) for spec in domain.specs}
        assert SOURCE.at(values) == appearance


def test_the_camera_moves_the_picture() -> None:
    still = frame(SOURCE)
    moved = frame(replace(SOURCE, camera_x=2 * PIXEL, camera_y=-3 * PIXEL))
    assert np.array_equal(moved[:-3, :-2], np.roll(still, (-3, -2), (0, 1))[:-3, :-2])
    near = draw(Q, TARGET, replace(SOURCE, zoom=2.0), size=64)
    large = draw(Q, TARGET, SOURCE, size=128)[32:96, 32:96]
    assert (near != large).any(axis=-1).mean() < 0.005  # lines that leave the frame are cut anew


def test_the_light_multiplies_the_channels() -> None:
    dim = frame(replace(SOURCE, brightness=0.5, warmth=0.2)).astype(float)
    expected = frame(SOURCE) * np.array([0.5 * 1.2, 0.5, 0.5 * 0.8])
    assert np.abs(dim - expected).max() <= 3  # colours are rounded before smoothing


@pytest.mark.parametrize("texture", TEXTURES[1:])
def test_a_texture_changes_the_background_alone(texture: str) -> None:
    plain, drawn = frame(SOURCE), frame(replace(SOURCE, texture=texture))
    ground = (plain == np.array(SOURCE.colours["background"])).all(axis=-1)
    lighter = drawn.astype(int) - plain
    smooth_edge = np.abs(lighter[~ground]).max(axis=-1) > 0
    assert smooth_edge.mean() < 0.5
    assert lighter[ground].min() >= 0 and lighter[ground].max() > 25
    assert lighter[ground].std() > 5


def test_shapes_have_the_area_of_the_disc_and_differ() -> None:
    for corners in OUTLINES.values():
        x, y = np.array(corners).T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert area == pytest.approx(np.pi)
    frames = [frame(replace(SOURCE, shape=shape)) for shape in SHAPES]
    colour = np.array(SOURCE.colours["target"])
    sizes = [(picture == colour).all(axis=-1).sum() for picture in frames]
    assert min(sizes) > 0.7 * max(sizes)
    for n, picture in enumerate(frames):
        assert not any(np.array_equal(picture, other) for other in frames[:n])


def test_noise_has_its_deviation_and_follows_the_state() -> None:
    grey = PlanarAppearance(background=1.0)  # far from 0 and 255, so that nothing is cut off
    ground = (frame(grey) == 150).all(axis=-1)
    noisy = frame(replace(grey, noise=10.0)).astype(float)
    assert (noisy[ground] - 150).std() == pytest.approx(10.0, rel=0.05)
    assert abs((noisy[ground] - 150).mean()) < 0.5
    assert np.array_equal(noisy, frame(replace(grey, noise=10.0)))
    other = frame(replace(grey, noise=10.0), q=Q + 0.01)
    correlation = np.corrcoef(noisy[ground].ravel(), other[ground].ravel())[0, 1]
    assert abs(correlation) < 0.1
    stored = frame(replace(grey, noise=10.0), q=Q.astype(np.float32).astype(float))
    assert np.array_equal(noisy, stored)


def test_distractors_move_behind_everything_else() -> None:
    env = PlanarReach(domain="ood1:distractors")
    env.reset(seed=0)
    shown, frames = [], []
    for _ in range(30):
        frames.append(env.step(np.zeros(2))[0])
        shown.append(env.appearance)
    turns = np.diff([appearance.phase for appearance in shown]) % 1.0
    assert np.allclose(turns, DRIFT)
    plain = draw(env.factors()[:2], env.factors()[2:4], SOURCE)
    for part in ("arm", "target"):
        whole = (plain == np.array(SOURCE.colours[part])).all(axis=-1)
        assert whole.sum() > 20
        assert all(np.array_equal(picture[whole], plain[whole]) for picture in frames)
    assert all((picture != frames[0]).any() for picture in frames[1:])
    assert shown[0] == replace(SOURCE, distractors=shown[0].distractors, phase=shown[0].phase)


def test_the_factors_of_a_world_are_those_of_its_kinds() -> None:
    assert [spec.name for spec in PlanarPush(domain="ood1:camera+noise").factor_specs[6:]] == [
        "camera_x",
        "camera_y",
        "zoom",
        "noise",
    ]
    assert (
        PlanarReach(domain="ood2").factor_specs == PlanarReach(domain="ood2:colours").factor_specs
    )
    env = PlanarReach(domain="source:light")
    _, info = env.reset(seed=0, options={"factors": {"brightness": 0.6, "elbow": 0.5}})
    assert info["factors"].tolist()[4:] == [0.6, 0.0] and env.appearance.brightness == 0.6
    with pytest.raises(ValueError, match="unknown factor 'arm_colour'"):
        env.reset(options={"factors": {"arm_colour": 0.2}})


@pytest.mark.parametrize("action", [[np.nan, 0.0], [0.1], 3])
def test_what_is_no_action_is_refused_and_nothing_moves(action: object) -> None:
    env = PlanarPush()
    env.reset(seed=0)
    before = env.factors()
    with pytest.raises(ValueError, match="an action is two finite joint velocities"):
        env.step(np.array(action))
    assert np.array_equal(env.factors(), before)
