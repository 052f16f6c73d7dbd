"""What breaks a law of ``law_cases.py`` is caught, and what does not passes."""

from __future__ import annotations

import pytest

from tests.law_cases import Module, forbidden_imports, write_calls


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
