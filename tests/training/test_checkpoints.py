"""A checkpoint is a usable VAE, a training may be longer than planned, and damage is seen."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl import policy_kwargs
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant, Linear
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import Kill, grids

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(4, 4, 4), hidden=8)
QUICK = TrainConfig(
    batch_size=8, warmup=2, log_freq=4, save_freq=4, precision="float32", decay="none"
)
OBJECTIVE = BetaVAEObjective(Linear(0.0, 1.0, 4))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return grids(tmp_path_factory.mktemp("frames"))


def train(store: FrameStore, out: Path, *, kill: int | None = None, **changes: Any) -> BetaVAE:
    settings: dict[str, Any] = {
        "objective": OBJECTIVE, "steps": 12, "seed": 0, "train": QUICK, "callbacks": [Kill(kill)]
    }  # fmt: skip
    return train_vae(store, CONFIG, out=out, **{**settings, **changes})


def killed(store: FrameStore, out: Path, **changes: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(store, out, kill=8, **changes)


def test_a_checkpoint_is_a_vae_that_says_it_is_unfinished(
    store: FrameStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(store, tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["finished"] is False and stored["training"]["step"] == 4
    with caplog.at_level(logging.WARNING):
        vae = BetaVAE.load(tmp_path)
    assert "holds an unfinished VAE: 4 of 12 steps" in caplog.text
    assert vae.encode_frames(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 4)
    assert policy_kwargs(tmp_path)["features_extractor_kwargs"]
    train(store, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["finished"] is True
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_kill_within_the_first_save_costs_that_training_alone(
    store: FrameStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(store, tmp_path / "half")
    (tmp_path / "half" / "config.json").unlink()  # which is written after the checkpoint
    with caplog.at_level(logging.WARNING):
        again = train(store, tmp_path / "half")
    assert "is of a training that was killed in its first save: it begins anew" in caplog.text
    whole = train(store, tmp_path / "whole").state_dict()
    assert all(torch.equal(again.state_dict()[name], value) for name, value in whole.items())


def test_a_constant_learning_rate_lets_a_training_be_longer_or_shorter(
    store: FrameStore, tmp_path: Path
) -> None:
    whole = train(store, tmp_path / "whole", steps=20).state_dict()
    killed(store, tmp_path / "a")
    longer = train(store, tmp_path / "a", steps=20)
    assert all((longer.state_dict()[name] == weight).all() for name, weight in whole.items())
    assert longer.meta["training"]["steps"] == 20
    killed(store, tmp_path / "b")
    assert train(store, tmp_path / "b", steps=6).meta["training"]["step"] == 6
    killed(store, tmp_path / "c")
    with pytest.raises(ValueError, match="has taken 4 steps already, and steps=3 asks for fewer"):
        train(store, tmp_path / "c", steps=3)


def test_otherwise_the_reason_is_given(store: FrameStore, tmp_path: Path) -> None:
    linear = {"train": TrainConfig(batch_size=8, warmup=2, log_freq=4, save_freq=4)}
    killed(store, tmp_path, **linear)
    with pytest.raises(ValueError, match=r"has 12 steps, not 20, and its learning rate falls"):
        train(store, tmp_path, steps=20, **linear)
    train(store, tmp_path, **linear)
    with pytest.raises(ValueError, match=r"is finished; go on from it .* with start="):
        train(store, tmp_path, steps=20, **linear)
    assert len(train(store, tmp_path / "next", start=BetaVAE.load(tmp_path)).meta) > 3


def test_what_is_missing_or_damaged_is_said(store: FrameStore, tmp_path: Path) -> None:
    killed(store, tmp_path)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"checkpoint.pt is damaged .* delete the folder"):
        train(store, tmp_path)
    checkpoint.unlink()
    with pytest.raises(ValueError, match=r"unfinished VAE without checkpoint\.pt"):
        train(store, tmp_path)


def test_a_changed_beta_does_not_return_yesterdays_vae(store: FrameStore, tmp_path: Path) -> None:
    train(store, tmp_path / "done", objective=BetaVAEObjective(Constant(1.0)))
    killed(store, tmp_path / "half", objective=BetaVAEObjective(Constant(1.0)))
    for folder in ("done", "half"):
        with pytest.raises(ValueError, match=r"objective\.beta\.value 1, not 8"):
            train(store, tmp_path / folder, objective=BetaVAEObjective(Constant(8.0)))
    told = json.loads((tmp_path / "done" / "config.json").read_text())["training"]["objective"]
    assert told == {
        "is": "BetaVAEObjective", "name": "beta", "beta": {"is": "Constant", "value": 1.0}
    }  # fmt: skip


@pytest.mark.parametrize("where", [100, -100])
def test_a_flipped_bit_of_a_frame_is_seen_before_it_is_trained_on(
    where: int, store: FrameStore, tmp_path: Path
) -> None:
    copy = shutil.copytree(store.folder, tmp_path / "frames")
    raw = bytearray((copy / "frames.raw").read_bytes())
    raw[where] ^= 1
    (copy / "frames.raw").write_bytes(raw)
    with pytest.raises(ValueError, match=r"rows \d+ to \d+ of frames \(block \d+\) are damaged"):
        train(FrameStore(copy), tmp_path / "vae", steps=200)


def test_changed_metadata_is_seen(store: FrameStore, tmp_path: Path) -> None:
    copy = shutil.copytree(store.folder, tmp_path / "frames")
    index = json.loads((copy / "store.json").read_text())
    index["meta"]["policy"] = "another"
    (copy / "store.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="has been changed since it was written"):
        FrameStore(copy)


def test_two_stores_of_other_seeds_are_not_the_same(store: FrameStore, tmp_path: Path) -> None:
    """Equal metadata and equally many rows, but other frames."""
    other = FrameStore(tmp_path / "other")
    block = store.read()
    other.declare(factor_specs=store.factor_specs, **store.meta)
    changed = np.array(block.frames)
    changed[0, 0, 0, 0] ^= 1
    other.append(type(block)(changed, block.episode, block.state, block.factors, block.actions))
    train(store, tmp_path / "vae")
    with pytest.raises(ValueError, match=r"store\.sha256"):
        train(other, tmp_path / "vae")
