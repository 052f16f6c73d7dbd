"""A VAE's folder and a policy of before 0.1, written by the code of then, are used by today's.

``before_0_1`` holds a tiny VAE with the latent groups "content" and "look", a PPO on
"look" that was saved with it, and what both made of three frames.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3 import PPO

from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE, VAEConfig, read_config
from bvae_rl.sb3 import LatentVecEnv, inspect, policy_kwargs
from bvae_rl.training.hardening.report import hardened_sentences
from bvae_rl.training.pictures.decoded import latent_names
from tests.plug_cases import build, make_env

OLD = Path(__file__).parent / "before_0_1"
EXPECTED = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))
FRAMES = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def test_a_folder_is_read_in_todays_words(tmp_path: Path) -> None:
    vae = BetaVAE.load(OLD / "vae")
    assert (vae.config.latent_dim, vae.config.recon_weight) == (4, 10.0)
    assert vae.config.groups == {"content": (0, 3), "style": (3, 4)}
    training = vae.meta["training"]
    assert VAEConfig.from_dict(training["model"]) == vae.config
    assert training["model"]["groups"].keys() == {"content", "style"}
    assert training["store"]["domain"] == "pretrain"
    assert training["objective"]["pairs"] == "views+interventions"
    assert training["objective"]["name"] == "cross_reconstruction"
    np.testing.assert_allclose(vae.encode_frames(FRAMES), EXPECTED["codes"], atol=1e-6)
    again = vae.save(tmp_path)
    assert read_config(again)["model"] == json.loads((again / "config.json").read_text())["model"]


def test_its_style_is_given_to_policies() -> None:
    env = LatentVecEnv(make_env(), OLD / "vae", latents="style")
    assert env.observation_space.shape == (1,)
    model = build(PPO, make_env(), **policy_kwargs(OLD / "vae", latents="style", net_arch=[8]))
    assert model.learn(8).policy.features_dim == 1


@pytest.mark.parametrize("with_folder", [False, True])
def test_a_policy_acts_as_it_did(with_folder: bool, tmp_path: Path) -> None:
    """The path of then, "vae", may still hold the VAE; in a process that imported nothing else."""
    shutil.copy(OLD / "ppo.zip", tmp_path)
    if with_folder:
        shutil.copytree(OLD / "vae", tmp_path / "vae")
    np.save(tmp_path / "frames.npy", FRAMES)
    code = (
        "import numpy as np; from stable_baselines3 import PPO; m = PPO.load('ppo.zip'); "
        "print(m.predict(np.load('frames.npy'), deterministic=True)[0].tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), EXPECTED["actions"], atol=1e-6)


def test_a_policy_says_where_its_encoder_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    (copy,) = inspect(PPO.load(OLD / "ppo.zip"))
    assert (copy.latents, copy.moved, copy.checkpoint) == ("style", False, "vae")
    assert "style" in capsys.readouterr().out


def test_what_a_hardened_vae_of_before_kept_is_still_said() -> None:
    vae = BetaVAE.load(find_vae("reach_crossed_hardened"))
    said = " ".join(hardened_sentences(vae.meta["hardened"], latent_names(vae)))
    assert "median of 4 active latents" in said
