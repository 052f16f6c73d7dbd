"""A fine-tuning run that is killed and goes on, and what it refuses to go on with."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import LatentVecEnv, OnlineBetaVAE, policy_kwargs
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.schedules import Constant, Linear
from tests.plug_cases import build, make_env, make_store, make_vae

TUNE = FineTuneConfig(gradient_steps=2, batch_size=8, learning_rate=1e-2, max_move=1.0)
BETA = Linear(0.1, 1.0, 200)
EVERY, ROLLOUT = 24, 16  # so that updates come at 32, 48, 80, 96, 128...


class Kill(BaseCallback):
    """Ends the process, as far as a test can, at the first rollout from ``step`` on."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps >= self.step:
            raise KeyboardInterrupt

    def _on_step(self) -> bool:
        return True


class Case:
    """One run: its folder, and how to make its parts anew, as a new process would."""

    def __init__(self, tmp_path: Path, over: str = "pictures") -> None:
        self.folder = make_vae().save(tmp_path / "vae")
        self.out, self.over = tmp_path / "run", over
        self.kind = DQN if over == "replay" else PPO

    def env(self, step: int = 0) -> Any:
        env = make_env(discrete=self.kind is DQN)
        folder = self.out / f"vae-{step}" if step else self.folder
        return LatentVecEnv(env, BetaVAE.load(folder)) if self.over == "codes" else env

    def model(self, step: int = 0) -> Any:
        if step:
            return self.kind.load(self.out / f"model-{step}.zip", self.env(step))
        kwargs = policy_kwargs(self.folder, mode="online", net_arch=[8])
        return build(self.kind, self.env(), **({} if self.over == "codes" else kwargs))

    def callback(self, **more: Any) -> OnlineBetaVAE:
        settings = {
            "beta": BETA,
            "train_freq": EVERY,
            "config": TUNE,
            "out": self.out,
            "save_freq": 32,
        }
        return OnlineBetaVAE(self.folder, **settings | more)

    def killed(self, step: int) -> list[dict[str, float]]:
        """A run up to ``step``; its history."""
        online = self.callback()
        with pytest.raises(KeyboardInterrupt):
            self.model().learn(1000, callback=[online, Kill(step)])
        return online.history

    def logged(self) -> list[int]:
        with (self.out / "online.csv").open() as file:
            return [int(row["step"]) for row in csv.DictReader(file)]

    def saved(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("[!.]*") if path.suffix != ".csv")


def bytes_of(state: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("over", ["pictures", "codes", "replay"])
def test_a_killed_run_goes_on(over, tmp_path):
    case = Case(tmp_path, over)
    whole = case.killed(200)
    case.out.rename(tmp_path / "whole")
    case.killed(80)
    assert case.saved() == [
        "model-32.zip", "model-64.zip", "online-32.pt", "online-64.pt",
        *(["vae-32", "vae-64"] if over == "codes" else []),
    ]  # fmt: skip
    stored = torch.load(case.out / "online-64.pt", weights_only=True)["tuner"]

    model, online = case.model(64), case.callback()
    found: dict[str, Any] = {}

    class Appearance(BaseCallback):
        def _on_step(self) -> bool:
            if not found:
                found["tuner"] = torch.load(io.BytesIO(bytes_of(online.tuner.state_dict())))
            return True

    with pytest.raises(KeyboardInterrupt):
        model.learn(1000, callback=[online, Appearance(), Kill(200)], reset_num_timesteps=False)
    assert flat(found["tuner"]).keys() == flat(stored).keys()
    for name, value in flat(stored).items():
        there = flat(found["tuner"])[name]
        assert torch.equal(there, value) if isinstance(value, torch.Tensor) else there == value
    assert any("exp_avg" in name for name in flat(stored))  # Adam's state is in it
    # the same steps and the same beta as the run that was not killed, and no row twice
    assert [e["step"] for e in online.history] == [e["step"] for e in whole if e["step"] > 64]
    assert all(entry["vae/beta"] == BETA(int(entry["step"])) for entry in online.history)
    assert case.logged() == [int(entry["step"]) for entry in whole]
    told = BetaVAE.load(online.save_vae(tmp_path / "vae")).meta["online"]
    assert told["updates"] == len(whole) > len(online.history)
    assert told["step"] == whole[-1]["step"]


def flat(state: Any, name: str = "") -> dict[str, Any]:
    """Every leaf of nested dicts and lists under its path."""
    if isinstance(state, dict):
        parts = state.items()
    elif isinstance(state, list | tuple):
        parts = enumerate(state)
    else:
        return {name: state}
    return {k: v for key, part in parts for k, v in flat(part, f"{name}/{key}").items()}


def resume(case: Case, step: int = 64, **more: Any) -> None:
    model = case.model(step)
    model.learn(ROLLOUT, callback=case.callback(**more), reset_num_timesteps=False)


def test_changed_settings_are_refused_with_both_values(tmp_path):
    case = Case(tmp_path)
    case.killed(80)
    before = {path.name: path.read_bytes() for path in case.out.glob("[!.]*")}
    later = Linear(0.1, 1.0, 400)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"beta": Constant(0.1)}, r"beta Linear\(.*\), not Constant\(value=0.1\)"),
        ({"beta": later}, "beta.steps 200, not 400"),
        ({"train_freq": 16}, "train_freq 24, not 16"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"old": make_store(tmp_path / "frames")}, "mix 0, not 0.5"),
        ({"config": replace(TUNE, average=0.5)}, "config.average 0, not 0.5"),
    ]
    for change, says in changes:
        with pytest.raises(ValueError, match=says):
            resume(case, **change)
    assert {
        path.name: path.read_bytes() for path in case.out.glob("[!.]*")
    } == before  # nothing lost
    resume(case)


def test_a_model_of_another_step_is_refused(tmp_path):
    case = Case(tmp_path)
    case.killed(80)
    says = (
        r"model is at step {}; load one of model-32\.zip, model-64\.zip there and learn with reset"
    )
    with pytest.raises(ValueError, match=says.format(0)):
        case.model().learn(ROLLOUT, callback=case.callback())
    with pytest.raises(ValueError, match=says.format(0)):  # reset_num_timesteps left at True
        case.model(64).learn(ROLLOUT, callback=case.callback())
    (case.out / "online-64.pt").unlink()
    with pytest.raises(ValueError, match=r"step 64; load one of model-32\.zip there"):
        resume(case)
    resume(case, step=32)


def test_a_model_of_another_run_is_refused(tmp_path):
    case, other = Case(tmp_path), Case(tmp_path / "other")
    case.killed(80)
    with pytest.raises(KeyboardInterrupt):
        other.model().learn(1000, callback=[other.callback(seed=5), Kill(80)])
    (case.out / "model-64.zip").write_bytes((other.out / "model-64.zip").read_bytes())
    with pytest.raises(ValueError, match="is not that of the VAE to fine-tune"):
        resume(case)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "another file"])
def test_a_damaged_state_is_refused(damage, tmp_path):
    case = Case(tmp_path)
    case.killed(80)
    path = case.out / "online-64.pt"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-500],
            "empty": b"",
            "text": b"no state",
            "another file": bytes_of({"weights": torch.zeros(2)}),
        }[damage]
    )
    with pytest.raises(ValueError, match=r"online-64\.pt is damaged; go on from another model"):
        resume(case)
    resume(case, step=32)  # the older pair is there for that


def test_two_trainings_with_one_callback(tmp_path):
    case = Case(tmp_path)
    model, online = case.model(), case.callback()
    model.learn(64, callback=online)
    model.learn(48, callback=online, reset_num_timesteps=False)
    steps = [entry["step"] for entry in online.history]
    assert steps == [32, 48, 80, 96] and case.logged() == steps
    assert case.saved()[:2] == ["model-112.zip", "model-96.zip"]
    assert online.history[-1]["vae/beta"] == BETA(96)
    with pytest.raises(ValueError, match=r"is at step 96 and the model at 0.*reset_num_timesteps"):
        model.learn(16, callback=online)
    free = case.callback(out=None)  # without a folder a new count is a new schedule
    other = case.model()
    other.learn(64, callback=free)
    other.learn(64, callback=free)
    assert [entry["step"] for entry in free.history] == [32, 48] * 2


def test_what_is_kept_of_the_updates_is_pythons_own(tmp_path):
    case = Case(tmp_path)
    online, model = case.callback(), case.model()
    online.state.save(model, online.tuner, {"updates": 3, "vae/mig": np.float64(0.5)})
    kept = torch.load(case.out / "online-0.pt", weights_only=True)["updates"]
    assert kept == {"updates": 3, "vae/mig": 0.5}


def test_another_store_of_old_frames_is_refused(tmp_path):
    case = Case(tmp_path)
    online = case.callback(old=make_store(tmp_path / "old"))
    with pytest.raises(KeyboardInterrupt):
        case.model().learn(1000, callback=[online, Kill(64)])
    other = make_store(tmp_path / "other", n=50)
    with pytest.raises(ValueError, match=r"old\.rows 40, not 50"):
        case.model(64).learn(8, callback=case.callback(old=other), reset_num_timesteps=False)


def test_the_fine_tuned_vae_is_left_as_a_folder(tmp_path):
    case = Case(tmp_path)
    online = case.callback()
    model = case.model().learn(64, callback=online)
    vae = BetaVAE.load(case.out / "vae")
    (extractor,) = encoder_copies(model).values()
    for name, weight in extractor.weights().items():
        assert torch.equal(vae.encoder.state_dict()[name], weight)
    assert vae.meta["online"]["updates"] == len(online.history) > 0
    assert "scores" not in vae.meta and vae.meta["statistics"] == make_vae().meta["statistics"]
