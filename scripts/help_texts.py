"""What stands behind an option in ``--help``: its docstring as one paragraph, and a default if any.

tyro breaks the lines where the source does, and calls None and nothing at all a default.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, is_dataclass
from textwrap import dedent
from typing import Annotated, Any, get_type_hints

import tyro

EMPTY = ("None", "")  # defaults that say nothing


def with_help(cls: type) -> None:
    """Give the fields of the dataclass ``cls``, and of those within it, these texts."""
    hints = get_type_hints(cls, include_extras=True)
    told: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        told |= docstrings(base)
    for item in fields(cls):
        hint = hints[item.name]
        if isinstance(hint, type) and is_dataclass(hint):
            with_help(hint)
        elif item.name in told:
            text = tyro.conf.arg(help=told[item.name], help_behavior_hint=default_text)
            cls.__annotations__[item.name] = Annotated[hint, text]


def docstrings(cls: type) -> dict[str, str]:
    """The string below each field of ``cls``, as one paragraph."""
    body = ast.parse(dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def default_text(shown: Any) -> str:
    """``(default: 3)``; nothing for a default that says nothing."""
    return "" if str(shown) in EMPTY else f"(default: {shown})"
