from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from bvae_rl.runtime import workers as pool
from bvae_rl.runtime.devices import cores
from bvae_rl.runtime.runs import RunError
from bvae_rl.runtime.workers import Task, run_parallel


def describe(value, *, progress, scale=1):
    progress(0.5)
    return {
        "value": value * scale,
        "threads": torch.get_num_threads(),
        "omp": os.environ.get("OMP_NUM_THREADS"),
        "process": os.getpid(),
        "deaf": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    }


def fail(kind, *, progress):
    raise kind("no such thing")


def die(code, *, progress):
    os._exit(code)


def report_for_ever(*, progress):
    while True:
        progress(0.5)
        time.sleep(0.05)


def wait(*, progress):
    time.sleep(60)


def test_traps_17_every_worker_limits_its_threads_and_says_so(caplog, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seen = []
    tasks = [Task(f"t{i}", describe, (i,), {"scale": 10}) for i in range(2)]
    with caplog.at_level(logging.INFO, "bvae_rl.runtime.workers"):
        results = run_parallel(tasks, workers=2, on_progress=lambda *what: seen.append(what))
    share = max(1, cores() // 2)
    assert [r["value"] for r in results] == [0, 10]
    assert {r["threads"] for r in results} == {share}
    assert {r["omp"] for r in results} == {str(share)}
    assert os.getpid() not in {r["process"] for r in results}
    assert all(r["deaf"] for r in results)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    for process in {r["process"] for r in results}:
        assert f"{share} of {cores()} cores, process {process}" in caplog.text
    assert {("t0", 0.5), ("t0", 1.0), ("t1", 1.0)} <= set(seen)


def test_one_worker_is_this_process():
    seen = []
    task = Task("here", describe, (1,))
    (result,) = run_parallel([task], workers=1, on_progress=lambda *what: seen.append(what))
    assert result["process"] == os.getpid() and seen == [("here", 0.5), ("here", 1.0)]


@pytest.mark.parametrize(
    ("kind", "raised"), [(ValueError, ValueError), (TypeError, TypeError), (KeyError, RuntimeError)]
)
def test_errors_name_their_task_and_users_errors_keep_their_kind(kind, raised):
    with pytest.raises(raised, match="broken: ") as caught:
        run_parallel([Task("broken", fail, (kind,))], workers=1)
    assert type(caught.value) is raised and "no such thing" in str(caught.value)


def test_an_error_in_a_worker_stops_the_others():
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"^broken: no such thing$"):
        run_parallel([Task("broken", fail, (ValueError,)), Task("long", wait)], workers=2)
    assert time.monotonic() - began < 50  # "long" alone would take 60


@pytest.mark.parametrize("code", [0, 3])
def test_a_worker_that_dies_is_noticed(code):
    with pytest.raises(RunError, match=rf"died in gone \(exit code {code};"):
        run_parallel([Task("gone", die, (code,))], workers=2)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.runtime.test_workers import Task, report_for_ever, run_parallel

if __name__ == "__main__":
    tasks = [Task("a", report_for_ever), Task("b", report_for_ever)]
    kill = lambda name, fraction: os.kill(os.getpid(), signal.SIGKILL)
    run_parallel(tasks, workers=2, on_progress=kill)
"""


def test_a_killed_pool_leaves_nothing_behind(tmp_path):
    """No semaphores, of which Python warns, and no workers: their pipes have ended."""
    (script := tmp_path / "killed.py").write_text(KILLED)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(  # returns when the last worker has closed what it writes to
        [sys.executable, script, root], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert "leaked" not in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_ctrl_c_stops_the_workers_and_is_raised_on():
    started = threading.Event()

    def interrupt_once_running() -> None:
        started.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    pools = []
    original = pool._Pool.run

    def run(self):
        pools.append(self)
        return original(self)

    # a shell ignores Ctrl-C for what it runs in the background, as these tests may be
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool._Pool, "run", run)
        patch.setattr(pool.logger, "info", lambda *args: started.set())
        thread = threading.Thread(target=interrupt_once_running)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            run_parallel([Task("long", wait)], workers=2)
        thread.join()
    signal.signal(signal.SIGINT, before)
    assert [worker.exitcode for worker in pools[0].workers] == [-signal.SIGTERM]


def test_bad_calls():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        run_parallel([], workers=0)
    with pytest.raises(ValueError, match="same name"):
        run_parallel([Task("a", wait), Task("a", wait)])
    assert run_parallel([], workers=2) == []


def done_at(touched=None, *, progress):
    if touched is not None:
        touched.touch()
    return time.monotonic()


def waits_for(path, *, progress):
    end = time.monotonic() + 30
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return path.exists(), time.monotonic()


def test_a_task_begins_after_those_that_it_names(tmp_path):
    path = tmp_path / "other"
    tasks = [
        Task("first", waits_for, (path,)), Task("second", done_at, after=("first",)),
        Task("other", done_at, (path,)),
    ]  # fmt: skip
    (other_ran, first), second, _ = run_parallel(tasks, workers=2)
    assert other_ran and first < second
    with pytest.raises(ValueError, match=r"second comes after \['first'\], which no earlier task"):
        run_parallel(tasks[1:], workers=1)
