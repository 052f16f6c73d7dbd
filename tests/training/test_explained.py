"""What reconstructions explain: closed forms of shares, places and farthest points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bvae_rl.training.verdict.explained import NOTHING, coarse, farthest, places, share, squares


def test_squares_are_summed_over_channels_of_the_pixels_asked_for() -> None:
    a = torch.zeros(2, 3, 4, 4)
    b = a.clone()
    b[0, :, 1, 2] = torch.tensor([0.1, 0.2, 0.4])
    found = squares(a, b)
    assert found.shape == (2, 1, 4, 4)
    assert float(found[0, 0, 1, 2]) == pytest.approx(0.01 + 0.04 + 0.16)
    assert float(found.sum()) == pytest.approx(0.21)
    elsewhere = torch.ones(2, 1, 4, 4, dtype=torch.bool)
    elsewhere[0, 0, 1, 2] = False
    assert float((found * elsewhere).sum()) == 0.0


def test_the_share_explained_is_an_r2() -> None:
    there = torch.tensor([3.0, 1.0])
    assert share(torch.zeros(2), there) == 1.0
    assert share(there, there) == 0.0
    assert share(torch.tensor([1.0, 0.0]), there) == 0.75
    assert share(3 * there, there) == -2.0
    # the shares of frames are not averaged: a frame in which little differs counts little
    assert share(torch.tensor([0.0, 1.0]), torch.tensor([99.0, 1.0])) == pytest.approx(0.99)


def test_where_nothing_differs_no_share_is_explained() -> None:
    assert share(torch.zeros(3), torch.zeros(3)) is None
    assert share(torch.ones(3), torch.full((3,), NOTHING / 10)) is None
    one_step_of_one_channel = torch.tensor([(1 / 255) ** 2])
    assert share(one_step_of_one_channel, one_step_of_one_channel) == 0.0


def dots(*at: tuple[int, int], side: int = 32) -> torch.Tensor:
    """Squares (1, 1, side, side) of pixels that differ by 1."""
    found = torch.zeros(1, 1, side, side)
    for row, column in at:
        found[0, 0, row, column] = 1.0
    return found


def counted(left: torch.Tensor, there: torch.Tensor) -> tuple[int, int]:
    """Places of all that is there."""
    return places(left, there, there > 0, there > 0)


def test_a_dim_thing_has_as_many_places_as_a_bright_one_of_its_size() -> None:
    there = dots((2, 2)) + 20.0 * dots((18, 18))
    # the first lies in the one window of its corner, the second in four that overlap
    assert counted(there, there) == (5, 5)
    assert counted(dots((2, 2)), there) == (1, 5)
    assert counted(20.0 * dots((18, 18)), there) == (4, 5)
    assert counted(0.51 * there, there) == (5, 5)
    assert counted(0.49 * there, there) == (0, 5)
    assert counted(there, 0.01 * there) == (4, 4)  # the dim one is too faint to count


def test_the_blurred_edge_of_what_is_drawn_is_no_place_without_it() -> None:
    there = torch.zeros(1, 1, 32, 32)
    there[..., 8:24, 8:24] = 1.0
    edge = there.clone()
    edge[..., 8:24, 11:21] = 0.0  # the three columns on either side are lost
    assert counted(edge, there) == (0, 25) and counted(there, there) == (25, 25)
    moved, thing = edge > 0, there > 0
    assert places(edge, there, moved, moved) == (20, 20)  # nothing of the columns is drawn,
    assert places(edge, there, moved, thing) == (0, 20)  # but the thing whose edges they are


@pytest.mark.parametrize("side", [16, 30, 33])
def test_the_last_pixel_of_a_picture_of_any_side_has_a_place(side: int) -> None:
    there = dots((side - 1, side - 1), side=side)
    missed, found = counted(there, there)
    assert missed == found >= 1
    assert counted(torch.zeros_like(there), torch.zeros_like(there)) == (0, 0)


def test_the_farthest_points_of_a_line_are_its_ends_and_then_its_middle() -> None:
    line = torch.tensor([[4.0], [0.0], [10.0], [5.0], [1.0]])
    assert farthest(line, 3) == [2, 1, 3]  # the mean is 4, so 10 is farthest from it
    assert farthest(line, 9) == [2, 1, 3, 0, 4]
    assert farthest(torch.cat([line, line]), 9) == farthest(line, 9)  # equal ones are not repeated
    assert farthest(torch.ones(4, 2), 3) == [0]
    assert farthest(torch.ones(0, 2), 3) == []


def test_farthest_points_reach_every_cluster() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[math.cos(a), math.sin(a)] for a in np.linspace(0, 2 * np.pi, 6)[:-1]])
    which = rng.permutation(np.r_[np.zeros(200, int), np.arange(1, 5)])  # four are rare
    points = torch.from_numpy(centres[which] + rng.normal(0, 0.01, (204, 2))).float()
    assert set(which[farthest(points, 5)]) == {0, 1, 2, 3, 4}


def test_coarse_pixels_are_means_of_blocks() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert coarse(x, side=2).tolist() == [[2.5, 4.5, 10.5, 12.5]]
    assert coarse(torch.zeros(3, 3, 84, 100)).shape == (3, 3 * 256)
