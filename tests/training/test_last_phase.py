"""The last phase of a pretraining: what it is by default, and what stays of the VAE before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bvae_rl
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.hardening.checks import refuse
from bvae_rl.training.hardening.report import HARDENED
from bvae_rl.training.recipes.last_phase import asked_of, phase
from tests.harden_cases import CONFIG, QUICK, SPECS, squares
from tests.objective_cases import equal


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return squares(tmp_path_factory.mktemp("squares") / "frames")


def test_a_colour_that_is_state_is_refused_and_left_alone_by_auto(
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = (FactorSpec("key_colour"), FactorSpec("ground_colour", role="appearance"))
    with pytest.raises(ValueError, match="factors call key_colour state"):
        phase("colour", (3, 32, 32), key)
    with caplog.at_level("INFO"):
        assert phase("auto", (3, 32, 32), key) == ()
    assert "not hardened: colour is part of the state" in caplog.text
    assert phase("auto", (1, 32, 32), ()) == ()
    assert phase("auto", (3, 32, 32), key[1:]) == ("colour",)
    assert phase(("light", "colour"), (3, 32, 32), SPECS) == ("colour", "light")
    assert phase("none", (3, 32, 32), SPECS) == ()
    for name in ("keyColours", "is_shade", "target_hue", "Color"):
        with pytest.raises(ValueError, match=f"factors call {name} state"):
            refuse(["colour"], (3, 32, 32), (FactorSpec(name),))
    refuse(["colour"], (3, 32, 32), (FactorSpec("colourless"), FactorSpec("x")))
    refuse(["colour"], (3, 32, 32), key, allow_state=True)
    assert phase("auto", (3, 32, 32), (), channel_order="other") == ()
    with pytest.raises(ValueError, match="auto, none or variations"):
        phase(("auto", "light"), (3, 32, 32), SPECS)


def test_pretraining_ends_with_it_and_keeps_the_teacher(store: FrameStore, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"config": CONFIG, "steps": 5, "train": QUICK, "verbose": 0}
    vae = bvae_rl.pretrain(store, out=tmp_path / "auto", **settings)
    before = BetaVAE.load(tmp_path / "auto" / "teacher")
    assert vae.meta[HARDENED]["teacher"] == before.identity()
    assert vae.meta["training"]["steps"] == 2 and before.meta["training"]["steps"] == 5
    now, then = (one.meta["training"]["train"] for one in (vae, before))
    assert (now["learning_rate"], now["max_grad_norm"]) == (4e-3, 1.0)
    assert then["learning_rate"] == QUICK.learning_rate != 4e-3 and then["max_grad_norm"] == 1000
    plain = bvae_rl.pretrain(store, out=tmp_path / "plain", harden="none", **settings)
    assert equal(plain.state_dict(), before.state_dict()) and HARDENED not in plain.meta
    named = bvae_rl.pretrain(store, out=tmp_path / "named", recipe="plain", **settings)
    assert HARDENED not in named.meta
    assert asked_of(None, ["auto"]) == "auto" and asked_of(None, ("none",)) == "none"
    with pytest.raises(ValueError, match="unknown variation 'smell'"):
        bvae_rl.pretrain(store.read().frames, out=tmp_path / "smell", harden="smell")
    assert not (tmp_path / "smell").exists()
    asked = bvae_rl.pretrain(
        store, out=tmp_path / "asked", recipe="plain", harden=("noise", "light"), **settings
    )
    assert asked.meta[HARDENED]["against"] == ["light", "noise"]
    with pytest.raises(ValueError, match=r"is hardened; the VAE before that is .*teacher; take it"):
        bvae_rl.pretrain(store, out=tmp_path / "asked", recipe="plain", harden="none", **settings)


def test_channels_of_unknown_order_end_a_pretraining_without_the_phase(tmp_path: Path) -> None:
    frames = squares(tmp_path / "frames", n=120)
    config = VAEConfig(**{**vars(CONFIG), "channel_order": "other"})
    vae = bvae_rl.pretrain(frames, config, out=tmp_path / "vae", steps=2, train=QUICK, verbose=0)
    assert HARDENED not in vae.meta and not (tmp_path / "vae" / "teacher").exists()
    with pytest.raises(ValueError, match="not hardened; go on with it"):
        bvae_rl.pretrain(frames, out=tmp_path / "vae", steps=2, train=QUICK, verbose=0)
    assert not (tmp_path / "vae" / "teacher").exists()
