"""Weights of pixels: what stands before a background, and what moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.losses import recon_nll
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.pixel_weights import Weighting, foreground, motion, weigher
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids

CONFIG = VAEConfig(
    shape=(3, 32, 32), latent_dim=7, groups={"content": (0, 4), "style": (4, 7)},
    parts={"actuator0": (0, 1), "actuator1": (1, 2)}, channels=(8, 8, 8), hidden=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return grids(tmp_path_factory.mktemp("frames"))


def scene(background: float, at: int) -> torch.Tensor:
    """A frame (1, 3, 32, 32) with a block of 4 x 4 that is green."""
    x = torch.full((1, 3, 32, 32), background)
    x[:, 1, at : at + 4, at : at + 4] = 1.0
    return x


@pytest.mark.parametrize("background", [0.0, 0.4, 0.8])
def test_what_stands_before_any_background_counts_more(background: float) -> None:
    weight = foreground(scene(background, 8), 5.0)
    assert weight.shape == (1, 1, 32, 32)
    assert (weight[0, 0, 8:12, 8:12] == 5.0).all()
    assert weight.sum() == 32 * 32 + 16 * 4.0


def test_what_moved_counts_more_in_both_places() -> None:
    weight = motion(scene(0.2, 4), scene(0.2, 20), 3.0)
    grown = torch.ones(1, 1, 32, 32)
    grown[..., 3:9, 3:9] = grown[..., 19:25, 19:25] = 3.0
    assert torch.equal(weight, grown)


def test_batches_get_weights_and_the_likelihood_uses_them(store: FrameStore) -> None:
    x, x2 = scene(0.2, 4), scene(0.2, 20)
    pairs = weigher(Weighting("foreground", 2.0), store, 9)(Batch(x, x2), 0)
    assert torch.equal(pairs.weight, foreground(x, 2.0))
    assert torch.equal(pairs.weight2, foreground(x2, 2.0))
    error = recon_nll(
        torch.zeros_like(x), x, likelihood="gaussian", recon_weight=1.0, weight=pairs.weight
    )
    by_hand = (x**2).sum() + (x[..., 4:8, 4:8] ** 2).sum()
    assert error.item() == pytest.approx(by_hand.item())
    grid = Batch(torch.cat([x, x2, x, x2]), take=torch.zeros(4, 1, dtype=torch.long))
    moved = weigher(Weighting("motion", 3.0), store, 9)(grid, 0).weight
    assert torch.equal(moved, motion(x, x2, 3.0).expand(4, -1, -1, -1))


def test_bad_weightings_are_refused(store: FrameStore) -> None:
    with pytest.raises(ValueError, match="unknown weighting 'edges'; known: foreground, motion"):
        Weighting("edges")
    with pytest.raises(ValueError, match=r"at least 1, got 0\.5"):
        Weighting("motion", 0.5)
    single = weigher(Weighting("motion"), store, 9)
    with pytest.raises(ValueError, match="this objective takes single ones"):
        single(Batch(scene(0.0, 4)), 0)


def test_where_the_guess_fails_everything_counts_the_same() -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[..., 1::2] = stripes[..., 2::4] = 0.5  # every fourth column is looked up, and dark
    assert (foreground(stripes, 5.0) == 1.0).all()
    pairs = torch.cat([scene(0.2, 4), scene(0.2, 4)]), torch.cat([scene(0.2, 20), scene(0.8, 20)])
    one_appearance, two_appearances = motion(*pairs, 3.0)
    assert (two_appearances == 1.0).all() and one_appearance.max() == 3.0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_uses_the_weights(name: str, store: FrameStore) -> None:
    """Ones are the same as none, and others are not."""
    row = entry(name)
    torch.manual_seed(0)
    vae = BetaVAE(replace(CONFIG, levels=int(row.hyperparameters("tuned", {}).get("levels", 0))))
    annealing, pairs = Annealing(100), "views" if row.pairs else ""

    def recon(weights: float | None) -> float:
        objective = row.make(
            annealing=annealing, values=row.hyperparameters("tuned", {}), pairs=pairs
        )
        batch = objective.pairing(Rows(store), vae)(store, np.random.default_rng(0), 16)
        if weights is not None:
            every = torch.full_like(batch.x[:, :1], weights)
            batch = replace(batch, weight=every, weight2=None if batch.x2 is None else every)
        torch.manual_seed(1)
        _, parts = objective.loss(vae, batch, 0, torch.zeros(16, 7))
        return torch.as_tensor(parts["recon"]).item()

    plain = recon(None)
    assert plain == pytest.approx(recon(1.0), rel=1e-6)
    assert plain > 0.0
    assert recon(0.5) != pytest.approx(plain, rel=1e-3)


def test_a_training_is_told_apart_by_its_weighting(store: FrameStore, tmp_path: Path) -> None:
    quick = TrainConfig(batch_size=16, validation=0.1, precision="float32")
    objective = BetaVAEObjective(Constant(1.0))

    def train(folder: str, weighting: Weighting | None) -> dict[str, object]:
        trained = train_vae(
            store, CONFIG, objective, steps=2, seed=0, out=tmp_path / folder, train=quick,
            weighting=weighting,
        )  # fmt: skip
        found: dict[str, object] = trained.meta["training"]
        return found

    assert train("a", Weighting("foreground"))["weighting"] == {
        "is": "Weighting", "kind": "foreground", "factor": 10,
    }  # fmt: skip
    assert train("b", None)["weighting"] is None
    with pytest.raises(ValueError, match=r"other settings \(weighting None, not Weighting"):
        train("b", Weighting("foreground"))
    with pytest.raises(ValueError, match=r"other settings \(weighting Weighting.*, not None\)"):
        train("a", None)
    with pytest.raises(ValueError, match="this objective takes single ones"):
        train("c", Weighting("motion"))
