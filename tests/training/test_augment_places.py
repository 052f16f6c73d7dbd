"""Camera, blur, noise, pasted things and overlays: closed forms, ranges, what they leave."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bvae_rl.training.augment.background import (
    WEIGHT,
    Overlay,
    background,
    draw_overlays,
    overlaid,
)
from bvae_rl.training.augment.blur import gaussian_rows
from bvae_rl.training.augment.camera import ANGLE, SHIFT, ZOOM, Pose, camera, draw_poses, seen_from
from bvae_rl.training.augment.distractors import (
    LARGEST,
    MOST,
    SMALLEST,
    Things,
    distractors,
    draw_things,
    pasted,
)
from bvae_rl.training.augment.noise import BLUR, NOISE, blurred, draw_sensors, noise


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pose(
    angle: float = 0.0, zoom: float = 1.0, shift: tuple[float, float] = (0.0, 0.0), n: int = 2
) -> Pose:
    one = torch.ones(n)
    return Pose(angle * one, zoom * one, torch.tensor(shift).expand(n, 2))


def test_a_pose_that_is_none_shows_the_picture() -> None:
    x = torch.rand(2, 3, 40, 64)
    assert torch.allclose(seen_from(x, pose()), x, atol=1e-5)


def test_whole_pixels_move_pixels_and_edges_are_repeated() -> None:
    x = torch.rand(2, 3, 40, 64)
    seen = seen_from(x, pose(shift=(2 * 3 / 64, -2 * 2 / 40)))  # 3 to the right, 2 up
    assert torch.allclose(seen[:, :, :-2, 3:], x[:, :, 2:, :-3], atol=1e-4)
    assert torch.allclose(seen[:, :, :-2, :3], x[:, :, 2:, :1].expand(2, 3, 38, 3), atol=1e-4)


@pytest.mark.parametrize("width", [40, 64, 32])
def test_a_quarter_of_a_turn_turns_clockwise_without_shearing(width: int) -> None:
    x = torch.rand(2, 3, 40, width)
    seen = seen_from(x, pose(math.pi / 2))
    side = min(40, width)  # of the square in the middle
    top, left = (40 - side) // 2, (width - side) // 2
    middle = (slice(None), slice(None), slice(top, top + side), slice(left, left + side))
    assert torch.allclose(seen[middle], torch.rot90(x[middle], -1, (2, 3)), atol=1e-4)


def test_zoom_enlarges_about_the_middle_and_the_shift_comes_last() -> None:
    ramp = (torch.arange(64) - 31.5).expand(2, 1, 48, 64)
    assert torch.allclose(seen_from(ramp, pose(zoom=2.0)), ramp / 2, atol=1e-4)
    x = torch.rand(2, 3, 32, 32)
    turned = seen_from(x, pose(math.pi / 2, 1.5))
    moved = seen_from(x, pose(math.pi / 2, 1.5, shift=(2 * 4 / 32, 0.0)))
    assert torch.allclose(moved[..., 4:], turned[..., :-4], atol=1e-4)


def test_poses_fill_their_ranges() -> None:
    drawn = draw_poses(5000, generator())
    for value, most in ((drawn.angle, ANGLE), (drawn.zoom.log(), ZOOM), (drawn.shift, SHIFT)):
        assert most * 0.99 < value.max() <= most * 1.0001
        assert -most * 1.0001 <= value.min() < -most * 0.99
    half = draw_poses(5000, generator(), strength=0.5)
    assert torch.allclose(half.angle, drawn.angle / 2)
    assert (ANGLE, ZOOM, SHIFT) == (0.12, 0.18, 0.2)
    even = torch.full((4, 3, 48, 64), 0.3)
    assert torch.allclose(camera(even, generator()), even, atol=1e-6)  # nothing comes from outside


@pytest.mark.parametrize("times", [1, 2])
def test_blur_is_a_gaussian_that_grows_with_the_side(times: int) -> None:
    dot = torch.zeros(2, 1, 64 * times, 80 * times)
    dot[:, :, 30, 45] = 1.0
    widths = torch.tensor([0.8, 2.0])
    seen = blurred(dot, widths)
    for width, picture in zip((times * widths).tolist(), seen[:, 0], strict=True):
        bell = torch.exp(-0.5 * (torch.arange(-30, 31) / width) ** 2)
        bell = (bell / bell.sum())[24:37]
        assert torch.allclose(picture[24:37, 39:52], bell[:, None] * bell[None, :], atol=1e-5)


def test_blur_leaves_what_is_even_and_a_blur_of_0_everything() -> None:
    even = torch.full((2, 3, 21, 31), 0.7)
    assert torch.allclose(blurred(even, torch.tensor([0.8, 6.0])), even, atol=1e-5)  # edges, too
    x = torch.rand(2, 3, 21, 31)
    assert torch.equal(blurred(x, torch.zeros(2)), x)


def test_weights_of_places_between_places() -> None:
    rows = gaussian_rows(
        torch.tensor([0.0, 0.9]), torch.tensor([0.0, 1.0]), torch.tensor([1e-3, 1.0])
    )
    assert torch.equal(rows[0], torch.eye(2))
    one = math.exp(-0.5)
    assert rows[1, 0].tolist() == pytest.approx([1 / (1 + one), one / (1 + one)])


def test_noise_has_the_drawn_deviation() -> None:
    drawn = draw_sensors(2000, generator())
    assert drawn.noise.min() >= 0.0 and NOISE * 0.99 < drawn.noise.max() <= NOISE
    assert drawn.blur.min() >= 0.0 and BLUR * 0.99 < drawn.blur.max() <= BLUR
    grey = torch.full((64, 3, 32, 32), 0.5)
    deviation = (noise(grey, generator()) - grey).flatten(1).std(1)
    assert torch.allclose(deviation, draw_sensors(64, generator()).noise, rtol=0.1, atol=1e-4)


def things(*rows: tuple[float, float, float, float, bool, float]) -> Things:
    middle, half = ([[row[i : i + 2] for row in rows]] for i in (0, 2))
    return Things(
        torch.tensor(middle),
        torch.tensor(half),
        torch.tensor([[row[4] for row in rows]]),
        torch.tensor([[[row[5]] for row in rows]]),
    )


@pytest.mark.parametrize("times", [1, 2])
def test_a_box_covers_its_pixels_at_every_size(times: int) -> None:
    x = torch.zeros(1, 1, 64 * times, 80 * times)
    seen = pasted(x, things((10.0, -4.0, 3.0, 2.0, False, 0.5)))[0, 0]
    expected = torch.zeros_like(seen)
    expected[26 * times : 30 * times, 47 * times : 53 * times] = 0.5
    assert torch.equal(seen, expected)


def test_discs_are_round_and_the_last_is_in_front() -> None:
    x = torch.full((1, 1, 64, 64), 0.1)
    disc = (0.0, 0.0, 10.0, 2.0, True, 0.5)
    seen = pasted(x, things(disc))
    assert (seen == 0.5).sum().item() == pytest.approx(math.pi * 100, rel=0.02)
    both = pasted(x, things(disc, (0.0, 0.0, 5.0, 5.0, False, 0.9)))
    assert (both == 0.9).sum() == 100 and both[0, 0, 32, 32] == 0.9
    other = pasted(x, things((0.0, 0.0, 5.0, 5.0, False, 0.9), disc))
    assert torch.equal(other, seen)  # the box lies behind the disc: its corners are 7.1 away
    assert torch.equal(pasted(x, things((0.0, 0.0, 0.0, 0.0, True, 0.5))), x)


def test_one_to_three_things_of_any_size_and_place() -> None:
    drawn = draw_things(3000, generator(), channels=3, room=(64.0, 32.0))
    there = drawn.half[..., 0] > 0
    assert torch.bincount(there.sum(1), minlength=4).tolist() == pytest.approx(
        [0, 1000, 1000, 1000], abs=120
    )
    sizes = drawn.half[there]
    assert sizes.min() >= SMALLEST and sizes.max() <= LARGEST
    assert sizes.min() < SMALLEST + 0.05 and sizes.max() > LARGEST - 0.05
    assert drawn.middle.abs().amax((0, 1)).tolist() == pytest.approx([64.0, 32.0], rel=0.01)
    assert drawn.round.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert drawn.colour.min() < 0.01 and drawn.colour.max() > 0.99


def test_most_of_the_picture_is_left_as_it_is() -> None:
    x = torch.rand(500, 3, 64, 64)
    left = (distractors(x, generator()) == x).all(1).float().mean((1, 2))
    assert left.min() >= 1.0 - MOST * (2 * LARGEST / 64) ** 2
    assert 0.9 < left.mean() < 0.99


def test_things_have_one_colour_in_all_frames_of_a_stack() -> None:
    zeros = torch.zeros(8, 6, 64, 64)
    seen = distractors(zeros, generator())
    assert torch.equal(seen[:, :3], seen[:, 3:]) and not torch.equal(seen[:, 0], seen[:, 1])
    grey = distractors(zeros[:, :4], generator())
    assert torch.equal(grey, grey[:, :1].expand_as(grey))


def test_an_overlay_blends_two_frames() -> None:
    x: Tensor = torch.rand(3, 1, 4, 4)
    overlays = Overlay(torch.tensor([1, 2, 0]), torch.tensor([0.0, 0.25, 1.0]))
    seen = overlaid(x, overlays)
    assert torch.allclose(seen[0], x[0]) and torch.allclose(seen[2], x[0])
    assert torch.allclose(seen[1], 0.75 * x[1] + 0.25 * x[2])


def test_no_frame_lies_over_itself_but_a_single_one() -> None:
    for n in (2, 3, 64):
        other = draw_overlays(n, generator(n)).other
        assert sorted(other.tolist()) == list(range(n))
        assert (other != torch.arange(n)).all()
    weight = draw_overlays(3000, generator()).weight
    assert weight.min() >= 0.0 and WEIGHT * 0.99 < weight.max() <= WEIGHT
    assert draw_overlays(3000, generator(), strength=2.0).weight.max() < 0.5
    one = torch.rand(1, 3, 16, 16)
    assert torch.allclose(background(one, generator()), one)
