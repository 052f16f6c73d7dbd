"""Fine-tuning by itself, without an agent: its three guards, and what happens when it fails."""

from __future__ import annotations

import io
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.training.fine_tune import FineTuneConfig, FineTuner
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant, Linear
from tests.objective_cases import equal
from tests.plug_cases import make_store, make_vae, noise

CONFIG = FineTuneConfig(gradient_steps=3, batch_size=8, learning_rate=1e-2, max_move=None)
FRAMES = noise(np.random.default_rng(0), 30)
BETA = Linear(0.0, 2.0, 100)


def make_tuner(config: FineTuneConfig = CONFIG, *, beta: Any = BETA, **more: Any) -> FineTuner:
    return FineTuner(make_vae(), BetaVAEObjective(beta), config, **{"seed": 0} | more)


def test_an_update_depends_on_seed_step_and_state_only():
    tuner, same, other_seed, other_step = (make_tuner(seed=seed) for seed in (0, 0, 1, 0))
    torch.manual_seed(0)
    tuner.update(FRAMES, step=10)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    same.update(FRAMES, step=10)
    other_seed.update(FRAMES, step=10)
    other_step.update(FRAMES, step=11)
    assert equal(tuner.state_dict(), same.state_dict())
    assert not equal(tuner.encoder, other_seed.encoder)
    assert not equal(tuner.encoder, other_step.encoder)
    assert not equal(tuner.encoder, dict(make_vae().encoder.state_dict()))


def test_a_state_goes_on_bit_equal():
    tuner, resumed = make_tuner(), make_tuner()
    tuner.update(FRAMES, step=10)
    buffer = io.BytesIO()
    torch.save(tuner.state_dict(), buffer)
    buffer.seek(0)
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    metrics = tuner.update(FRAMES[::-1], step=20)
    assert resumed.update(FRAMES[::-1], step=20) == metrics
    assert equal(resumed.state_dict(), tuner.state_dict())


def test_beta_is_that_of_the_schedule_at_the_environment_step():
    tuner = make_tuner()
    for step, beta in ((0, 0.0), (25, 0.5), (1000, 2.0)):
        metrics = tuner.update(FRAMES, step=step)
        assert metrics["vae/beta"] == beta
        expected = metrics["vae/recon"] + beta * metrics["vae/kl"]
        assert metrics["vae/loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("mix", "old_images"), [(0.25, 2), (0.5, 4)])
def test_a_share_of_each_batch_is_old(mix, old_images, tmp_path, monkeypatch):
    store = make_store(tmp_path)
    old = {frame.tobytes() for frame in store.array("frames")}
    tuner = make_tuner(old=store, mix=mix)
    batches = []

    def spy(frames: np.ndarray) -> torch.Tensor:
        batches.append([frame.tobytes() in old for frame in frames])
        return frames_to_x(frames)

    monkeypatch.setattr("bvae_rl.training.fine_tune.frames_to_x", spy)
    tuner.update(FRAMES, step=0)
    assert tuner.wanted == 3 * (8 - old_images)
    reference, *trained = batches
    assert sum(reference) == 40 and len(reference) == 40 + len(FRAMES)  # all there are of both
    assert [(len(batch), sum(batch)) for batch in trained] == [(8, old_images)] * 3


def measured(tuner: FineTuner, before: dict[str, torch.Tensor], scale: torch.Tensor) -> float:
    """How far the policy's features moved on the reference frames; not the tuner's own code."""
    vae = make_vae()
    assert tuner.reference is not None
    codes = []
    for weights in (before, tuner.encoder):
        vae.encoder.load_state_dict(weights)
        codes.append(vae.encode(tuner.reference)[0].detach())
    return float((((codes[1] - codes[0]) / scale) ** 2).mean().sqrt())


STATISTICS = {"mean": [0.1, -0.1, 0.0, 0.2], "std": [0.2, 0.1, 0.3, 0.001]}
SCALE = torch.tensor([0.2, 0.1, 0.3, 0.03])  # the last is lifted to a tenth of the largest


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_features_move_no_further_than_allowed(average):
    free = make_tuner(replace(CONFIG, average=average))
    free.vae.meta["statistics"] = STATISTICS
    assert free.update(FRAMES, step=1)["vae/feature_move"] > 0.1  # else the limit is not tested
    tuner = make_tuner(replace(CONFIG, average=average, max_move=0.05))
    tuner.vae.meta["statistics"] = STATISTICS
    for step in range(1, 5):
        before, vae = deepcopy(tuner.encoder), deepcopy(tuner.vae.state_dict())
        metrics = tuner.update(FRAMES, step=step)
        move = measured(tuner, before, SCALE)
        assert move <= 0.05
        assert metrics["vae/feature_move"] == pytest.approx(move, rel=1e-3)
        assert not equal(tuner.vae.state_dict(), vae)
        if average == 0.0:  # the decoder goes with the encoder that the policy has
            assert equal(dict(tuner.vae.encoder.state_dict()), tuner.encoder)
    assert metrics["vae/step_taken"] < 1.0


def test_without_statistics_the_features_are_measured_by_their_own_spread():
    tuner = make_tuner(replace(CONFIG, max_move=0.05))
    del tuner.vae.meta["statistics"]
    before = deepcopy(tuner.encoder)
    metrics = tuner.update(FRAMES, step=1)
    codes, _ = make_vae().encode(tuner.reference)
    std = codes.detach().std(0, correction=0)
    move = measured(tuner, before, torch.maximum(std, 0.1 * std.max()))
    assert 0.0 < move <= 0.05
    assert metrics["vae/feature_move"] == pytest.approx(move, rel=1e-3)


@pytest.mark.parametrize("statistics", [True, False])
def test_one_frame_is_enough(statistics):
    tuner = make_tuner(replace(CONFIG, max_move=0.5))
    if not statistics:
        del tuner.vae.meta["statistics"]
    assert 0.0 < tuner.update(FRAMES[:1], step=1)["vae/feature_move"] <= 0.5
    with pytest.raises(ValueError, match="at least one frame"):
        tuner.update(FRAMES[:0], step=2)


def test_the_slow_encoder_is_the_exponential_average():
    tuner = make_tuner(replace(CONFIG, average=0.9))
    expected = deepcopy(tuner.encoder)
    for step in range(3):
        tuner.update(FRAMES, step=step)
        trained = tuner.vae.encoder.state_dict()
        expected = {name: 0.9 * expected[name] + 0.1 * trained[name] for name in expected}
        for name, weight in tuner.encoder.items():
            torch.testing.assert_close(weight, expected[name])
    assert equal(dict(tuner.seen_by_policy().encoder.state_dict()), tuner.encoder)
    assert not equal(dict(trained), tuner.encoder)


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_numbers_that_blow_up_change_nothing(broken):
    tuner = make_tuner()
    tuner.update(FRAMES, step=1)
    before = deepcopy(tuner.state_dict())
    good, calls = tuner.objective.loss, []

    def loss(*args: Any) -> Any:
        value, parts = good(*args)
        calls.append(value)
        if len(calls) < 3:
            return value, parts
        # the square root of 0: a fine loss with an infinite gradient
        return (value * torch.nan if broken == "loss" else value + (value * 0).sqrt()), parts

    object.__setattr__(tuner.objective, "loss", loss)
    with pytest.raises(
        ValueError, match=rf"{broken}.* became (nan|inf) at step 2 .* lower the lear"
    ):
        tuner.update(FRAMES, step=2)
    assert equal(tuner.state_dict(), before)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"mix": 0.5}, "got mix=0.5 and no store"),
        ({"old": "store"}, "got mix=0.0 and a store"),
        ({"old": "store", "mix": 1.0}, "got mix=1.0"),
        ({"old": "store", "mix": 0.01}, "0 old frames and 8 new ones"),
        ({"old": "store", "mix": 0.99}, "8 old frames and 0 new ones"),
        ({"old": "large", "mix": 0.5}, r"\(3, 64, 64\), the VAE takes \(3, 32, 32\)"),
        ({"old": "missing", "mix": 0.5}, "missing is empty; fill it"),
    ],
)
def test_mixing_needs_a_store_that_fits(more, says, tmp_path):
    large = FrameStore(tmp_path / "large")
    large.append(Frames(np.zeros((2, 64, 64, 3), np.uint8), np.arange(2), np.arange(2)))
    stores = {
        "store": make_store(tmp_path / "store"),
        "large": large,
        "missing": FrameStore(tmp_path / "missing"),
    }
    if "old" in more:
        more = more | {"old": stores[more["old"]]}
    with pytest.raises(ValueError, match=says):
        make_tuner(beta=Constant(1.0), **more)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"gradient_steps": 0}, "gradient_steps must be at least 1, got 0"),
        ({"max_move": 0.0}, "max_move must be positive or None, got 0"),
        ({"average": 1.0}, r"average must be in \[0, 1\), got 1"),
        (
            {"learning_rate": float("nan")},
            "learning_rate must be positive, got nan",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(setting, says):
    with pytest.raises(ValueError, match=says):
        FineTuneConfig(**setting)
