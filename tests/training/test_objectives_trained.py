"""Every objective as ``pretrain`` trains it: compiled, with the paper's settings, with decay."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.training import trainer
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.batches.tiles import tiled
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids

LOOK_AT_PIXELS = ("sigma", "darla", "dae")
QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, precision="float32", device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return grids(tmp_path_factory.mktemp("frames"))


def settings(store: FrameStore, name: str, out: Path, **changes: object) -> pretrain.Args:
    """Three steps of a small VAE."""
    args = pretrain.Args.of(
        store.folder, objective=name, pairs="views" if entry(name).pairs else None, out=out,
        steps=3, content_dim=4, style_dim=3, channels=(8, 8, 8), hidden=16, train=QUICK,
    )  # fmt: skip
    return args.but(**changes)


def trained(args: pretrain.Args) -> BetaVAE:
    return pretrain.main(args, on_progress=lambda fraction: None)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # factor: half a batch compiles anew
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize(("weighting", "compile"), [("foreground", False), ("none", True)])
def test_on_tiles_and_compiled_it_trains_the_same(
    name: str, weighting: str, compile: bool, store: FrameStore, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    if name == "darla" and weighting != "none":
        pytest.skip("its features are not of pixels")
    on_tiles = []

    def spy(batch: Batch) -> Batch:
        on_tiles.append(batch)
        return tiled(batch)

    monkeypatch.setattr(trainer, "tiled", spy)
    with monkeypatch.context() as without:
        without.setattr(trainer, "fits", lambda vae: False)
        args = settings(store, name, tmp_path / "plain", weighting=weighting)
        plain = trained(args).state_dict()
    assert not on_tiles
    fast = trained(
        replace(args, out=tmp_path / "fast", train=replace(QUICK, compile=compile))
    ).state_dict()
    assert len(on_tiles) == (0 if name in LOOK_AT_PIXELS else 3)
    for key, weight in plain.items():
        torch.testing.assert_close(fast[key], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_papers_settings_are_accepted(name: str, store: FrameStore, tmp_path: Path) -> None:
    args = settings(store, name, tmp_path, preset="paper")
    chosen = recipe_of(args, store)
    vae = BetaVAE(chosen.make_config(store))
    chosen.make_objective(args.steps).pairing(Rows(store), vae)


def test_decay_leaves_biases_and_quantised_values_alone(store: FrameStore, tmp_path: Path) -> None:
    args = settings(
        store, "quantised", tmp_path / "vae", start=tmp_path / "start",
        train=replace(QUICK, learning_rate=1e-12, weight_decay=1e11),
    )  # fmt: skip
    start = BetaVAE(recipe_of(args, store).make_config(store))
    with torch.no_grad():
        for name, weight in start.named_parameters():
            if name.endswith("bias"):
                weight.fill_(0.1)
    start.save(tmp_path / "start")
    before = start.state_dict()
    for name, weight in trained(args).named_parameters():
        left = (weight.detach().norm() / before[name].norm()).item()
        if name.endswith(("bias", "values")):
            assert left == pytest.approx(1.0, abs=1e-6), name
        else:
            assert left < 0.95, name


def test_a_capacity_is_not_released(store: FrameStore, tmp_path: Path) -> None:
    args = settings(store, "capacity", tmp_path, steps=100, ramp=0.5, release=0.2)
    objective = recipe_of(args, store).make_objective(100)
    assert objective.nats(99) == objective.nats(60) == 25.0  # type: ignore[attr-defined]
    released = recipe_of(args.but(objective="beta"), store).make_objective(100)
    assert released.beta(99) < 0.2 < released.beta(60) == 1.0  # type: ignore[attr-defined]


def test_quantised_latents_go_on_under_their_objective_alone(
    store: FrameStore, tmp_path: Path
) -> None:
    trained(settings(store, "quantised", tmp_path / "a"))
    other = settings(store, "beta", tmp_path / "b", start=tmp_path / "a")
    with pytest.raises(
        ValueError, match=r"objective beta takes latents of levels=0 .* have levels=10"
    ):
        trained(other)
