"""The one writer: atomic files, strict JSON, rows, finished steps and training logs."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.runtime.runs import CsvLog, Run, RunError
from bvae_rl.runtime.versions import environment
from tests.row_cases import ROW


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_json_is_strict_sorted_and_takes_numpy(tmp_path: Path) -> None:
    @dataclass
    class Config:
        steps: int
        out: Path

    path = Run(tmp_path).write_json(
        "a.json",
        {
            "z": np.float32(0.5),
            "y": np.array([1.0, np.nan, -np.inf]),
            "x": (np.int64(3), np.bool_(True), torch.tensor([2])),
            "w": Config(7, Path("runs") / "demo"),
            3: math.inf,
        },
    )

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "z": 0.5,
        "y": [1.0, None, None],
        "x": [3, True, [2]],
        "w": {"steps": 7, "out": os.path.join("runs", "demo")},
        "3": None,
    }
    assert path.read_text().startswith('{\n  "3": null,\n  "w"')
    with pytest.raises(TypeError, match="cannot write a set as JSON"):
        Run(tmp_path).write_json("b.json", {"a": {1}})


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    run = Run(tmp_path / "demo")
    run.write_file("results.json", "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(RunError) as caught:
        run.write_file("results.json", "new")
    assert str(caught.value) == (
        f"cannot write {tmp_path / 'demo' / 'results.json'}: No space left on device; free some "
        "space or pass --out ANOTHER_FOLDER; finished steps are kept"
    )
    assert run.path("results.json").read_text() == "old"
    assert files(run.folder) == {"results.json"}


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    Run(tmp_path).write_json("a.json", {"version": "old"})
    code = (
        "import os, signal, sys; from bvae_rl.runtime.runs import Run\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Run(sys.argv[1]).write_json('a.json', {'version': 'new'})"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -9
    assert Run(tmp_path).read_json("a.json") == {"version": "old"}
    Run(tmp_path).write_json("a.json", {"version": "newer"})
    assert Run(tmp_path).read_json("a.json") == {"version": "newer"}


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = Run(tmp_path / "file" / "run")
    for write in (
        lambda: run.write_file("a.txt", "a"),
        lambda: run.append_rows([ROW]),
        lambda: run.mark_done("collect"),
        lambda: CsvLog(run.folder / "log.csv"),
    ):
        with pytest.raises(RunError, match=r"cannot write .*; pass --out ANOTHER_FOLDER") as caught:
            write()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../a.json", "/a.json", "", "a/../../b"])
def test_a_name_must_stay_inside_the_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="inside its folder"):
        Run(tmp_path).path(name)


def test_reading_what_is_missing_or_broken_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(RunError, match=r"cannot read .*a\.json: No such file"):
        run.read_json("a.json")
    run.write_file("a.json", '{"a": 1')
    with pytest.raises(RunError, match=r"a\.json is not valid JSON"):
        run.read_json("a.json")


def test_rows_are_appended_and_the_same_measurement_is_replaced(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.rows() == []
    other = replace(ROW, agent_seed=3, value=math.nan)
    run.append_rows([ROW, other])
    again = replace(ROW, value=1.0, n=50, command="bvae-rl transfer --again")
    curve = replace(ROW, step=1000)
    run.append_rows([again, curve])
    found = run.rows()
    assert [found[0], found[2]] == [again, curve]
    assert math.isnan(found[1].value)
    assert replace(found[1], value=0.0) == replace(other, value=0.0)
    assert len(found) == 3


def test_two_new_rows_of_one_measurement_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two rows measure the same thing"):
        Run(tmp_path).append_rows([ROW, replace(ROW, value=2.0)])


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def work(seed: int) -> None:
        run = Run(tmp_path)
        for step in range(8):
            run.append_rows([replace(ROW, agent_seed=seed, step=step)])
            run.mark_done(f"{seed}/{step}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(Run(tmp_path).rows()) == 32
    assert len(Run(tmp_path).finished()) == 32


def test_a_changed_config_runs_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    config = {"steps": 100, "domain": ("source", "ood1"), "lr": np.float64(0.1)}
    assert not run.done("pretrain")
    run.mark_done("pretrain", config=config, seconds=12.5)
    reordered = {"lr": 0.1, "domain": ["source", "ood1"], "steps": 100}
    assert Run(tmp_path).done("pretrain")
    assert Run(tmp_path).done("pretrain", config=reordered)
    assert not run.done("pretrain", config={**config, "steps": 101})
    assert not run.done("collect", config=config)
    assert run.finished()["pretrain"]["info"] == {"seconds": 12.5}


def test_csv_log_keeps_its_header_and_refuses_other_columns(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / "log.csv")
    log.append(0, {"vae/loss": 2.5, "vae/kl": 0.5})
    log.append(10, {"vae/kl": 0.25})
    with pytest.raises(ValueError, match=r"not \['vae/beta'\]"):
        log.append(20, {"vae/beta": 1.0})
    assert (tmp_path / "log.csv").read_text() == "step,vae/loss,vae/kl\n0,2.5,0.5\n10,,0.25\n"


def test_csv_log_goes_on_where_the_run_does(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = CsvLog(path, columns=["a"])
    for step in (0, 10, 20, 30):
        log.append(step, {"a": step / 2})
    with path.open("a") as handle:
        handle.write("40,2")  # cut off by a kill
    log = CsvLog(path, resume_step=20)
    log.append(20, {"a": 7})
    assert path.read_text() == "step,a\n0,0.0\n10,5.0\n20,7\n"
    with pytest.raises(ValueError, match=r"has the columns \['step', 'a'\]"):
        CsvLog(path, columns=["b"], resume_step=30)
    CsvLog(path, columns=["b"])
    assert path.read_text() == "step,b\n"


def test_environment_names_versions_and_machine() -> None:
    found = environment()
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["numpy"] == np.__version__
    assert found["torch"] == torch.__version__
    assert found["cores"] == os.cpu_count()
    assert {"gymnasium", "stable-baselines3", "bvae-rl", "commit", "platform"} <= set(found)
