"""Agents of the commands see the last frames, whatever they see of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import load_agent
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.raw_pixels import pixels_view
from bvae_rl.agents.train import train_agent
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.cli import main

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source", frame_stack=3)
SMALL = VAEConfig(latent_dim=2, channels=(4, 4, 4), hidden=8)


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    made = BetaVAE(SMALL).eval()
    made.meta["statistics"] = {"mean": [0.0, 0.0], "std": [1.0, 1.0]}
    return made.save(tmp_path / "vae")


def test_each_method_sees_as_many_frames_as_are_asked_for(vae: Path) -> None:
    venv = REACH.vec(1, seed=0)
    assert method("pixels").observe(venv, None, 3).observation_space.shape == (64, 64, 9)
    seen = method("bvae").observe(venv, BetaVAE.load(vae), 3)
    assert seen.observation_space.shape == (6,)
    one = method("state").observe(venv, None).observation_space.shape
    three = method("state").observe(venv, None, 3).observation_space.shape
    assert three == (3 * one[0],)


def test_a_trained_agent_is_shown_its_stack_again(vae: Path, tmp_path: Path) -> None:
    config = AgentConfig(total_timesteps=64, n_envs=2, settings={"n_steps": 16, "batch_size": 16})
    folder = train_agent(method("bvae"), REACH, MethodInputs(vae), config, Run(tmp_path / "agent"))
    agent = load_agent(folder)
    assert agent.model.observation_space.shape == (6,)
    assert len(agent.play(REACH, 2, seed=0).returns) == 2
    other = EnvConfig(REACH.id, domain="source")
    with pytest.raises(ValueError, match="frame_stack 3, not absent"):
        train_agent(method("bvae"), other, MethodInputs(vae), config, Run(tmp_path / "agent"))


class Still(gym.Env[Any, Any]):
    """Noise of 40 x 40 pixels."""

    observation_space = gym.spaces.Box(0, 255, (40, 40, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.integers(0, 256, (40, 40, 3), np.uint8), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        shown = self.np_random.integers(0, 256, (40, 40, 3), np.uint8)
        return shown, 0.0, False, self.steps >= 3, {}


def test_pixels_of_a_stack_in_four_dimensions_lie_among_the_channels() -> None:
    def stacked() -> gym.Env[Any, Any]:
        return gym.wrappers.FrameStackObservation(Still(), 2)

    below, seen = make_vec(stacked, 1, seed=0), pixels_view(make_vec(stacked, 1, seed=0))
    assert seen.observation_space.shape == (40, 40, 6)
    frames: Any = below.reset()
    merged = np.concatenate([frames[:, 0], frames[:, 1]], axis=-1)
    assert np.array_equal(seen.reset(), merged)
    for _ in range(3):
        *_, infos = seen.step(np.array([0]))
    assert infos[0]["terminal_observation"].shape == (40, 40, 6)


def test_a_command_trains_on_stacks(vae: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "agent")
    words = ["train", str(vae), "--frame-stack", "2", "--total-timesteps", "1000"]
    assert main([*words, "--out", out, "--n-eval-episodes", "1", "--domain", "source"]) == 0
    assert load_agent(out).model.observation_space.shape == (4,)
