"""Pretraining: it learns, resumes to the same weights, and any objective fits in."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.devices import threads_per_worker, use_bfloat16
from bvae_rl.runtime.identity import identity
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.base import Objective
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.capacity import CapacityObjective
from bvae_rl.training.objectives.pair_supervised import PairSupervisedObjective
from bvae_rl.training.schedules import Constant, Linear
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import Kill
from tests.pretrain_cases import CONFIG, QUICK


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, 1000, seed=0, views=2)
    return store


@pytest.mark.parametrize(
    "objective",
    [
        BetaVAEObjective(Constant(1.0)),
        CapacityObjective(Linear(0.0, 10.0, 20), gamma=10.0),
        PairSupervisedObjective(Constant(1.0)),
    ],
    ids=lambda objective: objective.name,
)
def test_training_raises_the_evidence_lower_bound(
    objective: Objective, store: FrameStore, tmp_path: Path
) -> None:
    result = train_vae(store, CONFIG, objective, steps=60, seed=0, out=tmp_path, train=QUICK)
    with (tmp_path / "log.csv").open() as file:
        bounds = [float(row["vae/elbo"]) for row in csv.DictReader(file)]
    assert len(bounds) == 6
    assert bounds[-1] > bounds[0] + 500
    again = BetaVAE.load(tmp_path)
    assert again.meta["training"]["objective"] == identity(objective)
    assert again.meta["training"]["images"] == 60 * 16
    assert len(again.meta["statistics"]["mean"]) == 6
    assert torch.equal(again.encoder[1].weight, result.encoder[1].weight)  # type: ignore[arg-type]


def test_a_killed_run_resumes_to_the_same_weights(store: FrameStore, tmp_path: Path) -> None:
    objective = PairSupervisedObjective(Constant(1.0))

    whole = train_vae(store, CONFIG, objective, steps=40, seed=1, out=tmp_path / "a", train=QUICK)
    with pytest.raises(KeyboardInterrupt):
        train_vae(
            store, CONFIG, objective, steps=40, seed=1, out=tmp_path / "b", train=QUICK,
            callbacks=[Kill(30)],
        )  # fmt: skip
    assert (tmp_path / "b" / "checkpoint.pt").exists()
    settings: dict[str, Any] = {"out": tmp_path / "b", "train": QUICK, "callbacks": [Kill(None)]}
    with pytest.raises(ValueError, match=r"other settings \(steps 40, not 50; seed 1, not 2\)"):
        train_vae(store, CONFIG, objective, steps=50, seed=2, **settings)
    watched = replace(QUICK, save_freq=QUICK.save_freq + 1, device="cpu")  # and by no callback
    halves = train_vae(
        store, CONFIG, objective, steps=40, seed=1, out=tmp_path / "b", train=watched
    )
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, halves.state_dict()[name]), name
    logs = [(tmp_path / run / "log.csv").read_text().splitlines() for run in "ab"]
    assert [line.split(",")[0] for line in logs[0]] == [line.split(",")[0] for line in logs[1]]
    assert not (tmp_path / "b" / "checkpoint.pt").exists()


def test_a_finished_run_is_returned_and_another_is_refused(
    store: FrameStore, tmp_path: Path
) -> None:
    objective = BetaVAEObjective(Constant(1.0))
    first = train_vae(store, CONFIG, objective, steps=10, seed=1, out=tmp_path, train=QUICK)
    stamp = (tmp_path / "model.safetensors").stat().st_mtime_ns
    again = train_vae(store, CONFIG, objective, steps=10, seed=1, out=tmp_path, train=QUICK)
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == stamp
    assert again.meta["scores"]["validation"] == first.meta["scores"]["validation"]
    with pytest.raises(ValueError, match=r"other settings \(seed 1, not 2\)"):
        train_vae(store, CONFIG, objective, steps=10, seed=2, out=tmp_path, train=QUICK)


def test_folders_keep_to_one_thing(store: FrameStore, tmp_path: Path) -> None:
    objective = BetaVAEObjective(Constant(1.0))
    with pytest.raises(ValueError, match="holds a frame store; choose another folder"):
        train_vae(store, CONFIG, objective, steps=2, seed=1, out=store.folder, train=QUICK)
    train_vae(store, CONFIG, objective, steps=2, seed=1, out=tmp_path, train=QUICK)
    with pytest.raises(ValueError, match="holds a VAE; choose another folder"):
        FrameStore(tmp_path).declare(policy="random")
    (theirs := tmp_path / "theirs").mkdir()
    (theirs / "traversals.png").write_bytes(b"theirs")
    with pytest.raises(ValueError, match=r"holds other files \(traversals.png\); choose an empty"):
        train_vae(store, CONFIG, objective, steps=2, seed=1, out=theirs, train=QUICK)
    with pytest.raises(ValueError, match="holds other files"):
        FrameStore(theirs).declare(policy="random")
    assert [path.name for path in theirs.iterdir()] == ["traversals.png"]


def test_more_frames_are_another_training(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    objective = BetaVAEObjective(Constant(1.0))
    for n in (300, 900):
        collect_independent(PlanarReach(size=32), store, n, seed=0)
        if n == 300:
            train_vae(store, CONFIG, objective, steps=2, seed=1, out=tmp_path / "a", train=QUICK)
    with pytest.raises(ValueError, match="holds a VAE made with other settings"):
        train_vae(store, CONFIG, objective, steps=2, seed=1, out=tmp_path / "a", train=QUICK)


def test_a_damaged_checkpoint_is_named(store: FrameStore, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(ValueError, match=r"checkpoint.pt has no config.json .* delete it"):
        train_vae(
            store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=2, seed=1, out=tmp_path,
            train=QUICK,
        )  # fmt: skip


def test_training_goes_on_from_given_weights(store: FrameStore, tmp_path: Path) -> None:
    objective = BetaVAEObjective(Constant(1.0))
    first = train_vae(store, CONFIG, objective, steps=60, seed=1, out=tmp_path / "a", train=QUICK)
    gentle = replace(QUICK, learning_rate=1e-6)
    more = train_vae(
        store, CONFIG, objective, steps=10, seed=1, out=tmp_path / "b", train=gentle,
        start=first,
    )  # fmt: skip
    assert more.meta["scores"]["validation"]["vae/elbo"] == pytest.approx(
        first.meta["scores"]["validation"]["vae/elbo"], abs=5.0
    )
    assert more.meta["training"]["continued_from"]["steps"] == 60
    assert more.meta["training"]["frames"] == len(store)  # the same ones once more
    with pytest.raises(ValueError, match="another config"):
        train_vae(
            store, replace(CONFIG, recon_weight=3.0), objective, steps=1, seed=1,
            out=tmp_path / "c",
            train=QUICK, start=first,
        )  # fmt: skip


def test_nothing_global_is_seeded(store: FrameStore, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=2, seed=1, out=tmp_path, train=QUICK
    )
    assert torch.equal(torch.rand(3), expected)


def test_weight_decay_shrinks_the_weights(store: FrameStore, tmp_path: Path) -> None:
    sizes = []
    for decay in (0.0, 1.0):
        train = replace(QUICK, weight_decay=decay, learning_rate=1e-2)
        result = train_vae(
            store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=30, seed=0,
            out=tmp_path / str(decay), train=train,
        )  # fmt: skip
        sizes.append(sum(weight.square().sum().item() for weight in result.parameters()))
    assert sizes[1] < 0.9 * sizes[0]


def test_a_new_objective_needs_no_other_edit(store: FrameStore, tmp_path: Path) -> None:
    calls: list[int] = []

    @dataclass(frozen=True)
    class Autoencoder(Objective):
        name = "mine"

        def loss(
            self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
        ) -> tuple[Tensor, dict[str, Tensor | float]]:
            mu, _ = vae.encode(batch.x)
            recon = (vae.decode_logits(mu) - batch.x).square().sum() / len(batch.x)
            return recon, {"recon": recon, "kl": 0.0, "beta": 0.0}

        def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
            calls.append(step)

    train_vae(store, CONFIG, Autoencoder(), steps=3, seed=0, out=tmp_path, train=QUICK)
    assert calls == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 6}, "multiple of 4"),
        ({"save_freq": 0}, "save_freq must be a whole number of at least 1, got 0"),
        ({"log_freq": 0}, "log_freq must be a whole number of at least 1, got 0"),
        ({"learning_rate": 0.0}, "must be positive"),
        ({"weight_decay": -0.1}, "weight_decay must not be negative"),
        ({"validation": 0.9}, r"in \(0, 0.5\)"),
    ],
)
def test_bad_training_settings_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**changes)  # type: ignore[arg-type]


def test_frames_of_another_size_are_refused(store: FrameStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds frames of \(3, 32, 32\), the VAE takes"):
        train_vae(
            store, VAEConfig(), BetaVAEObjective(Constant(1.0)), steps=1, seed=0, out=tmp_path
        )


def test_the_learning_rate_warms_up_and_decays() -> None:
    train = TrainConfig(learning_rate=1.0, warmup=100)
    assert train.learning_rate_at(0, 1000) == pytest.approx(0.01)
    assert train.learning_rate_at(500, 1000) == pytest.approx(0.5)
    assert train.learning_rate_at(999, 1000) == pytest.approx(0.02)


def test_threads_and_precision_follow_the_machine() -> None:
    assert threads_per_worker(10_000) == 1
    assert not use_bfloat16("float32", torch.device("cpu"))
    assert use_bfloat16("bfloat16", torch.device("cpu"))


def test_bfloat16_reaches_the_same_bound(store: FrameStore, tmp_path: Path) -> None:
    bounds = []
    for precision in ("float32", "bfloat16"):
        train = replace(QUICK, precision=precision)
        result = train_vae(
            store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=80, seed=0,
            out=tmp_path / precision, train=train,
        )  # fmt: skip
        bounds.append(result.meta["scores"]["validation"]["vae/elbo"])
    assert np.diff(bounds)[0] == pytest.approx(0.0, abs=0.02 * abs(bounds[0]))
