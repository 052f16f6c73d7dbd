"""Fine-tuning during a training: where frames come from, when the encoder moves, what is refused.

Traps 8 (target copies), 12 (order of events) and 30 (codes that go stale).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import (
    LatentVecEnv,
    OnlineBetaVAE,
)
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.sb3.seen_frames import Reservoir
from tests.online_cases import BETA, TUNE, on_pictures, tuning
from tests.plug_cases import FORMS, build, make_env, make_store, make_vae, noise, shown


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


class AtRolloutStart(BaseCallback):
    """Calls ``check`` after the callbacks in front of it have had their turn."""

    def __init__(self, check: Any) -> None:
        super().__init__()
        self.check = check

    def _on_rollout_start(self) -> None:
        self.check()

    def _on_step(self) -> bool:
        return True


COPIES = [
    (PPO, {}, 1),
    (PPO, {"share_features_extractor": False}, 2),
    (A2C, {}, 1),
    (DQN, {}, 2),
    (SAC, {}, 3),
    (TD3, {}, 4),
]


@pytest.mark.parametrize(("algorithm", "more", "copies"), COPIES)
def test_trap_08_every_copy_gets_the_new_encoder(algorithm, more, copies, folder, vae):
    model, online = on_pictures(algorithm, folder, **more), tuning(folder)
    updates = []

    def check() -> None:
        first, *others = encoder_copies(model).values()
        assert len(others) == copies - 1
        state, weights = first.state_dict(), first.weights()  # all buffers, and what is used
        assert all(torch.equal(weights[name], w) for name, w in online.tuner.encoder.items())
        for other in others:
            assert all(torch.equal(state[name], w) for name, w in other.state_dict().items())
        updates.append(len(online.history))

    model.learn(40, callback=[online, AtRolloutStart(check)])
    assert updates[-1] >= 2 and model._n_updates > 2
    steps = [entry["step"] for entry in online.history]
    assert [entry["vae/beta"] for entry in online.history] == [BETA(int(step)) for step in steps]
    assert all(b // 8 > a // 8 for a, b in pairwise(steps))  # every 8 steps
    moved = [copy.moved for copy in encoder_copies(model).values()]
    assert moved == [True] * copies


class TooEarly(OnlineBetaVAE):
    """Moves the encoder at the end of a rollout, which is what trap 12 warns of."""

    def _on_rollout_end(self) -> None:
        super()._on_rollout_end()
        super()._on_rollout_start()

    def _on_rollout_start(self) -> None:
        pass


@pytest.mark.parametrize(("kind", "exact"), [(OnlineBetaVAE, True), (TooEarly, False)])
@pytest.mark.parametrize("over", ["pictures", "codes"])
def test_trap_12_the_ratio_is_1_before_the_first_gradient(kind, exact, over, folder, vae):
    if over == "pictures":
        model = on_pictures(PPO, folder)
    else:
        model = build(PPO, LatentVecEnv(make_env(), vae))
    train, errors = model.train, []

    def spy() -> None:
        data = next(model.rollout_buffer.get(None))
        _, log_prob, _ = model.policy.evaluate_actions(data.observations, data.actions)
        errors.append((log_prob - data.old_log_prob).exp().sub(1).abs().max().item())
        train()

    model.train = spy
    online = kind(vae, beta=BETA, train_freq=8, config=TUNE)
    model.learn(48, callback=online)
    assert len(errors) == 3 and len(online.history) >= 2
    if exact:
        assert max(errors) < 1e-5
    elif over == "pictures":  # a codes' rollout holds the old codes, right or wrong
        assert max(errors) > 1e-3


def watched(online: OnlineBetaVAE, given: list[np.ndarray]) -> Any:
    """The tuner's update, noting the frames that it is given."""
    update = online.tuner.update

    def spy(frames: np.ndarray, *, step: int) -> dict[str, float]:
        given.append(frames)
        return update(frames, step=step)

    return spy


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_frames_are_those_that_the_agent_saw(algorithm, form, folder, monkeypatch):
    model, online = on_pictures(algorithm, folder, form), tuning(folder, train_freq=32)
    given: list[np.ndarray] = []
    monkeypatch.setattr(online.tuner, "update", watched(online, given))
    model.learn(80, callback=online)
    seen = shown(model.get_env())
    for frames in given:
        assert frames.dtype == np.uint8 and frames.shape[1:] == (32, 32, 3)
        assert {frame.tobytes() for frame in frames} <= seen
        distinct = len({frame.tobytes() for frame in frames})
        # two rollouts of 16 steps and no more room than that; replay is drawn with replacement
        assert len(frames) == 32 and (distinct == 32 if algorithm is PPO else distinct > 12)
    assert len(given) == 2
    if algorithm is PPO:  # each rollout is used once
        first, second = ({frame.tobytes() for frame in frames} for frames in given)
        assert not first & second


def test_of_a_stack_the_newest_frame_is_taken(folder, monkeypatch):
    model, online = on_pictures(PPO, folder, "stack"), tuning(folder, train_freq=16)
    newest: set[bytes] = set()
    given: list[np.ndarray] = []
    collect = model.rollout_buffer.add

    def add(observations: np.ndarray, *rest: Any) -> None:  # (n_envs, 9, 32, 32)
        newest.update(part[-3:].transpose(1, 2, 0).tobytes() for part in observations)
        collect(observations, *rest)

    monkeypatch.setattr(model.rollout_buffer, "add", add)
    monkeypatch.setattr(online.tuner, "update", watched(online, given))
    model.learn(32, callback=online)
    assert {frame.tobytes() for frame in given[0]} <= newest
    assert len(given[0]) == 16


def test_a_reservoir_is_a_uniform_sample():
    layout = FrameLayout((1, 1, 1), False, 1, 255.0)
    frames = np.arange(40, dtype=np.uint8).reshape(-1, 1, 1, 1)
    counts = np.zeros(40)
    for seed in range(2000):
        reservoir = Reservoir(10, seed=seed)
        for start, stop in ((0, 4), (4, 24), (24, 40)):
            part = frames[start:stop].reshape(-1, 2, 1, 1, 1)  # (T, n_envs, H, W, C)
            reservoir.add(part, part.shape[:2], layout)
        taken = reservoir.take().ravel()
        assert len(set(taken)) == 10
        counts[taken] += 1
    assert np.abs(counts / 2000 - 0.25).max() < 0.04  # four standard deviations
    assert not len(reservoir.take())


@pytest.mark.parametrize("form", FORMS)
def test_trap_30_the_last_observation_is_encoded_anew(form, vae):
    env = LatentVecEnv(make_env(form), vae, standardise=True)
    model, online, stale = build(PPO, env), tuning(make_vae()), []

    def check() -> None:
        fresh = LatentVecEnv(make_env(form), online.tuner.seen_by_policy(), standardise=True)
        expected = fresh.encode(env.raw)
        old = LatentVecEnv(make_env(form), make_vae(), standardise=True).encode(env.raw)
        for key in expected if form == "dict" else [...]:
            np.testing.assert_allclose(model._last_obs[key], expected[key], atol=1e-5)
        key = "front" if form == "dict" else ...
        stale.append(np.abs(expected[key] - old[key]).max())

    model.learn(64, callback=[online, AtRolloutStart(check)])
    assert len(online.history) == 3
    assert stale[0] < 1e-5 and min(stale[1:]) > 1e-2


class FixedFrames:
    """The same frames for whoever asks."""

    def on_step(self) -> None: ...

    def on_rollout_end(self) -> None: ...

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return noise(np.random.default_rng(7), 32)


@pytest.mark.parametrize("form", ["bytes", "dict"])
def test_codes_and_pictures_learn_the_same_while_the_encoder_moves(form, folder, monkeypatch):
    monkeypatch.setattr("bvae_rl.sb3.online.seen_frames", lambda *_, **__: FixedFrames())
    pictures = on_pictures(PPO, folder, form)
    latent_env = LatentVecEnv(make_env(form), BetaVAE.load(folder), standardise=True)
    codes = build(PPO, latent_env, net_arch=[8])
    before = pictures.policy.state_dict()["action_net.weight"].clone()
    for model in (pictures, codes):
        online = tuning(folder)
        model.set_random_seed(0)  # actions are drawn from global generators
        model.learn(48, callback=online)
        assert len(online.history) == 2
    raw = latent_env.raw
    expected = codes.predict(latent_env.encode(raw), deterministic=True)[0]
    np.testing.assert_allclose(pictures.predict(raw, deterministic=True)[0], expected, atol=1e-4)
    weight = pictures.policy.state_dict()["action_net.weight"]
    torch.testing.assert_close(
        weight, codes.policy.state_dict()["action_net.weight"], atol=1e-4, rtol=0
    )
    assert (weight - before).abs().max() > 1e-3


def test_old_frames_and_metrics_reach_the_log(folder, tmp_path):
    model = on_pictures(PPO, folder)
    online = tuning(folder, old=make_store(tmp_path / "frames"))
    assert online.tuner.old_images == 8  # one half
    logged: dict[str, Any] = {}
    appearance = AtRolloutStart(lambda: logged.update(model.logger.name_to_value))
    model.learn(32, callback=[online, appearance])
    (entry,) = online.history
    assert {name: logged[name] for name in entry if name != "step"} | {"step": 16} == entry
    assert {"vae/loss", "vae/kl", "vae/beta", "vae/active_latents", "vae/feature_move"} <= {*entry}


def test_a_vae_in_hand_stays_whole():
    vae = make_vae()
    before = {name: weights.clone() for name, weights in vae.decoder.state_dict().items()}
    online = OnlineBetaVAE(vae, train_freq=8)
    build(PPO, LatentVecEnv(make_env(), vae)).learn(64, callback=online)
    tuned = online.tuner.vae.decoder.state_dict()
    assert all(torch.equal(tuned[name], w) for name, w in vae.decoder.state_dict().items())
    assert any(not torch.equal(before[name], w) for name, w in tuned.items())
