"""Every file in ``examples/`` runs, and what it prints is true of what it leaves behind.

Files are found by their names, so that none is forgotten; rl_zoo3's configs have ``test_zoo.py``.
"""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.hyperparameters import CAR_RACING_PPO
from bvae_rl.agents.settings import sb3_value
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import inspect
from bvae_rl.training.schedules import Linear

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {
    path.stem: path
    for path in sorted((ROOT / "examples").glob("*.py"))
    if not path.name.startswith("rl_zoo3_config")
}


def numbers(pattern: str, said: str) -> list[float]:
    """The groups of the one place where ``pattern`` is found."""
    (found,) = re.findall(pattern, said)
    return [float(number) for number in found]


def check_plug_into_ppo(example: Any, out: Path, said: str) -> None:
    _, after, steps = numbers(r"return: (\S+) before, (\S+) after (\d+) steps", said)
    model = PPO.load(out / "agent.zip")
    assert model.num_timesteps == steps == 1000
    assert example.score(model) == pytest.approx(after, abs=0.051)
    (copy,) = inspect(model)
    assert (copy.mode, copy.moved) == ("frozen", False)
    assert "as in the VAE" in said
    assert model.policy.features_dim == 24  # the content latents


def check_sac_encode_once(example: Any, out: Path, said: str) -> None:
    codes, pictures = numbers(r"replay buffer: (\S+) MB of codes instead of (\S+) MB", said)
    transitions = 100_000
    assert codes == pytest.approx(transitions * 2 * 24 * 4 / 1e6, rel=0.01)
    assert pictures == pytest.approx(transitions * 2 * 64 * 64 * 3 / 1e6, rel=0.01)
    a, b, c, d = numbers(
        r"action on the picture \[\s*(\S+)\s+(\S+)\s*\], on its code \[\s*(\S+)\s+(\S+)\s*\]", said
    )
    assert (a, b) == pytest.approx((c, d), abs=1e-5)
    agent = SAC.load(out / "agent.zip")
    assert agent.observation_space.shape == (3, 64, 64)
    assert [copy.moved for copy in inspect(agent)] == [False] * 3


def check_dict_observations(example: Any, out: Path, said: str) -> None:
    speeds = {
        name: numbers(rf"{name}: (\d+) steps/s, actor reads (\d+) features", said)
        for name in ("encoder_in_policy", "encode_once")
    }
    assert all(speed > 0 and width == 24 + 2 for speed, width in speeds.values())
    in_policy, once = (PPO.load(out / f"{name}.zip") for name in speeds)
    encoder: Any = in_policy.policy.features_extractor.encoder
    assert in_policy.observation_space["picture"].shape == (3, 64, 64)
    assert once.observation_space["picture"].shape == (24,)
    # equal seeds, so equal agents, whichever way they were given their codes
    env = example.WithJoints(gym.make(example.ENV))
    seen, info = env.reset(seed=1)
    assert seen["joints"] == pytest.approx(info["factors"][:2])
    code = encoder.encode_frames(seen["picture"][None])[0]
    action, _ = in_policy.predict(seen, deterministic=True)
    same, _ = once.predict({**seen, "picture": code}, deterministic=True)
    assert np.abs(action).max() > 1e-2
    assert action == pytest.approx(same, abs=1e-4)


def check_your_own_environment(example: Any, out: Path, said: str) -> None:
    active, _, bound, steps = numbers(
        r"VAE: (\d) of (\d) latents active, evidence lower bound (\S+) nats, after (\d+) steps",
        said,
    )
    found = BetaVAE.load(out / "vae").meta["scores"]["validation"]
    assert found["vae/active_latents"] == active
    assert found["vae/elbo"] == pytest.approx(bound, abs=0.51)
    assert steps == 100
    _, after, _ = numbers(r"return: (\S+) before, (\S+) after (\d+) steps", said)
    model = PPO.load(out / "agent.zip")  # saved where Catch was a class of __main__
    assert example.score(model) == pytest.approx(after, abs=0.051)
    assert not inspect(model)[0].moved


def check_online_finetuning(example: Any, out: Path, said: str) -> None:
    steps = 1024
    rows = re.findall(r"step +(\d+): beta (\S+), features moved (\S+) deviations", said)
    assert {int(step) > steps // 2 for step, *_ in rows} == {False, True}  # before and after
    for step, beta, move in rows:
        assert float(beta) == pytest.approx(Linear(0.1, 1.0, steps)(int(step)), abs=0.0051)
        assert 0.0 < float(move) <= 0.5
    with (out / "run" / "online.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == [step for step, *_ in rows]
    assert [copy.moved for copy in inspect(PPO.load(out / "run" / f"model-{steps}.zip"))] == [True]
    bounds = {
        domain: numbers(rf"{domain}:.* vae/elbo (\S+) -> (\S+)", said)
        for domain in ("ood2", "pretrain")
    }
    assert bounds["ood2"][1] > bounds["ood2"][0] + 100  # the new appearances are learnt
    assert bounds["pretrain"][1] > bounds["pretrain"][0] - 300  # the old ones are kept


def check_load_elsewhere(example: Any, out: Path, said: str) -> None:
    (difference,) = re.findall(r"greatest difference (\S+)", said)
    assert float(difference) <= 1e-6
    here, _ = PPO.load(out / "agent.zip").predict(np.load(out / "pictures.npy"), deterministic=True)
    assert np.load(out / "actions.npy") == pytest.approx(here, abs=1e-6)
    assert np.ptp(here, axis=0).min() > 0  # it looks at the pictures


def check_car_racing(example: Any, out: Path, said: str) -> None:
    found = dict(re.findall(r"(\w+): mean return (\S+) of 2 episodes", said))
    assert found.keys() == {"source", "ood1", "ood2"}
    vae = BetaVAE.load(out / "vae")
    model = PPO.load(out / "agent.zip")
    assert model.num_timesteps == 512 and model.observation_space.shape == (4 * vae.latent_dim,)
    told = dict(CAR_RACING_PPO)  # what the commands train with
    assert told.pop("normalize_reward") and told.pop("n_envs") == 16
    config = AgentConfig(settings=told)
    assert example.PPO_SETTINGS.keys() == told.keys()
    for name in ("n_steps", "batch_size", "n_epochs", "gamma"):
        assert example.PPO_SETTINGS[name] == told[name]
    for part in (0.0, 0.5):
        rates = (
            example.PPO_SETTINGS,
            {"learning_rate": sb3_value("learning_rate", told["learning_rate"])},
        )
        assert len({rate["learning_rate"](part) for rate in rates}) == 1
    policy = sb3_value("policy_kwargs", told["policy_kwargs"])
    heads = {"pi": [*config.net_arch], "vf": [*config.net_arch]}
    assert example.PPO_SETTINGS["policy_kwargs"] == {"net_arch": heads, **policy}
    again = example.returns(model, vae, "source", 2)
    assert again.mean() == pytest.approx(float(found["source"]), abs=0.51)


@dataclass(frozen=True)
class Case:
    """How to run an example briefly; ``as_script`` in a process of its own, as a person would."""

    steps: int
    check: Callable[[Any, Path, str], None]
    options: tuple[str, ...] = ()
    as_script: bool = False


CASES = {
    "plug_into_ppo": Case(1000, check_plug_into_ppo),
    "sac_encode_once": Case(130, check_sac_encode_once),
    "dict_observations": Case(1000, check_dict_observations),
    "your_own_environment": Case(
        1024, check_your_own_environment, ("--vae-steps", "100"), as_script=True
    ),
    "online_finetuning": Case(1024, check_online_finetuning),
    "load_elsewhere": Case(500, check_load_elsewhere),
    "car_racing": Case(
        512,
        check_car_racing,
        ("--frames", "100", "--vae-steps", "20", "--n-envs", "2", "--episodes", "2"),
        as_script=True,
    ),
}


def test_every_example_is_run() -> None:
    assert EXAMPLES.keys() == CASES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    example = load(EXAMPLES[name])
    assert example.__doc__
    if case.as_script:
        said = run(EXAMPLES[name], "--steps", str(case.steps), *case.options, "--out", tmp_path)
    else:
        example.main(steps=case.steps, out=tmp_path)
        said = capsys.readouterr().out
    case.check(example, tmp_path, said)


def load(path: Path) -> Any:
    """The example as a module, which does nothing until its ``main`` is called."""
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command: object) -> str:
    """What a fresh interpreter prints, warnings being errors."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "error", *map(str, command)],
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
