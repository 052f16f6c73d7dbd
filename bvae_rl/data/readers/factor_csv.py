"""A CSV file of factors: a header with their names, and a row for each frame."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bvae_rl.data.readers.factor_table import FEW, UNMARKED, FactorTable, Marks, table_of

EPISODE = "episode"
FILES = ("file", "filename", "file_name", "image", "path")
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")  # a number, as in spreadsheets of many countries
Row = tuple[int, list[str]]  # its line in the file, and its cells


def read_factors(
    path: str | Path, files: Sequence[str] = (), marks: Marks = UNMARKED
) -> FactorTable:
    """The table in a CSV file with a header.

    A column that names the pictures (``files``, relative to their folder, or the last part of the
    names where that is enough) puts the rows in order; else they are in the order of the frames.
    A column "episode" is no factor, but says which frames are of one; it may stand alone.
    Raises ValueError, with row and column, for what is missing, double, or no number.
    """
    path = Path(path)
    names, rows, delimiter = _read(path)
    by_name = _file_column(names, rows, files) if files else None
    if by_name is not None:
        rows = _in_order(path.name, names[by_name], by_name, rows, files)
    columns: dict[str, np.ndarray] = {}
    words: dict[str, list[str]] = {}
    for k, column in enumerate(names):
        if k != by_name:
            texts = [(line, row[k]) for line, row in rows]
            columns[column], found = _numbers(path.name, column, texts, delimiter)
            if found:
                words[column] = found
    of_episodes = next((name for name in columns if name.lower() == EPISODE), None)
    episode = None if of_episodes is None else columns.pop(of_episodes)
    words.pop(of_episodes or "", None)
    table = table_of(path.name, columns, marks, words=words)
    if table is None and episode is not None and not columns:
        table = FactorTable(path.name, (), np.empty((len(rows), 0), np.float32))
    if table is None:
        raise ValueError(f"{path.name} holds no factor: no column of it ever changes")
    return replace(table, episode=episode)


def _read(path: Path) -> tuple[list[str], list[Row], str]:
    """The names of the columns, the rows, and what is between cells; ValueError for no table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline(), file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except FileNotFoundError:
        raise ValueError(f"no file {path} with factors") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8: {error}") from error
    if not names or not rows:
        raise ValueError(f"{path.name} has no {'rows below its header' if names else 'header'}")
    if "" in names:
        raise ValueError(f"{path.name}: column {names.index('') + 1} has no name in the header")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{path.name} has two columns called {twice[0]!r}")
    if all(map(_is_number, names)):
        raise ValueError(
            f"{path.name} begins with numbers ({', '.join(names[:3])}); its first line has to name "
            "the columns"
        )
    for line, row in rows:
        if len(row) != len(names):
            raise ValueError(
                f"{path.name}, line {line}: {len(row)} cells, and the header has {len(names)}"
            )
    return names, rows, delimiter


def _delimiter(*lines: str) -> str:
    """What stands between cells, a comma, a tab or a semicolon: in the header and the first row.

    What parts both into as many cells, two or more, else what parts the header into most.
    """

    def cells(mark: str) -> list[int]:
        return [len(next(csv.reader([line], delimiter=mark), [])) for line in lines]

    def fits(mark: str) -> tuple[bool, int]:
        header, row = cells(mark)
        return header == row > 1, header

    return max((",", "\t", ";"), key=fits)


def _numbers(
    table: str, column: str, texts: list[tuple[int, str]], delimiter: str
) -> tuple[np.ndarray, list[str]]:
    """A column as numbers, and the words that they stand for where it holds text."""
    cells = [text.strip() for _, text in texts]
    commas = [cell for cell in cells if COMMA.fullmatch(cell)]
    if commas and all(COMMA.fullmatch(c) or _is_number(c) for c in cells):
        if delimiter == ",":
            raise ValueError(
                f"{table}, column {column!r} holds {commas[0]!r}, whose comma may stand for "
                "thousands or for a decimal point; write 1000 or 1.5"
            )
        cells = [cell.replace(",", ".") for cell in cells]
    numeric = sum(map(_is_number, cells))
    for (line, _), cell in zip(texts, cells, strict=True):
        where = f"{table}, line {line}, column {column!r}"
        if not cell:
            raise ValueError(f"{where} is empty; each frame needs a value")
        if numeric and not _is_number(cell):
            raise ValueError(
                f"{where} holds {cell!r}, and {numeric} of its {len(cells)} cells are numbers"
            )
        if numeric and not math.isfinite(float(cell)):
            raise ValueError(f"{where} holds {cell}, which is no finite number")
    if numeric:
        return np.array([float(cell) for cell in cells]), []
    words = sorted(set(cells))
    if len(words) > max(FEW, len(cells) // 2):
        raise ValueError(
            f"{table}, column {column!r} holds {len(words)} different texts in {len(cells)} rows, "
            "which is no factor; give numbers, or leave the column out"
        )
    code = {word: number for number, word in enumerate(words)}
    return np.array([float(code[cell]) for cell in cells]), words


def _file_column(names: list[str], rows: list[Row], files: Sequence[str]) -> int | None:
    """The column whose first cells name pictures, or that says that it does; None without one."""
    known = {*files, *(Path(file).name for file in files)}
    for k in range(len(names)):
        if any(row[k].strip() in known for _, row in rows[:20]):
            return k
    return next((k for k, name in enumerate(names) if name.lower() in FILES), None)


def _in_order(table: str, column: str, k: int, rows: list[Row], files: Sequence[str]) -> list[Row]:
    """One row a picture, in the order of ``files``; ValueError for missing and double ones."""
    short = [Path(file).name for file in files]
    place = {file: number for number, file in enumerate(files)}
    if len(set(short)) == len(short):
        place |= {file: number for number, file in enumerate(short)}
    found: dict[int, Row] = {}
    for line, row in rows:
        name = row[k].strip()
        where = f"{table}, line {line}, column {column!r}"
        if name not in place:
            several = f"{short.count(name)} pictures are" if name in short else "no picture is"
            hint = "; name them with their folder" if name in short else ""
            raise ValueError(f"{where}: {several} called {name!r}{hint}")
        if place[name] in found:
            raise ValueError(f"{where}: {name!r} stands in line {found[place[name]][0]} already")
        found[place[name]] = (line, row)
    if missing := [file for number, file in enumerate(files) if number not in found]:
        raise ValueError(
            f"{table} has no row for {missing[0]!r}"
            + (f" and {len(missing) - 1} more pictures" if missing[1:] else "")
            + f"; column {column!r} has to name each of the {len(files)} pictures"
        )
    return [found[number] for number in range(len(files))]


def _is_number(text: str) -> bool:
    if "_" in text:  # which Python reads 1_1 as 11 without
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
