"""How much of a world was seen: figures against closed forms, and what is said of them."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.coverage.figures import BINS, Coverage, alike, binned, evenness, measure
from bvae_rl.data.coverage.file import FILE, kept
from bvae_rl.data.coverage.of_store import advice, coverage_of, tell_coverage
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.small import Components, small

X, Y = FactorSpec("x", low=-1, high=3), FactorSpec("y")
DOOR = FactorSpec("door", "categorical", values=(0, 1, 4))
TONE = FactorSpec("tone", role="appearance")


def bars(columns: list[int], side: int = 32) -> np.ndarray:
    """Frames with one bright column each."""
    frames = np.zeros((len(columns), side, side, 1), np.uint8)
    frames[np.arange(len(columns)), :, columns] = 255
    return frames


def test_uniform_factors_cover_all_and_a_constant_nothing() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1, 3, 40), np.linspace(0, 1, 40)), -1).reshape(-1, 2)
    found = measure(bars([*range(32)]), grid, (X, Y))
    assert found.of == "factors" and found.frames == 1600
    assert found.evenness == pytest.approx(1, abs=1e-12)
    assert found.seen == found.pairs == 1
    still = measure(bars([3] * 9), np.full((9, 2), 0.5), (X, Y))
    assert (still.evenness, still.seen, still.pairs) == (0, 1 / BINS, 1 / BINS**2)
    assert still.same == still.pictures == 1 and still.effective == 0


def test_each_factor_has_its_own_figure() -> None:
    half = np.linspace(-1, 0.999, 1000)  # of the range of X
    door = np.tile([0, 4], 500)
    found = measure(bars([1, 2]), np.stack([half, door, half * 0], 1), (X, DOOR, TONE))
    assert found.each == {
        "x": pytest.approx(math.log(5) / math.log(10), abs=1e-3),
        "door": pytest.approx(math.log(2) / math.log(3)),
    }
    assert found.seen == pytest.approx((5 / 10 + 2 / 3) / 2)
    assert found.pairs == pytest.approx(10 / 30)


def test_values_outside_of_the_range_count_to_the_nearest_bin() -> None:
    index, bins = binned(np.array([-9.0, -1, 2.999, 3, 9]), X)
    assert bins == 10 and index.tolist() == [0, 0, 9, 9, 9]
    assert evenness(index, bins) == pytest.approx(
        -(0.4 * math.log(0.4) + 0.6 * math.log(0.6)) / math.log(10)
    )


def test_equally_frequent_pictures_are_counted() -> None:
    same, pictures = alike(bars([0, 0, 9, 9, 20, 20, 31, 31]))
    assert same == 0.25 and pictures == pytest.approx(4)
    frames = bars([5] * 10)
    frames[0, 3, 3] = 255  # one place of one picture
    same, pictures = alike(frames)
    assert same == 0.9 and pictures == pytest.approx(1 / 0.82)


def test_small_pictures_are_means_of_areas() -> None:
    frames = np.arange(4 * 4, dtype=np.uint8).reshape(1, 4, 4, 1) * 10
    assert small(frames, 2)[0, :, :, 0].tolist() == [[25, 45], [105, 125]]
    assert small(frames, 4) is frames
    assert small(np.full((1, 210, 160, 3), 7, np.uint8)).shape == (1, 30, 32, 3)


def test_components_are_white_and_their_number_effective() -> None:
    rng = np.random.default_rng(0)
    frames = np.full((400, 8, 8, 1), 100, np.uint8)
    frames[:, :4] += rng.integers(0, 2, (400, 1, 1, 1), dtype=np.uint8) * 50
    frames[:, 4:] += rng.integers(0, 2, (400, 1, 1, 1), dtype=np.uint8) * 50
    found = Components.fit(frames, 5)
    assert len(found.directions) == 2  # nothing else varies
    assert found.effective == pytest.approx(2, abs=0.05)
    codes = found.codes(frames)
    assert np.allclose(codes.mean(0), 0, atol=1e-4) and np.allclose(codes.std(0), 1, atol=1e-4)
    flat = Components.fit(frames[:1].repeat(5, 0), 5)
    assert flat.effective == 0 and not flat.codes(frames).any()


def filled(folder: Path, columns: list[int], x: np.ndarray | None = None) -> FrameStore:
    store, number = FrameStore(folder), np.arange(len(columns))
    store.declare(factor_specs=() if x is None else (Y,), policy="random")
    store.append(Frames(bars(columns), number * 0, number, x))
    return store


def test_it_is_kept_beside_the_frames_and_measured_again_when_they_change(tmp_path: Path) -> None:
    store = filled(tmp_path, [*range(32)] * 2)
    before = store.identity()
    said: list[str] = []
    tell_coverage(store, say=said.append)
    assert "3% of the frames show nearly one picture" in said[0] and "32 different" in said[0]
    assert FrameStore(tmp_path).identity() == before
    assert f"coverage  {said[0].removeprefix('coverage ')}" in FrameStore(tmp_path).describe()
    again = FrameStore(tmp_path)
    assert kept(again) == coverage_of(again) and kept(again) is not None
    again.append(Frames(bars([1]), np.zeros(1, int), np.zeros(1, int)))
    assert kept(again) is None and coverage_of(again).frames == 65
    (tmp_path / FILE).write_text("no JSON")
    assert kept(again) is None


def test_poor_coverage_is_said_in_a_line_with_advice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(tmp_path, [4] * 60 + [*range(5, 25)] * 2, np.linspace(0, 1, 100)[:, None])
    with caplog.at_level(logging.WARNING):
        tell_coverage(store, say=lambda line: None)
    (line,) = caplog.messages
    assert line.startswith("60% of the frames show nearly the same picture: collect with --policy")


def covered(**changed: float) -> Coverage:
    figures = {"evenness": 0.9, "seen": 1.0, "pairs": 1.0, "same": 0.01, **changed}
    each = {"x": figures["evenness"], "speed": 0.1}
    return Coverage(100, "factors", pictures=50.0, effective=3.0, each=each, **figures)


def test_advice_depends_on_what_was_done() -> None:
    assert advice(covered(), "random") == []
    assert "speed" in advice(covered(evenness=0.3), "random")[0]
    assert "--policy mixed" in advice(covered(same=0.8), "sticky")[0]
    assert "--shares" in advice(covered(same=0.8), "mixed")[0]
    assert advice(covered(same=0.8), "independent") == []
