"""Several trainings side by side, each process with its part of the cores.

Two torch processes with two threads each on two cores slow each other down several times over, so
every worker limits its threads before torch computes anything, and says so in the log.
"""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from typing import Any

import torch

from bvae_rl.runtime.devices import keep_freed_memory, threads_per_worker

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
USER_ERRORS: tuple[type[Exception], ...] = (ValueError, TypeError, ImportError)
POLL_SECONDS, PROGRESS_SECONDS = 0.5, 0.2

OnProgress = Callable[[str, float], None]  # task name, fraction in [0, 1]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A call ``function(*args, progress=..., **kwargs)``; all of it has to pickle.

    ``progress`` takes fractions in [0, 1].
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def run_parallel(
    tasks: Sequence[Task],
    *,
    workers: int = 2,
    on_progress: OnProgress = lambda name, fraction: None,
) -> list[Any]:
    """Run ``tasks`` in ``workers`` fresh processes and return their results, in order.

    One worker means this process. The first error stops all tasks and is raised here, named after
    its task: ValueError, TypeError and ImportError as such, others as RuntimeError. Ctrl-C stops
    the workers and is raised on.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if len({task.name for task in tasks}) < len(tasks):
        raise ValueError(f"two tasks have the same name: {sorted(t.name for t in tasks)}")
    if workers == 1:
        return [_run_here(task, on_progress) for task in tasks]
    return _Pool(tasks, workers, on_progress).run()


def _run_here(task: Task, on_progress: OnProgress) -> Any:
    try:
        result = task.function(
            *task.args, progress=lambda f: on_progress(task.name, f), **task.kwargs
        )
    except Exception as error:
        raise _named(task.name, *_described(error)) from error
    on_progress(task.name, 1.0)
    return result


class _Pool:
    """Worker processes that take task numbers from one queue and report on another."""

    def __init__(self, tasks: Sequence[Task], workers: int, on_progress: OnProgress) -> None:
        context = mp.get_context("spawn")
        self.tasks, self.on_progress = tasks, on_progress
        self.threads = threads_per_worker(workers)
        self.todo: mp.Queue[int | None] = context.Queue()
        self.reports: mp.Queue[tuple[str, int, Any]] = context.Queue()
        self.results: dict[int, Any] = {}
        self.running: dict[int, int] = {}  # worker -> task number
        self.workers = [
            context.Process(
                target=_work,
                args=(number, list(tasks), self.threads, self.todo, self.reports),
                daemon=True,
            )
            for number in range(min(workers, len(tasks)))
        ]

    def run(self) -> list[Any]:
        try:
            for number in [*range(len(self.tasks)), *(None for _ in self.workers)]:
                self.todo.put(number)
            with _spawning(self.threads):
                for worker in self.workers:
                    worker.start()
            while len(self.results) < len(self.tasks):
                self._receive()
        finally:
            self._stop()
        return [self.results[number] for number in range(len(self.tasks))]

    def _receive(self) -> None:
        self._check_alive()
        try:
            kind, worker, content = self.reports.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return
        if kind == "log":
            logger.info("worker %d: %s", worker, content)
        elif kind == "start":
            self.running[worker] = content
        else:
            number = self.running[worker]
            name = self.tasks[number].name
            if kind == "error":
                raise _named(name, *content)
            if kind == "result":
                self.results[number] = pickle.loads(content)
                del self.running[worker]
            self.on_progress(name, 1.0 if kind == "result" else content)

    def _check_alive(self) -> None:
        for number, worker in enumerate(self.workers):
            if worker.exitcode not in (None, 0):
                task = self.running.get(number)
                name = "before its first task" if task is None else f"in {self.tasks[task].name}"
                raise RuntimeError(
                    f"worker {number} died {name} (exit code {worker.exitcode}; -9 often means out "
                    "of memory); run again to go on, with fewer workers if need be"
                )

    def _stop(self) -> None:
        started: list[SpawnProcess] = [w for w in self.workers if w.pid is not None]
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.join()
        for pipe in (self.todo, self.reports):
            pipe.cancel_join_thread()
            pipe.close()


def _work(
    worker: int,
    tasks: Sequence[Task],
    threads: int,
    todo: mp.Queue[int | None],
    reports: mp.Queue[tuple[str, int, Any]],
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    torch.set_num_threads(threads)
    keep_freed_memory()  # of a process that is ours alone
    reports.put(("log", worker, f"{threads} of {os.cpu_count()} cores, process {os.getpid()}"))

    last = 0.0

    def progress(fraction: float) -> None:
        nonlocal last
        if time.monotonic() - last < PROGRESS_SECONDS:
            return
        last = time.monotonic()
        parent = mp.parent_process()
        if parent is not None and not parent.is_alive():
            os._exit(1)  # killed without a chance to stop its workers
        reports.put(("progress", worker, fraction))

    while (number := todo.get()) is not None:
        task = tasks[number]
        reports.put(("start", worker, number))
        try:
            result = pickle.dumps(task.function(*task.args, progress=progress, **task.kwargs))
        except BaseException as error:  # SystemExit too: the parent must hear of it
            reports.put(("error", worker, _described(error)))
        else:
            reports.put(("result", worker, result))


def _described(error: BaseException) -> tuple[type[Exception], str]:
    """What an error becomes in the parent: a user's error in one line, a bug with its trace."""
    for kind in USER_ERRORS:
        if isinstance(error, kind):
            return kind, str(error)
    return RuntimeError, "".join(traceback.format_exception(error))


def _named(name: str, kind: type[Exception], text: str) -> Exception:
    return kind(f"{name}: {text}")


@contextmanager
def _spawning(threads: int) -> Iterator[None]:
    """What fresh processes inherit: the thread limits, and deafness to Ctrl-C from the start."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
