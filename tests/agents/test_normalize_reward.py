from __future__ import annotations

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecNormalize

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.models import scaled_rewards
from bvae_rl.agents.train import REWARDS, ROWS, train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.identity import identity
from bvae_rl.runtime.runs import Run

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source")
TINY: dict[str, object] = {
    "total_timesteps": 256, "eval_freq": 64, "n_eval_episodes": 2, "n_envs": 2, "n_steps": 32,
    "batch_size": 32, "n_epochs": 1, "net_arch": (8,),
}  # fmt: skip


def _train(config, folder, **kwargs):
    run = Run(folder)
    train_agent(method("state"), REACH, MethodInputs(), config, run, study="s", **kwargs)
    return run


def test_rewards_are_scaled_for_ppo_alone_and_evaluations_count_the_environments_own(tmp_path):
    plain = AgentConfig.of("ppo", **TINY)
    scaled = AgentConfig.of("ppo", normalize_reward=True, **TINY)
    assert "normalize_reward" not in identity(plain) and identity(scaled)["normalize_reward"]
    first, second = (
        _train(config, tmp_path / name).rows(ROWS)[0].value
        for name, config in (("plain", plain), ("scaled", scaled))
    )
    assert first == second < -5.0  # step 0: the same agent, the same unscaled returns
    with pytest.raises(ValueError, match="normalize_reward is for PPO, got sac"):
        AgentConfig.of("sac", normalize_reward=True)
    with pytest.raises(ValueError, match="must be True or False, got 3"):
        AgentConfig.of("ppo", normalize_reward=3)


def test_rewards_alone_are_scaled_by_the_spread_of_discounted_returns(tmp_path):
    config = AgentConfig.of("ppo", normalize_reward=True, **TINY)
    raw = method("state").observe(REACH.vec(2, seed=0), None)
    venv = scaled_rewards(raw, config, tmp_path / "none")
    assert isinstance(venv, VecNormalize)
    assert (venv.norm_obs, venv.norm_reward, venv.gamma) == (False, True, config.value("gamma"))
    venv.reset()
    for _ in range(20):
        seen, rewards, _, _ = venv.step(np.full((2, 2), 0.3, np.float32))
        np.testing.assert_array_equal(seen, venv.get_original_obs())
        own = venv.get_original_reward() / np.sqrt(venv.ret_rms.var + venv.epsilon)
        np.testing.assert_allclose(rewards, np.clip(own, -10, 10), rtol=1e-6)
    venv.close()


def test_a_killed_training_goes_on_with_the_scale_of_its_rewards(tmp_path, monkeypatch):
    config = AgentConfig.of("ppo", normalize_reward=True, **TINY)
    run = Run(tmp_path / "a")

    def stop(fraction):
        if run.path(REWARDS).exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(config, run.folder, progress=stop)
    counts = []
    load = VecNormalize.load

    def loaded(path, venv):
        found = load(path, venv)
        counts.append(found.ret_rms.count)
        return found

    monkeypatch.setattr(VecNormalize, "load", staticmethod(loaded))
    begun = Run(tmp_path / "b")  # of a training that was killed before its first checkpoint
    begun.write_file(REWARDS, run.path(REWARDS).read_bytes())
    assert _train(config, begun.folder).done("train") and not counts
    assert _train(config, run.folder).done("train")
    assert counts[0] >= 64 and not run.path(REWARDS).exists()
