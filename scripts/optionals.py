"""How an option that may be left out stands in ``--help``: as INT, not as {None}|INT.

The word ``None`` can still be typed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo


def registry() -> ConstructorRegistry:
    """tyro's rules, with another name for the values of ``X | None``."""
    found = ConstructorRegistry()
    inside = False  # tyro's own rule is being asked

    @found.primitive_rule
    def optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        nonlocal inside
        is_union = get_origin(info.type) in (Union, UnionType)
        if inside or not is_union or NoneType not in get_args(info.type):
            return None
        inside = True
        try:
            spec = ConstructorRegistry.get_primitive_spec(info)
        finally:
            inside = False
        if not isinstance(spec, PrimitiveConstructorSpec):
            return None
        return replace(spec, metavar=without_none(spec.metavar))

    return found


def without_none(metavar: str) -> str:
    """``{None}|INT`` as INT, ``{None,a,b}`` as {a,b}, ``{None}|{INT INT}`` as INT INT."""
    shown = metavar.removeprefix("{None}|").replace("{None,", "{")
    several = re.fullmatch(r"\{([A-Z]+(?: [A-Z]+)+)\}", shown)
    return several[1] if several else shown
