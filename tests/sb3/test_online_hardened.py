"""Hardening while the agent learns: what is taught on its frames, what stays, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.digest import encoder_digest, teachers_of
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import LatentVecEnv, OnlineBetaVAE, policy_kwargs
from bvae_rl.training.augment.variations import named, vary
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.schedules import Constant
from bvae_rl.training.validation import latent_statistics
from tests.plug_cases import CONFIG, build, make_env, make_store, make_vae, noise

TUNE = FineTuneConfig(gradient_steps=30, batch_size=16, learning_rate=2e-3, max_move=None)
COLOUR = Hardening(clean=4)


def lively() -> BetaVAE:
    """A VAE whose codes follow the colour of a frame, with its statistics."""
    vae = make_vae()
    last: Any = vae.encoder[-1]
    with torch.no_grad():
        last.weight.mul_(10.0)
    frames = frames_to_x(noise(np.random.default_rng(0), 50))
    vae.meta["statistics"] = latent_statistics(vae, frames)
    return vae


def learn(vae: BetaVAE, folder: Path, steps: int = 48, **more: Any) -> OnlineBetaVAE:
    online = OnlineBetaVAE(vae, harden=COLOUR, train_freq=8, config=TUNE, **more)
    kwargs = policy_kwargs(vae.save(folder), mode="online", net_arch=[8])
    build(PPO, make_env(), **kwargs).learn(steps, callback=online)
    return online


def away(vae: BetaVAE, teacher: BetaVAE, *, varied: bool) -> float:
    """Mean squared distance of codes of 64 frames to the teacher's of the clean ones."""
    x = frames_to_x(noise(np.random.default_rng(9), 64))
    shown = vary(x, named(("colour",)), torch.Generator().manual_seed(0)) if varied else x
    with torch.no_grad():
        distance = vae.encode(shown)[0] - teacher.encode(x)[0]
    return float(distance[:, teacher.slice_of("content")].square().mean())


def test_codes_of_recoloured_frames_come_nearer_to_those_of_clean_ones(tmp_path: Path) -> None:
    vae = lively()
    online = learn(vae, tmp_path / "vae", old=make_store(tmp_path / "frames"))
    tuned = online.tuner.seen_by_policy()
    assert away(tuned, vae, varied=True) < 0.7 * away(vae, vae, varied=True)
    assert away(tuned, vae, varied=False) < 0.3 * away(vae, vae, varied=True)
    before, after = vae.decoder.state_dict(), tuned.decoder.state_dict()
    assert all(torch.equal(before[name], weights) for name, weights in after.items())
    saved = BetaVAE.load(online.save_vae(tmp_path / "saved"))
    assert saved.meta["hardened"]["against"] == ["colour"] and "statistics" in saved.meta
    assert encoder_digest(vae) in teachers_of(saved.meta)  # so that swap_encoder takes it
    assert {row["vae/beta"] for row in online.history} == {0.0}
    assert all(row["vae/distance"] > 0 and row["vae/distance_clean"] > 0 for row in online.history)


def test_codes_that_are_encoded_once_move_along(tmp_path: Path) -> None:
    vae = lively()
    latent = LatentVecEnv(make_env(), vae)
    online = OnlineBetaVAE(vae, harden=COLOUR, train_freq=8, config=TUNE)
    build(PPO, latent).learn(32, callback=online)
    own = latent.vae.encoder.state_dict()
    assert online.history
    assert all(torch.equal(own[name], weight) for name, weight in online.tuner.encoder.items())


def test_a_run_goes_on_with_the_same_hardening_only(tmp_path: Path) -> None:
    vae, out = lively(), tmp_path / "run"
    online = learn(vae, tmp_path / "vae", steps=24, out=out)
    step = online.model.num_timesteps
    model = PPO.load(out / f"model-{step}.zip", make_env())

    def again(hardening: Hardening) -> None:
        callback = OnlineBetaVAE(
            tmp_path / "vae", harden=hardening, train_freq=8, config=TUNE, out=out
        )
        model.learn(24, callback=callback, reset_num_timesteps=False)
        assert callback.history[0]["step"] > step

    with pytest.raises(ValueError, match="strength"):
        again(replace(COLOUR, strength=0.5))
    again(COLOUR)


def test_beta_is_one_unless_it_is_given() -> None:
    online = OnlineBetaVAE(make_vae())
    assert online.beta == Constant(1.0)


def test_the_losses_of_a_vae_and_of_what_it_ignores_are_told_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vae = lively()
    vae.meta["hardened"] = {"against": ["colour", "light"]}
    for online in (OnlineBetaVAE(vae, harden=COLOUR), OnlineBetaVAE(vae)):
        assert isinstance(online.tuner.objective, InvarianceDistillation)
        assert online.tuner.objective.against == ("colour", "light")
    assert "wears that off" not in caplog.text
    told = {"strength": 0.5, "part": 0.0, "clean": 3, "latents": "all", "name": "distillation"}
    vae.meta["training"] = {"objective": told}
    found = OnlineBetaVAE(vae).tuner.objective  # as it was hardened before
    assert isinstance(found, InvarianceDistillation)
    assert {name: getattr(found, name) for name in told} == told
    own = OnlineBetaVAE(vae, beta=1.0)
    assert isinstance(own.tuner.objective, BetaVAEObjective)
    assert "this VAE ignores colour, light" in caplog.text and "wears that off" in caplog.text


def test_what_cannot_be_hardened_online_is_refused() -> None:
    vae = lively()
    with pytest.raises(ValueError, match="beta weighs the Beta-VAE's loss, which harden= replaces"):
        OnlineBetaVAE(vae, beta=Constant(1.0), harden=COLOUR)
    grey = BetaVAE(replace(CONFIG, shape=(1, 32, 32)))
    grey.meta["statistics"] = vae.meta["statistics"]
    with pytest.raises(ValueError, match="colour"):
        OnlineBetaVAE(grey, harden=COLOUR)
    bare = BetaVAE(CONFIG)
    with pytest.raises(ValueError, match="never pretrained"):
        OnlineBetaVAE(bare, harden=COLOUR)
