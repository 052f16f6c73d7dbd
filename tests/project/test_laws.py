"""The laws of ``law_cases.py``, held against the whole tree."""

from __future__ import annotations

import subprocess
import sys

from tests.law_cases import (
    LONGER,
    MAX_LINES,
    SOURCES,
    TESTS,
    UPPER,
    WRITERS,
    forbidden_imports,
    imports,
    within,
    write_calls,
)


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
    assert "tests.project.test_laws" in {module.name for module in TESTS}


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
    lengths = {module.name: len(module.source.splitlines()) for module in SOURCES + TESTS}
    assert {name for name, lines in lengths.items() if lines > MAX_LINES} == set(LONGER)
