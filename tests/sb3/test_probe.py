"""Scores of a code in training: right for a perfect code, and never too dear."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import A2C

from bvae_rl.data.factors import FactorSpec
from bvae_rl.sb3 import OnlineBetaVAE, PretrainingProbe, Probe, ProbeCallback, policy_kwargs
from bvae_rl.training.schedules import Constant
from tests.plug_cases import NoiseEnv, build, make_env, make_vae


class FactorsInPixels(gym.Env[np.ndarray, Any]):
    """Two factors and a constant one, each the value of a pixel; the rest is noise."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    factor_specs = (FactorSpec("x"), FactorSpec("colour"), FactorSpec("y"))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        return self.set_factors(np.zeros(3)), {}

    def factors(self) -> np.ndarray:
        return self.now

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([rng.uniform(), 0.5, rng.uniform()])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        self.now = factors
        frame = self.np_random.integers(0, 256, (32, 32, 3), np.uint8)
        frame[0, :3, 0] = np.round(factors * 255)
        return frame


class Reader:
    """Codes are the pixels at ``columns`` of the first row."""

    def __init__(self, columns: list[int]) -> None:
        self.columns = columns

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        return frames[:, 0, self.columns, 0].astype(np.float32)


def test_a_code_of_factors_scores_1_and_a_code_of_noise_0():
    probe = Probe(FactorsInPixels(), n=1000)
    perfect = probe.measure(Reader([2, 0, 9]), step=1)  # y, x and noise: order does not matter
    assert perfect.keys() == {"vae/mig", "vae/dci", "vae/r2"}
    assert min(perfect.values()) > 0.85 and perfect["vae/r2"] > 0.97
    noise = probe.measure(Reader([7, 8, 9]), step=2)
    assert noise["vae/mig"] < 0.05 and noise["vae/r2"] < 0.05
    assert probe.measure(Reader([2, 0, 9]), step=3) == perfect


def test_the_frames_have_the_factors_and_constant_ones_are_left_out():
    probe = Probe(FactorsInPixels(), n=50)
    assert probe._factors.shape == (50, 2)
    pixels = probe.frames.frames[:, 0, [0, 2], 0] / 255
    np.testing.assert_allclose(pixels, probe._factors, atol=0.5 / 255)
    assert probe.shape == (3, 32, 32)


@pytest.mark.parametrize(("cost", "share"), [(1.5, 0.05), (0.01, 0.05), (1.0, 0.2)])
def test_probes_never_take_more_than_their_share(cost, share, monkeypatch):
    clock = 100.0
    probe = Probe(FactorsInPixels(), n=1000, every=100, share=share)

    class Slow(Reader):
        def encode_frames(self, frames: np.ndarray) -> np.ndarray:
            nonlocal clock
            clock += cost
            return super().encode_frames(frames)

    fake = SimpleNamespace(score=0.0, disentanglement=0.0, mean=0.0)
    for name in ("mig", "dci", "r2"):
        monkeypatch.setattr(f"bvae_rl.sb3.probe.{name}", lambda *_, **__: fake)
    monkeypatch.setattr("bvae_rl.sb3.probe.time", SimpleNamespace(monotonic=lambda: clock))
    taken, spent = [], 0.0
    for step in range(0, 20_000, 10):
        clock += 0.05  # of training
        if probe.due(step, elapsed=clock - 100.0):
            probe.measure(Slow([0, 1]), step=step)
            taken.append(step)
            spent += cost
            assert spent <= share * (clock - 100.0)
    assert probe.seconds == pytest.approx(spent)
    assert taken[0] >= 100 and np.diff(taken).min() >= 100
    if cost == 0.01:  # cheap: only the first is put off, for its cost is not known
        assert set(np.diff(taken)) == {100}
    else:  # dear: what may be spent is spent
        assert spent > 0.8 * share * (clock - 100.0)


def test_what_cannot_be_probed_is_refused():
    with pytest.raises(ValueError, match="does not know its factors; give its class factor_specs"):
        Probe(NoiseEnv())
    with pytest.raises(ValueError, match=r"got every=0, share=0\.05"):
        Probe(FactorsInPixels(), every=0)
    large = Probe(FactorsInPixels(), n=20)
    large.frames = SimpleNamespace(frames=np.zeros((20, 64, 64, 3), np.uint8))
    with pytest.raises(
        ValueError, match=r"frames of .* \(3, 64, 64\), the VAE takes \(3, 32, 32\)"
    ):
        OnlineBetaVAE(make_vae(), beta=Constant(1.0), probe=large)


def test_scores_of_the_policys_encoder_are_logged(tmp_path):
    probe = Probe(FactorsInPixels(), n=100, every=16, share=1.0)
    probe._last_cost = 0.0
    probe.due(0, elapsed=0.0)
    vae = make_vae()
    saved = vae.save(tmp_path / "vae")
    model = build(A2C, make_env(), **policy_kwargs(saved, mode="online", net_arch=[8]))
    online = OnlineBetaVAE(
        vae, beta=Constant(1.0), train_freq=16, probe=probe, out=tmp_path / "run"
    )
    model.learn(40, callback=online)
    scored = [entry for entry in online.history if "vae/mig" in entry]
    assert scored
    rows = (tmp_path / "run" / "probe.csv").read_text().splitlines()
    assert rows[0] == "step,vae/mig,vae/dci,vae/r2"
    assert [int(row.split(",")[0]) for row in rows[1:]] == [entry["step"] for entry in scored]


def test_pretraining_is_scored_when_a_probe_is_due(tmp_path, caplog):
    probe = Probe(FactorsInPixels(), n=100, every=10, share=1.0)
    probe._last_cost = 0.0
    vae = make_vae().train()
    callback = PretrainingProbe(probe, tmp_path)
    callback._began -= 1000.0
    for step in (5, 14, 15, 20, 25):
        callback(step, vae, {})
    assert list(callback.history) == [15, 25] and vae.training
    assert callback.history[15] == probe.measure(vae.eval(), step=30)
    rows = (tmp_path / "probe.csv").read_text().splitlines()
    assert rows[0] == "step,vae/mig,vae/dci,vae/r2"
    assert [row.split(",")[0] for row in rows[1:]] == ["15", "25"]
    callback.say_if_none()
    assert not caplog.text
    PretrainingProbe(probe, tmp_path).say_if_none()
    assert "no probe was taken: none was due" in caplog.text
    resumed = PretrainingProbe(probe, tmp_path)
    resumed._began -= 1000.0
    resumed(50, vae, {})
    assert (tmp_path / "probe.csv").read_text().splitlines()[:3] == rows


def test_the_encoder_that_the_rl_loss_trains_is_scored_too(tmp_path, monkeypatch):
    monkeypatch.setattr(Probe, "due", lambda self, step, *, elapsed: step >= (self._next or 16))
    probe = Probe(FactorsInPixels(), n=60, every=16, share=1.0)
    vae = make_vae()
    saved = vae.save(tmp_path / "vae")
    model = build(A2C, make_env(), **policy_kwargs(saved, mode="policy", net_arch=[8]))
    callback = ProbeCallback(probe)
    model.learn(60, callback=callback)
    assert min(callback.history) >= 16
    scores = [entry["vae/r2"] for entry in callback.history.values()]
    assert len(set(scores)) == len(scores) >= 3  # the encoder moves
    kwargs = policy_kwargs(saved, latents="all", standardise=False, net_arch=[8])
    frozen = build(A2C, make_env(), **kwargs)
    again = ProbeCallback(Probe(FactorsInPixels(), n=60, every=16, share=1.0))
    frozen.learn(60, callback=again)
    expected = pytest.approx(again.probe.measure(vae, step=0), rel=1e-3)
    assert len(again.history) >= 3
    assert [*again.history.values()] == [expected] * len(again.history)


def test_a_policy_without_an_encoder_cannot_be_probed():
    model = A2C("MlpPolicy", make_env())
    with pytest.raises(ValueError, match="A2C holds no Beta-VAE encoder; build the model"):
        model.learn(10, callback=ProbeCallback(Probe(FactorsInPixels(), n=50)))
