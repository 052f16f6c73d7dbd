"""Latents that carry nothing are cut out: what is left codes and draws as before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bvae_rl
from bvae_rl.models.pruned import pruned, to_keep
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids

GROUPED = VAEConfig(
    shape=(3, 32, 48), latent_dim=7, groups={"content": (0, 5), "style": (5, 7)},
    parts={"actuator0": (0, 1), "actuator1": (1, 2)},
)  # fmt: skip
VARIANCE = [2.0, 0.001, 0.002, 3.0, 0.5, 0.003, 0.002]


def test_what_varies_parts_and_one_of_each_group_stay() -> None:
    assert to_keep(GROUPED, VARIANCE, 0.01) == [0, 1, 3, 4, 5]
    alone = VAEConfig(latent_dim=3)
    assert to_keep(alone, [0.0, 0.004, 0.0], 0.01) == [1]
    assert to_keep(alone, [1.0, 0.0, 0.02], 0.01) == [0, 2]


@pytest.mark.parametrize(
    "changes",
    [{}, {"decoder": "broadcast"}, {"decoder": "transposed", "encoder": "strided"}, {"levels": 4}],
    ids=str,
)
def test_the_others_are_coded_and_drawn_as_before(changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config = VAEConfig(**{**GROUPED.to_dict(), **changes})
    vae, keep = BetaVAE(config).eval(), [0, 1, 3, 4, 5]
    vae.meta = {
        "statistics": {"mean": list(range(7)), "std": [1.0] * 7, "kl": VARIANCE},
        "training": {"step": 3},
    }  # fmt: skip
    small = pruned(vae, keep)
    assert small.config.groups == {"content": (0, 4), "style": (4, 5)}
    assert small.config.parts == {"actuator0": (0, 1), "actuator1": (1, 2)}
    assert small.meta["statistics"]["mean"] == keep and small.meta["training"] == {"step": 3}
    assert vae.latent_dim == 7 and not small.training
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
    for ours, theirs in zip(
        small.posterior_frames(frames), vae.posterior_frames(frames), strict=True
    ):
        np.testing.assert_allclose(ours, theirs[:, keep], rtol=1e-5, atol=1e-6)
    z = torch.zeros(4, 7)
    z[:, keep] = torch.randn(4, 5)
    torch.testing.assert_close(small.decode(z[:, keep]), vae.decode(z), rtol=1e-4, atol=1e-5)


def test_a_first_look_keeps_idle_latents(tmp_path: Path, caplog: Any) -> None:
    with caplog.at_level("INFO"):
        vae = bvae_rl.pretrain(
            grids(tmp_path / "grids"), out=tmp_path / "a", recipe="views_interventions_room",
            harden="none", steps=2, train=TrainConfig(batch_size=8, log_freq=1),
        )  # fmt: skip
    assert vae.latent_dim == 32 and "cut out" not in caplog.text


@pytest.mark.usefixtures("pictures")
def test_a_recipe_with_room_ends_without_idle_latents(
    tmp_path: Path, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bvae_rl.training.loop.FIRST_LOOK", 2)
    store = grids(tmp_path / "grids")
    settings: dict[str, Any] = {"steps": 2, "train": TrainConfig(batch_size=8, log_freq=1)}
    with caplog.at_level("INFO"):
        vae = bvae_rl.pretrain(
            store, out=tmp_path / "a", recipe="views_interventions_room", harden="none", **settings
        )
    model = vae.meta["training"]["model"]
    assert model["latent_dim"] == 32 and 2 < vae.latent_dim < 32  # two of actuators, and one style
    assert vae.config.slice_of("actuator1") == slice(1, 2)
    assert f"the other {32 - vae.latent_dim} are cut out" in caplog.text
    assert len(vae.meta["statistics"]["std"]) == vae.latent_dim
    assert vae.meta["scores"]["validation"]["vae/active_latents"] <= vae.latent_dim
    again = bvae_rl.pretrain(
        store, out=tmp_path / "a", recipe="views_interventions_room", harden="none", **settings
    )
    assert again.identity() == vae.identity()
    args = pretrain.Args.of(
        store.folder, recipe="views_interventions_room", out=tmp_path / "b", content_dim=5,
        style_dim=4, harden=("none",), steps=2, batch_size=8,
    )  # fmt: skip
    assert pretrain.main(args, on_progress=lambda done: None).latent_dim == 9  # as given
    args = args.but(out=tmp_path / "c", content_dim=None, style_dim=None)
    small = pretrain.main(args, on_progress=lambda done: None)
    drawn, weights = (tmp_path / "c" / name for name in ("traversals.png", "model.safetensors"))
    assert small.latent_dim < 32 and drawn.stat().st_mtime_ns > weights.stat().st_mtime_ns
