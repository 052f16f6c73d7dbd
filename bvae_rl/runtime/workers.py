"""Several trainings side by side, each process with its part of the cores.

Two torch processes with two threads each on two cores slow each other down several times over, so
every worker limits its threads before torch computes anything, and says so in the log.
"""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, cast

import torch

from bvae_rl.runtime.devices import cores, keep_freed_memory, threads_per_worker
from bvae_rl.runtime.runs import RunError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
USER_ERRORS: tuple[type[Exception], ...] = (ValueError, TypeError, ImportError, OSError)
PROGRESS_SECONDS = 0.2

OnProgress = Callable[[str, float], None]  # task name, fraction in [0, 1]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A call ``function(*args, progress=..., **kwargs)``; all of it has to pickle.

    ``progress`` takes fractions in [0, 1]. ``after`` names earlier tasks that have to be done
    before it begins.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()


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
    earlier: set[str] = set()
    for task in tasks:
        if missing := {*task.after} - earlier:
            raise ValueError(f"{task.name} comes after {sorted(missing)}, which no earlier task is")
        earlier.add(task.name)
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
    """Worker processes, each at the end of a pipe on which it takes task numbers and reports.

    Pipes leave nothing behind when a process is killed; queues have semaphores with names.
    """

    def __init__(self, tasks: Sequence[Task], workers: int, on_progress: OnProgress) -> None:
        context = mp.get_context("spawn")
        self.tasks, self.on_progress = tasks, on_progress
        self.threads = threads_per_worker(workers)
        self.todo = list(range(len(tasks)))
        self.idle: list[Connection] = []  # of workers for which nothing could begin yet
        self.results: dict[int, Any] = {}
        self.running: dict[int, int] = {}  # worker -> task number
        self.workers: list[SpawnProcess] = []
        self.pipes: dict[Connection, int] = {}  # -> worker
        self.far_ends: list[Connection] = []
        for number in range(min(workers, len(tasks))):
            near, far = context.Pipe()
            self.pipes[near] = number
            self.far_ends.append(far)
            self.workers.append(
                context.Process(
                    target=_work, args=(number, list(tasks), self.threads, far), daemon=True
                )
            )

    def run(self) -> list[Any]:
        try:
            with _spawning(self.threads):
                for worker in self.workers:
                    worker.start()
                for end in self.far_ends:  # so that a dead worker's pipe has an end
                    end.close()
            while len(self.results) < len(self.tasks):
                for pipe in cast(list[Connection], wait(list(self.pipes))):
                    self._receive(pipe)
        finally:
            with _deaf():
                self._stop()
        return [self.results[number] for number in range(len(self.tasks))]

    def _receive(self, pipe: Connection) -> None:
        worker = self.pipes[pipe]
        try:
            kind, content = pipe.recv()
        except (EOFError, OSError):
            return self._gone(pipe)
        if kind == "log":
            logger.info("worker %d: %s", worker, content)
        elif kind == "ready":
            self.idle.append(pipe)
            self._begin()
        else:
            number = self.running[worker]
            name = self.tasks[number].name
            if kind == "error":
                raise _named(name, *content)
            if kind == "result":
                self.results[number] = pickle.loads(content)
                del self.running[worker]
            self.on_progress(name, 1.0 if kind == "result" else content)
            if kind == "result":
                self._begin()

    def _begin(self) -> None:
        """Give idle workers the tasks that can begin; where none is left, let them go."""
        done = {self.tasks[number].name for number in self.results}
        able = [number for number in self.todo if {*self.tasks[number].after} <= done]
        while self.idle and (able or not self.todo):
            pipe, number = self.idle.pop(0), able.pop(0) if able else None
            if number is not None:
                self.todo.remove(number)
                self.running[self.pipes[pipe]] = number
            with suppress(OSError):  # it is gone: said when its pipe ends
                pipe.send(number)

    def _gone(self, pipe: Connection) -> None:
        """A worker has ended: RunError unless it had nothing more to do."""
        number = self.pipes.pop(pipe)
        worker = self.workers[number]
        worker.join()
        task = self.running.get(number)
        if worker.exitcode or task is not None:
            name = "before its first task" if task is None else f"in {self.tasks[task].name}"
            raise RunError(
                f"worker {number} died {name} (exit code {worker.exitcode}; -9 often means out "
                "of memory); run again to go on, with fewer workers if need be"
            )

    def _stop(self) -> None:
        started = [worker for worker in self.workers if worker.pid is not None]
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.join()
        for pipe in (*self.pipes, *self.far_ends):
            pipe.close()


def _work(worker: int, tasks: Sequence[Task], threads: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    torch.set_num_threads(threads)
    keep_freed_memory()  # of a process that is ours alone
    lock = threading.Lock()

    def report(kind: str, content: Any = None) -> None:
        try:
            with lock:
                pipe.send((kind, content))
        except OSError:
            os._exit(1)  # the parent was killed without a chance to stop its workers

    report("log", f"{threads} of {cores()} cores, process {os.getpid()}")
    last = 0.0

    def progress(fraction: float) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            report("progress", fraction)

    while True:
        report("ready")
        try:
            number = pipe.recv()
        except (EOFError, OSError):
            os._exit(1)
        if number is None:
            return
        task = tasks[number]
        try:
            result = pickle.dumps(task.function(*task.args, progress=progress, **task.kwargs))
        except BaseException as error:  # SystemExit too: the parent must hear of it
            report("error", _described(error))
        else:
            report("result", result)


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
    try:
        with _deaf():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _deaf() -> Iterator[None]:
    """No Ctrl-C for a moment, so that a second one does not cut the first one's work short."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
    try:
        yield
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
