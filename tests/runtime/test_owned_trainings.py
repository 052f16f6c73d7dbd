"""What trains into a folder leaves it to a process that has it already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stable_baselines3 import PPO

from bvae_rl.agents.methods import MethodInputs
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import RunError
from bvae_rl.sb3 import OnlineBetaVAE, policy_kwargs
from bvae_rl.training.hardening.harden import harden
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from tests.agent_cases import train_tiny
from tests.owner_cases import holder
from tests.plug_cases import CONFIG, build, make_env, make_store, make_vae
from tests.pretrain_cases import QUICK


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("held")
    process = holder(folder)
    yield folder
    process.kill()
    process.communicate()


def vae(folder: Path, work: Path) -> None:
    store = make_store(work / "frames")
    train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=2, seed=0, out=folder, train=QUICK
    )


def hardened(folder: Path, work: Path) -> None:
    harden(make_vae(), make_store(work / "frames"), out=folder, steps=2, train=QUICK)


def agent(folder: Path, work: Path) -> None:
    train_tiny("state", MethodInputs(), folder)


def online(folder: Path, work: Path) -> None:
    kwargs = policy_kwargs(make_vae().save(work / "vae"), mode="online", net_arch=[8])
    callback = OnlineBetaVAE(work / "vae", train_freq=8, out=folder)
    build(PPO, make_env(), **kwargs).learn(16, callback=callback)


@pytest.mark.parametrize("train", [vae, hardened, agent, online])
def test_a_folder_in_use_is_left_alone(
    train: Callable[[Path, Path], None], held: Path, tmp_path: Path
) -> None:
    before = sorted(held.iterdir())
    with pytest.raises(RunError, match="is in use by process"):
        train(held, tmp_path)
    assert sorted(held.iterdir()) == before


def test_an_online_run_lets_its_folder_go(tmp_path: Path) -> None:
    online(tmp_path / "out", tmp_path)
    process = holder(tmp_path / "out")  # which could not begin otherwise
    with pytest.raises(RunError), owned(tmp_path / "out"):
        pass
    process.kill()
    process.communicate()
