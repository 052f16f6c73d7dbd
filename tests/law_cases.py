"""The laws that keep the house in order, and what reads them from the syntax trees.

An import inside a function or under TYPE_CHECKING counts as well. A law that has to give way is
changed here.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("bvae_rl", "envs", "agents", "scripts")
UPPER = tuple(f"bvae_rl.{folder}" for folder in FOLDERS[1:])

# From the ground up. A room imports itself, what stands on the floors below, and nothing beside
# it.
FLOORS = (
    ("runtime",),
    ("data", "plots"),
    ("models", "metrics"),
    ("training",),
    ("sb3",),
    ("envs", "report", "agents"),
    ("scripts",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
DOOR = (
    FLOOR["sb3"] + 1
)  # of bvae_rl/__init__.py: it offers the library, not our worlds and commands

# Beyond the order of the rooms: packages that a room, and all inside it, must not import.
FORBIDDEN = {
    # Scores are functions of arrays; the MLP probe brings torch when it is asked for.
    "bvae_rl.metrics": ("stable_baselines3",),
    # Figures and reports read arrays and rows; they never train, encode or score.
    "bvae_rl.plots": ("bvae_rl.models", "stable_baselines3", "torch"),
    "bvae_rl.report": (
        "bvae_rl.metrics",
        "bvae_rl.models",
        "bvae_rl.sb3",
        "bvae_rl.training",
        "stable_baselines3",
        "torch",
    ),
    # Frames and models work without an agent.
    "bvae_rl.models": ("stable_baselines3",),
    "bvae_rl.training": ("stable_baselines3",),
}

# Every call that writes a file. Results go through bvae_rl.runtime.runs and nothing else.
WRITERS = {
    "bvae_rl.runtime.runs": {"open"},  # the one writer
    "bvae_rl.runtime.appending": {"open"},  # appends arrays to a frame store
    "bvae_rl.plots.style": {"savefig"},  # into memory
    "bvae_rl.sb3.online_state": {"torch.save"},  # into memory
    "bvae_rl.training.watch": {"torch.save"},  # into memory
}
WRITE_CALLS = {
    "cv2.imwrite",
    "json.dump",
    "np.save",
    "np.savez",
    "np.savez_compressed",
    "pickle.dump",
    "torch.save",
}
WRITE_METHODS = {"savefig", "to_csv", "tofile", "write_bytes", "write_text"}

MAX_LINES = 300
LONGER: dict[str, str] = {}  # module: the reason


@dataclass(frozen=True)
class Module:
    """A source file under its dotted name; ``package`` is where its relative imports start."""

    name: str
    package: str
    source: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, filename=self.name)


def modules(root: Path, folder: str, *, prefix: str) -> Iterator[Module]:
    for where, _, files in os.walk(root / folder):  # does not follow the links in bvae_rl
        for file in sorted(files):
            path = Path(where, file)
            if path.suffix == ".py":
                parts = path.relative_to(root).with_suffix("").parts
                package = prefix + ".".join(parts[:-1])
                name = package if parts[-1] == "__init__" else f"{package}.{parts[-1]}"
                yield Module(name, package, path.read_text(encoding="utf-8"))


SOURCES = [
    module
    for folder in FOLDERS
    for module in modules(ROOT, folder, prefix="" if folder == "bvae_rl" else "bvae_rl.")
]
TESTS = list(modules(ROOT, "tests", prefix=""))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of every import, ``import_module("...")`` included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func).rpartition(".")[2]
            if function in {"__import__", "import_module", "require"}:
                yield node.lineno, str(node.args[0].value)


def room_of(name: str) -> str | None:
    """The room of a module of the package; None for what is not ours, or stands at the door."""
    parts = name.split(".")
    return parts[1] if parts[0] == "bvae_rl" and len(parts) > 1 and parts[1] in FLOOR else None


def forbidden_imports(module: Module) -> list[str]:
    """``module:line imports name`` for every import that the law forbids."""
    own = room_of(module.name)
    banned = [*FOLDERS[1:]]  # `import envs` would load every module a second time
    for package, names in FORBIDDEN.items():
        if within(module.name, package):
            banned += names
    found = []
    floor = DOOR if module.name == "bvae_rl" else FLOOR.get(own or "", len(FLOORS))
    for line, name in imports(module):
        room = room_of(name)
        upwards = room and room != own and FLOOR[room] >= floor
        if upwards or any(within(name, one) for one in banned):
            found.append(f"{module.name}:{line} imports {name}")
    return found


def write_calls(module: Module) -> set[str]:
    """The calls in a module that can write a file; ``open`` counts unless its mode only reads."""
    found = set()
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        dotted = ast.unparse(node.func)
        last = dotted.rpartition(".")[2]
        if dotted in WRITE_CALLS:
            found.add(dotted)
        elif isinstance(node.func, ast.Attribute) and last in WRITE_METHODS:
            found.add(last)
        elif last == "open":
            arguments = node.args[1 if dotted == "open" else 0 :][:1]
            arguments += [key.value for key in node.keywords if key.arg == "mode"]
            if any(
                not isinstance(a, ast.Constant) or set("wax+") & set(str(a.value))
                for a in arguments
            ):
                found.add("open")
    return found
