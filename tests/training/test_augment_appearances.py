"""Augmented appearances: grey stays grey, hue turns, what is unchanged is the frame itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bvae_rl.training.augment.appearances import (
    Strength,
    change_appearance,
    draw_appearances,
    hue_rotation,
)

STILL = Strength(hue=0.0, mixing=0.0, brightness=0.0, contrast=0.0, noise=0.0, unchanged=0.0)


def changed_by(strength: Strength, x: torch.Tensor, *, seed: int = 0) -> torch.Tensor:
    return change_appearance(
        x, draw_appearances(len(x), np.random.default_rng(seed), strength=strength)
    )


def test_a_third_of_a_turn_moves_each_channel_to_the_next() -> None:
    angles = [0.0, 2.0 * math.pi / 3.0, math.pi]
    turn = hue_rotation(torch.tensor(angles, dtype=torch.float64))
    third = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).double()
    assert torch.allclose(turn[0], torch.eye(3).double())
    assert torch.allclose(turn[1], third)
    assert torch.allclose(turn[2], 2.0 / 3.0 * torch.ones(3, 3).double() - torch.eye(3).double())


def test_rotations_keep_lengths_and_grey() -> None:
    turn = hue_rotation(torch.linspace(-math.pi, math.pi, 7).double())
    assert torch.allclose(turn @ turn.mT, torch.eye(3).double().expand(7, 3, 3))
    assert torch.allclose(turn.sum(2), torch.ones(7, 3).double())


def test_grey_pictures_stay_grey_and_as_bright() -> None:
    grey = torch.rand(64, 1, 8, 8).expand(64, 3, 8, 8)
    colours = Strength(brightness=0.0, contrast=0.0, noise=0.0, unchanged=0.0)
    assert torch.allclose(changed_by(colours, grey), grey, atol=1e-5)
    light = Strength(noise=0.0, unchanged=0.0)
    seen = changed_by(light, grey)
    assert torch.allclose(seen, seen[:, :1].expand_as(seen), atol=1e-5)
    assert (seen - grey).abs().amax((1, 2, 3)).min() > 1e-4  # brighter or darker, each of them


def test_what_is_not_changed_is_the_frame_itself() -> None:
    x = torch.rand(400, 3, 8, 8)
    for strength in (STILL, Strength(unchanged=1.0)):
        assert torch.allclose(changed_by(strength, x), x, atol=1e-6)
    same = (changed_by(Strength(), x) - x).abs().amax((1, 2, 3)) < 1e-6
    assert same.float().mean().item() == pytest.approx(0.2, abs=0.06)  # as Strength.unchanged says


@pytest.mark.parametrize(
    ("only", "bound"),
    [
        ({"brightness": 0.25}, 0.25),
        ({"contrast": 0.4}, 0.4 * 0.5),  # pixels of 0 and 1 are half a unit from the mean
        ({"hue": 1.0}, 1.0),
    ],
)
def test_changes_stay_within_their_strength(only: dict[str, float], bound: float) -> None:
    pattern = torch.zeros(500, 3, 4, 4)
    pattern[:, :, :2] = 1.0
    if "hue" in only:
        pattern[:, 0] = 0.0  # cyan on black; grey would not turn
    strength = Strength(**{**vars(STILL), **only})
    moved = (changed_by(strength, pattern) - pattern).abs().amax((1, 2, 3))
    assert moved.max() <= bound + 1e-5
    assert moved.max() > 0.9 * bound
    assert moved.min() < 0.1 * bound


def test_noise_has_the_drawn_deviation_and_differs_between_pixels() -> None:
    grey = torch.full((100, 3, 32, 32), 0.5)
    appearances = draw_appearances(
        100, np.random.default_rng(0), strength=Strength(**{**vars(STILL), "noise": 0.03})
    )
    deviation = (change_appearance(grey, appearances) - grey).flatten(1).std(1)
    assert torch.allclose(deviation, appearances.noise, rtol=0.1, atol=1e-6)
    assert appearances.noise.max() <= 0.03 and appearances.noise.max() > 0.025


def test_looks_depend_on_the_generator_alone() -> None:
    x = torch.rand(16, 3, 8, 8)
    once = changed_by(Strength(), x, seed=5)
    torch.manual_seed(99)
    assert torch.equal(once, changed_by(Strength(), x, seed=5))
    assert not torch.equal(once, changed_by(Strength(), x, seed=6))
    assert once.min() >= 0.0 and once.max() <= 1.0


def test_one_look_does_the_same_to_two_frames() -> None:
    appearances = draw_appearances(8, np.random.default_rng(0), strength=Strength(noise=0.0))
    x = torch.rand(8, 3, 8, 8)
    both = change_appearance(torch.cat([x, x.flip(3)]), appearances)
    assert torch.allclose(both[:8], change_appearance(x, appearances), atol=1e-6)
    assert torch.allclose(both[8:], both[:8].flip(3), atol=1e-6)  # no pixel moves


def test_two_frames_of_one_look_differ_in_noise() -> None:
    grey = torch.full((8, 3, 8, 8), 0.5)
    appearances = draw_appearances(4, np.random.default_rng(0), strength=Strength(unchanged=0.0))
    one, two = change_appearance(grey, appearances).chunk(2)
    assert (one - two).abs().amax((1, 2, 3)).min() > 0.0
    with pytest.raises(ValueError, match="6 frames cannot be shown in 4 appearances, equally many"):
        change_appearance(grey[:6], appearances)
