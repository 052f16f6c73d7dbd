"""``bvae-rl bench networks`` at toy size: every combination, kept VAEs, states that stay apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.metrics.regression import R2
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import networks as bench_networks
from bvae_rl.scripts.bench.figures import Figure

TINY = bench_networks.Sizes(
    latents=4, channels=(4, 4, 4), hidden=8, batch=8, regressor_steps=5, timed_steps=1,
    timed_encodings=1, environments=2,
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_networks, "SIZES", TINY)


@pytest.mark.usefixtures("tiny")
def test_every_combination_is_trained_once_and_tabulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FrameStore(tmp_path / "frames")
    collect_independent(PlanarReach(size=32), store, 2000, seed=0)  # in one appearance
    args = bench.Args("networks", store=store.folder, steps=2, rounds=2, out=tmp_path / "out")
    result = bench.main(args)
    labels = {bench_networks.label(pair) for pair in bench_networks.COMBINATIONS}
    assert {name.partition(", ")[0] for name in result.figures} == labels and len(labels) == 5
    default = "space_to_depth + pixel_shuffle"
    columns = [n.partition(", ")[2] for n in result.figures if n.startswith(f"{default}, ")]
    factors = [spec.name for spec in store.factor_specs if spec.role == "state"]
    assert columns == [
        "images/s", "encoded/s", "encoder", "decoder", "ELBO", "active", "R2", *factors
    ]  # fmt: skip
    assert len(result.figures[f"{default}, images/s"].rounds) == 2
    # kernels and biases of three convolutions, and of the two linear layers
    convolutions = (12 * 4 + 2 * 4 * 4) * 16 + 3 * 4
    assert result.figures[f"{default}, encoder"].value == convolutions + 17 * 8 + 9 * 8
    mean = result.figures[f"{default}, R2"].value
    each = [result.figures[f"{default}, {factor}"].value for factor in factors]
    assert mean == pytest.approx(np.mean(each))
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line.split("  ")[0] for line in printed[1:6]) == sorted(labels)
    stored = Run(args.out).read_json("bench_networks.json")
    assert stored["settings"]["steps"] == 2 and stored["settings"]["frames"] == len(store)

    vaes = sorted((args.out / "networks").glob("*/model.safetensors"))
    stamps = [path.stat().st_mtime_ns for path in vaes]
    again = bench.main(args)
    assert [path.stat().st_mtime_ns for path in vaes] == stamps and len(vaes) == 5
    name = "space_to_depth + broadcast, ELBO"
    assert again.figures[name].value == result.figures[name].value


@pytest.mark.usefixtures("tiny")
def test_no_held_out_state_is_both_fitted_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three views of each of 250 states; a frame shows the number of its state."""
    state = np.arange(750) % 250
    frames = np.zeros((750, 32, 32, 3), np.uint8)
    frames[:] = state[:, None, None, None]
    store = FrameStore(tmp_path / "frames")
    store.declare(factor_specs=(FactorSpec("state", high=250.0),))
    store.append(Frames(frames, np.arange(750), state, factors=state[:, None].astype(np.float32)))
    subject = bench_networks.Bench(store.folder, steps=1, out=tmp_path)
    seen: dict[str, Any] = {}

    def record(codes: np.ndarray, factors: np.ndarray, **others: Any) -> R2:
        seen.update(others, codes=codes, factors=factors)
        return R2(np.zeros(1), 0.0)

    class Shown:
        def encode_frames(self, shown: np.ndarray) -> np.ndarray:
            return shown[:, 0, 0, :1]

    monkeypatch.setattr(bench_networks, "r2", record)
    subject._r2(Shown())  # type: ignore[arg-type]
    assert np.array_equal(seen["codes"], seen["factors"])
    assert np.array_equal(seen["codes_test"], seen["factors_test"])
    fitted, scored = set(seen["codes"].ravel()), set(seen["codes_test"].ravel())
    assert not fitted & scored
    assert sorted(fitted | scored) == sorted(set(state[subject.rows.validation]))
    assert len(fitted) == 3 * (len(fitted) + len(scored)) // 4


def test_the_table_has_a_line_a_combination() -> None:
    figures = [
        Figure(f"{name}, {column}", values, "")
        for name, base in (("a + b", 1.0), ("a + c", 1000.0))
        for column, values in (("images/s", (base, 5 * base, 9 * base)), ("R2", (0.25,)))
    ]
    lines = bench_networks.table(figures).splitlines()
    assert [line.split() for line in lines] == [
        ["images/s", "R2"],
        ["a", "+", "b", "5", "0.250"],
        ["a", "+", "c", "5,000", "0.250"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_stores_without_factors_and_no_steps_are_refused(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    store.append(Frames(np.zeros((9, 32, 32, 3), np.uint8), np.arange(9), np.arange(9)))
    args = bench.Args("networks", store=store.folder, out=tmp_path)
    with pytest.raises(ValueError, match="holds no factors, so nothing can be scored"):
        bench.main(args)
    few = FrameStore(tmp_path / "few")
    collect_independent(PlanarReach(size=32), few, 100, seed=0)
    with pytest.raises(
        ValueError, match=r"holds 512 frames, of which .* needs 14: collect .* or more"
    ):
        bench.main(bench.Args("networks", store=few.folder, out=tmp_path))
    with pytest.raises(ValueError, match="must be at least 1, got 5, 1 and 0"):
        bench.main(bench.Args("networks", store=store.folder, steps=0))
