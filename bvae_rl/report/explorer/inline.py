"""ES modules as one classic script, so that a page needs nothing beside it.

Each module becomes a function that runs once and returns what it exports; a module stands behind
those it imports. Two forms are read, at the beginning of a line:

    import { a, b as c } from "./other.js";
    export function f / export async function f / export class F / export const x
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w-]+\.js)";[ \t]*$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def inlined(modules: Mapping[str, str], entry: str) -> str:
    """One script of ``modules`` (file name: source), of those that ``entry`` reaches.

    ValueError for an import that is not there, for a circle, and for other forms of import or
    export.
    """
    done: dict[str, str] = {}
    _add(entry, modules, done, ())
    return '"use strict";\n' + "".join(done.values())


def _add(
    name: str, modules: Mapping[str, str], done: dict[str, str], above: tuple[str, ...]
) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*above, name))}")
    if name not in modules:
        raise ValueError(f"{above[-1] if above else 'the page'} imports {name}, which is not there")
    source = modules[name]
    for match in IMPORT.finditer(source):
        _add(match[2], modules, done, (*above, name))
    body = IMPORT.sub(
        lambda match: f"const {{{_renamed(match[1])}}} = {_symbol(match[2])};", source
    )
    names = EXPORT.findall(body)
    body = EXPORT.sub("", body)
    if left := LEFT.search(body):
        raise ValueError(f"{name}: this import or export cannot be inlined: {left[0]}")
    if re.search(r"</script|<!--", body, re.IGNORECASE):
        raise ValueError(f"{name} holds a text that would end the script; write it in two parts")
    exports = ", ".join(names)
    done[name] = f"const {_symbol(name)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


def _symbol(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _renamed(names: str) -> str:
    return re.sub(r"(\w+)\s+as\s+(\w+)", r"\1: \2", names)
