"""Objectives on single frames: all of them in training, and what they refuse."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.identity import identity
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import drawn, make_vae, number

QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, save_freq=100, precision="float32")
CONSTANT = Annealing(40, "constant")
NAMES = ("tc", "factor", "dip1", "dip2", "sigma", "control", "ae", "dae", "darla")


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return drawn(tmp_path_factory.mktemp("frames"), 600)


def made(name: str, **hyperparameters: float):
    row = entry(name)
    return row.make(row.hyperparameters("tuned", hyperparameters), CONSTANT)


SMALL = {"factor": {"width": 16}, "darla": {"dae_fraction": 0.5}}
CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=6, channels=(8, 8, 8), hidden=16)


@pytest.mark.parametrize("name", NAMES)
def test_training_gets_better_and_the_settings_are_kept(
    name: str, store: FrameStore, tmp_path: Path
) -> None:
    objective = made(name, **SMALL.get(name, {}))
    train_vae(store, CONFIG, objective, steps=40, seed=0, out=tmp_path, train=QUICK)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20", "30", "40"]
    better, least = ("vae/recon", -200) if name in ("ae", "dae") else ("vae/elbo", 200)
    change = float(rows[-1][better]) - float(rows[0][better])
    assert change < least if least < 0 else change > least
    assert {"vae/recon", "vae/kl", "vae/beta"} <= set(rows[0])
    kept = BetaVAE.load(tmp_path).meta["training"]["objective"]
    assert kept == identity(objective)
    assert kept["name"] == name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("preset", ["tuned", "paper"])
def test_every_preset_makes_an_objective(name: str, preset: str) -> None:
    row = entry(name)
    objective = row.make(row.hyperparameters(preset, {}), CONSTANT)
    assert objective.name == name
    assert not row.pairs and not row.groups
    for text in (row.source, row.purpose, row.advice, row.cost):
        assert text


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_finite_under_autocast_and_moves_the_vae(name: str, vae: BetaVAE) -> None:
    objective = made(name, **SMALL.get(name, {}))
    batch, noise = Batch(torch.rand(8, 3, 32, 32)), torch.randn(8, 5)
    for step in (0, 1, 30):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, parts = objective.loss(vae, batch, step, noise)
        assert loss.dtype == torch.float32 and torch.isfinite(loss)
        assert all(math.isfinite(number(value)) for value in parts.values())
        vae.zero_grad()
        loss.backward()
        objective.after_step(vae, batch, step)
        assert all(
            parameter.grad is not None and torch.isfinite(parameter.grad).all()
            for parameter in vae.parameters()
        )
        assert any(parameter.grad.abs().sum() > 0 for parameter in vae.parameters())


@pytest.mark.parametrize(
    ("name", "hyperparameters", "message"),
    [
        ("tc", {"alpha": -1.0}, "not negative, got -1"),
        ("tc", {"beta": -1.0}, "not negative, got -1"),
        ("tc", {"gamma": math.nan}, "finite and not negative, got nan"),
        ("factor", {"gamma": -1.0}, "not negative, got -1"),
        ("factor", {"width": 0.0}, "width must be a whole number from 1 on, got 0"),
        ("factor", {"width": 2.5}, "width must be a whole number from 1 on, got 2.5"),
        ("factor", {"learning_rate": 0.0}, "learning_rate must be finite and positive, got 0"),
        ("dip1", {"lambda_od": -1.0}, "lambda_od must be finite and not negative, got -1"),
        ("dip2", {"lambda_d": -2.0}, "lambda_d must be finite and not negative, got -2"),
        ("dip1", {"beta": -1.0}, "not negative, got -1"),
        ("sigma", {"beta": -1.0}, "not negative, got -1"),
        ("control", {"kl": 0.0}, "kl must be finite and positive, got 0"),
        ("control", {"ki": -0.001}, "ki must be finite and not negative, got -0.001"),
        ("control", {"rise": -1.0}, "rise must be finite and positive, got -1"),
        ("control", {"every": 0.0}, "every must be a whole number from 1 on, got 0"),
        ("control", {"beta_min": 5.0, "beta_max": 4.0}, "beta_min must not exceed beta_max"),
        ("dae", {"noise": -0.1}, "noise must be finite and not negative, got -0.1"),
        ("dae", {"mask": 1.5}, "mask must be from 0 to 1, got 1.5"),
        ("darla", {"weight": 0.0}, "weight must be finite and positive, got 0"),
        ("darla", {"dae_fraction": 0.0}, "dae_fraction must be above 0 and below 1, got 0"),
        ("darla", {"dae_fraction": 1.0}, "dae_fraction must be above 0 and below 1, got 1"),
        ("ae", {"beta": 1.0}, "objective ae has no hyperparameter beta; it has: none"),
        ("control", {"beta": 1.0}, "objective control has no hyperparameter beta"),
    ],
)
def test_bad_hyperparameters_are_refused(
    name: str, hyperparameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        made(name, **hyperparameters)
