"""A training in several ``learn`` calls: callbacks do what they do in one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO

from bvae_rl.sb3 import LatentVecEnv, PictureCallback, policy_kwargs
from bvae_rl.sb3.probe import Probe, ProbeCallback
from tests.online_cases import on_pictures, tuning
from tests.plug_cases import build, make_env, make_vae
from tests.sb3.test_probe import FactorsInPixels


@pytest.mark.parametrize("algorithm", [PPO, A2C, DQN])
def test_the_vae_learns_on_as_often(algorithm: Any, tmp_path: Path) -> None:
    folder = make_vae().save(tmp_path / "vae")
    histories = []
    for parts in ([64], [16] * 4, [48, 16]):
        online, model = tuning(folder, train_freq=16), on_pictures(algorithm, folder)
        for number, steps in enumerate(parts):
            model.learn(steps, callback=online, reset_num_timesteps=number == 0)
        histories.append([entry["step"] for entry in online.history])
    assert histories[0] and histories[1:] == histories[:1] * 2


def test_codes_are_those_of_the_moved_encoder(tmp_path: Path) -> None:
    vae = make_vae()
    online, model = tuning(vae, train_freq=16), build(PPO, LatentVecEnv(make_env(), vae))
    for number in range(3):
        model.learn(16, callback=online, reset_num_timesteps=number == 0)
    assert len(online.history) == 2


def test_pictures_are_drawn_as_often(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    vae = make_vae()
    folder = vae.save(tmp_path / "vae")
    pictures = PictureCallback(vae, freq=40, view=4, film=False, out=tmp_path / "pictures")
    model = on_pictures(PPO, folder, mode="frozen")
    for number in range(4):
        before = torch.get_rng_state()  # the agent draws its actions from it
        pictures.model = model
        pictures._vae_now()
        assert torch.equal(torch.get_rng_state(), before)
        model.learn(32, callback=pictures, reset_num_timesteps=number == 0)
    assert len(pictures.drawn) == len(range(40, 129, 40))
    model.learn(48, callback=pictures)  # from 0 again
    assert pictures.drawn[-1] <= 48


def test_probes_know_the_time_of_earlier_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr("bvae_rl.sb3.probe.time", SimpleNamespace(monotonic=lambda: clock))
    probe = Probe(FactorsInPixels(), n=20, every=10, share=0.1)
    probe.seconds, probe._last_cost, probe._next = 2.0, 1.0, 20
    probe.start(10)
    clock += 25.0
    probe.stop()
    clock += 1000.0  # between two parts
    probe.start(40)
    assert probe.elapsed == 25.0 and not probe.due(40, elapsed=probe.elapsed)
    clock += 8.0
    assert probe.due(40, elapsed=probe.elapsed)
    probe.start(0)  # another training
    assert (probe.elapsed, probe.seconds) == (0.0, 0.0)


def test_a_probe_of_another_size_is_refused_before_the_training(tmp_path: Path) -> None:
    large = Probe(FactorsInPixels(), n=20)
    large.frames = SimpleNamespace(frames=np.zeros((20, 64, 64, 3), np.uint8))  # type: ignore[assignment]
    kwargs = policy_kwargs(make_vae(), mode="policy", net_arch=[8])
    model = build(PPO, make_env(), **kwargs)
    with pytest.raises(ValueError, match=r"framed\(env, size=\(32, 32\)\)"):
        model.learn(16, callback=ProbeCallback(large))
