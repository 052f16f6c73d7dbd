"""A training that collapses or is no longer finite says so, and keeps what it had."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from bvae_rl.training.trainer import NotFinite
from bvae_rl.training.validation import validate
from bvae_rl.training.watch import Collapsed
from tests.pretrain_cases import CONFIG, QUICK


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, 1000, seed=0, views=2)
    return store


def test_few_active_latents_are_diagnosed(
    store: FrameStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        crushed = BetaVAEObjective(Constant(1e5))
        train_vae(store, CONFIG, crushed, steps=40, seed=0, out=tmp_path, train=QUICK)
    assert "of 6 latents active" in caplog.text
    assert "lower the KL's weight (beta is now 100000" in caplog.text


def test_a_latent_whose_mean_never_changes_is_inactive_whatever_its_kl() -> None:
    vae = BetaVAE(CONFIG)
    with torch.no_grad():
        *_, weight, bias = vae.encoder.parameters()
        weight.zero_()
        bias.zero_()
        bias[: CONFIG.latent_dim] = 3.0
    found = validate(vae, torch.rand(8, *vae.shape))
    assert found["vae/validation_kl"] == pytest.approx(CONFIG.latent_dim * 4.5)
    assert found["vae/active_latents"] == 0


def test_a_dead_code_stops_the_training_and_keeps_the_state(
    store: FrameStore, tmp_path: Path
) -> None:
    crushed = BetaVAEObjective(Constant(1e6))
    with pytest.raises(
        Collapsed, match=r"posterior collapse: .* for \d+ validations .* beta 1e\+06 is too high"
    ):
        train_vae(store, CONFIG, crushed, steps=200, seed=0, out=tmp_path, train=QUICK)
    before = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"]
    assert BetaVAE.load(tmp_path).meta["finished"] is False
    with pytest.raises(Collapsed):  # at once, not after as many validations again
        train_vae(store, CONFIG, crushed, steps=200, seed=0, out=tmp_path, train=QUICK)
    done = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"]
    assert done == before + QUICK.log_freq


@dataclass(frozen=True)
class Breaks(BetaVAEObjective):
    """The loss, or only its gradient, is NaN from step 12 on."""

    gradient: bool = False
    broken: ClassVar[bool] = True

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        loss, parts = super().loss(vae, batch, step, noise)
        if step < 12 or not self.broken:
            return loss, parts
        root = next(vae.parameters()).sum() * 0.0
        return loss + (root.sqrt() if self.gradient else root * torch.nan), parts


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_loss_that_is_nan_names_the_batch_and_keeps_the_last_good_state(
    what: str, store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = Breaks(Constant(1.0), gradient=what == "gradient")
    with pytest.raises(NotFinite, match=rf"the {what} became \S+ at step 12 \(seed 3"):
        train_vae(store, CONFIG, objective, steps=20, seed=3, out=tmp_path, train=QUICK)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 12
    assert all(weight.isfinite().all() for weight in kept["vae"].values())
    monkeypatch.setattr(Breaks, "broken", False)  # the same training goes on from there
    good = train_vae(store, CONFIG, objective, steps=20, seed=3, out=tmp_path, train=QUICK)
    assert np.isfinite(good.meta["scores"]["validation"]["vae/elbo"])
