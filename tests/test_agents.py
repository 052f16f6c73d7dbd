from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.agents import models, study, train
from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import (
    RANDOM_POLICY,
    evaluate_agent,
    load_agent,
    random_policy_rows,
    run_episodes,
)
from bvae_rl.agents.methods import METHODS, Method, MethodInputs, choose_latents, method
from bvae_rl.agents.recolouring import RECOLOURINGS
from bvae_rl.agents.scores import normalised_rows
from bvae_rl.agents.study import Evaluation, Job, run_study
from bvae_rl.agents.train import ROWS, train_agent
from bvae_rl.agents.true_state import FactorVecEnv, blind_view
from bvae_rl.data.collect import collect
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source")
TINY = AgentConfig.of(
    "ppo", REACH.id, total_timesteps=128, n_envs=2, n_steps=32, batch_size=32, n_epochs=1,
    net_arch=(8,), eval_freq=64, n_eval_episodes=2,
)  # fmt: skip
TINY_SAC = AgentConfig.of(
    "sac", REACH.id, total_timesteps=60, learning_starts=10, batch_size=8, net_arch=(8,),
    eval_freq=20, n_eval_episodes=1,
)  # fmt: skip


class Counting(gym.Env):
    """Episode of a length drawn at reset; each step pays 1; vectors as observations."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    factor_specs = (
        FactorSpec("turn", "cyclic", high=4.0),
        FactorSpec("kind", "categorical", values=(3.0, 5.0, 9.0)),
        FactorSpec("colour", role="appearance"),
        FactorSpec("place", low=-2.0, high=2.0),
    )
    render_mode = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 9))
        return np.zeros((32, 32, 3), np.uint8), {"factors": np.array([1.0, 5.0, 0.3, 1.0])}

    def step(self, action):
        self.left -= 1
        info = {"factors": np.array([3.0, 9.0, 0.3, -2.0])}
        return np.zeros((32, 32, 3), np.uint8), 1.0, self.left == 0, False, info


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> MethodInputs:
    folder = tmp_path_factory.mktemp("inputs")
    store = FrameStore(folder / "store")
    store.declare(domain="pretrain")
    collect(REACH.with_domain("pretrain").vec(4, seed=0), store, 300, seed=0)
    vae = BetaVAE(VAEConfig(latent_dim=6, groups={"content": (0, 4), "style": (4, 6)}))
    vae.meta = {
        "statistics": {"mean": [0.0] * 6, "std": [1.0] * 6},
        "training": {"frames": 300, "store": store.meta},
    }
    vae.save(folder / "vae")
    return MethodInputs(folder / "vae", store.folder, vae_seed=3)


def _train(name, inputs, folder, config=TINY, env=REACH, **kwargs):
    return train_agent(
        method(name, inputs.latents), env, inputs, config, Run(folder), study="s", **kwargs
    )


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
    agent = load_agent(_train("bvae", replace(inputs, latents="content"), tmp_path / "a"))
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
    with pytest.raises(ValueError, match="this method needs --vae, a VAE's folder"):
        method("bvae").build(MethodInputs())
    with pytest.raises(ValueError, match="this method needs --store, a frame store"):
        method("pca").check(REACH, MethodInputs())


def test_traps_4_all_methods_have_the_same_heads_and_epochs(inputs, tmp_path):
    heads = {}
    for name in ("state", "pixels", "bvae"):
        model: Any = load_agent(_train(name, inputs, tmp_path / name)).model
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
    folder = _train("fake", MethodInputs(), tmp_path / "a", key="fake-2")
    rows = evaluate_agent(folder, REACH, ["ood1"], n_eval_episodes=2, seed=0)
    assert {(r.method, r.domain, r.budget["labels"]) for r in rows} == {("fake-2", "ood1", "some")}


def test_a_killed_training_goes_on_and_a_finished_one_returns_at_once(inputs, tmp_path, capfd):
    config = replace(TINY, total_timesteps=256)
    folder = tmp_path / "agent"

    def stop(fraction):
        if Run(folder).read_json("agent.json")["steps"] == 192:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train("bvae", inputs, folder, config, progress=stop)
    run = Run(folder)
    assert not run.done("train") and run.read_json("agent.json")["steps"] == 192
    with pytest.raises(ValueError, match="no finished agent"):
        load_agent(folder)
    fractions: list[float] = []
    _train("bvae", inputs, folder, config, progress=fractions.append)
    assert 0.75 <= fractions[0] < 0.77 and fractions[-1] == 1.0
    assert fractions == sorted(fractions)
    record = run.read_json("agent.json")
    assert record["steps"] == 256 == record["budget"]["env_steps"]
    curve = [row for row in run.rows(ROWS) if row.metric == "return"]
    assert [row.step for row in curve] == [0, 64, 128, 192, 256]
    assert {row.domain for row in curve} == {"source"} and {r.vae_seed for r in curve} == {3}
    before = run.path("agent.zip").stat().st_mtime_ns
    _train("bvae", inputs, folder, config)
    assert run.path("agent.zip").stat().st_mtime_ns == before
    assert not run.path("checkpoint.zip").exists()
    with pytest.raises(
        ValueError, match=r"with other settings \(config\.settings\.gamma 0\.9, not 0\.5\)"
    ):
        other = {**config.settings, "gamma": 0.5}
        _train("bvae", inputs, folder, replace(config, settings=other))
    with pytest.raises(
        ValueError, match=r"an agent made with other settings \(inputs\.vae_seed 3, not 4"
    ):
        _train("bvae", replace(inputs, vae_seed=4), folder, config)
    assert capfd.readouterr().out == ""


def test_a_training_that_is_seldom_evaluated_is_saved_in_between(tmp_path):
    run, config = Run(tmp_path / "a"), replace(TINY, total_timesteps=640, eval_freq=640)

    def stop(fraction):
        if run.read_json("agent.json")["steps"] == 320:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train("state", MethodInputs(), run.folder, config, progress=stop)
    (first, *_) = run.rows(ROWS)
    run.append_rows([replace(first, step=384)], name=ROWS)  # after the checkpoint: lost by a kill
    fractions: list[float] = []
    _train("state", MethodInputs(), run.folder, config, progress=fractions.append)
    assert 0.45 < fractions[0] < 0.55
    curve = [row for row in run.rows(ROWS) if row.metric == "return"]
    assert [row.step for row in curve] == [0, 640]


def test_sac_resumes_with_its_replay_buffer(tmp_path, monkeypatch):
    def stop(fraction):
        if fraction > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train("state", MethodInputs(), tmp_path / "a", TINY_SAC, progress=stop)
    sizes = []
    original = models.reload_model

    def reload(*args):
        model: Any = original(*args)
        sizes.append((model.num_timesteps, model.replay_buffer.size()))
        return model

    monkeypatch.setattr(train, "reload_model", reload)
    _train("state", MethodInputs(), tmp_path / "a", TINY_SAC)
    assert sizes == [(42, 42)]  # the last of ten checkpoints before 0.7 of the way
    assert load_agent(tmp_path / "a").model.num_timesteps == 60
    assert not (tmp_path / "a" / "replay.pkl").exists()
    minigrid = EnvConfig(
        "minigrid:MiniGrid-Empty-8x8-v0",
        ("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper"),
    )
    with pytest.raises(ValueError, match="SAC needs continuous actions"):
        _train("pixels", MethodInputs(), tmp_path / "b", TINY_SAC, env=minigrid)


def test_episode_i_is_reset_with_seed_plus_i_whatever_the_batch():
    expected = []
    for i in range(7):
        env, done, total = Counting(), False, 0.0
        env.reset(seed=40 + i)
        while not done:
            _, reward, done, _, _ = env.step(0)
            total += reward
        expected.append(total)
    assert len(set(expected)) > 3
    for n_envs in (1, 3, 7, 9):
        venv = DummyVecEnv([Counting] * n_envs)
        played = run_episodes(venv, lambda seen: np.zeros(len(seen), int), 7, seed=40)
        assert played.returns.tolist() == expected and played.success is None
    assert set(played.metrics()) == {"return"}
    with pytest.raises(ValueError, match="at least 1, got 0"):
        run_episodes(venv, lambda seen: seen, 0, seed=0)


def test_success_is_that_of_the_last_step():
    class Passing(Counting):
        def step(self, action):
            *rest, info = super().step(action)
            return *rest, {**info, "is_success": self.left == 2 or (self.left == 0 and self.even)}

        def reset(self, *, seed=None, options=None):
            self.even = seed % 2 == 0 if seed is not None else True
            return super().reset(seed=seed)

    played = run_episodes(DummyVecEnv([Passing] * 2), lambda s: np.zeros(len(s), int), 5, seed=0)
    assert played.success.tolist() == [True, False, True, False, True]
    assert played.metrics()["success"] == pytest.approx(0.6)


def test_an_agent_folder_is_all_one_needs(inputs, tmp_path):
    store = shutil.copytree(inputs.store, tmp_path / "store")
    _train("pca", replace(inputs, store=store), tmp_path / "old")
    domain = ["source", "ood1", "ood2", None]
    before = evaluate_agent(tmp_path / "old", REACH, domain, n_eval_episodes=3, seed=9)
    shutil.rmtree(store)
    (tmp_path / "old").rename(tmp_path / "new")
    rows = evaluate_agent(tmp_path / "new", REACH, domain[:3], n_eval_episodes=3, seed=9)
    assert rows == before[:6] and [r.value for r in before[6:]] == [r.value for r in rows[:2]]
    assert [(r.domain, r.metric) for r in rows[2:4]] == [("ood1", "return"), ("ood1", "success")]
    assert rows[0].step is None and rows[0].n == 3 and rows[0].agent_seed == 0
    agent = load_agent(tmp_path / "new")
    venv = agent.observe(REACH.vec(2, seed=0))
    assert agent.act(venv.reset()).shape == (2, 2)
    assert agent.budget.pretrain_frames == 300


def test_the_random_policy_is_the_same_at_every_call():
    twice = [
        random_policy_rows(REACH, ["source"], n_eval_episodes=4, seed=1, study="s", command="c")
        for _ in range(2)
    ]
    assert twice[0] == twice[1] and twice[0][0].method == RANDOM_POLICY
    assert -60 < twice[0][0].value < -15  # distances of 0.3 to 1.2 over 50 steps


def test_a_study_does_only_what_is_missing(inputs, tmp_path, monkeypatch):
    jobs = [Job(n, REACH, inputs, TINY) for n in ("state", "blind", "bvae")]
    plan = Evaluation(domains=("source", "ood1"), n_eval_episodes=2)
    call = {"evaluation": plan, "study": "transfer", "command": "c", "workers": 1}
    seen = []
    rows = run_study(
        jobs[:2], tmp_path, **call, on_progress=lambda name, fraction: seen.append(name)
    )
    assert set(seen) == {"state-ppo-seed0", "blind-ppo-seed0", RANDOM_POLICY}
    trained = []
    original = evaluate_agent

    def evaluate(folder, *args, **kwargs):
        trained.append(folder)
        return original(folder, *args, **kwargs)

    monkeypatch.setattr(study, "evaluate_agent", evaluate)
    again = run_study(jobs, tmp_path, **call)
    assert [folder.name for folder in trained] == ["bvae-ppo-vae3-seed0"]
    assert [r for r in again if r.method != "bvae" and r.metric == "return"] == [
        r for r in rows if r.metric == "return"
    ]
    final = [r for r in again if r.step is None and r.metric == "return"]
    assert {(r.method, r.domain) for r in final} == {
        (name, appearance)
        for name in ("state", "blind", "bvae", RANDOM_POLICY)
        for appearance in plan.domains
    }
    assert [r for r in again if r.metric == "score"] == normalised_rows(again)
    assert Run(tmp_path / "bvae-ppo-vae3-seed0").rows(ROWS)
    with pytest.raises(ValueError, match="one source environment, got 2"):
        run_study([*jobs, replace(jobs[0], env=REACH.with_domain("ood1"))], tmp_path, **call)
