"""Trap 29: a smaller step for the encoder, in algorithms that copy and average it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import inspect
from bvae_rl.sb3.copies import encoder_copies
from tests.trap_cases import ONE_STEP, build, small_vae


@pytest.fixture
def vae() -> BetaVAE:
    return small_vae()


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


def moves(model: BaseAlgorithm, vae: BetaVAE) -> dict[str, torch.Tensor]:
    """How far each copy's weights stand from the checkpoint, in one row."""
    base = vae.encoder.state_dict()
    return {
        where: torch.cat([(copy.weights()[name] - base[name]).flatten() for name in base]).detach()
        for where, copy in encoder_copies(model).items()
    }


def heads(model: BaseAlgorithm) -> dict[str, torch.Tensor]:
    named = model.policy.state_dict()
    return {name: part.clone() for name, part in named.items() if "features_extractor" not in name}


@pytest.mark.parametrize("algorithm", [PPO, A2C, SAC])  # Adam, RMSprop, Adam
def test_trap_29_the_step_size_scales_the_encoders_update_and_no_head(algorithm, folder, vae):
    steps, _ = ONE_STEP[algorithm]
    whole = build(algorithm, folder, mode="policy")
    before = heads(whole)
    whole.learn(steps)
    tenth = build(algorithm, folder, mode="policy", step_size=0.1).learn(steps)
    expected, actual = moves(whole, vae), moves(tenth, vae)
    for where, move in expected.items():
        assert move.abs().max() > 1e-6, where
        if where == "actor":  # its loss comes after the critic's step, through the critic
            continue
        torch.testing.assert_close(actual[where], 0.1 * move, rtol=0.01, atol=1e-7)
    first, second = heads(whole), heads(tenth)
    assert any(not torch.equal(first[name], before[name]) for name in before)
    for name in first:
        if not name.startswith("actor"):
            torch.testing.assert_close(first[name], second[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("algorithm", "later"), [(SAC, 0), (TD3, 0), (DQN, 1)])
def test_trap_29_target_copies_follow_by_polyak(algorithm, later, folder, vae):
    found = []
    for steps in (5, 5 + later):  # DQN's target takes its step before the next gradient step
        model = build(algorithm, folder, mode="policy", step_size=0.5, settings={"tau": 0.25})
        model.learn(steps)
        found.append(moves(model, vae))
    first, last = found
    targets = {where for where in last if "target" in where}
    assert len(targets) == {SAC: 1, TD3: 2, DQN: 1}[algorithm]
    for where in targets:
        followed = first[where.replace("_target", "")]
        assert followed.abs().max() > 1e-6
        torch.testing.assert_close(last[where], 0.25 * followed, rtol=0.01, atol=1e-7)


TRAINERS = {
    (PPO, True): {"features_extractor": "policy.optimizer"},
    (PPO, False): {
        "features_extractor": "policy.optimizer",  # the actor's
        "vf_features_extractor": "policy.optimizer",
    },
    (SAC, None): {
        "actor.features_extractor": "actor.optimizer",
        "critic.features_extractor": "critic.optimizer",
        "critic_target.features_extractor": "Polyak average",
    },
    (TD3, None): {
        "actor.features_extractor": "actor.optimizer",
        "actor_target.features_extractor": "Polyak average",
        "critic.features_extractor": "critic.optimizer",
        "critic_target.features_extractor": "Polyak average",
    },
    (DQN, None): {
        "q_net.features_extractor": "policy.optimizer",
        "q_net_target.features_extractor": "Polyak average",
    },
}


@pytest.mark.parametrize(("algorithm", "share"), TRAINERS)
def test_trap_29_inspect_names_who_trains_each_copy(algorithm, share, folder, capsys):
    model = build(algorithm, folder, share=share, mode="policy")
    assert {copy.moved for copy in inspect(model)} == {False}
    copies = inspect(model.learn(8))
    assert {copy.where: copy.trained_by for copy in copies} == TRAINERS[algorithm, share]
    assert {copy.moved for copy in copies} == {True}
    printed = capsys.readouterr().out
    assert all(f"{where} " in printed for where in TRAINERS[algorithm, share])
    for mode, trainer in (("frozen", "nobody"), ("online", "OnlineBetaVAE, given to learn()")):
        others = inspect(build(algorithm, folder, share=share, mode=mode))
        assert {copy.trained_by for copy in others} == {trainer}
