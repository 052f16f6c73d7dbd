"""Objectives with a state beside the VAE: a killed run, a second run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import CONFIG, Kill, drawn, equal

QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=4, save_freq=4, precision="float32")
CONSTANT = Annealing(16, "constant")
SMALL = {
    "factor": {"width": 16},
    "darla": {"dae_fraction": 0.375},
    "control": {"kl": 1e-4, "ki": 100.0},
    "dae": {},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return drawn(tmp_path_factory.mktemp("frames"), 400)


def made(name: str):
    row = entry(name)
    return row.make(row.hyperparameters("tuned", SMALL[name]), CONSTANT)


@pytest.mark.parametrize(
    ("name", "killed_at"),
    # its checkpoint comes after a callback: the last one is 4 steps older
    [("factor", 8), ("control", 8), ("dae", 8), ("darla", 8), ("darla", 12)],
)
def test_a_killed_run_resumes_to_the_same_weights(
    name: str, killed_at: int, store: FrameStore, tmp_path: Path
) -> None:
    def run(folder: str, objective, **more):
        return train_vae(
            store, CONFIG, objective, steps=16, seed=1, out=tmp_path / folder, train=QUICK, **more
        )

    whole = made(name)
    expected = run("a", whole).state_dict()
    with pytest.raises(KeyboardInterrupt):
        run("b", made(name), callbacks=[Kill(killed_at)])
    resumed = made(name)
    found = run("b", resumed, callbacks=[Kill(None)]).state_dict()
    for key, tensor in expected.items():
        assert torch.equal(tensor, found[key]), key
    assert equal(whole.state_dict(), resumed.state_dict())
    logs = [(tmp_path / folder / "log.csv").read_text().splitlines() for folder in "ab"]
    speed = logs[0][0].split(",").index("vae/images_per_second")
    rows = [[row.split(",")[:speed] for row in log] for log in logs]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["factor", "control", "darla"])
def test_an_objective_starts_afresh_with_a_second_run(
    name: str, store: FrameStore, tmp_path: Path
) -> None:
    objective = made(name)
    runs = [
        train_vae(store, CONFIG, objective, steps=8, seed=1, out=tmp_path / folder, train=QUICK)
        for folder in "ab"
    ]
    first, second = (run.state_dict() for run in runs)
    assert all(torch.equal(first[key], second[key]) for key in first)
