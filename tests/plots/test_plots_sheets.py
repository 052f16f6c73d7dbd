"""Sheets of frames, folded heatmaps, scatters, curves: what is drawn is what was given."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bvae_rl.plots import (
    factor_heatmap,
    kl_bars,
    latent_pairs,
    latent_scatter,
    rate_distortion,
    reconstructions,
    saved,
    swap_grid,
    timelines,
    traversal_grid,
)
from bvae_rl.plots.board import joined
from bvae_rl.plots.folding import folded
from bvae_rl.plots.style import new_figure

RNG = np.random.default_rng(0)


def frames(*shape: int) -> np.ndarray:
    return RNG.integers(0, 255, shape, dtype=np.uint8)


def test_inactive_latents_fold_into_one_row_a_group() -> None:
    values = np.arange(14, dtype=float).reshape(7, 2) / 20
    active = np.array([True, False, False, True, False, False, True])
    names = [f"z{d}" for d in range(7)]
    rows = folded(values, names, active, {"content": (0, 4), "style": (4, 7)})
    assert rows.names == ["z0", "z3", "2 inactive", "z6", "2 inactive"]
    assert rows.groups == {"content": (0, 3), "style": (3, 5)}
    assert rows.values[2].tolist() == values[2].tolist()  # the largest of what is folded
    ax = factor_heatmap(values, names, ["a", "b"], active=active).axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["z0", "z3", "z6", "4 inactive"]
    plain = factor_heatmap(values, names, ["a", "b"], active=active, fold=False).axes[0]
    assert len(plain.get_yticklabels()) == 7
    nothing = folded(values, names, np.zeros(7, bool), {})
    assert nothing.names == ["7 inactive"] and nothing.values.tolist() == [[0.6, 0.65]]


def test_128_latents_make_a_heatmap_of_the_active_ones() -> None:
    active = np.arange(128) < 10
    names = [f"z{d}" for d in range(128)]
    figure = factor_heatmap(RNG.uniform(size=(128, 12)), names, ["background_colour"] * 12,
                            active=active)  # fmt: skip
    assert figure.get_size_inches().max() < 10
    kl = kl_bars(np.where(active, 2.0, 0.0))
    assert kl.get_size_inches()[0] <= 11


def test_traversals_show_where_kl_and_what_is_tracked() -> None:
    images = np.full((2, 3, 8, 8, 1), 100, np.uint8)
    images[1, :, 4, 4, 0] = (0, 100, 200)  # the second latent moves one pixel
    figure = traversal_grid(
        images, ["z0", "z1"], [-1, 0, 1], kl=[1.5, 0.5], tracks=["elbow 90%", ""], where=True
    )
    ax = figure.axes[0]
    board = np.asarray(ax.images[0].get_array())
    where = board[:, 3 * 11 :].astype(int).sum(axis=-1)
    assert np.unravel_index(where[11:19].argmax(), (8, 8)) == (4, 4)
    assert where[:8].max() < 20  # black: nothing moves in the first row
    words = [text.get_text() for text in ax.texts]
    assert {"1.5", "0.5", "elbow 90%", "tracks", "KL (nats)"} <= {*words}
    lengths = [bar.get_extents().width for bar in ax.patches]
    assert lengths[0] == pytest.approx(3 * lengths[1])
    with pytest.raises(ValueError, match=r"2 rows of frames, but kl is \(3,\)"):
        traversal_grid(images, ["z0", "z1"], [-1, 0, 1], kl=[1, 2, 3])


def test_errors_stand_under_what_was_decoded() -> None:
    original = np.zeros((2, 8, 12, 3), np.uint8)
    decoded = original.copy()
    decoded[1, 2, 3] = 90
    ax = reconstructions({"all": (original, decoded)}, errors=True).axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["all", "decoded", "error"]
    board = np.asarray(ax.images[0].get_array()).astype(int).sum(axis=-1)
    errors = board[22:30, 15:27]
    assert np.unravel_index(errors.argmax(), errors.shape) == (2, 3)
    assert "of 255" in ax.get_xlabel()


def test_swaps_stand_where_row_and_column_meet() -> None:
    rows, columns, swapped = frames(2, 8, 8, 3), frames(4, 8, 8, 3), frames(2, 4, 8, 8, 3)
    ax = swap_grid(rows, columns, swapped).axes[0]
    board = np.asarray(ax.images[0].get_array())
    assert np.array_equal(board[:8, 44:52], columns[3])
    assert np.array_equal(board[22:30, :8], rows[1])
    assert np.array_equal(board[22:30, 33:41], swapped[1, 2])
    with pytest.raises(ValueError, match=r"pass \(R, H, W, C\)"):
        swap_grid(rows, columns, swapped[:1])


@pytest.mark.parametrize("period", [None, 2 * np.pi])
def test_a_scatter_is_coloured_by_its_factor(period: float | None) -> None:
    values = np.linspace(-np.pi, np.pi, 50)
    figure = latent_scatter(np.cos(values), np.sin(values), values, period=period)
    points = figure.axes[0].collections[0]
    assert np.array_equal(np.asarray(points.get_array()), values)
    assert points.get_cmap().name == ("viridis" if period is None else "twilight")
    few = latent_scatter(values, values, np.arange(50) % 3, value_label="level")
    assert [tick.get_text() for tick in few.axes[1].get_yticklabels()] == ["0", "1", "2"]
    with pytest.raises(ValueError, match=r"pass \(N,\) each"):
        latent_scatter(values, values[:3], None)


def test_pairs_of_latents_have_a_panel_each_and_one_latent_stands_beside_its_factor() -> None:
    codes, factors = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 1))
    figure = latent_pairs(codes, factors, ["z0", "z1"], ["arm_angle"], [(0, 1, 0), (1, None, 0)])
    ax = [a for a in figure.axes if a.get_xlabel()]
    labels = [(a.get_xlabel(), a.get_ylabel()) for a in ax]
    assert labels == [("z0", "z1"), ("z1", "arm angle")]
    assert np.array_equal(ax[1].collections[0].get_offsets()[:, 1], factors[:, 0])
    with pytest.raises(ValueError, match="no pair"):
        latent_pairs(codes, factors, ["z0", "z1"], ["a"], [])


def test_rate_and_distortion_of_several_vaes() -> None:
    figure = rate_distortion([10, 20], [300, 100], ["a", "b"], active=[3, 9], joined=False)
    ax = figure.axes[0]
    assert not ax.lines and ax.get_xlabel().startswith("rate")
    assert [c.get_offsets().tolist() for c in ax.collections] == [[[10, 300]], [[20, 100]]]
    assert {text.get_text() for text in ax.texts} == {"a\n3 active", "b\n9 active"}
    seeds = rate_distortion([[1, 2, 3]], [[1, np.nan, 3]], ["a"]).axes[0]
    assert seeds.lines
    with pytest.raises(ValueError, match="for 1 names"):
        rate_distortion([1, 2], [1, 2], ["a"])


def test_every_picture_draws_on_axes_that_are_given() -> None:
    figure = new_figure(12, 8)
    axes = figure.subplots(2, 4).ravel()
    images = frames(2, 3, 8, 8, 3)
    for ax, draw in zip(axes, (
        lambda ax: traversal_grid(images, ["a", "b"], [0, 1, 2], kl=[1, 2], where=True, ax=ax),
        lambda ax: reconstructions({"a": (images[0], images[0])}, ax=ax),
        lambda ax: swap_grid(images[0][:2], images[0], images, ax=ax),
        lambda ax: factor_heatmap(np.eye(2), ["a", "b"], ["c", "d"], ax=ax),
        lambda ax: kl_bars([1, 2], ax=ax),
        lambda ax: latent_scatter([1, 2], [1, 2], [1, 2], ax=ax),
        lambda ax: rate_distortion([1, 2], [1, 2], ["a", "b"], ax=ax),
    ), strict=False):  # fmt: skip
        assert draw(ax) is figure and ax.has_data()
    own = new_figure(6, 4)
    assert timelines(RNG.normal(size=(9, 2)), None, ["a", "b"], figure=own) is own
    assert own.axes


@pytest.mark.parametrize("shape", [(128, 128, 1), (96, 16, 3)])
def test_a_picture_in_a_paper_has_its_width_and_its_fonts(shape: tuple[int, ...]) -> None:
    images = np.zeros((1, 9, *shape), np.uint8)
    data = saved(traversal_grid(images, ["z0"], [0] * 9, kl=[1], width=6.9), "pdf")
    box = re.search(rb"MediaBox \[([^\]]*)\]", data)
    assert box and float(box[1].split()[2]) / 72 < 7.1
    assert b"/FontFile2" in data and b"/Type3" not in data
    with pytest.raises(ValueError, match="png or pdf, got 'svg'"):
        saved(kl_bars([1.0]), "svg")
    assert saved(kl_bars([1.0]), "pdf") == saved(kl_bars([1.0]), "pdf")


def test_frames_that_are_not_square_keep_their_shape() -> None:
    board = joined(frames(2, 3, 10, 30, 1))
    assert board.shape == (2 * 13 - 3, 3 * 33 - 3, 1) and (board[10:13] == 255).all()
    light = joined(np.full((2, 1, 8, 8, 3), 250, np.uint8))
    assert (light[8:11] < 200).all()  # white frames are told apart
    wide = reconstructions({"a": (frames(4, 40, 120, 3), frames(4, 40, 120, 3))})
    assert wide.get_size_inches()[0] > 2 * wide.get_size_inches()[1]
