"""Every unusable array gets a ValueError that names the place and says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import (
    dci,
    disentanglement,
    explicitness,
    infoe,
    infomec,
    irs,
    mcc,
    measure,
    mig,
    r2,
    rmig,
    sap,
)
from bvae_rl.metrics.inputs import as_matrix, check, constant_columns, split, standardise

pytest.importorskip("sklearn")


def arrays(samples: int = 40) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(samples, 3)), random.normal(size=(samples, 2))


def changed(array: np.ndarray, index, value: float) -> np.ndarray:
    array = array.copy()
    array[index] = value
    return array


CODES, FACTORS = arrays()
BAD = {
    "vector": (CODES[:, 0], FACTORS, None, "codes must be a matrix"),
    "no columns": (CODES[:, :0], FACTORS, None, "codes must be a matrix"),
    "objects": (CODES.astype(object), FACTORS, None, "codes must be an array of real numbers"),
    "strings": (CODES, FACTORS.astype(str), None, "factors must be an array of real numbers"),
    "complex": (CODES + 1j, FACTORS, None, "real numbers, got dtype complex128"),
    "NaN": (changed(CODES, (3, 1), np.nan), FACTORS, None, "got nan in row 3, column 1"),
    "infinite": (CODES, changed(FACTORS, (5, 0), np.inf), None, "got inf in row 5, column 0"),
    "too large": (changed(CODES, (0, 0), -1e200), FACTORS, None, "got -1e.200 in row 0"),
    "lengths": (CODES, FACTORS[:-1], None, "got 40 and 39 rows"),
    "one sample": (CODES[:1], FACTORS[:1], None, "at least 2 samples are needed, got 1"),
    "no samples": (CODES[:0], FACTORS[:0], None, "at least 2 samples are needed, got 0"),
    "transposed": (np.ones((2, 3)), np.eye(2, 5), None, "more columns than rows"),
    "constant": (CODES, changed(FACTORS, np.s_[:, 1], 0.1), None, "column 1 is constant .0.1 in"),
    "full turns": (
        CODES,
        np.stack([FACTORS[:, 0], 2 * np.pi * np.arange(40)], axis=1),
        ["continuous", "cyclic"],
        "column 1 is constant",
    ),
    "all classes once": (
        CODES,
        FACTORS,
        ["continuous", "categorical"],
        "as many values as samples",
    ),
    "kinds too short": (CODES, FACTORS, ["continuous"], "one entry for each of the 2 factors"),
    "unknown kind": (CODES, FACTORS, ["continuous", "angle"], "unknown kind 'angle'; known are"),
}


@pytest.mark.parametrize("metric", [mig, dci, r2, sap, explicitness, infoe, irs, mcc])
@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_refused(metric, case) -> None:
    codes, factors, kinds, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        metric(codes, factors, kinds=kinds)


@pytest.mark.parametrize(
    "metric, settings, message",
    [
        (mig, {"bins": 1}, "bins must be at least 2, got 1"),
        (measure, {"binning": "equal"}, "unknown binning 'equal'; known are"),
        (measure, {"binning": "quantile", "reference": True}, "published .* equal-width bins"),
        (measure, {"active": [0, 1, 2]}, "one boolean for each of the 3 latents"),
        (dci, {"trees": 0}, "trees must be at least 1, got 0"),
        (dci, {"n_jobs": 0}, "n_jobs must be at least 1"),
        (sap, {"most": 3}, "most must be at least 10 samples to fit on"),
        (explicitness, {"most": 3}, "most must be at least 10 samples to fit on"),
        (irs, {"quantile": 0}, "must lie in"),
        (irs, {"quantile": 1.5}, "must lie in"),
        (irs, {"bins": 1}, "must be at least 2"),
        (mcc, {"method": "kendall"}, "unknown method 'kendall'"),
        (r2, {"model": "forest"}, "unknown model 'forest'"),
        (r2, {"steps": 0}, "steps must be at least 1"),
        (r2, {"model": "linear", "replicates": 1}, "needs two or more replicates, got 1"),
        (r2, {"codes_test": CODES}, "given together"),
        (r2, {"codes_test": CODES[:, 0], "factors_test": FACTORS}, "codes_test must be a matrix"),
        (r2, {"codes_test": CODES[:, :2], "factors_test": FACTORS}, "same columns, got 3 and 2"),
        (rmig, {"deviations": CODES * 0, "bins": 0}, "bins must be at least 2, got 0"),
        (rmig, {"deviations": CODES * 0, "bins": 1, "reference": True}, "at least 2, got 1"),
        (rmig, {"deviations": 0 * CODES - 1}, "at least 0 and of the codes' shape"),
        (
            rmig,
            {"deviations": CODES * 0, "limits": (1, -1), "reference": True},
            "low < high",
        ),
    ],
)
def test_bad_settings_are_refused(metric, settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        metric(CODES, FACTORS, **settings)


@pytest.mark.parametrize("metric", [mig, measure, infomec, dci, sap, explicitness])
def test_a_misspelt_keyword_is_refused(metric) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'kind'"):
        metric(CODES, FACTORS, kind=["continuous"] * 2)


def test_what_only_some_arrays_allow_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        disentanglement(-np.eye(3))
    with pytest.raises(ValueError, match="one of 20 bins"):
        measure(CODES, 0.1 + 0.01 * FACTORS, kinds=["cyclic"] * 2)
    with pytest.raises(ValueError, match="too few for IRS"):
        irs(CODES[:3, :1], np.array([[0.0], [0.5], [1.0]]))


def test_a_factor_that_the_test_part_never_varies_is_refused() -> None:
    factors = np.zeros((40, 1))
    factors[split(40, test_fraction=0.25, seed=0)[0][:5]] = 1
    for kind in ("continuous", "categorical"):
        with pytest.raises(ValueError, match="constant in the 10 samples held out"):
            r2(CODES, factors, kinds=[kind], model="linear")  # type: ignore[list-item]


def test_integers_and_booleans_and_lists_are_numbers() -> None:
    checked = check([[1], [2], [3]], np.array([[True], [False], [True]]))
    assert checked.codes.dtype == checked.factors.dtype == np.float64
    assert checked.kinds == ("continuous",)


def test_an_angle_varies_unless_it_moves_by_full_turns() -> None:
    angles = np.array([[0.0, 0.0], [2 * np.pi, np.pi]])
    assert constant_columns(angles, ["cyclic", "cyclic"]).tolist() == [True, False]
    assert constant_columns(angles, ["continuous", "cyclic"]).tolist() == [False, False]


def test_split_is_a_partition_that_the_seed_decides() -> None:
    train, test = split(100, test_fraction=0.25, seed=3)
    assert len(test) == 25 and sorted([*train, *test]) == list(range(100))
    np.testing.assert_array_equal(train, split(100, test_fraction=0.25, seed=3)[0])
    assert set(test) != set(split(100, test_fraction=0.25, seed=4)[1])
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        split(100, test_fraction=1.0, seed=0)
    with pytest.raises(ValueError, match="leave 9 to fit and 3"):
        split(12, test_fraction=0.25, seed=0)


def test_standardise_uses_the_training_rows_and_silences_constant_columns() -> None:
    values = np.array([[1.0, 0.1], [3.0, 0.1]] * 500 + [[5.0, 7.0]])
    train = np.arange(1000)
    assert values[train, 1].std() > 0  # a constant's deviation is rounding, not 0
    scaled = standardise(values, train)
    np.testing.assert_allclose(scaled[[0, 1, -1]], [[-1, 0], [1, 0], [3, 0]])


def test_what_is_no_array_is_refused() -> None:
    class Graph:  # as a tensor that requires a gradient
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("use tensor.detach().numpy() instead")

    with pytest.raises(ValueError, match=r"codes cannot be read as an array: use tensor\.detach"):
        as_matrix(Graph(), "codes")
    with pytest.raises(ValueError, match="factors cannot be read as an array"):
        as_matrix([[1.0, 2.0], [3.0]], "factors")
