"""Pictures hold the numbers they were given; below five seeds no interval is drawn."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bvae_rl.plots import (
    factor_heatmap,
    kl_bars,
    learning_curves,
    method_colour,
    method_label,
    png,
    reconstructions,
    timelines,
    transfer_bars,
    traversal_grid,
)
from bvae_rl.plots.adaptation import adaptation
from bvae_rl.plots.style import METHODS, SMALL, TREATMENTS, method_style, method_styles
from bvae_rl.plots.sweep import sweep
from bvae_rl.runtime.spread import interval, iqm

STEPS = np.arange(4) * 1000


def bars(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize("seeds", [1, 3, 4, 5, 8, 9])
def test_iqm_is_the_trimmed_mean(seeds: int) -> None:
    values = np.random.default_rng(0).normal(size=(seeds, 3))
    stats = pytest.importorskip("scipy.stats")
    assert iqm(values) == pytest.approx(stats.trim_mean(values, 0.25))


def test_an_interval_needs_five_seeds_and_holds_the_middle() -> None:
    values = np.random.default_rng(0).normal(3, 1, size=(40, 2))
    assert interval(values[:4]) is None
    band = interval(values)
    assert band is not None
    low, high = band
    assert np.all((low < iqm(values)) & (iqm(values) < high))
    # The IQM of n normal values has a standard error of about 1.08 / sqrt(n) (Tukey's midmean).
    assert high - low == pytest.approx(2 * 1.96 * 1.08 / np.sqrt(40), rel=0.3)


@pytest.mark.parametrize(("seeds", "bands"), [(4, 0), (5, 1)])
def test_learning_curves_show_every_seed_and_a_band_from_five(seeds: int, bands: int) -> None:
    values = np.random.default_rng(0).normal(size=(seeds, 4))
    ax = learning_curves({"state": (STEPS, values)}, references={"random policy": -2.0}).axes[0]
    drawn = [np.asarray(line.get_ydata()) for line in ax.lines if len(line.get_xdata()) == 4]
    for seed in values:
        assert any(np.array_equal(seed, y) for y in drawn)
    assert any(np.allclose(iqm(values), y) for y in drawn) == bool(bands)
    assert sum(isinstance(c, PolyCollection) for c in ax.collections) == bands
    assert [-2.0, -2.0] in [list(line.get_ydata()) for line in ax.lines]
    assert "random policy" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(("seeds", "lines"), [(4, 0), (5, 2)])
def test_transfer_bars_have_the_height_of_the_scores(seeds: int, lines: int) -> None:
    values = np.random.default_rng(0).uniform(size=(2, seeds))
    figure = transfer_bars({"state": {"source": values[0]}, "pca": {"ood1": values[1]}})
    ax = figure.axes[0]
    assert [bar.get_height() for bar in bars(figure)] == pytest.approx(list(iqm(values.T)))
    dots = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    assert np.concatenate(dots)[:, 1].tolist() == pytest.approx(values.ravel().tolist())
    assert sum(isinstance(c, LineCollection) for c in ax.collections) == lines
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["true state", "PCA"]


def test_bars_of_one_method_stand_side_by_side_in_its_colour() -> None:
    figure = transfer_bars({"bvae": {"source": [1.0], "ood1": [0.5], "ood2": [0.2]}})
    left = [bar.get_x() for bar in bars(figure)]
    width = bars(figure)[0].get_width()
    assert np.all(np.diff(left) > width)
    assert {to_hex(bar.get_edgecolor()) for bar in bars(figure)} == {method_colour("bvae").lower()}
    assert len({bar.get_facecolor() for bar in bars(figure)}) == 3


def test_colours_are_fixed_and_distinct() -> None:
    for table in (METHODS, TREATMENTS):  # the two never meet in a picture
        assert len({colour for _, colour, _ in table.values()}) == len(table)
        assert len({marker for _, _, marker in table.values()}) == len(table)
    assert method_colour("my_method") == method_colour("my_method")
    assert method_colour("my_method") not in {colour for _, colour, _ in METHODS.values()}
    assert method_label("bvae-content") == "Beta-VAE, content latents"
    assert method_label("bvae/content") == "Beta-VAE, content latents"
    assert method_label("bvae/content") == method_label("bvae-content")
    assert method_label("bvae-content") == "Beta-VAE, content latents"
    assert method_label("untrained") == "untrained encoder"
    assert method_label("my_method") == "my_method"


def test_methods_of_a_figure_look_unlike_each_other() -> None:
    names = [f"bvae-v{n}" for n in range(6)]
    styles = method_styles(["bvae", *names])
    assert styles["bvae"] == METHODS["bvae"]
    for part in (1, 2):  # colour, marker
        assert len({styles[name][part] for name in names}) == 6
    many = method_styles(map(str, range(36)))
    assert len({style[1:] for style in many.values()}) == 36
    assert method_styles(["a"])["a"] == method_style("a")


def test_heatmap_prints_every_value_and_greys_inactive_latents() -> None:
    matrix = np.array([[0.9, 0.0], [0.004, 0.25], [-0.04, np.nan]])
    figure = factor_heatmap(
        matrix,
        ["z0", "z1", "z2"],
        ["elbow", "arm_colour"],
        value_label="R2",
        groups={"content": (0, 2), "style": (2, 3)},
        active=[True, True, False],
    )
    ax = figure.axes[0]
    assert np.array_equal(ax.images[0].get_array(), matrix, equal_nan=True)
    printed = [text.get_text() for text in ax.texts]
    assert printed == [".90", ".00", ".00", ".25", "\N{MINUS SIGN}.04", "", "content", "style"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["z0", "z1", "z2"]
    assert [bar.get_y() for bar in bars(figure)] == [1.5]  # the grey bar over the last row
    assert [1.5, 1.5] in [list(line.get_ydata()) for line in ax.lines]  # the group boundary
    with pytest.raises(ValueError, match=r"\(3, 2\).*1 latent names"):
        factor_heatmap(matrix, ["z0"], ["a", "b"])


def test_heatmap_prints_numbers_of_one_and_more_in_full() -> None:
    figure = factor_heatmap([[1.0, 10.0, -0.001]], ["z0"], ["a", "b", "c"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.00", "10.00", ".00"]


def test_kl_bars_count_active_latents_by_group() -> None:
    kl = [1.0, 0.01, 2.0, 0.0]
    figure = kl_bars(kl, groups={"content": (0, 2), "style": (2, 4)}, threshold=0.01)
    assert [bar.get_height() for bar in bars(figure)] == kl
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        "content: 1 of 2 active",
        "style: 1 of 2 active",
        "inactive (at most 0.01 nats)",
    }
    given = kl_bars(kl, active=[True, True, False, True]).axes[0].get_legend()
    assert given is not None
    words = {text.get_text() for text in given.get_texts()}
    assert words == {"latents: 3 of 4 active", "inactive"}


def test_traversals_stand_in_their_cells() -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 8, 3), dtype=np.uint8)
    figure = traversal_grid(images, ["z0", "z1"], [-2, 0, 2])
    board = np.asarray(figure.axes[0].images[0].get_array())
    assert np.array_equal(board[11:19, 22:30], images[1, 2])  # cells of 8 with gaps of 3
    assert (board[8:11] == 255).all()
    heads = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert heads == ["\N{MINUS SIGN}2", "0", "+2"]
    with pytest.raises(ValueError, match="3 column values"):
        traversal_grid(images[:, :2], ["z0", "z1"], [-2, 0, 2])
    with pytest.raises(ValueError, match="uint8"):
        traversal_grid(images / 255.0, ["z0", "z1"], [-2, 0, 2])


def test_reconstructions_stand_under_their_frames() -> None:
    rng = np.random.default_rng(0)
    frames, recon = rng.integers(0, 255, (2, 12, 8, 8, 3), dtype=np.uint8)
    kinds = {"random": (frames[:4], recon[:4]), "worst": (frames[4:7], recon[4:7])}
    ax = reconstructions(kinds).axes[0]
    board = np.asarray(ax.images[0].get_array())
    assert board.shape == (4 * 11 - 3, 4 * 11 - 3, 3)
    for i, (row, column) in {0: (0, 0), 3: (0, 3), 6: (2, 2)}.items():
        x = column * 11
        assert np.array_equal(board[row * 11 : row * 11 + 8, x : x + 8], frames[i])
        assert np.array_equal(board[(row + 1) * 11 : (row + 1) * 11 + 8, x : x + 8], recon[i])
    assert (board[22:, 33:] == 255).all()  # the kind with fewer frames
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "random", "decoded", "worst", "decoded"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="pass equal"):
        reconstructions({"random": (frames, recon[:3])})


@pytest.mark.parametrize("side", [32, 128])
def test_each_pixel_of_a_frame_has_one_on_paper(side: int) -> None:
    frames = np.zeros((2, side, side, 1), np.uint8)
    figure = reconstructions({"all": (frames, frames)})
    assert figure.get_size_inches()[0] * figure.dpi / 100 * 130 >= 2 * side


def test_timelines_pair_each_moving_factor_with_its_latents() -> None:
    t = np.linspace(0, 6, 50)
    noise = np.random.default_rng(0).normal(size=(50, 3)) * 0.01
    factors = np.stack([np.sin(t), np.cos(t), np.full(50, 0.3)], axis=1)
    codes = np.stack([0 * t, -3 * np.cos(t), 2 * np.sin(t) + 5], axis=1) + noise
    names = ["shoulder", "elbow", "arm_colour"]
    figure = timelines(codes, factors, ["z0", "z1", "z2"], names, top=1)
    legends = [ax.get_legend() for ax in figure.axes]
    shown = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
    minus = "\N{MINUS SIGN}"
    assert shown == [["shoulder", "z2  (r = +1.00)"], ["elbow", f"{minus}z1  (r = {minus}1.00)"]]
    for ax in figure.axes:  # aligned in sign and standardised
        truth, latent = (np.asarray(line.get_ydata()) for line in ax.lines)
        assert truth.std() == pytest.approx(1)
        assert latent == pytest.approx(truth, abs=0.05)
    assert "constant in this episode: arm_colour" in figure.get_supxlabel()


def test_timelines_of_angles_do_not_jump_where_the_circle_closes() -> None:
    t = np.linspace(0, 1, 60)
    near = np.pi + 0.8 * np.sin(7 * t)  # crosses the end of the circle, and comes back
    round_ = 11 * t  # goes further than a turn
    wrapped = np.stack([near, round_], axis=1) % (2 * np.pi) - np.pi
    codes = np.stack([near, np.cos(round_ - np.pi), -np.sin(round_ - np.pi)], axis=1)
    factors, names = np.column_stack([wrapped, 3 * t]), ["near", "round", "height"]
    assert np.abs(np.diff(wrapped, axis=0)).max() > 6
    figure = timelines(
        codes, factors, ["z0", "z1", "z2"], names, periods=[2 * np.pi, 2 * np.pi, None], top=1
    )
    texts = [legend.get_texts() for ax in figure.axes if (legend := ax.get_legend())]
    shown = [[text.get_text() for text in row] for row in texts]
    assert [row[0] for row in shown] == ["near", "round (cos)", "round (sin)", "height"]
    assert [row[1].strip("\N{MINUS SIGN}")[:2] for row in shown[:3]] == ["z0", "z1", "z2"]
    for ax, (_, latent) in zip(figure.axes, shown[:3], strict=False):
        assert "1.00)" in latent  # the latent tracks what is drawn
        steps = np.abs(np.diff(np.asarray(ax.lines[0].get_ydata())))
        assert steps.max() < 0.5  # in standard deviations; a jump is over 2
    still = np.where(np.arange(60) % 2, np.pi, -np.pi)[:, None]  # one place, written in two ways
    figure = timelines(codes, still, ["z0", "z1", "z2"], ["still"], periods=[2 * np.pi])
    assert "constant in this episode: still" in figure.get_supxlabel()


def test_timelines_without_factors_show_the_most_active_latents() -> None:
    codes = np.random.default_rng(0).normal(size=(20, 4)) * [1, 4, 2, 3]
    figure = timelines(codes, None, ["z0", "z1", "z2", "z3"], most=2)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["z1", "z3"]
    assert np.array_equal(np.asarray(figure.axes[0].lines[0].get_ydata()), codes[:, 1])
    with pytest.raises(ValueError, match="same episode"):
        timelines(codes, np.zeros((19, 1)), ["z0", "z1", "z2", "z3"], ["elbow"])


def test_adaptation_leaves_out_a_measure_without_curves() -> None:
    curves = {"frozen": (STEPS, np.ones((2, 4)))}
    figure = adaptation({"error": {"ood1": curves, "ood2": {}}, "MIG": {"ood1": {}, "ood2": {}}})
    assert [(ax.get_ylabel(), ax.get_visible()) for ax in figure.axes] == [
        ("error", True),
        ("", False),
    ]
    assert figure.axes[0].get_yscale() == "log"
    with pytest.raises(ValueError, match="no curve"):
        adaptation({"MIG": {"ood1": {}}})


def test_a_sweep_shows_every_score() -> None:
    scores = {f"score {i}": np.full((2, 1), 0.1 * i) for i in range(8)}
    figure = sweep([1, 2], [[9.0], [8]], [[1.0], [2]], [[3], [2]], scores)
    legend = figure.axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(scores)


def test_png_is_a_picture_whose_text_is_readable_and_uncut() -> None:
    figure = transfer_bars({method: {"source": [0.5], "ood1": [0.2]} for method in METHODS})
    data = png(figure, dpi=100)
    assert data.startswith(b"\x89PNG") and data == png(figure, dpi=100)
    labels = [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]
    assert min(float(label.get_fontsize()) for label in labels) >= SMALL >= 8
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes)), "labels overlap"


def test_pictures_need_no_display_and_no_pyplot() -> None:
    code = (
        "import sys; from bvae_rl.plots import png, transfer_bars\n"
        "assert 'matplotlib' not in sys.modules\n"
        "png(transfer_bars({'state': {'source': [1.0]}}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def test_nothing_to_show_is_said() -> None:
    with pytest.raises(ValueError, match="no score"):
        transfer_bars({})
    with pytest.raises(ValueError, match="no curve"):
        learning_curves({})
    with pytest.raises(ValueError, match=r"method 'state': values are \(2, 3\)"):
        learning_curves({"state": (STEPS, np.zeros((2, 3)))})
