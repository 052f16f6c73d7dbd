"""The commands that show an environment and time the worlds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.envs.planar.variations import KINDS
from bvae_rl.plots import frame_sheet
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import show
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import envs as bench_envs
from bvae_rl.scripts.bench import metrics as bench_metrics
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.common import EnvArgs
from tests.next_cases import next_commands

GRID = EnvArgs(
    env="MiniGrid-Empty-6x6-v0",
    wrappers=("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper"),
)


def test_show_writes_a_row_a_domain_and_the_factors_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = show.main(show.Args(domain=("source", "ood1:noise"), frames=3, out=tmp_path))
    assert result.picture == tmp_path / "PlanarReach-v0.png"
    assert cv2.imread(str(result.picture)) is not None
    assert [spec.name for spec in result.specs["ood1:noise"]][-1] == "noise"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bvae_rl/PlanarReach-v0: 8 factors"
    shoulder, noise = (
        next(line for line in lines if line.split()[0] == name) for name in ("shoulder", "noise")
    )
    assert shoulder.endswith("[0.4, 2.74] rad")
    assert noise.endswith("[0, 25] grey levels  in ood1:noise")
    followed = [(name, args.domain) for name, args in next_commands("\n".join(lines))]
    assert followed == [("collect", "source"), ("collect", "ood1:noise")]


def test_show_takes_environments_that_know_no_factors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = show.main(show.Args(GRID, frames=4, out=tmp_path))
    assert result.picture.name == "MiniGrid-Empty-6x6-v0.png"
    assert "does not know its factors" in capsys.readouterr().out
    env = GRID.config().make()
    shown = show.frames_of(env, 4, seed=1)
    assert np.array_equal(shown, show.frames_of(env, 4, seed=1))
    assert not np.array_equal(shown, show.frames_of(env, 4, seed=2))


def test_show_refuses_unknown_domains_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--domain", "ood1:fog", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "unknown kind of change 'fog'" in error and len(error.splitlines()) == 1
    with pytest.raises(ValueError, match=r"frames must be at least 1 .* got 0 and 0"):
        show.main(show.Args(frames=0))


def test_rows_of_a_sheet_are_of_one_size() -> None:
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="every row needs frames of one number and size"):
        frame_sheet({"a": frames, "b": frames[:2]})
    board = frame_sheet({"a": frames, "b": frames + 9}).axes[0].images[0].get_array()
    assert board is not None and board.shape == (8 + 3 + 8, 3 * 8 + 2 * 3, 3)
    assert board[0, 0, 0] == 0 and board[-1, 0, 0] == 9


def test_bench_envs_times_every_kind_of_world_and_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_envs, "SIZES", bench_envs.Sizes(planar=20, grid=10, mujoco=2, car=3))
    result = bench.main(bench.Args("envs", rounds=1, out=tmp_path))
    names = set(result.figures)
    assert names >= {f"PlanarPush, ood2:{kind}" for kind in (*KINDS, "all")}
    assert "MiniGrid-FourRooms, partial / the library's" in names
    if find_spec("envpool") and find_spec("Box2D"):
        assert {name for name in names if name.startswith("CarRacing") and "2" in name} == {
            "CarRacing-v3, 8 by EnvPool, threads: 2",
            "CarRacing-v3, 8 by EnvPool, threads: 2 / Python's",
        }
    judged = {name for name, figure in result.figures.items() if figure.target == 3000}
    assert judged == {name for name in names if name.startswith("Planar")}
    assert Run(tmp_path).read_json("bench_envs.json")["figures"].keys() == names
    assert "PlanarReach, ood2:all" in capsys.readouterr().out


def test_bench_metrics_sets_every_figure_beside_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = bench_metrics.Sizes(samples=300, latents=3, factors=2, replicates=5, steps=5)
    monkeypatch.setattr(bench_metrics, "SIZES", tiny)
    result = bench.main(bench.Args("metrics", rounds=1, profile=True, out=tmp_path))
    judged = {name: figure.target for name, figure in result.figures.items() if figure.target}
    assert judged == {
        "MIG": 0.1,
        "report of all array metrics": 60.0,
        "published DCI / default DCI": 20.0,
    }
    assert Run(tmp_path).read_json("bench_metrics.json")["settings"]["samples"] == 300
    assert "default DCI" in capsys.readouterr().out


@pytest.mark.parametrize("view", ["full", "partial"])
@pytest.mark.parametrize("world", bench_envs.GRIDS)
def test_what_bench_compares_shows_equal_pixels(world: str, view: str) -> None:
    ours = gym.make(f"bvae_rl/MiniGrid-{world}-v0", view=view)
    theirs = bench_envs.library_world(world, view)
    frame, _ = ours.reset(seed=3)
    picture = theirs.reset(seed=3)[0]["image"]
    top, left = ((64 - side) // 2 for side in picture.shape[:2])
    assert np.array_equal(
        frame[top : top + picture.shape[0], left : left + picture.shape[1]], picture
    )
