"""A run folder has one owner at a time: two processes that write into one would destroy it.

The lock is the operating system's (flock), so that one whose owner was killed is free again.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bvae_rl.runtime.runs import RunError, explained, write_bytes

LOCK, OWNER = ".owned", ".owner.json"


@contextmanager
def owned(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Hold ``folder``, which is made if need be, for this process; in it, again as often as wanted.

    RunError, in one line with the owner's process and machine, if another one holds it.
    """
    path = Path(folder)
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.resolve() / LOCK, timeout=0, is_singleton=True, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"{path} is in use by {_who(path)}; wait until it is done, or choose another folder"
            ) from None
    try:
        if lock.lock_counter == 1:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
            write_bytes(path / OWNER, json.dumps(record).encode())
        yield path
    finally:
        if lock.lock_counter == 1:
            (path / OWNER).unlink(missing_ok=True)
        lock.release()


def _who(folder: Path) -> str:
    try:
        record = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f"process {record['process']} on {record['host']} since {record['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"
