"""What an installation gets: the sdist and the wheel hold every module, and each one imports.

Both are built from a copy of the tree, without a network, the wheel from the sdist. It is unpacked
into a folder of its own and imported from there, with every optional package out of reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("bvae_rl", "envs", "agents", "scripts")
CHECKPOINT_FILES = ("config.json", "model.safetensors", "log.csv", "scores-source.json")
OPTIONAL = (
    "av", "dm_control", "gymnasium_robotics", "h5py", "matplotlib", "minari", "mujoco", "pyarrow",
    "rich", "sb3_contrib", "scipy", "sklearn", "tensorboard", "tqdm",
)  # fmt: skip

IMPORT_ALL = """
import importlib, os, sys, warnings
from pathlib import Path
target, optional, *names = sys.argv[1:]
sys.modules.update(dict.fromkeys(optional.split(",")))  # None there: the import raises

import cv2, gymnasium, minigrid, numpy, safetensors, stable_baselines3, torch, tyro
state = lambda: (
    dict(os.environ), list(sys.path), list(warnings.filters), torch.get_num_threads(),
    torch.get_rng_state().tolist(), repr(numpy.random.get_state()),
)
before = state()
for name in names:
    module = importlib.import_module(name)
    assert Path(module.__file__).is_relative_to(target), (name, module.__file__)
assert state() == before, "an import changed the environment, paths, filters, threads or seeds"
assert callable(sys.modules["bvae_rl.scripts.cli"].main)
print(len(names), "modules")
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built, with one more checkpoint than the repository has."""
    tree = tmp_path_factory.mktemp("tree")
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True, ignore=ignore)
    planted = tree / "bvae_rl" / "checkpoints" / "planted"
    planted.mkdir(parents=True)
    for name in CHECKPOINT_FILES:
        (planted / name).write_text("planted", encoding="utf-8")
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", cwd=tree)
    (wheel,) = (tree / "dist").glob("*.whl")
    return wheel


def modules_in(tree: Path) -> set[str]:
    """Every module of the tree as the path that it has in an installation."""
    found = set()
    for folder in FOLDERS:
        for where, _, files in os.walk(tree / folder):  # does not follow the links in bvae_rl
            for path in (Path(where, file).relative_to(tree) for file in files):
                if path.suffix == ".py":
                    home = "" if folder == "bvae_rl" else "bvae_rl/"
                    found.add(home + path.as_posix())
    return found


def test_folders_are_linked_into_the_package() -> None:
    for folder in FOLDERS[1:]:
        assert os.readlink(ROOT / "bvae_rl" / folder) == os.path.join(os.pardir, folder)


def test_wheel_holds_every_module_and_the_data(tree: Path, wheel: Path) -> None:
    data = {
        path.relative_to(tree).as_posix()
        for path in (tree / "bvae_rl" / "checkpoints").rglob("*")
        if path.is_file()
    }
    assert {f"bvae_rl/checkpoints/planted/{name}" for name in CHECKPOINT_FILES} <= data
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (points,) = (archive.read(name) for name in names if name.endswith("entry_points.txt"))
    assert b"bvae-rl = bvae_rl.scripts.cli:main" in points
    packed = [name for name in names if ".dist-info/" not in name]
    assert len(packed) == len(set(packed))
    data |= {"bvae_rl/py.typed", "bvae_rl/report/page.html.j2"}
    explorer = tree / "bvae_rl" / "report" / "explorer"
    page = {path.relative_to(tree).as_posix() for path in explorer.rglob("*.*[s2]")}
    assert {path.rpartition(".")[2] for path in page} == {"css", "j2", "js"}
    data |= page
    assert set(packed) == modules_in(tree) | data


def test_wheel_imports_without_source_tree_or_extras(tree: Path, wheel: Path) -> None:
    target, elsewhere = tree.parent / "target", tree.parent / "elsewhere"
    elsewhere.mkdir()
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--target", target, wheel, cwd=elsewhere)
    assert {path.name for path in target.iterdir() if path.suffix != ".dist-info"} == {
        "bin",
        "bvae_rl",
    }
    names = sorted(
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in modules_in(tree)
        if not path.endswith("__main__.py")
    )
    out = run(
        sys.executable,
        "-c",
        IMPORT_ALL,
        target,
        ",".join(OPTIONAL),
        *names,
        cwd=elsewhere,
        PYTHONPATH=str(target),  # goes before an editable installation of this tree
        PYGAME_HIDE_SUPPORT_PROMPT="1",
    )
    assert out == f"{len(names)} modules\n"  # and nothing else was printed


def test_constraints_pin_every_dependency_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pins["opencv-python"] == pins["opencv-python-headless"]  # the Makefile swaps them
    apart = {"zoo"}  # it has an environment of its own
    heavy = {"envpool", "rerun"}
    named = [
        Requirement(line)
        for lines in (project["dependencies"], *(extras[name] for name in set(extras) - apart))
        for line in lines
    ]
    ours = [one for one in named if one.name not in {"bvae-rl", "pip"}]
    assert len(ours) > 15
    for requirement in ours:
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement
    (everything,) = extras["all"]
    assert Requirement(everything).extras == set(extras) - {"all", "dev", "docs", *heavy, *apart}
