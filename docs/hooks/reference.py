"""Writes the pages of the Python reference: ``<!-- reference MODULE -->`` becomes its public names.

A package that has ``__all__`` gives each of its functions and then classes where they are defined;
a plain module gives its docstring and what is defined in it. mkdocstrings turns that into text.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from types import ModuleType
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the names of each module in place of its comment."""
    return re.sub(
        r"<!-- reference ([\w.]+) -->", lambda found: names(import_module(found[1])), markdown
    )


def names(module: ModuleType) -> str:
    """Directives for mkdocstrings, one an object, or one for a plain module."""
    if hasattr(module, "__path__"):
        shown = sorted((getattr(module, name) for name in module.__all__), key=inspect.isclass)
        paths = [f"{item.__module__}.{item.__qualname__}" for item in shown if _documented(item)]
        return "\n\n".join(f"::: {path}" for path in paths)
    members = [
        name
        for name, item in vars(module).items()
        if not name.startswith("_") and _documented(item) and item.__module__ == module.__name__
    ]
    return f"::: {module.__name__}\n    options:\n      members: [{', '.join(members)}]"


def _documented(item: Any) -> bool:
    described = inspect.isclass(item) or inspect.isfunction(item)
    return described and bool(item.__doc__)
