"""What a person typed: an option again, a path below "~", an option at its default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from bvae_rl.scripts.common import EnvArgs


def together(cls: type, arguments: Sequence[str]) -> list[str]:
    """``arguments`` with all values of an option of several behind its first one.

    tyro would take the last only, which is right for an option of one value.
    """
    words = list(arguments)
    typed = [_flag(word) for word in words if word.startswith("--")]
    for name in _lists(cls):
        flag = f"--{name.replace('_', '-')}"
        if typed.count(flag) > 1:
            words = _together(flag, words)
    return words


def as_typed(args: Any, words: Sequence[str]) -> Any:
    """``args`` with paths below "~" where they are, and worlds that know what was typed."""
    typed = {
        _flag(word).removeprefix("--").removeprefix("no-") for word in words if word[:2] == "--"
    }
    return _resolved(args, {name.replace("-", "_") for name in typed})


def _resolved(value: Any, typed: set[str]) -> Any:
    if isinstance(value, Path):
        return value.expanduser()
    if isinstance(value, tuple):
        return tuple(_resolved(part, typed) for part in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    items = [item for item in fields(value) if item.init]
    new = {item.name: _resolved(getattr(value, item.name), typed) for item in items}
    if isinstance(value, EnvArgs):
        new["typed"] = tuple(item.name for item in items if item.name in typed)
    return replace(value, **new)


def _lists(cls: type) -> Iterator[str]:
    """The options that take any number of values."""
    for name, hint in get_type_hints(cls).items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _lists(hint)
            continue
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if any(get_origin(one) is tuple and Ellipsis in get_args(one) for one in options):
            yield name


def _flag(word: str) -> str:
    return word.partition("=")[0].replace("_", "-")


def _together(flag: str, arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    values: list[str] = []
    place, taking = None, False
    for word in arguments:
        if word.startswith("--") and _flag(word) == flag:
            taking = True
            place = len(kept) if place is None else place
            values += [word.partition("=")[2]] if "=" in word else []
        elif word.startswith("--") or not taking:
            taking = False
            kept.append(word)
        else:
            values.append(word)
    return kept if place is None else [*kept[:place], flag, *values, *kept[place:]]
