"""Information metrics do not change, to the last bit, with order, sign and scale of the latents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bvae_rl.metrics.binning import arcs, cells, published_cells
from bvae_rl.metrics.infomec import infoc, infom
from bvae_rl.metrics.information import Information, measure
from bvae_rl.metrics.mig import gap
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup, modularity

KINDS = ("continuous", "cyclic", "categorical")
CODES = ("mixed", "grid", "thirds", "float32", "circle")
quick = settings(derandomize=True, database=None, deadline=None, max_examples=60)


def scores(information: Information) -> np.ndarray:
    return np.array(
        [
            gap(information).score,
            mig_sup(information).score,
            dcimig(information).score,
            jemmig(information).score,
            modularity(information).score,
            infom(information),
            infoc(information),
        ]
    )


def drawn(kind: str, seed: int, samples: int, latents: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    angle = random.integers(0, 8, samples) * np.pi / 4
    if seed % 2:
        angle = random.uniform(0, 2 * np.pi, samples)
    classes = np.arange(samples) % 3
    factors = np.stack([random.normal(size=samples), angle, classes], axis=1)
    shape = (samples, latents)
    noise = random.normal(size=shape)
    if kind == "grid":
        return random.integers(0, random.integers(2, 25), shape).astype(float), factors
    if kind == "thirds":
        return random.integers(-3, 4, shape) / 3, factors
    codes = noise + factors @ random.normal(size=(3, latents))
    if kind == "float32":
        return codes.astype(np.float32), factors
    if kind == "circle":
        codes[:, 0], codes[:, -1] = np.cos(angle + 0.3), np.sin(angle + 0.3)
    return codes, factors


@quick
@given(
    kind=st.sampled_from(CODES),
    seed=st.integers(0, 10**6),
    samples=st.integers(20, 250),
    latents=st.integers(1, 5),
    power=st.floats(-12, 12),
    binning=st.sampled_from(["width", "quantile"]),
    bins=st.sampled_from([7, 20]),
)
def test_order_sign_and_scale_change_nothing(
    kind, seed, samples, latents, power, binning, bins
) -> None:
    codes, factors = drawn(kind, seed, samples, latents)
    random = np.random.default_rng(seed + 1)
    order = random.permutation(latents)
    scale = random.choice([-1, 1], latents) * 10.0 ** (power * random.uniform(size=latents))
    moved = (codes.astype(np.float64) * scale)[:, order]
    before = measure(codes, factors, kinds=KINDS, binning=binning, bins=bins)
    after = measure(moved, factors, kinds=KINDS, binning=binning, bins=bins)
    for name in ("mutual_information", "chance", "shares", "code_entropy", "evident"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[order], name)
    np.testing.assert_array_equal(scores(after), scores(before))


@quick
@given(
    kind=st.sampled_from(CODES),
    seed=st.integers(0, 10**6),
    samples=st.integers(5, 200),
    latents=st.integers(1, 5),
    reference=st.booleans(),
)
def test_scores_lie_between_zero_and_one(kind, seed, samples, latents, reference) -> None:
    codes, factors = drawn(kind, seed, samples, latents)
    codes[:, -1:] = 0.1  # an inactive latent
    information = measure(codes, factors, kinds=KINDS, reference=reference)
    found = scores(information)
    assert ((found >= 0) & (found <= 1)).all()
    assert (information.shares <= 1).all()
    for part in (gap(information), dcimig(information), jemmig(information)):
        assert ((part.per_factor >= 0) & (part.per_factor <= 1)).all()


@quick
@given(
    values=st.lists(st.integers(-9, 9), min_size=2, max_size=30),
    bins=st.integers(2, 12),
    binning=st.sampled_from(["width", "quantile"]),
)
def test_cells_mirror_and_grow_with_the_value(values, bins, binning) -> None:
    column = np.array(values, dtype=np.float64)[:, None]
    found = cells(column, bins, binning)[:, 0]
    order = np.argsort(column[:, 0], kind="stable")
    assert (np.diff(found[order]) >= 0).all() and found.min() >= 0 and found.max() <= bins
    if np.ptp(values) > 0:
        last = bins if bins % 2 == 0 else bins - 1
        np.testing.assert_array_equal(cells(-column, bins, binning)[:, 0], last - found)
    grown = cells(np.exp(column / 3), bins, "quantile")
    np.testing.assert_array_equal(grown, cells(column, bins, "quantile"))


def test_edges_belong_to_the_inner_bin_and_the_middle_to_itself() -> None:
    grid = np.arange(21.0)[:, None] * 0.1
    assert cells(grid, 20, "width")[:, 0].tolist() == list(range(21))
    assert cells(grid, 4, "width")[:, 0].tolist() == [0] * 5 + [1] * 5 + [2] + [3] * 5 + [4] * 5
    assert cells(np.arange(8.0)[:, None], 4, "quantile")[:, 0].tolist() == [0, 0, 1, 1, 3, 3, 4, 4]


def test_published_cells_are_those_of_digitize() -> None:
    values = np.random.default_rng(0).integers(0, 9, size=(100, 2)) / 7
    expected = [np.digitize(x, np.histogram(x, 20)[1][:-1]) - 1 for x in values.T]
    np.testing.assert_array_equal(published_cells(values, 20).T, expected)


@pytest.mark.parametrize("binning", ["width", "quantile"])
def test_arcs_go_round_whatever_rounding_does(binning) -> None:
    quarters = np.array([[0.0], [0.25], [0.5], [0.75]])
    jitter = np.array([-1e-13, 0, 1e-13, 1.0, -2.0])
    found = arcs((quarters + jitter).reshape(-1, 1), 4, binning).reshape(4, -1)
    assert (found == found[:, :1]).all() and len(np.unique(found)) == 4
