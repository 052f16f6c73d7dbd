"""What --help calls an option that may be left out."""

from __future__ import annotations

import pytest

from bvae_rl.scripts.cli import parse
from bvae_rl.scripts.help_texts import default_text, docstrings
from bvae_rl.scripts.optionals import without_none


@pytest.mark.parametrize("command", ["pretrain", "train", "collect"])
def test_help_names_no_python_type(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(command, ["--help"])
    said = capsys.readouterr().out
    assert "{None" not in said and "--domain STR" in said
    if command == "pretrain":
        assert "--threads INT" in said and "--channels INT INT INT" in said
        assert "--likelihood {gaussian,bernoulli}" in said


class Options:
    """Two fields and a note."""

    one: int = 1
    """a text
    of two lines"""
    two: int = 2
    """another"""
    three: int = 3


def test_a_text_is_one_paragraph_and_a_default_says_something() -> None:
    assert docstrings(Options) == {"one": "a text of two lines", "two": "another"}
    assert [default_text(shown) for shown in ("3", "None", "")] == ["(default: 3)", "", ""]


def test_none_and_values_are_read_as_before() -> None:
    args = parse("train", ["x", "--domain", "ood1"])
    assert (args.vae, args.domain) == ("x", "ood1")
    assert parse("train", ["--domain", "None"]).domain is None
    assert parse("pretrain", ["frames", "--threads", "2"]).threads == 2
    assert parse("pretrain", []).threads is None
    flags = ["--likelihood", "bernoulli", "--channels", "8", "9", "10"]
    assert "channels=(8, 9, 10)" in repr(given := parse("pretrain", ["frames", *flags]))
    assert "likelihood='bernoulli'" in repr(given)
    with pytest.raises(SystemExit):
        parse("pretrain", ["frames", "--threads", "two"])


@pytest.mark.parametrize("given", [["64"], ["64", "64"]])
def test_a_side_alone_is_that_of_a_square(given: list[str]) -> None:
    for more in ([], ["--grey"], ["--frames", "7"]):
        assert parse("collect", ["--size", *given, *more]).world.size == (64, 64)
    assert parse("collect", ["--size", "48", "64"]).world.size == (48, 64)


@pytest.mark.parametrize(
    ("tyros", "ours"),
    [("{None}|INT", "INT"), ("{None,a,b}", "{a,b}"), ("{None}|{INT INT}", "INT INT"), ("X", "X")],
)
def test_names_of_values(tyros: str, ours: str) -> None:
    assert without_none(tyros) == ours
