"""The laws that keep the house in order: who imports whom, who writes files, how long a file is.

Read from the syntax trees, so that an import inside a function or under TYPE_CHECKING counts as
well. A law that has to give way is changed here.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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


def test_the_laws_are_held_against_the_whole_tree() -> None:
    names = {module.name for module in SOURCES}
    assert {
        "bvae_rl",
        "bvae_rl.models.vae",
        "bvae_rl.sb3",
        "bvae_rl.envs.planar.reach",
        *UPPER,
    } <= names
    assert len(names) == len(SOURCES), "a module was found twice"
    assert "tests.test_laws" in {module.name for module in TESTS}


def test_imports_point_one_way() -> None:
    assert [line for module in SOURCES + TESTS for line in forbidden_imports(module)] == []


def test_metrics_plots_and_report_bring_neither_torch_nor_sb3() -> None:
    code = (
        "import sys, bvae_rl.metrics, bvae_rl.plots, bvae_rl.report; "
        "print(sorted({'torch', 'stable_baselines3', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_front_door_is_light() -> None:
    code = (
        "import sys, bvae_rl; bare = 'torch' in sys.modules or 'numpy' in sys.modules; "
        "missing = [n for n in bvae_rl.__all__ if not hasattr(bvae_rl, n)]; print(bare, missing)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False []"


def test_pretraining_names_no_objective() -> None:
    objectives = {m.name for m in SOURCES if within(m.name, "bvae_rl.training.objectives")}
    concrete = objectives - {"bvae_rl.training.objectives"}
    (pretrain,) = (module for module in SOURCES if module.name == "bvae_rl.training.pretrain")
    named = {name for _, name in imports(pretrain)}
    assert concrete
    assert not [name for name in named if any(within(name, one) for one in concrete)]


def test_only_the_listed_modules_write_files() -> None:
    found = {module.name: write_calls(module) for module in SOURCES}
    assert {name: calls for name, calls in found.items() if calls} == WRITERS


def test_one_idea_a_file() -> None:
    lengths = {module.name: len(module.source.splitlines()) for module in SOURCES}
    assert {name for name, lines in lengths.items() if lines > MAX_LINES} == set(LONGER)


def planted(name: str, source: str, *, package: str | None = None) -> Module:
    return Module(name, package or name.rpartition(".")[0], source)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        (
            planted("bvae_rl.models.vae", "from bvae_rl.scripts.cli import main"),
            "bvae_rl.scripts.cli.main",
        ),
        (planted("bvae_rl.models.vae", "def f():\n    import bvae_rl.agents"), "bvae_rl.agents"),
        (planted("bvae_rl.models.vae", "from bvae_rl import envs"), "bvae_rl.envs"),
        (planted("bvae_rl.models.vae", "from ..envs import domains"), "bvae_rl.envs.domains"),
        (
            planted("bvae_rl.sb3.a", "from ..agents.methods import METHODS"),
            "bvae_rl.agents.methods.METHODS",
        ),
        (planted("bvae_rl", "from . import agents", package="bvae_rl"), "bvae_rl.agents"),
        (
            planted("bvae_rl.data.a", "import importlib as i\ni.import_module('bvae_rl.envs')"),
            "bvae_rl.envs",
        ),
        (
            planted("bvae_rl.envs.a", "import bvae_rl.agents.methods as arms"),
            "bvae_rl.agents.methods",
        ),
        (planted("bvae_rl.agents.a", "from bvae_rl.envs import domains"), "bvae_rl.envs.domains"),
        (planted("bvae_rl.agents.a", "from ..scripts import demo"), "bvae_rl.scripts.demo"),
        (planted("bvae_rl.data.a", "from bvae_rl.models import vae"), "bvae_rl.models.vae"),
        (planted("bvae_rl.metrics.a", "from bvae_rl.models import vae"), "bvae_rl.models.vae"),
        (planted("bvae_rl.plots.a", "from bvae_rl.training import a"), "bvae_rl.training.a"),
        (planted("bvae_rl.plots.a", "from bvae_rl.models import vae"), "bvae_rl.models.vae"),
        (planted("bvae_rl.plots.a", "import torch"), "torch"),
        (planted("bvae_rl.metrics.a", "import stable_baselines3"), "stable_baselines3"),
        (planted("bvae_rl.scripts.a", "from envs.domains import Domain"), "envs.domains.Domain"),
        (planted("tests.test_a", "import agents"), "agents"),
    ],
)
def test_a_planted_import_is_caught(module: Module, imported: str) -> None:
    line = module.source.count("\n") + 1
    assert forbidden_imports(module) == [f"{module.name}:{line} imports {imported}"]


@pytest.mark.parametrize(
    "module",
    [
        planted("bvae_rl.scripts.a", "from bvae_rl.agents import arms\nimport bvae_rl.envs"),
        planted("bvae_rl.agents.a", "from bvae_rl.models.vae import BetaVAE\nfrom . import arms"),
        planted("bvae_rl.envs.a", "from bvae_rl.data.factors import FactorSpec"),
        planted("bvae_rl.models.a", "from bvae_rl.data.environments import make\nimport torch"),
        planted("bvae_rl", "from bvae_rl.sb3.online import OnlineBetaVAE", package="bvae_rl"),
        planted("tests.test_a", "import bvae_rl.scripts.demo"),
    ],
)
def test_a_lawful_import_passes(module: Module) -> None:
    assert forbidden_imports(module) == []


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("json.dump(a, f)", "json.dump"),
        ("Path('a').write_text('b')", "write_text"),
        ("frame.to_csv(path)", "to_csv"),
        ("open(path, 'a')", "open"),
        ("open(path, mode='w')", "open"),
        ("path.open('r+b')", "open"),
        ("path.open(mode)", "open"),
    ],
)
def test_a_planted_write_is_caught(source: str, call: str) -> None:
    assert write_calls(planted("bvae_rl.a", source)) == {call}


@pytest.mark.parametrize(
    "source", ["open(path)", "path.open('rb')", "json.dumps(a)", "vae.save(a)"]
)
def test_reading_is_not_writing(source: str) -> None:
    assert write_calls(planted("bvae_rl.a", source)) == set()
