"""What a GPU needs, held without one: nothing meets a tensor of another device, or float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.training import loop, validation, watch
from bvae_rl.training.augment.camera import Pose, seen_from
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from bvae_rl.training.trainer import Trainer
from bvae_rl.training.verdict.explained import share
from tests.pretrain_cases import CONFIG, QUICK


def test_a_pruned_vae_is_measured_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is moved to the CPU in the end; the device of the training is another one then."""
    store = FrameStore(tmp_path / "frames")
    collect_independent(PlanarReach(size=32), store, 200, seed=0)
    finished, seen = Trainer.finished, []

    def moved(trainer: Trainer) -> None:
        finished(trainer)
        trainer.device = torch.device("meta")

    measured = validation.validate

    def noted(vae: Any, x: Tensor) -> dict[str, float]:
        seen.append((next(vae.parameters()).device, x.device))
        return measured(vae, x)

    monkeypatch.setattr(Trainer, "finished", moved)
    monkeypatch.setattr(watch, "validate", noted)
    monkeypatch.setattr(loop, "FIRST_LOOK", 2)
    train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=4, seed=0, out=tmp_path / "vae",
        train=QUICK, prune=True,
    )  # fmt: skip
    assert seen[-1] == (torch.device("cpu"), torch.device("cpu"))


class OnApple(Tensor):
    """A tensor as on MPS, which has no float64, until it is brought to the CPU."""

    def double(self, *args: Any, **settings: Any) -> Tensor:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def cpu(self, *args: Any, **settings: Any) -> Tensor:
        return self.as_subclass(Tensor)


def test_shares_are_summed_without_float64_on_the_device() -> None:
    left, there = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])
    assert share(left.as_subclass(OnApple), there.as_subclass(OnApple)) == pytest.approx(0.75)


def test_edges_are_repeated_as_torch_repeats_them() -> None:
    """``padding_mode="border"`` by hand: MPS has it from torch 2.13 on."""
    x = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    pose = Pose(torch.zeros(1), torch.ones(1), torch.tensor([[0.5, -0.25]]))  # 3 right, 1 up
    expected = functional.pad(x, (3, 0, 0, 1), mode="replicate")[..., 1:, :12]
    torch.testing.assert_close(seen_from(x, pose), expected, atol=1e-5, rtol=0)
