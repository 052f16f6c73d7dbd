"""The configs for rl_zoo3, read as rl_zoo3 reads them, and trained with it where it is installed.

rl_zoo3 is not among our pinned packages: it needs older ones than some of them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule

import bvae_rl
from bvae_rl.agents.config import AgentConfig
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import BetaVAEExtractor
from bvae_rl.sb3.policy_encoder import PolicyEncoder

ROOT = Path(__file__).resolve().parents[2]
ENV = "bvae_rl/PlanarReach-v0"
CHECKPOINT = Path(bvae_rl.__file__).parent / "checkpoints" / "reach_pairs"
ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO, "sac": SAC}
FILES = {"ppo": "examples/rl_zoo3_config.py", "sac": "examples/rl_zoo3_config_sac.py"}
COPIES = {"ppo": 1, "sac": 3}  # SAC: actor, critic, critic's target
TINY = {  # a few updates each
    "ppo": ("-n", "400", "-params", "n_steps:25", "batch_size:100"),
    "sac": ("-n", "205", "-params", "learning_starts:200", "batch_size:32"),
}


def hyperparameters(algo: str) -> dict[str, Any]:
    names: dict[str, Any] = {}  # nothing in it: the file runs without __file__ and __name__
    exec((ROOT / FILES[algo]).read_text(encoding="utf-8"), names)
    return names["hyperparams"][ENV]


def check_encoders(model: BaseAlgorithm, copies: int) -> None:
    """All extractors of ``model`` hold exactly the shipped weights, content latents only."""
    found = [each for each in model.policy.modules() if isinstance(each, BetaVAEExtractor)]
    assert len(found) == copies
    vae = BetaVAE.load(CHECKPOINT)
    content = vae.config.slice_of("content")
    for extractor in found:
        assert extractor.features_dim == content.stop - content.start
        assert isinstance(extractor.encoder, PolicyEncoder)
        weights = extractor.encoder.weights()
        expected = vae.encoder.state_dict()
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_the_config_has_the_values_of_agents_config_and_builds_an_agent(algo):
    given, recipe = hyperparameters(algo), AgentConfig.of(algo, ENV)
    assert given.pop("n_timesteps") == recipe.total_timesteps
    assert given.pop("n_envs") == recipe.n_envs
    assert given["policy_kwargs"]["net_arch"] == list(recipe.net_arch)
    rate = given.pop("learning_rate")
    assert rate == recipe.value("learning_rate")
    if algo == "ppo":
        assert given.pop("n_epochs") == recipe.value("n_epochs")
        policy = recipe.value("policy_kwargs")
        assert given["policy_kwargs"]["log_std_init"] == policy["log_std_init"]
        assert given["policy_kwargs"]["activation_fn"] is getattr(torch.nn, policy["activation_fn"])
        given["learning_rate"] = LinearSchedule(0.001, 0.0, 1.0)
    else:
        assert given.pop("buffer_size") == recipe.total_timesteps  # all that it sees
        given["buffer_size"] = 10
    named = given.keys() - {"policy", "policy_kwargs", "learning_rate", "buffer_size"}
    assert {name: given[name] for name in named} == {name: recipe.value(name) for name in named}

    venv = EnvConfig(f"bvae_rl.envs:{ENV}").vec(recipe.n_envs, seed=0)
    model = ALGORITHMS[algo](env=venv, seed=0, device="cpu", **given)
    check_encoders(model, COPIES[algo])
    actions, _ = model.predict(venv.reset(), deterministic=True)
    assert actions.shape == (recipe.n_envs, 2)
    assert all(venv.action_space.contains(action) for action in actions)
    assert len(np.unique(actions, axis=0)) == recipe.n_envs  # it looks at the frames
    _, rewards, _, _ = venv.step(actions)
    assert np.isfinite(rewards).all()


# Looked for, not imported: importing it replaces gymnasium's TimeLimit for the tests that follow.
@pytest.mark.skipif(
    importlib.util.find_spec("rl_zoo3") is None,
    reason="needs rl_zoo3, in an environment of its own: pip install rl_zoo3 requests",
)
@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_rl_zoo3_trains_around_the_shipped_encoder(algo, tmp_path):
    command = (
        sys.executable, "-m", "rl_zoo3.train", "--algo", algo, "--env", ENV,
        "--gym-packages", "bvae_rl.envs", "--conf-file", FILES[algo], "--seed", "0",
        "--log-folder", str(tmp_path), "--eval-freq", "200", "--eval-episodes", "1",
        "--device", "cpu", *TINY[algo],
    )  # fmt: skip
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    name = ENV.replace("/", "-")
    folder = tmp_path / algo / f"{name}_1"
    for file in (f"{name}.zip", "best_model.zip"):  # after the training, and from its evaluation
        model = ALGORITHMS[algo].load(folder / file, device="cpu")
        assert model.observation_space == gym.spaces.Box(0, 255, (3, 64, 64), np.uint8)
        assert model.num_timesteps >= 200
        check_encoders(model, COPIES[algo])
