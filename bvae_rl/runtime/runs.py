"""A run folder, its rows and its logs: the only writer of results.

Every file is written under a temporary name in its folder, synced and renamed, so that a kill at
any moment leaves either the old file or the new one. JSON is strict (RFC 8259): NaN and infinities
become ``null``.
"""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from bvae_rl.runtime.identity import fingerprint
from bvae_rl.runtime.rows import Row, grouped, ungrouped

RESULTS, DONE = "results.json", "done.json"
INDEX = "store.json"  # of a frame store
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"  # of a VAE
OTHERS = {"a frame store": INDEX, "a VAE": CONFIG_FILE}  # each with the file that marks it
PACKAGES = ("bvae-rl", "torch", "gymnasium", "stable-baselines3", "numpy")


class RunError(ValueError):
    """A run folder that cannot be read or written, in one line that says what to do."""


class Run:
    """A folder of results, made at the first write.

    Several processes may append rows and mark steps at once: both lock the folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def path(self, name: str) -> Path:
        """Where ``name`` (may hold sub-folders) stands. Raises ValueError if it leaves the run."""
        relative = Path(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.name:
            raise ValueError(f"a file of a run needs a name inside its folder, got {name!r}")
        return self.folder / relative

    def write_file(self, name: str, data: bytes | str) -> Path:
        """Write ``data`` (text as UTF-8) in one stroke; returns the path. Raises RunError."""
        path = self.path(name)
        write_bytes(path, data.encode() if isinstance(data, str) else data)
        return path

    def write_json(self, name: str, obj: object) -> Path:
        """Write ``obj`` as strict JSON with sorted keys.

        Takes dataclasses, mappings, sequences, paths, numpy and torch values; else a TypeError.
        """
        return self.write_file(name, _dumps(obj, indent=2) + "\n")

    def read_json(self, name: str) -> Any:
        """What ``write_json`` wrote. Raises RunError if it is missing or broken."""
        path = self.path(name)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            why = error.strerror or str(error)
            raise RunError(f"cannot read {path}: {why}; run the step that writes it") from error
        except ValueError as error:
            raise RunError(f"{path} is not valid JSON ({error}); delete it and go on") from error

    def append_rows(self, rows: Iterable[Row], *, name: str = RESULTS) -> Path:
        """Add ``rows``; a new row replaces an old one of the same ``key``.

        So a step that was killed and runs again leaves no duplicates. Raises ValueError if two of
        the new rows have the same key.
        """
        new: dict[tuple[object, ...], Row] = {}
        for row in rows:
            if row.key in new:
                raise ValueError(f"two rows measure the same thing: {row.key}")
            new[row.key] = row
        with self._locked():
            merged = {row.key: row for row in self.rows(name)} | new
            return self.write_rows(merged.values(), name=name)

    def write_rows(self, rows: Iterable[Row], *, name: str = RESULTS) -> Path:
        """Write ``rows`` in their order, what neighbours share once (`bvae_rl.runtime.rows`)."""
        return self.write_json(name, grouped(rows))

    def rows(self, name: str = RESULTS) -> list[Row]:
        """All rows in the order in which they were first added; none if there is no file yet.

        Raises ValueError for a file of anything else.
        """
        return ungrouped(self.read_json(name)) if self.path(name).exists() else []

    def done(self, step: str, *, config: object = None) -> bool:
        """Whether ``step`` was finished, and with this ``config`` if one is given."""
        entry = self.finished().get(step, {})
        same = config is None or entry.get("fingerprint") == fingerprint(config)
        return bool(entry) and same

    def mark_done(self, step: str, *, config: object = None, **info: object) -> None:
        """Note that ``step`` is finished; ``info`` is kept beside it and read by ``finished``."""
        with self._locked():
            now = datetime.now(UTC).isoformat(timespec="seconds")
            entry = {"fingerprint": fingerprint(config), "info": info, "time": now}
            self.write_json(DONE, self.finished() | {step: entry})

    def finished(self) -> dict[str, dict[str, Any]]:
        """Finished steps with their ``fingerprint``, ``time`` (UTC) and ``info``."""
        return self.read_json(DONE) if self.path(DONE).exists() else {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with explained(path := self.path(".lock")):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


class CsvLog:
    """A training log with a fixed header, ``step`` first; flushed at every row.

    Without ``resume_step`` a file of that name is started afresh. With it the log goes on: rows of
    step >= ``resume_step`` and a last line cut off by a kill are dropped. The header is ``step``
    and ``columns``, or ``step`` and the names in the first row.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Iterable[str] | None = None,
        resume_step: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.columns = None if columns is None else ["step", *columns]
        kept = [] if resume_step is None else self._kept(resume_step)
        write_bytes(self.path, "".join(kept).encode())
        if self.columns and not kept:
            self._write(self.columns)

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add one row. A column without a value stays empty; an unknown one is a ValueError."""
        if self.columns is None:
            self.columns = ["step", *metrics]
            self._write(self.columns)
        if unknown := sorted(set(metrics) - set(self.columns[1:])):
            raise ValueError(f"{self.path} has the columns {self.columns}, not {unknown}")
        self._write([step, *(metrics.get(name, "") for name in self.columns[1:])])

    def _write(self, cells: Iterable[object]) -> None:
        with explained(self.path), self.path.open("a", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerow(cells)

    def _kept(self, resume_step: int) -> list[str]:
        with explained(self.path):
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        if not whole:
            return []
        header = next(csv.reader(whole[:1]))
        if self.columns not in (None, header):
            raise ValueError(
                f"{self.path} has the columns {header}, the resumed run writes {self.columns}; "
                "start it in another folder"
            )
        self.columns = header
        return whole[:1] + [ln for ln in whole[1:] if int(ln.partition(",")[0]) < resume_step]


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` in one stroke: a kill leaves the old file or the new one. Raises RunError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def require_own(folder: Path, *own: str) -> None:
    """ValueError if ``folder`` holds a store, a VAE or files, and no file of ``own``."""
    files = sorted(path.name for path in folder.glob("[!.]*") if path.is_file())
    for other, file in OTHERS.items():
        if file in files and file not in own:
            raise ValueError(f"{folder} holds {other}; choose another folder")
    if files and not {*own} & {*files}:
        there = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
        raise ValueError(f"{folder} holds other files ({there}); choose an empty folder")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of writing ``path`` into a RunError that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        cure = "free some space or pass" if full else "pass"
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; {cure} --out ANOTHER_FOLDER; "
            "finished steps are kept"
        ) from error


def _dumps(obj: object, *, indent: int | None = None) -> str:
    return json.dumps(_plain(obj), indent=indent, sort_keys=True, allow_nan=False)


def _plain(obj: object) -> object:
    if obj is None or isinstance(obj, bool | int | str):
        return obj
    if isinstance(obj, float):
        return float(obj) if math.isfinite(obj) else None
    if is_dataclass(obj) and not isinstance(obj, type):
        return {item.name: _plain(getattr(obj, item.name)) for item in fields(obj)}
    if isinstance(obj, Mapping):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_plain(item) for item in obj]
    if isinstance(obj, os.PathLike):
        return os.fspath(obj)
    if hasattr(obj, "tolist"):  # numpy scalars and arrays, torch tensors
        return _plain(obj.tolist())
    raise TypeError(f"cannot write a {type(obj).__name__} as JSON: {obj!r}; convert it first")
