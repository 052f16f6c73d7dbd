"""An agent's folder mended: the student's weights, the policy's statistics, and its scores."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecFrameStack

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import evaluate_agent, load_agent
from bvae_rl.agents.mend import before_and_after, mended
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.own_zip import load_zip
from bvae_rl.agents.train import train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.copies import encoder_copies, same_weights
from bvae_rl.sb3.extractor import policy_kwargs
from bvae_rl.sb3.taken import TakenEncoder
from tests.swap_cases import scaled, student_of

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source", frame_stack=2)
TINY = AgentConfig.of(
    "ppo", REACH.id, total_timesteps=64, n_envs=2, n_steps=32, batch_size=32, n_epochs=1,
    net_arch=(8,), eval_freq=64, n_eval_episodes=1,
)  # fmt: skip
SMALL = VAEConfig(
    latent_dim=6, groups={"content": (0, 4), "style": (4, 6)}, channels=(8, 8, 8), hidden=16
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[BetaVAE, BetaVAE, Path]:
    """A teacher, its student, and the folder of an agent on the teacher's content."""
    folder = tmp_path_factory.mktemp("made")
    teacher = BetaVAE(SMALL).eval()
    teacher.meta = {
        "statistics": {"mean": [0.1] * 6, "std": [0.02] * 6},
        "training": {
            "frames": 300, "store": {"domain": "source"},
            "objective": {"name": "cross_reconstruction", "pairs": "views+interventions"},
        },
    }  # fmt: skip
    inputs = MethodInputs(teacher.save(folder / "vae"), latents="content")
    agent = Run(folder / "agent")
    train_agent(method("bvae", "content"), REACH, inputs, TINY, agent, study="s")
    student = student_of(teacher)
    student.meta["training"] |= {"frames": 50, "store": {"domain": "ood1"}}
    student.save(folder / "hardened")
    return teacher, student, agent.folder


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_mended_and_acts_on_the_students_codes(made, tmp_path):
    teacher, student, folder = made
    before = everything(folder)
    out = mended(folder, student, tmp_path / "mended", command="bvae-rl harden")
    assert everything(folder) == before
    encoder = TakenEncoder.load(out / "encoder")
    assert same_weights(encoder.encoder.state_dict(), student.encoder.state_dict())
    assert encoder.meta["statistics"] == {
        "mean": pytest.approx([0.1] * 6), "std": pytest.approx([0.02] * 6),
    }  # fmt: skip

    agent = load_agent(out)
    assert str(out / "encoder") in repr(agent.model.observation_space)
    venv: Any = agent.observe(REACH.vec(2, seed=0))
    seen = venv.reset()
    np.testing.assert_allclose(
        seen[:, 4:], scaled(teacher, student, venv.raw), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(seen[:, :4], 0.0)  # the frame before the first
    assert np.array_equal(agent.act(seen), load_agent(folder).act(seen))  # the same policy
    venv.close()

    assert agent.env == REACH and agent.record["key"] == "bvae-content-hardened"
    assert agent.budget == replace(
        load_agent(folder).budget,
        pretrain_frames=350,
        domain="encoder: source, then ood1; agent: source",
        encoder="cross-reconstruction on views and interventions, content latents, hardened "
        "against colour",
    )
    assert agent.budget.paired and agent.budget.labels == "own actions"


def test_an_agent_on_a_hardened_vae_says_what_its_teacher_was_allowed_to_see(made):
    teacher, student, _ = made
    row, one = method("bvae", "content"), deepcopy(student)
    budget = row.budget(REACH, one, env_steps=0)
    assert budget.encoder == "hardened against colour, content latents" and not budget.paired
    one.meta["hardened"]["training"] = teacher.meta["training"]
    budget = row.budget(REACH, one, env_steps=0)
    assert budget.encoder == (
        "cross-reconstruction on views and interventions, content latents, hardened against colour"
    )
    assert budget.paired and budget.labels == "own actions"


def test_scores_before_and_after_are_of_the_same_episodes(made, tmp_path):
    _, student, folder = made
    out = mended(folder, student, tmp_path / "mended")
    far: list[float] = []
    rows = before_and_after(
        folder, out, REACH, ["source", "ood2"], n_eval_episodes=2, seed=3, progress=far.append
    )
    values = {(r.method, r.domain): r.value for r in rows if r.metric == "return"}
    assert list(values) == [
        (name, domain)
        for name in ("bvae-content", "bvae-content-hardened")
        for domain in ("source", "ood2")
    ]
    for name, where in (("bvae-content", folder), ("bvae-content-hardened", out)):
        (row, *_) = evaluate_agent(where, REACH, ["ood2"], n_eval_episodes=2, seed=3)
        assert values[name, "ood2"] == row.value and row.n == 2
    assert len(set(values.values())) == 4
    assert far == sorted(far) and far[-1] == 1.0


def test_what_is_there_is_kept_or_refused(made, tmp_path):
    teacher, student, folder = made
    out = mended(folder, student, tmp_path / "mended")
    before = everything(out)
    assert mended(folder, student, out) == out and everything(out) == before
    with pytest.raises(ValueError, match=r"holds an agent made with other .*inputs.mended"):
        mended(folder, student_of(teacher, seed=8), out)
    with pytest.raises(ValueError, match=r"holds an agent made with other .*inputs.mended absent"):
        mended(folder, student, folder)
    inputs = MethodInputs(folder / "encoder", latents="content")
    with pytest.raises(ValueError, match=r"inputs\.mended"):  # nothing is trained here
        train_agent(method("bvae", "content"), REACH, inputs, TINY, Run(out))
    longer = mended(out, student_of(student), tmp_path / "again")
    assert load_agent(longer).record["key"] == "bvae-content-hardened"


def test_one_that_was_stopped_while_it_was_written_goes_on(made, tmp_path, monkeypatch):
    _, student, folder = made
    whole = mended(folder, student, tmp_path / "whole")

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Run, "mark_done", stop)
        mended(folder, student, tmp_path / "out")
    with pytest.raises(ValueError, match="no finished agent"):
        load_agent(tmp_path / "out")
    out = mended(folder, student, tmp_path / "out")
    assert [path.name for path in sorted(out.iterdir())] == [
        path.name for path in sorted(whole.iterdir())
    ]
    assert same_weights(
        load_agent(out).model.policy.state_dict(), load_agent(whole).model.policy.state_dict()
    )


def test_what_cannot_be_mended_is_refused_and_leaves_nothing(made, tmp_path):
    teacher, student, folder = made
    out = tmp_path / "mended"
    with pytest.raises(ValueError, match="was not hardened"):
        mended(folder, teacher, out)
    with pytest.raises(ValueError, match="no finished agent at"):
        mended(tmp_path / "nothing", student, out)
    blind = Run(tmp_path / "blind")
    train_agent(method("blind"), REACH, MethodInputs(), TINY, blind)
    with pytest.raises(ValueError, match="sees own joints only, no picture, and only one"):
        mended(blind.folder, student, out)
    assert not out.exists()
    with pytest.raises(ValueError, match="holds a VAE; choose another folder"):
        mended(folder, student, student.folder)


@pytest.mark.parametrize("algorithm", [PPO, SAC, TD3, A2C])
def test_a_zip_of_pictures_is_mended(algorithm, made, tmp_path):
    teacher, student, _ = made
    venv = REACH.vec(1, seed=0)
    kwargs = policy_kwargs(teacher, net_arch=[8], stacked=2)
    buffer = {} if algorithm in (PPO, A2C) else {"buffer_size": 1}
    algorithm("CnnPolicy", VecFrameStack(venv, 2), policy_kwargs=kwargs, **buffer).save(
        tmp_path / "agent.zip"
    )
    out = mended(tmp_path / "agent.zip", student, tmp_path / "mended.zip")
    loaded = algorithm.load(out)
    (copy, *_) = encoder_copies(loaded).values()
    frames = venv.reset()
    np.testing.assert_allclose(
        copy.encode_frames(frames), scaled(teacher, student, frames), rtol=1e-4, atol=1e-4
    )
    assert load_zip(out).record["algo"] == algorithm.__name__.lower()
    assert mended(tmp_path / "agent.zip", student, out) == out  # the same once more
    if algorithm is PPO:
        (tmp_path / "other.zip").write_bytes((tmp_path / "agent.zip").read_bytes())
        with pytest.raises(ValueError, match="holds another agent, which stays as it is"):
            mended(tmp_path / "agent.zip", student, tmp_path / "other.zip")
    if algorithm is PPO:
        rows = before_and_after(tmp_path / "agent.zip", out, REACH, ["ood2"], n_eval_episodes=1)
        returns = {r.method: r.value for r in rows if r.metric == "return"}
        assert list(returns) == ["agent", "agent-hardened"] and len(set(returns.values())) == 2


def test_zips_that_cannot_be_mended_are_refused(made, tmp_path):
    teacher, student, folder = made
    path = tmp_path / "agent.zip"
    for wrong, message in ((tmp_path / "mended", r"give out .*mended.zip"), (path, "agent itself")):
        with pytest.raises(ValueError, match=message):
            mended(path, student, wrong)
    out = tmp_path / "mended.zip"
    with pytest.raises(ValueError, match=r"sees codes, .* give the agent's folder, .*agent$"):
        mended(folder / "agent.zip", student, out)
    alone = shutil.copy(folder / "agent.zip", tmp_path / "alone.zip")
    with pytest.raises(ValueError, match=r"sees codes, .* load it with env=LatentVecEnv\(venv"):
        mended(alone, student, out)
    with pytest.raises(ValueError, match=r"cannot read .*agent.zip as a model of Stable"):
        mended(path, student, out)
    path.write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"cannot read .*agent.zip as a model of Stable"):
        mended(path, student, out)
    kwargs = {"net_arch": [8]} | policy_kwargs(teacher, net_arch=[8])
    RecurrentPPO(
        "CnnLstmPolicy", REACH.vec(1, seed=0), policy_kwargs=kwargs | {"lstm_hidden_size": 8}
    ).save(path)
    with pytest.raises(ValueError, match="load it with its own class and call"):
        mended(path, student, out)
    assert not out.exists()
