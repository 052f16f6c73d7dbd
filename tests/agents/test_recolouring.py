"""Agents learn from recoloured pictures and are evaluated on clean ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecFrameStack, VecTransposeImage

from bvae_rl.agents import models, train
from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import evaluate_agent, load_agent
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.recolouring import (
    RECOLOURINGS,
    RecolouredReplayBuffer,
    RecolouredVecEnv,
    Recolouring,
)
from bvae_rl.agents.train import train_agent
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.runtime.runs import Run

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source", size=(40, 40))
SMALL: dict[str, Any] = {"net_arch": (8,), "n_eval_episodes": 1}
TINY = AgentConfig.of(
    "ppo", REACH.id, total_timesteps=64, n_envs=2, n_steps=16, batch_size=32, n_epochs=1,
    eval_freq=64, **SMALL,
)  # fmt: skip
TINY_SAC = AgentConfig.of(
    "sac", REACH.id, total_timesteps=30, learning_starts=10, batch_size=8, eval_freq=30, **SMALL
)
ALWAYS = {by: Recolouring(by, frequency=3.0, clean=0.0, part=0.5) for by in ("step", "episode")}
HALVES = np.zeros((40, 40, 3), np.uint8)
HALVES[:20] = (250, 40, 90)
HALVES[20:] = (10, 200, 60)


class Still(gym.Env):
    """Always the same picture of two colours; episodes of four steps."""

    observation_space = gym.spaces.Box(0, 255, HALVES.shape, np.uint8)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    render_mode = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return HALVES, {}

    def step(self, action):
        self.t += 1
        return HALVES, 0.0, self.t == 4, False, {}


def still(how: Recolouring, *, seed: int = 0, stack: int = 1) -> RecolouredVecEnv:
    venv = make_vec(Still, 2, seed=0)
    return RecolouredVecEnv(VecFrameStack(venv, stack) if stack > 1 else venv, how, seed=seed)


def played(venv: RecolouredVecEnv, steps: int) -> np.ndarray:
    """(1 + steps, n_envs, H, W, C)."""
    seen = [np.asarray(venv.reset())]
    seen += [np.asarray(venv.step(np.zeros((2, 1), np.float32))[0]) for _ in range(steps)]
    return np.stack(seen)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a == b).all())


def test_a_picture_is_shown_under_the_map_that_is_drawn():
    venv = still(ALWAYS["step"])
    (seen,) = played(venv, 0)
    w, b = venv.maps.w.numpy(), venv.maps.b.numpy()[:, None, None, :]
    angle = np.einsum("nij,hwj->nhwi", w, HALVES / 255.0) + b
    share = np.clip(0.5 + 2.0 * np.sin(angle[..., 3:]), 0.0, 1.0)
    expected = HALVES + share * (255.0 * (0.5 + 0.5 * np.sin(angle[..., :3])) - HALVES)
    assert seen.dtype == np.uint8 and np.abs(seen - expected).max() <= 0.5 + 1e-3
    assert same(HALVES[0, 0], np.array([250, 40, 90]))  # the environment's own is left alone


def test_maps_last_a_step_or_an_episode_and_each_environment_has_its_own():
    seen = played(still(ALWAYS["step"]), 6)
    assert not any(same(a, b) for a, b in pairwise(seen))
    seen = played(still(ALWAYS["episode"]), 6)
    assert all(same(seen[0], later) for later in seen[:4])
    assert all(same(seen[4], later) for later in seen[4:])
    assert not same(seen[0, 0], seen[4, 0]) and not same(seen[0, 0], seen[0, 1])


def test_the_last_picture_of_an_episode_is_recoloured_with_it():
    venv = still(ALWAYS["episode"])
    first = played(venv, 3)[0]
    now, _, dones, infos = venv.step(np.zeros((2, 1), np.float32))
    assert dones.all()
    for i in range(2):
        assert same(infos[i]["terminal_observation"], first[i])
        assert not same(np.asarray(now)[i], first[i])
    venv = still(ALWAYS["step"])
    played(venv, 3)
    infos = venv.step(np.zeros((2, 1), np.float32))[3]
    assert not any(same(info["terminal_observation"], HALVES) for info in infos)


@pytest.mark.parametrize("by", ["step", "episode"])
def test_all_frames_of_a_stack_are_under_one_map(by):
    seen = played(still(ALWAYS[by], stack=3), 3)[3]  # the stack is full
    frames = seen.reshape(2, 40, 40, 3, 3)
    for k in (0, 1):
        assert same(frames[:, :, :, k], frames[:, :, :, 2])
    assert not same(frames[0, :, :, 2], HALVES)


def test_channels_may_come_first():
    last = still(ALWAYS["step"], stack=2)
    first = RecolouredVecEnv(VecTransposeImage(last.venv), ALWAYS["step"], seed=0)
    assert same(np.moveaxis(played(last, 2), -1, 2), played(first, 2))


def test_equal_seeds_give_equal_pictures():
    a, b, c = (played(still(Recolouring(), seed=seed), 5) for seed in (1, 1, 2))
    assert same(a, b) and not same(a, c)
    venv = still(Recolouring(), seed=9)
    played(venv, 2)
    venv.seed(1)  # as a model does
    assert same(played(venv, 5), a)


def test_a_share_stays_clean():
    seen = played(still(Recolouring("step", clean=0.25, part=0.0)), 400)
    kept = (seen == HALVES).all((2, 3, 4)).mean()
    assert kept == pytest.approx(0.25, abs=0.06)
    assert same(played(still(Recolouring("step", clean=1.0)), 3)[2, 1], HALVES)
    gentle, strong = (
        np.ptp(
            played(still(Recolouring("step", frequency=f, clean=0.0, part=0.0)), 50).astype(int),
            (2, 3),
        )
        for f in (0.1, 4.0)
    )
    assert gentle.mean() < 20 < 60 < strong.mean()  # between the two colours of the picture


def test_a_batch_is_recoloured_in_part_and_its_next_pictures_are_clean():
    shown = gym.spaces.Box(0, 255, (6, 40, 40), np.uint8)  # a stack of two, as SB3 stores it
    buffer = RecolouredReplayBuffer(
        8, shown, Still.action_space, device="cpu", recolouring=Recolouring(clean=0.25, part=0.0)
    )
    one = np.concatenate([np.moveaxis(HALVES, -1, 0)] * 2)
    for _ in range(8):
        buffer.add(one[None], one[None], np.zeros((1, 1)), np.zeros(1), np.zeros(1), [{}])
    torch.manual_seed(0)
    batch = buffer.sample(40)
    seen = batch.observations.numpy()
    clean = (seen == one).all((1, 2, 3))
    assert clean.sum() == 10 and same(batch.next_observations.numpy(), one[None])
    assert same(seen[:, :3], seen[:, 3:]) and seen.dtype == np.uint8
    changed = seen[~clean]
    assert len(np.unique(changed.reshape(30, -1), axis=0)) == 30  # a map each
    torch.manual_seed(0)
    assert same(buffer.sample(40).observations.numpy(), seen)
    assert same(buffer.observations[0, 0], one)


@pytest.mark.parametrize(
    ("config", "name", "places"),
    [
        (TINY, "pixels_recoloured", (True, False)),
        (TINY_SAC, "pixels_recoloured", (False, True)),
        (TINY_SAC, "pixels_recoloured_episode_strong", (True, False)),
    ],
)
def test_an_agent_learns_from_recoloured_pictures_and_is_evaluated_on_clean_ones(
    config, name, places, tmp_path, monkeypatch
):
    made: list[Any] = []

    def make_model(policy, config, venv, **kwargs):
        model: Any = original(policy, config, venv, **kwargs)
        in_buffer = isinstance(getattr(model, "replay_buffer", None), RecolouredReplayBuffer)
        made.append((isinstance(venv, RecolouredVecEnv), in_buffer))
        return model

    original = models.make_model
    monkeypatch.setattr(train, "make_model", make_model)
    row = method(name)
    row.check(REACH, MethodInputs())
    train_agent(row, REACH, MethodInputs(), config, Run(tmp_path), study="s")
    assert made == [places]
    agent = load_agent(tmp_path)
    clean, seen = REACH.vec(1, seed=5), agent.observe(REACH.vec(1, seed=5))
    assert same(np.asarray(clean.reset()), np.asarray(seen.reset()))
    rows = evaluate_agent(tmp_path, REACH, ["ood2"], n_eval_episodes=1, seed=0)
    assert rows[0].method == name
    assert rows[0].budget["domain"] == "agent: source, recoloured"
    assert agent.record["inputs"] == {
        "recolouring": {"is": "Recolouring", **vars(RECOLOURINGS[name])}
    }
    softer = replace(row, recolouring=replace(RECOLOURINGS[name], frequency=1.0))
    with pytest.raises(ValueError, match=r"inputs\.recolouring\.frequency [24], not 1"):
        train_agent(softer, REACH, MethodInputs(), config, Run(tmp_path))


def test_sac_goes_on_with_its_buffer_of_clean_pictures(tmp_path, monkeypatch):
    def stop(fraction):
        if fraction > 0.6:
            raise KeyboardInterrupt

    row = method("pixels_recoloured")
    with pytest.raises(KeyboardInterrupt):
        train_agent(row, REACH, MethodInputs(), TINY_SAC, Run(tmp_path), progress=stop)
    original, found = models.reload_model, []

    def reload(*args):
        model: Any = original(*args)
        found.append((type(model.replay_buffer), model.replay_buffer.recolouring))
        return model

    monkeypatch.setattr(train, "reload_model", reload)
    train_agent(row, REACH, MethodInputs(), TINY_SAC, Run(tmp_path))
    assert found == [(RecolouredReplayBuffer, row.recolouring)]


def test_what_cannot_be_recoloured_is_refused_with_a_cure():
    grey = replace(REACH, grey=True)
    with pytest.raises(ValueError, match=r"have 1 channel; show colours \(leave out --grey\)"):
        method("pixels_recoloured").check(grey, MethodInputs())
    several = AgentConfig.of("sac", REACH.id, n_steps=3)
    with pytest.raises(ValueError, match=r"n_steps=1 alone, got n_steps=3; .*_episode"):
        method("pixels_recoloured").check(REACH, MethodInputs(), several)  # before any training
    for wrong, words in (
        ({"by": "frame"}, "by step or episode, got 'frame'"),
        ({"frequency": 0.0}, "colour maps must be above 0, got 0"),
        ({"part": 1.5}, "from 0 to 1, got 1.5"),
        ({"clean": 1.5}, r"in \[0, 1\], got 1.5"),
    ):
        with pytest.raises(ValueError, match=words):
            Recolouring(**wrong)
