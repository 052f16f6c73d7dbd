from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from bvae_rl.agents import models, train
from bvae_rl.agents.evaluate import (
    evaluate_agent,
    load_agent,
)
from bvae_rl.agents.methods import METHODS, Method, MethodInputs, choose_latents, method
from bvae_rl.agents.recolouring import RECOLOURINGS
from bvae_rl.agents.train import ROWS
from bvae_rl.agents.true_state import FactorVecEnv, blind_view
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from tests.agent_cases import REACH, TINY, TINY_SAC, Counting, tiny_inputs, train_tiny


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> MethodInputs:
    return tiny_inputs(tmp_path_factory.mktemp("inputs"))


def test_unknown_methods_are_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"unknown method 'sate'; known: state, blind, pixels, .*pca"
    ):
        method("sate")


def test_state_and_blind_show_scaled_factors_and_terminal_ones():
    specs = REACH.make().get_wrapper_attr("factor_specs")
    low, high = (np.array([getattr(s, end) for s in specs[:4]]) for end in ("low", "high"))
    for name, width in (("state", 4), ("blind", 2)):
        raw, venv = REACH.vec(2, seed=5), method(name).observe(REACH.vec(2, seed=5), None)

        def expect(infos, seen, width=width):
            now = np.stack([info["factors"] for info in infos])
            scaled = 2 * (now[:, :4] - low) / (high - low) - 1
            np.testing.assert_allclose(seen, scaled[:, :width], atol=1e-6)

        raw.reset()
        expect(raw.reset_infos, venv.reset())
        actions = np.full((2, 2), 0.3, np.float32)
        for _ in range(50):
            before = raw.step(actions)
            seen, _, dones, infos = venv.step(actions)
            assert venv.observation_space.contains(seen[0])
            if not dones[0]:
                expect(before[3], seen)
        assert dones.all()
        expect(before[3], np.stack([info["terminal_observation"] for info in infos]))
        expect(raw.reset_infos, seen)


def test_cyclic_and_categorical_factors_are_laid_out_without_a_false_order():
    venv = method("state").observe(make_vec(Counting, 1, seed=0), None)
    # turn 1 of 4 = a quarter: cosine 0, sine 1; kind 5 of (3, 5, 9); place 1 in [-2, 2]
    np.testing.assert_allclose(venv.reset(), [[0, 1, -1, 1, -1, 0.5]], atol=1e-6)
    seen = np.asarray(venv.step(np.array([0]))[0])
    np.testing.assert_allclose(seen, [[0, -1, -1, -1, 1, -1]], atol=1e-6)
    with pytest.raises(ValueError, match=r"unknown factors .'size'.; known: turn, kind"):
        FactorVecEnv(make_vec(Counting, 1, seed=0), Counting.factor_specs, names=["size"])


def test_methods_that_an_environment_cannot_serve_say_what_it_lacks():
    with pytest.raises(ValueError, match=r"attribute proprioception, .* turn, kind, colour, place"):
        method("blind").observe(make_vec(Counting, 1, seed=0), None)
    cart = make_vec(lambda: gym.make("CartPole-v1"), 1, seed=0)
    with pytest.raises(ValueError, match="no factor_specs"):
        method("state").observe(cart, None)
    with pytest.raises(TypeError, match="expected a picture"):
        method("pixels").observe(cart, None)
    with pytest.raises(ValueError, match=r"uint8 pictures of at least 36x36 pixels.*--size 64 64"):
        method("pixels").observe(make_vec(Counting, 1, seed=0), None)


def test_every_method_states_what_it_saw(inputs):
    found = {}
    for name, row in METHODS.items():
        encoder = row.build(inputs) if row.build else None
        found[name] = row.budget(REACH, encoder, env_steps=128)
    assert {name: entry.pretrain_frames for name, entry in found.items()} == {
        "state": 0, "blind": 0, "pixels": 0, "pixels_randomised": 0, "untrained": 300, "pca": 300,
        "bvae": 300, **dict.fromkeys(RECOLOURINGS, 0),
    }  # fmt: skip
    assert found["pixels_randomised"].domain == "agent: ood1"
    randomised = method("pixels_randomised").train_env(REACH.with_domain("source:camera+light"))
    assert randomised.domain == "ood1:camera+light"
    assert found["bvae"].domain == "encoder: pretrain; agent: source"
    assert not any(entry.paired for entry in found.values())
    vae = BetaVAE.load(find_vae("reach_crossed"))
    grids = method("bvae", "content").budget(REACH, vae, env_steps=128)
    assert grids.paired and grids.labels == "own actions"
    assert grids.encoder == "cross-reconstruction on views and interventions, content latents"
    assert {n: e.labels for n, e in found.items() if e.labels != "none"} == {
        "state": "true state", "blind": "own joints",
    }  # fmt: skip


def test_the_untrained_encoder_depends_on_its_seed_only_and_is_standardised(inputs):
    frames = FrameStore.existing(inputs.store).read().frames
    row = method("untrained")
    codes: list[np.ndarray] = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(codes))
        encoder = row.build(replace(inputs, vae_seed=seed))
        mean, std = encoder.statistics()
        codes.append(encoder.encode_frames(frames))
        np.testing.assert_allclose(codes[-1].mean(0), mean, atol=1e-4)
        np.testing.assert_allclose(codes[-1].std(0), std, rtol=1e-3)
    assert np.array_equal(codes[0], codes[1]) and not np.allclose(codes[0], codes[2])


def test_an_agent_sees_the_latents_that_are_chosen(inputs, tmp_path):
    for key, latents, width in (("bvae", "all", 6), ("bvae-content", "content", 4)):
        row = method("bvae", latents)
        venv = row.observe(REACH.vec(2, seed=0), row.build(inputs))
        assert row.key == key and venv.observation_space.shape == (width,)
    for name in ("pca", "untrained"):
        row = method(name, "content")  # which has no groups
        venv = row.observe(REACH.vec(2, seed=0), row.build(inputs))
        assert row.key == name and venv.observation_space.shape == (32,)
    agent = load_agent(train_tiny("bvae", replace(inputs, latents="content"), tmp_path / "a"))
    assert agent.method.key == agent.record["key"] == "bvae-content"
    assert agent.observe(REACH.vec(2, seed=0)).observation_space.shape == (4,)
    assert evaluate_agent(tmp_path / "a", REACH, [None], n_eval_episodes=1, seed=0)[0].method == (
        "bvae-content"
    )


def test_by_default_an_agent_sees_the_content_of_a_vae_that_has_it(inputs):
    assert choose_latents(inputs.vae, None) == "content"
    assert choose_latents(inputs.vae, "all") == "all"
    assert choose_latents(find_vae("reach_plain"), None) == "all"
    with pytest.raises(ValueError, match="no group of latents 'look'; choose one of: all, content"):
        choose_latents(inputs.vae, "look")


def test_a_missing_input_is_named():
    with pytest.raises(ValueError, match="this method needs a VAE's folder"):
        method("bvae").build(MethodInputs())
    with pytest.raises(ValueError, match=r"this method needs a frame store .*--store"):
        method("pca").check(REACH, MethodInputs())


def test_traps_4_all_methods_have_the_same_heads_and_epochs(inputs, tmp_path):
    heads = {}
    for name in ("state", "pixels", "bvae"):
        model: Any = load_agent(train_tiny(name, inputs, tmp_path / name)).model
        layers = [
            (type(layer).__name__, getattr(layer, "out_features", None))
            for net in (model.policy.mlp_extractor.policy_net, model.policy.mlp_extractor.value_net)
            for layer in net
        ]
        heads[name] = (layers, model.n_epochs, model.batch_size, model.n_steps, model.gamma)
    assert heads["state"] == heads["pixels"] == heads["bvae"]
    assert heads["state"][0] == [("Linear", 8), ("ReLU", None)] * 2


def test_a_new_method_is_one_row(monkeypatch, tmp_path):
    fake = Method("fake", "joints, once more", blind_view, labels="some")
    monkeypatch.setitem(METHODS, "fake", fake)
    folder = train_tiny("fake", MethodInputs(), tmp_path / "a", key="fake-2")
    rows = evaluate_agent(folder, REACH, ["ood1"], n_eval_episodes=2, seed=0)
    assert {(r.method, r.domain, r.budget["labels"]) for r in rows} == {("fake-2", "ood1", "some")}


def test_a_killed_training_goes_on_and_a_finished_one_returns_at_once(
    inputs, tmp_path, capfd, caplog
):
    config = replace(TINY, total_timesteps=256)
    folder = tmp_path / "agent"

    def stop(fraction):
        if Run(folder).read_json("agent.json")["steps"] == 192:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny("bvae", inputs, folder, config, progress=stop)
    run = Run(folder)
    assert not run.done("train") and run.read_json("agent.json")["steps"] == 192
    with pytest.raises(ValueError, match="no finished agent"):
        load_agent(folder)
    fractions: list[float] = []
    with caplog.at_level("INFO"):
        train_tiny("bvae", inputs, folder, config, progress=fractions.append)
    assert "goes on at step 192, in fresh episodes" in caplog.text
    assert 0.75 <= fractions[0] < 0.77 and fractions[-1] == 1.0
    assert fractions == sorted(fractions)
    record = run.read_json("agent.json")
    assert record["steps"] == 256 == record["budget"]["env_steps"]
    curve = [row for row in run.rows(ROWS) if row.metric == "return"]
    assert [row.step for row in curve] == [0, 64, 128, 192, 256]
    assert {row.domain for row in curve} == {"source"} and {r.vae_seed for r in curve} == {3}
    before = run.path("agent.zip").stat().st_mtime_ns
    run.path("done.json").unlink()  # as if it had been stopped in its very last lines
    run.path("checkpoint.zip").touch()
    train_tiny("bvae", inputs, folder, config)
    assert run.path("agent.zip").stat().st_mtime_ns == before
    assert not run.path("checkpoint.zip").exists()
    with pytest.raises(
        ValueError, match=r"with other settings \(config\.settings\.gamma 0\.9, not 0\.5\)"
    ):
        other = {**config.settings, "gamma": 0.5}
        train_tiny("bvae", inputs, folder, replace(config, settings=other))
    with pytest.raises(
        ValueError, match=r"an agent made with other settings \(inputs\.vae_seed 3, not 4"
    ):
        train_tiny("bvae", replace(inputs, vae_seed=4), folder, config)
    assert capfd.readouterr().out == ""


def test_a_training_that_is_seldom_evaluated_is_saved_in_between(tmp_path):
    run, config = Run(tmp_path / "a"), replace(TINY, total_timesteps=640, eval_freq=640)

    def stop(fraction):
        if run.read_json("agent.json")["steps"] == 320:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny("state", MethodInputs(), run.folder, config, progress=stop)
    spent = run.read_json("agent.json")
    assert spent["train_seconds"] > 0 and 0 < spent["steps_per_second"] < 1e6
    assert spent["steps_per_second"] == pytest.approx(320 / spent["train_seconds"])
    (first, *_) = run.rows(ROWS)
    run.append_rows([replace(first, step=384)], name=ROWS)  # after the checkpoint: lost by a kill
    fractions: list[float] = []
    train_tiny("state", MethodInputs(), run.folder, config, progress=fractions.append)
    assert 0.45 < fractions[0] < 0.55
    curve = [row for row in run.rows(ROWS) if row.metric == "return"]
    assert [row.step for row in curve] == [0, 640]


def test_sac_resumes_with_its_replay_buffer(tmp_path, monkeypatch):
    def stop(fraction):
        if fraction > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny("state", MethodInputs(), tmp_path / "a", TINY_SAC, progress=stop)
    sizes = []
    original = models.reload_model

    def reload(*args):
        model: Any = original(*args)
        sizes.append((model.num_timesteps, model.replay_buffer.size()))
        return model

    monkeypatch.setattr(train, "reload_model", reload)
    train_tiny("state", MethodInputs(), tmp_path / "a", TINY_SAC)
    assert sizes == [(42, 42)]  # the last of ten checkpoints before 0.7 of the way
    assert load_agent(tmp_path / "a").model.num_timesteps == 60
    assert not (tmp_path / "a" / "replay.pkl").exists()
    minigrid = EnvConfig(
        "minigrid:MiniGrid-Empty-8x8-v0",
        ("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper"),
    )
    with pytest.raises(ValueError, match="SAC needs continuous actions"):
        train_tiny("pixels", MethodInputs(), tmp_path / "b", TINY_SAC, env=minigrid)
