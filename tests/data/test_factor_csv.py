"""Factors from a CSV file: what columns are, which row belongs to which picture, refusals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers.factor_csv import read_factors
from bvae_rl.data.readers.factor_table import Marks, table_of
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.scripts.cli import main
from tests.import_cases import folder, pictures, read, refused

TABLE = """x,shape,level,angle,still
0.5,square,1,0,7
0.25,ball,1,90,7
-1,ball,3,180,7
2,square,3,359,7
"""


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "factors.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_kinds_and_ranges_follow_from_the_values(tmp_path: Path) -> None:
    table = read_factors(csv(tmp_path, TABLE))
    assert table.specs == (
        FactorSpec("x", low=-1, high=2),
        FactorSpec("shape", "categorical", values=(0.0, 1.0)),
        FactorSpec("level", "categorical", values=(1.0, 3.0)),
        FactorSpec("angle", low=0, high=359),
    )  # and "still" never changes
    assert table.words == {"shape": ["ball", "square"]}
    assert table.values.tolist() == [
        [0.5, 1, 1, 0],
        [0.25, 0, 1, 90],
        [-1, 0, 3, 180],
        [2, 1, 3, 359],
    ]
    assert "shape (categorical, one of ball, square)" in table.sentences()


def test_marks_overrule_the_values(tmp_path: Path) -> None:
    marks = Marks(("angle",), ("shape", "angle"), ("x",), ("level",))
    x, shape, level, angle = read_factors(csv(tmp_path, TABLE), marks=marks).specs
    assert angle == FactorSpec("angle", "cyclic", "appearance", 0, 360)
    assert (shape.role, x.kind, level) == (
        "appearance",
        "categorical",
        FactorSpec("level", low=1, high=3),
    )
    said = read_factors(csv(tmp_path, TABLE), marks=Marks(("level=0:4",))).specs[2]
    assert (said.kind, said.low, said.high) == ("cyclic", 0, 4)


@pytest.mark.parametrize(
    ("low", "high", "circle"),
    [
        (0.1, 6.2, (0, 2 * math.pi)),
        (-3, 3, (-math.pi, math.pi)),
        (-170, 175, (-180, 180)),
        (0, 1, (0, 1)),
    ],
)
def test_a_circle_is_that_which_the_data_goes_around(
    low: float, high: float, circle: tuple[float, float]
) -> None:
    table = table_of("some", {"a": np.linspace(low, high, 50)}, Marks(("a",)))
    assert (table.specs[0].low, table.specs[0].high) == circle


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_that_names_the_images_puts_rows_in_order(delimiter: str, tmp_path: Path) -> None:
    source = folder(tmp_path / "pics", ["1.png", "2.png", "10.png", "11.png"])
    text = "file,x\n10.png,3\n2.png,2\n1.png,1\n11.png,4\n".replace(",", delimiter)
    path = csv(tmp_path, "\ufeff" + text)  # as spreadsheets write
    got = read(source, tmp_path / "out", factors=path)
    assert got.factors.tolist() == [[1], [2], [3], [4]]
    assert np.array_equal(got.frames, pictures(4))
    shuffled = read(source, tmp_path / "other", factors=str(path), seed=1)
    back = [pictures(4)[int(x) - 1] for x in shuffled.factors[:, 0]]
    assert np.array_equal(shuffled.frames, np.stack(back))


def test_a_column_of_episodes_is_no_factor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", ["1.png", "2.png", "3.png"])
    path = csv(tmp_path, "file,x,episode\n3.png,3,4\n1.png,1,9\n2.png,2,9\n")
    got = read(source, tmp_path / "out", factors=path)
    assert got.episode.tolist() == [0, 0, 1] and got.factors.tolist() == [[1], [2], [3]]
    assert "policy" not in FrameStore(tmp_path / "out").meta
    csv(tmp_path, "file,x,episode\n3.png,3,9\n1.png,1,9\n2.png,2,4\n")
    said = refused(capsys, source, "--factors", path, "--out", tmp_path / "other")
    assert "column 'episode' of factors.csv: episode 9 comes back in row 2" in said
    folders = folder(tmp_path / "runs", ["a/1.png", "a/2.png", "b/3.png"])
    got = read(folders, tmp_path / "other", factors=path)
    assert got.episode.tolist() == [0, 0, 1]  # as the subfolders say


def test_a_column_of_episodes_may_stand_alone_and_be_of_words(tmp_path: Path) -> None:
    names = [f"{k}.png" for k in range(4)]
    folder(tmp_path / "images", names)
    for column in ("episode", "Episode"):
        lines = [f"file,{column}", *(f"{name},ep{k // 2}" for k, name in enumerate(names))]
        table = csv(tmp_path, "\n".join(lines))
        got = read(tmp_path / "images", tmp_path / column, factors=table)
        assert got.episode.tolist() == [0, 0, 1, 1] and got.factors is None


def test_other_episodes_are_another_import(tmp_path: Path) -> None:
    folder(tmp_path / "images", [f"{k}.png" for k in range(3)])
    for rows in ("1,1,2", "1,2,2"):
        lines = ["file,episode", *(f"{k}.png,{row}" for k, row in enumerate(rows.split(",")))]
        table = csv(tmp_path, "\n".join(lines))
        if rows == "1,1,2":
            read(tmp_path / "images", tmp_path / "out", factors=table)
    with pytest.raises(ValueError, match="episode"):
        import_frames(tmp_path / "images", tmp_path / "out", factors=table)


def test_texts_with_underscores_are_no_numbers(tmp_path: Path) -> None:
    names = [f"{k}.png" for k in range(4)]
    folder(tmp_path / "images", names)
    trials = ("1_11", "11_1", "1_11", "11_1")  # which Python reads as 111 all four
    lines = ["file,trial", *(f"{n},{t}" for n, t in zip(names, trials, strict=True))]
    got = read(tmp_path / "images", tmp_path / "out", factors=csv(tmp_path, "\n".join(lines)))
    assert len(np.unique(got.factors)) == 2


def test_commas_in_numbers_are_read(tmp_path: Path) -> None:
    path = csv(tmp_path, '"a, of all";b\n0,25;1\n-1,5;2\n3;3,5\n')
    table = read_factors(path)
    assert [spec.name for spec in table.specs] == ["a, of all", "b"]
    assert table.values.tolist() == [[0.25, 1], [-1.5, 2], [3, 3.5]]


def test_numbers_that_float32_cannot_tell_apart_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time = 1.7e9 + 0.1 * np.arange(400)
    still = 0.42 + 1e-10 * np.random.default_rng(0).standard_normal(400)
    table = table_of("t.csv", {"time": time, "x": time - 1.7e9, "still": still})
    assert table is not None and [spec.name for spec in table.specs] == ["x"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "'still' is left out" in said[1]
    assert "'time' is left out: it goes from 1700000000 to" in said[0]
    assert "subtract 1700000000 from it, or number them" in said[0]
    assert table_of("t.csv", {"id": 16777216.0 + np.arange(3).repeat(10)}) is None


def test_commas_between_cells_are_none_in_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"column 'a' holds '1,000', whose comma .* write 1000"):
        read_factors(csv(tmp_path, 'a,b\n999,1\n"1,000",2\n'))
    quoted = csv(tmp_path, 'x,y,"comment; a; b; c; d"\n1,2,3\n2,3,5\n')
    assert [spec.name for spec in read_factors(quoted).specs] == ["x", "y", "comment; a; b; c; d"]
    other = csv(tmp_path, 'name;"pos, m"\n1;2\n2;3\n')
    assert [spec.name for spec in read_factors(other).specs] == ["name", "pos, m"]


def test_names_in_subfolders_are_told_apart(tmp_path: Path) -> None:
    source = folder(tmp_path / "pics", ["a/1.png", "b/1.png"])
    path = csv(tmp_path, "x,image\n5,b/1.png\n4,a/1.png\n")
    assert read(source, tmp_path / "out", factors=path).factors.tolist() == [[4], [5]]
    with pytest.raises(
        ValueError, match=r"line 2, column 'image': 2 pictures are called '1.png'; name"
    ):
        read(source, tmp_path / "out", factors=csv(tmp_path, "x,image\n5,1.png\n4,a/1.png\n"))


def test_the_command_says_what_it_made_of_the_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", [f"{n}.png" for n in range(4)])
    path, out = csv(tmp_path, TABLE), str(tmp_path / "out")
    words = ["import", str(source), "--out", out, "--factors", str(path), "--cyclic", "angle"]
    assert main([*words, "--appearance", "shape"]) == 0
    said = capsys.readouterr()
    assert "; factors x, shape, level, angle\n" in said.out
    assert "- shape (categorical, one of ball, square, appearance)" in said.out
    assert "- angle (cyclic, [0, 360])" in said.out
    assert "'still' never changes and is left out" in said.err
    assert FrameStore(out).meta["labels"]["words"] == {"shape": ["ball", "square"]}
    path.write_text(TABLE.replace("0.25", "0.26"))
    assert "labels.sha256" in refused(capsys, *words[1:], "--appearance", "shape")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "factors.csv has no header"),
        ("x,y\n", "factors.csv has no rows below its header"),
        ("x,\n1,2\n", "column 2 has no name in the header"),
        ("x,x\n1,2\n", "two columns called 'x'"),
        ("1,2\n3,4\n", "begins with numbers (1, 2); its first line has to name the columns"),
        ("x,y\n1,2\n3\n", "factors.csv, line 3: 1 cells, and the header has 2"),
        ("x\n1\nsome\n3\n4\n", "line 3, column 'x' holds 'some', and 3 of its 4 cells are numbers"),
        ("x,y\n1,\n2,3\n", "line 2, column 'y' is empty"),
        ("x\n1\nnan\n3\n4\n", "line 3, column 'x' holds nan, which is no finite number"),
        ("x\n1\n2\n3\n", "factors.csv has 3 rows and"),
        ("x\n1\n1\n1\n1\n", "factors.csv holds no factor: no column of it ever changes"),
        ("f,x\n0.png,1\n0.png,2\n1.png,3\n2.png,4\n", "line 3, column 'f': '0.png' stands"),
        ("f,x\n0.png,1\n1.png,2\n2.png,3\n", "no row for '3.png'; column 'f' has"),
        ("f,x\n0.png,1\n1.png,2\n2.png,3\n7.png,4\n", "line 5, column 'f': no picture is"),
        ("file,x\n0.jpg,1\n1.jpg,2\n2.jpg,3\n3.jpg,4\n", "no picture is called '0.jpg'"),
        ('x\n"1\n', "is no CSV file in UTF-8"),
    ],
    ids=[
        "empty", "no rows", "no name", "double name", "no header", "cells", "text", "hole", "nan",
        "rows", "constant", "double file", "no file", "unknown file", "other files", "quote",
    ],
)  # fmt: skip
def test_wrong_tables_are_refused(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", [f"{n}.png" for n in range(4)])
    path, out = csv(tmp_path, text), tmp_path / "out"
    assert message in refused(capsys, source, "--factors", path, "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cyclic", "y"], "no factor is called 'y'; known: x, shape, level, angle, still"),
        (["--cyclic", "x"], "lies in [-1, 2], which is no known circle; say where it begins"),
        (["--cyclic", "x=0:1"], "lies in [-1, 2], outside of 0 to 1"),
        (["--cyclic", "x=0"], "a circle is NAME=LOW:HIGH, for example x=0:360, got x=0"),
        (["--cyclic", "shape"], "factor 'shape' is text, and a cyclic one has numbers"),
        (["--continuous", "shape"], "factor 'shape' is text, and a continuous one has numbers"),
        (["--cyclic", "x", "--continuous", "x"], "factor 'x' is given two kinds"),
    ],
)
def test_wrong_marks_are_refused(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", [f"{n}.png" for n in range(4)])
    said = refused(capsys, source, "--factors", csv(tmp_path, TABLE), *flags)
    assert message in said


def test_a_file_that_is_not_there_and_a_text_for_each_frame(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no file .*none\.csv with factors"):
        read_factors(tmp_path / "none.csv")
    text = "note\n" + "\n".join(f"word {n}" for n in range(30))
    with pytest.raises(ValueError, match="'note' holds 30 different texts in 30 rows"):
        read_factors(csv(tmp_path, text))
