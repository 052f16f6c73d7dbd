"""Writes the pages of the Python reference: ``<!-- reference MODULE -->`` becomes its public names.

A package that has ``__all__`` gives each of its functions and then classes where they are defined;
a plain module gives its docstring and what is defined in it. mkdocstrings turns that into text.
``<!-- summary PACKAGE -->`` becomes a table of the names of ``PACKAGE`` that leads to these texts,
and below it the text of those that no other page has. ``<!-- environments PACKAGE -->`` becomes the
modules in which the environments are defined that importing ``PACKAGE`` registers.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

PAGES = Path(__file__).resolve().parents[1] / "api"
PLACE = re.compile(r"<!-- (reference|summary|environments) ([\w.]+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with names in place of each comment."""
    return PLACE.sub(lambda found: globals()[found[1]](import_module(found[2])), markdown)


def reference(module: ModuleType) -> str:
    """Directives for mkdocstrings, one an object, or one for a plain module."""
    if hasattr(module, "__path__"):
        return "\n\n".join(f"::: {path(item)}" for item in public(module).values())
    return (
        f"::: {module.__name__}\n    options:\n      show_root_full_path: true\n"
        f"      members: [{', '.join(public(module))}]"
    )


def summary(package: ModuleType) -> str:
    """A row a name: where its text is, and how its docstring begins."""
    names = public(package)
    rows = [f"| [`{name}`][{path(item)}] | {first(item)} |" for name, item in names.items()]
    elsewhere = {
        path(item)
        for page in PAGES.glob("*.md")
        for kind, name in PLACE.findall(page.read_text(encoding="utf-8"))
        if kind == "reference"
        for item in public(import_module(name)).values()
    }
    here = [f"::: {path(item)}" for item in names.values() if path(item) not in elsewhere]
    return "\n".join(["| name | |", "|---|---|", *rows]) + "\n\n" + "\n\n".join(here)


def environments(package: ModuleType) -> str:
    """Directives for the modules of the environments whose entry points are in ``package``."""
    specs = gymnasium.registry.values()
    points = [str(spec.entry_point).partition(":")[0] for spec in specs]
    found = dict.fromkeys(name for name in points if name.startswith(f"{package.__name__}."))
    return "\n\n".join(reference(import_module(name)) for name in found)


def public(module: ModuleType) -> dict[str, Any]:
    """The documented functions and classes of a module, or of ``__all__`` of a package."""
    package = hasattr(module, "__path__")
    names = module.__all__ if package else [name for name in vars(module) if name[0] != "_"]
    items = {name: getattr(module, name) for name in names}
    shown = {
        name: item
        for name, item in items.items()
        if (inspect.isclass(item) or inspect.isfunction(item))
        and item.__doc__
        and (package or item.__module__ == module.__name__)
    }
    in_order = sorted(shown, key=lambda name: inspect.isclass(shown[name])) if package else shown
    return {name: shown[name] for name in in_order}


def path(item: Any) -> str:
    """Where ``item`` is defined."""
    return f"{item.__module__}.{item.__qualname__}"


def first(item: Any) -> str:
    """The first sentence of its docstring, for a cell of a table."""
    text = " ".join((inspect.getdoc(item) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[^.][.:;]) ", text)[0].rstrip(":;").replace("|", "\\|")
