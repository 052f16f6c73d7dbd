"""Writes the page of commands from their dataclasses: one section a command, one row an option.

mkdocs calls ``on_page_markdown``. A command is a module with ``main`` and a dataclass ``Args``; the
text of an option is the docstring under its field, which is also what ``--help`` prints.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import tyro

PLACE = "<!-- commands -->"


class Option(NamedTuple):
    """One row: what to type, what it takes if left out, what it does."""

    flag: str
    default: str
    about: str


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with every command in place of ``PLACE``."""
    return markdown.replace(PLACE, page()) if PLACE in markdown else markdown


def page() -> str:
    """All commands in the order of ``bvae-rl --help``."""
    return "\n\n".join(section(name, module) for name, module in commands().items())


def commands() -> dict[str, Any]:
    """The modules of all commands by name."""
    from bvae_rl.scripts import cli

    try:
        from bvae_rl.scripts.commands import load
    except ImportError:  # the table holds the modules themselves
        return dict(cli.COMMANDS)
    return {name: load(name) for name in cli.COMMANDS}


def section(name: str, module: Any) -> str:
    """One command in Markdown: its module's docstring, how to call it, and its options."""
    options = list(options_of(module.Args))
    first = " ".join(option.flag for option in options if not option.flag.startswith("`--"))
    call = f"bvae-rl {name} {first.replace('`', '')}".strip()
    about = inspect.getdoc(module) or ""
    rows = [f"| {flag} | {default} | {about} |" for flag, default, about in options]
    table = ["| option | default | |", "|---|---|---|", *rows]
    return "\n".join(
        [f"## {name}", "", about, "", "```text", f"{call} [options]", "```", "", *table]
    )


def options_of(args: type) -> Iterator[Option]:
    """The options of a dataclass, positional ones first and those of its parts last."""
    hints = get_type_hints(args, include_extras=True)
    said = docstrings(args)
    plain = [item for item in fields(args) if not is_dataclass(hints[item.name])]
    nested = [item for item in fields(args) if item not in plain]
    shown = [item for item in plain if not _has(hints[item.name], tyro.conf.Suppress)]
    for item in sorted(shown, key=lambda item: not _has(hints[item.name], tyro.conf.Positional)):
        yield _option(item, hints[item.name], said.get(item.name, ""))
    for item in nested:
        yield from options_of(hints[item.name])


def docstrings(args: type) -> dict[str, str]:
    """The docstring under each field, those of base classes included."""
    found: dict[str, str] = {}
    for cls in reversed(args.__mro__):
        if not is_dataclass(cls):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if named and text:
                found[field.target.id] = " ".join(str(below.value.value).split())  # type: ignore[attr-defined]
    return found


def _option(item: Field[Any], hint: Any, about: str) -> Option:
    name = item.name.replace("_", "-")
    default = item.default
    if item.default_factory is not MISSING:
        default = item.default_factory()
    plain = _bare(hint)
    if _has(hint, tyro.conf.Positional):
        flag = name.upper()
    elif plain is bool:
        flag = f"--{name}, --no-{name}"
    else:
        flag = f"--{name} {_metavar(plain)}"
    choices = ", ".join(f"`{value}`" for value in _choices(plain))
    text = about.replace("|", "\\|") + (f" ({choices})" if choices else "")
    return Option(f"`{flag}`", _value(default), text)


def _value(default: Any) -> str:
    if default is MISSING:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return f"`{' '.join(map(str, default))}`"
    return f"`{default}`"


def _metavar(hint: Any) -> str:
    origin, inner = get_origin(hint), [arg for arg in get_args(hint) if arg is not NoneType]
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_metavar(_bare(arg)) for arg in inner))
    if origin is Literal:
        return "NAME" if all(isinstance(arg, str | None) for arg in inner) else "INT"
    if origin is tuple and Ellipsis in inner:
        return f"{_metavar(inner[0])} ..."
    if origin is tuple:
        return " ".join(_metavar(arg) for arg in inner)
    return {str: "TEXT", Path: "PATH", int: "INT", float: "NUMBER"}.get(hint, "VALUE")


def _choices(hint: Any) -> list[Any]:
    """The values of a ``Literal``, also of an optional one."""
    if get_origin(hint) is Literal:
        return [value for value in get_args(hint) if value is not None]
    return [
        value for part in get_args(hint) if get_origin(part) is Literal for value in _choices(part)
    ]


def _bare(hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint


def _has(hint: Any, marker: Any) -> bool:
    """Whether ``hint`` carries what ``Annotated[..., marker]`` carries."""
    wanted = get_args(marker[int])[1:] if not isinstance(marker, type) else (marker,)
    return any(given in wanted for given in getattr(hint, "__metadata__", ()))
