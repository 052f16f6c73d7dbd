"""An encoder frozen, fine-tuned, taken out, put into the next agent: weights, optimizers, zips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import (
    LatentVecEnv,
    OnlineBetaVAE,
    TakenEncoder,
    inspect,
    load_encoder,
    policy_kwargs,
    set_mode,
    take_encoder,
    to_image_policy,
)
from bvae_rl.sb3.copies import encoder_copies, same_weights
from bvae_rl.training.schedules import Constant
from tests.encoder_cases import agent, answers, moments, same, weights
from tests.plug_cases import CONFIG, build, make_env, make_vae, noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_vae().save(tmp_path / "vae")


APART: dict[str, Any] = {"share_features_extractor": False}
ALGORITHMS = [(PPO, {}), (PPO, APART), *((one, {}) for one in (A2C, RecurrentPPO, DQN, SAC, TD3))]


@pytest.mark.parametrize(("algorithm", "more"), ALGORITHMS)
def test_from_frozen_to_fine_tuned_and_back(algorithm, more, folder, tmp_path):
    model = agent(algorithm, folder, **more).learn(16)
    before, known, acts = weights(model), moments(model), answers(model)
    assert known

    set_mode(model, "policy", step_size=2.0)
    assert same(weights(model), before) and np.array_equal(answers(model), acts)
    kept = moments(model)
    assert len(kept) == len(known) and all(map(torch.equal, kept, known))
    # the optimizers are those of a model that was built so
    fresh = agent(algorithm, folder, "policy", step_size=2.0, **more)
    for name, state in fresh.get_parameters().items():
        if "optimizer" in name:
            mine = model.get_parameters()[name]["param_groups"][0]["params"]
            assert mine == state["param_groups"][0]["params"]
    assert [c.trained_by for c in inspect(model)] == [c.trained_by for c in inspect(fresh)]

    model.learn(16, reset_num_timesteps=False)
    moved = weights(model)
    for where, copy in moved.items():
        assert not same_weights(copy, before[where]), where
    acts = answers(model)
    model.save(tmp_path / "fine-tuned.zip")
    loaded = algorithm.load(tmp_path / "fine-tuned.zip", make_env(discrete=algorithm is DQN))
    assert same(weights(loaded), moved) and np.array_equal(answers(loaded), acts)
    assert len(moments(loaded)) == len(known)
    loaded.learn(8, reset_num_timesteps=False)
    assert not same(weights(loaded), moved)

    set_mode(model, "frozen")
    assert np.array_equal(answers(model), acts)
    frozen = weights(model)
    for where, copy in frozen.items():  # a target copy is what it follows
        assert same_weights(copy, moved[where.replace("_target", "")])
    model.learn(16, reset_num_timesteps=False)
    assert same(weights(model), frozen)
    assert all(copy.moved and copy.mode == "frozen" for copy in inspect(model))
    model.save(tmp_path / "frozen.zip")
    loaded = algorithm.load(tmp_path / "frozen.zip", make_env(discrete=algorithm is DQN))
    assert same(weights(loaded), frozen) and np.array_equal(answers(loaded), answers(model))
    loaded.learn(8, reset_num_timesteps=False)


def test_the_parameters_in_each_optimizer_stand_in_their_places(folder):
    model = agent(SAC, folder)
    set_mode(model, "policy")
    for part in (model.actor, model.critic):
        assert [*map(id, part.optimizer.param_groups[0]["params"])] == [*map(id, part.parameters())]
    set_mode(model, "online")
    assert not any(copy.offsets for copy in encoder_copies(model).values())
    online = OnlineBetaVAE(folder, beta=Constant(1.0), train_freq=8)
    model.learn(16, callback=online)
    assert online.history


def test_what_the_reward_taught_an_encoder_goes_into_the_next_agent(folder, tmp_path):
    model = agent(PPO, folder, "policy", step_size=3.0).learn(32)
    encoder = take_encoder(model)
    (copy,) = encoder_copies(model).values()
    assert copy.moved and same_weights(encoder.encoder.state_dict(), copy.weights())
    frames = noise(np.random.default_rng(1), 5)
    expected = copy.encode_frames(frames)  # content, standardised
    saved = TakenEncoder.load(encoder.save(tmp_path / "encoder"))
    for taken in (encoder, saved, tmp_path / "encoder", str(tmp_path / "encoder")):
        env = LatentVecEnv(make_env(), taken)
        np.testing.assert_allclose(env.encode(frames), expected, atol=1e-5)
    assert saved.meta["taken_from"]["algorithm"] == "PPO" and saved.slice_of("style").start == 3

    before = weights(model)
    model.learn(8, reset_num_timesteps=False)  # what was taken out stays
    assert same_weights(encoder.encoder.state_dict(), before["features_extractor"])
    for algorithm, mode in ((DQN, "frozen"), (SAC, "policy"), (A2C, "policy")):
        following = agent(algorithm, tmp_path / "encoder", mode)
        for one in encoder_copies(following).values():
            np.testing.assert_allclose(one.encode_frames(frames), expected, atol=1e-6)
        following.save(tmp_path / "next.zip")
        acts = answers(following)
        (tmp_path / "encoder").rename(tmp_path / "elsewhere")
        assert np.array_equal(answers(algorithm.load(tmp_path / "next.zip")), acts)
        (tmp_path / "elsewhere").rename(tmp_path / "encoder")
        following.learn(16)

    codes = build(PPO, LatentVecEnv(make_env(), saved))
    seen = noise(np.random.default_rng(5), 6)  # as answers shows them
    expected, _ = codes.predict(codes.get_env().encode(seen), deterministic=True)
    np.testing.assert_allclose(answers(to_image_policy(codes)), expected, atol=1e-5)
    with pytest.raises(ValueError, match="has no decoder"):
        encoder.decode(torch.zeros(1, 4))
    with pytest.raises(ValueError, match="takes a whole VAE, and an encoder that was taken"):
        OnlineBetaVAE(encoder, beta=Constant(1.0))
    with pytest.raises(ValueError, match="holds a whole VAE"):
        TakenEncoder.load(folder)


def test_copies_that_were_trained_apart_are_chosen_by_name(folder):
    model = agent(SAC, folder, "policy", step_size=3.0).learn(16)
    with pytest.raises(
        ValueError, match=r"trained apart; choose one, as .*'critic.features_extractor'\)"
    ):
        take_encoder(model)
    with pytest.raises(ValueError, match="no copy 'crit' of the encoder; known: actor"):
        take_encoder(model, "crit")
    actor, critic = (take_encoder(model, name) for name in ("actor", "critic.features_extractor"))
    copies = weights(model)
    assert same_weights(actor.encoder.state_dict(), copies["actor.features_extractor"])
    assert same_weights(critic.encoder.state_dict(), copies["critic.features_extractor"])
    assert not same_weights(actor.encoder.state_dict(), critic.encoder.state_dict())


@pytest.mark.parametrize(("algorithm", "mode"), [(PPO, "frozen"), (SAC, "policy"), (TD3, "online")])
def test_another_vae_is_put_into_every_copy(algorithm, mode, folder, tmp_path):
    other = make_vae(1)
    other.meta["statistics"]["mean"] = [9.0, 8.0, 7.0, 6.0]
    path = other.save(tmp_path / "other")
    model = agent(algorithm, folder, mode).learn(16)
    load_encoder(model, path)
    frames = noise(np.random.default_rng(1), 5)
    expected = LatentVecEnv(make_env(), path).encode(frames)
    for copy in encoder_copies(model).values():
        np.testing.assert_allclose(copy.encode_frames(frames), expected, atol=1e-5)
    assert all(not c.moved and c.checkpoint == str(path) and not c.folder for c in inspect(model))
    acts = answers(model)
    model.save(tmp_path / "agent.zip")
    loaded = algorithm.load(tmp_path / "agent.zip", make_env())
    assert np.array_equal(answers(loaded), acts)
    loaded.learn(8, reset_num_timesteps=False)
    assert any(copy.moved for copy in inspect(loaded)) == (mode == "policy")
    load_encoder(model, other)
    assert {copy.checkpoint for copy in inspect(model)} == {"memory"}


def test_an_encoder_that_does_not_fit_is_refused(folder):
    model = agent(PPO, folder)
    before = weights(model)
    wider = BetaVAE(replace(CONFIG, hidden=32))
    with pytest.raises(ValueError, match="hidden 16, not 32; for another architecture build"):
        load_encoder(model, wider)
    regrouped = BetaVAE(replace(CONFIG, groups={"content": (0, 2), "style": (2, 4)}))
    with pytest.raises(ValueError, match="latents 'content' at"):
        load_encoder(model, regrouped)
    bare = make_vae(1)
    bare.meta = {}
    with pytest.raises(ValueError, match="this encoder has none"):
        load_encoder(model, bare)
    bgr = BetaVAE(replace(CONFIG, channel_order="BGR"))
    with pytest.raises(ValueError, match="channel_order RGB, not BGR"):
        load_encoder(model, bgr)
    assert same(weights(model), before)


def test_models_without_an_encoder_in_the_policy_are_refused(folder):
    over = build(PPO, LatentVecEnv(make_env(), folder))
    for change in (
        take_encoder,
        lambda m: set_mode(m, "policy"),
        lambda m: load_encoder(m, folder),
    ):
        with pytest.raises(ValueError, match=r"in the environment \(LatentVecEnv.vae\): to_image"):
            change(over)
        with pytest.raises(ValueError, match="build the model with policy_kwargs"):
            change(PPO("MlpPolicy", make_env()))
    with pytest.raises(ValueError, match="unknown mode 'thawed'"):
        set_mode(agent(PPO, folder), "thawed")
    with pytest.raises(ValueError, match="step_size scales what the RL loss does"):
        set_mode(agent(PPO, folder), "frozen", step_size=0.1)


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_an_encoder_for_each_picture_lives_the_same_way(algorithm, folder, tmp_path):
    other = make_vae(1).save(tmp_path / "other")
    kwargs = policy_kwargs({"wrist": folder, "front": other}, net_arch=[8])
    model = build(algorithm, make_env("dict"), **kwargs).learn(16)
    seen = make_env("dict").reset()
    before, acts = weights(model), model.predict(seen, deterministic=True)[0]
    set_mode(model, "policy", step_size=2.0)
    assert same(weights(model), before)
    assert np.array_equal(model.predict(seen, deterministic=True)[0], acts)
    model.learn(16, reset_num_timesteps=False)
    assert all(copy.moved for copy in inspect(model))
    set_mode(model, "frozen")
    for key in ("wrist", "front"):
        part = "critic.features_extractor" if algorithm is SAC else "features_extractor"
        taken = take_encoder(model, f"{part}.encoders.{key}")
        copies = weights(model)
        assert same_weights(taken.encoder.state_dict(), copies[f"{part}.encoders.{key}"])
        if algorithm is SAC:
            target = copies[f"critic_target.features_extractor.encoders.{key}"]
            assert same_weights(taken.encoder.state_dict(), target)
    with pytest.raises(ValueError, match=r"key=None, .* has encoders of: 'front', 'wrist'"):
        load_encoder(model, folder)
    load_encoder(model, folder, key="front")
    for where, copy in encoder_copies(model).items():
        loaded = same_weights(copy.weights(), make_vae().encoder.state_dict())
        assert loaded == where.endswith("front") and copy.moved == where.endswith("wrist")
    model.save(tmp_path / "agent.zip")
    again = algorithm.load(tmp_path / "agent.zip", make_env("dict"))
    assert same(weights(again), weights(model))
    assert {c.checkpoint for c in inspect(again) if "front" in c.where} == {str(folder)}


@pytest.mark.parametrize("algorithm", [SAC, TD3])
def test_trap_09_a_shared_encoder_is_not_left_to_the_actors_loss(algorithm, folder):
    model = agent(algorithm, folder, share_features_extractor=True)
    with pytest.raises(ValueError, match="build the model with share_features_extractor=False"):
        set_mode(model, "policy")
    assert {copy.mode for copy in encoder_copies(model).values()} == {"frozen"}


def test_inspect_compares_with_the_folder_as_it_is_now(folder, capsys):
    model = agent(PPO, folder)
    over = build(PPO, LatentVecEnv(make_env(), folder))
    memory = build(PPO, LatentVecEnv(make_env(), make_vae()))

    def folders() -> list[str]:
        return [copy.folder for one in (model, over) for copy in inspect(one)]

    assert folders() == ["", ""]
    (copy,) = inspect(over)
    assert (copy.where, copy.moved, copy.checkpoint) == ("LatentVecEnv", False, str(folder))
    assert inspect(memory)[0].checkpoint == "BetaVAE"
    make_vae(1).save(folder)
    assert folders() == ["the folder's VAE has changed since"] * 2
    assert f"{folder} (the folder's VAE has changed since)" in capsys.readouterr().out
    (folder / "model.safetensors").write_bytes(b"")
    assert folders() == ["the folder's VAE cannot be read"] * 2
    folder.rename(folder.parent / "gone")
    assert folders() == ["missing"] * 2
    assert not any(copy.moved for copy in inspect(model))
