"""The step size of an encoder that is fine-tuned, changed in place and at load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC

from bvae_rl.sb3 import set_mode
from bvae_rl.sb3.copies import encoder_copies
from tests.encoder_cases import agent, answers, same, weights
from tests.plug_cases import make_env, make_vae


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_vae().save(tmp_path / "vae")


def test_a_new_step_size_leaves_features_and_moments(folder):
    model = agent(PPO, folder, "policy").learn(16)
    before, acts = weights(model), answers(model)
    (copy,) = encoder_copies(model).values()
    offsets = [offset.detach().clone() for offset in copy.offsets]
    state = model.policy.optimizer.state[copy.offsets[0]]["exp_avg"].clone()
    set_mode(model, "policy", step_size=0.25)
    for name, weight in weights(model)["features_extractor"].items():
        torch.testing.assert_close(weight, before["features_extractor"][name])
    np.testing.assert_allclose(answers(model), acts, atol=1e-5)
    for new, old in zip(copy.offsets, offsets, strict=True):
        torch.testing.assert_close(new.detach(), 4 * old)
    assert torch.equal(model.policy.optimizer.state[copy.offsets[0]]["exp_avg"], state)


def with_step_size(model: Any, **changes: Any) -> dict[str, Any]:
    old = model.policy_kwargs["features_extractor_kwargs"]
    return {"policy_kwargs": {**model.policy_kwargs, "features_extractor_kwargs": old | changes}}


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_trap_33_another_step_size_at_load_rescales(algorithm, folder, tmp_path):
    model = agent(algorithm, folder, "policy", step_size=2.0).learn(16)
    model.save(tmp_path / "agent.zip")
    changed = with_step_size(model, step_size=0.5)
    loaded = algorithm.load(tmp_path / "agent.zip", make_env(), custom_objects=changed)
    for where, copy in weights(loaded).items():
        for name, weight in copy.items():
            torch.testing.assert_close(weight, weights(model)[where][name])
    assert all(copy.step_size == 0.5 for copy in encoder_copies(loaded).values())
    loaded.save(tmp_path / "again.zip")
    again = algorithm.load(tmp_path / "again.zip")
    assert same(weights(again), weights(loaded))
    with pytest.raises(TypeError, match=r"mode 'policy'.*then set_mode\(model, 'frozen'\)"):
        frozen = with_step_size(model, step_size=1.0, mode="frozen")
        algorithm.load(tmp_path / "agent.zip", custom_objects=frozen)


def test_offsets_saved_before_the_step_size_was_kept_load(folder):
    model = agent(PPO, folder, "policy", step_size=2.0).learn(16)
    state = {k: v for k, v in model.policy.state_dict().items() if "offset_scale" not in k}
    assert len(state) < len(model.policy.state_dict())
    other = agent(PPO, folder, "policy", step_size=2.0)
    other.policy.load_state_dict(state)
    assert same(weights(other), weights(model))
