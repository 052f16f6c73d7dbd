"""Every objective as ``pretrain`` trains it: compiled, with the paper's settings, with decay."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts import pretrain, pretrain_choice
from bvae_rl.training import trainer
from bvae_rl.training.batches import Batch, Rows
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.tiles import tiled
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids

LOOK_AT_PIXELS = ("sigma", "darla", "dae")
QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, precision="float32", device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return grids(tmp_path_factory.mktemp("frames"))


def settings(store: FrameStore, name: str, out: Path, **changes: object) -> pretrain.Args:
    """Three steps of a small VAE."""
    args = pretrain.Args(
        store.folder, objective=name, pairs="views" if entry(name).pairs else None, out=out,
        steps=3, content_dim=4, style_dim=3, channels=(8, 8, 8), hidden=16, train=QUICK,
    )  # fmt: skip
    return replace(args, **changes)  # type: ignore[arg-type]


def trained(args: pretrain.Args) -> BetaVAE:
    return pretrain.main(args, on_progress=lambda fraction: None).vae


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
    vae = BetaVAE(pretrain_choice.make_config(args, store))
    pretrain_choice.make_objective(args).pairing(Rows(store), vae)


def test_decay_leaves_biases_and_quantised_values_alone(store: FrameStore, tmp_path: Path) -> None:
    args = settings(
        store, "quantised", tmp_path / "vae", start=str(tmp_path / "start"),
        train=replace(QUICK, learning_rate=1e-12, weight_decay=1e11),
    )  # fmt: skip
    start = BetaVAE(pretrain_choice.make_config(args, store))
    with torch.no_grad():
        for name, weight in start.named_parameters():
            if name.endswith("bias"):
                weight.fill_(0.1)
    start.save(args.start or "")
    before = start.state_dict()
    for name, weight in trained(args).named_parameters():
        left = (weight.detach().norm() / before[name].norm()).item()
        if name.endswith(("bias", "values")):
            assert left == pytest.approx(1.0, abs=1e-6), name
        else:
            assert left < 0.95, name


def test_a_capacity_is_not_let_go(store: FrameStore, tmp_path: Path) -> None:
    args = settings(store, "capacity", tmp_path, steps=100, ramp=0.5, relax=0.2)
    objective = pretrain_choice.make_objective(args)
    assert objective.capacity(99) == objective.capacity(60) == 25.0  # type: ignore[attr-defined]
    pressed = pretrain_choice.make_objective(replace(args, objective="beta"))
    assert pressed.beta(99) < 0.2 < pressed.beta(60) == 1.0  # type: ignore[attr-defined]


def test_quantised_latents_go_on_under_their_objective_alone(
    store: FrameStore, tmp_path: Path
) -> None:
    trained(settings(store, "quantised", tmp_path / "a"))
    other = settings(store, "beta", tmp_path / "b", start=str(tmp_path / "a"))
    with pytest.raises(ValueError, match=r"objective beta takes latents of 0 levels .* has 10"):
        trained(other)
