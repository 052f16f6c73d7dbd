"""``bvae-rl harden --agent``: a policy keeps its place over a hardened encoder, with scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecFrameStack

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import load_agent
from bvae_rl.agents.mend import before_and_after, mended
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.own_zip import load_zip
from bvae_rl.agents.train import train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.extractor import policy_kwargs
from bvae_rl.scripts import collect
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.harden import agent as harden_agent
from bvae_rl.scripts.harden import command as harden
from bvae_rl.scripts.harden import own as harden_own
from bvae_rl.training.train_config import TrainConfig
from tests.plug_cases import NoiseEnv, make_vae
from tests.swap_cases import student_of

WORLD = EnvArgs(env_kwargs=("size=32",), frame_stack=2)
QUICK = TrainConfig(batch_size=16, warmup=2, log_freq=4, save_freq=4, precision="float32")
SMALL = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
ENV: EnvConfig = WORLD.config("source")
TINY = AgentConfig.of(
    "ppo", ENV.id, total_timesteps=32, n_envs=2, n_steps=16, batch_size=16, n_epochs=1,
    net_arch=(8,), eval_freq=32, n_eval_episodes=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames, a VAE, another one, an agent on the first as a folder and one as a zip."""
    root = tmp_path_factory.mktemp("made")
    collect.main(
        collect.Args(
            world=EnvArgs(env_kwargs=WORLD.env_kwargs),
            out=root / "frames",
            frames=256,
            domain="source",
        )
    )
    for seed, name in enumerate(("vae", "other")):
        torch.manual_seed(seed)
        vae = BetaVAE(SMALL)
        last: Any = vae.encoder[-1]
        with torch.no_grad():
            last.weight.mul_(200.0)  # a lively code
        vae.meta = {
            "statistics": {"mean": [0.0] * 4, "std": [0.3] * 4, "kl": [1.0] * 4},
            "training": {"store": FrameStore(root / "frames").meta},
        }
        vae.save(root / name)
    inputs = MethodInputs(root / "vae")
    train_agent(method("bvae"), ENV, inputs, TINY, Run(root / "agent"))
    kwargs = policy_kwargs(root / "vae", net_arch=[8], stacked=2)
    PPO("CnnPolicy", VecFrameStack(ENV.vec(1, seed=0), 2), policy_kwargs=kwargs).save(
        root / "own.zip"
    )
    return root


def args(root: Path, out: Path, agent: str = "agent") -> harden.Args:
    return harden.Args(
        vae=str(root / "vae"), store=(root / "frames",), out=out, steps=4, train=QUICK,
        agent=root / agent, n_eval_episodes=2,
    )  # fmt: skip


def test_an_agents_folder_is_mended_and_scored_and_nothing_is_done_twice(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = args(made, tmp_path / "out")
    harden.main(asked)
    said = capsys.readouterr().out
    rows = Run(asked.out).rows()
    returns = {(r.method, r.domain): r for r in rows if r.metric == "return"}
    assert list(returns) == [
        (name, domain)
        for domain in ("source", "ood1", "ood2")
        for name in ("bvae", "bvae-hardened")
    ]
    again = before_and_after(made / "agent", asked.out / "agent", ENV, ["ood2"], n_eval_episodes=2)
    assert {r.method: r.value for r in again if r.metric == "return"} == {
        name: returns[name, "ood2"].value for name in ("bvae", "bvae-hardened")
    }
    assert load_agent(asked.out / "agent").record["key"] == "bvae-hardened"
    assert f"next: bvae-rl film --agent {asked.out}/agent --beside {made}/agent" in said
    line = next(line for line in said.splitlines() if line.startswith("ood2"))
    before, after = (returns[name, "ood2"].value for name in ("bvae", "bvae-hardened"))
    assert f"2         {before:.2f} -> {after:.2f}" in line

    files = {p: p.read_bytes() for p in asked.out.rglob("*") if p.is_file()}
    monkeypatch.setattr(harden_agent, "before_and_after", None)  # not called any more
    harden.main(asked)
    assert files == {p: p.read_bytes() for p in asked.out.rglob("*") if p.is_file()}
    assert capsys.readouterr().out == said
    monkeypatch.undo()
    harden.main(replace(asked, domains=("ood1",), n_eval_episodes=1))
    counts = {r.domain: r.n for r in Run(asked.out).rows()}
    assert counts == {"source": 2, "ood1": 1, "ood2": 2}


class Plain(gym.Wrapper[Any, Any, Any, Any]):
    """Another world's: it takes no visual domain and tells no factors."""

    def get_wrapper_attr(self, name: str) -> Any:
        if name in ("switch", "factor_specs"):
            raise AttributeError(name)
        return super().get_wrapper_attr(name)


def _plain(**kwargs: Any) -> gym.Env[Any, Any]:
    return Plain(EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",)).make())


gym.register("test_harden_agent/Plain-v0", lambda: _plain(), max_episode_steps=10)


def test_a_world_without_visual_domains_is_shown_under_what_was_hardened_against(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = EnvConfig("test_harden_agent/Plain-v0")
    inputs = MethodInputs(made / "vae")
    train_agent(method("bvae"), world, inputs, TINY, Run(tmp_path / "agent"))
    asked = replace(
        args(made, tmp_path / "out"),
        agent=tmp_path / "agent",
        against=("colour", "background", "light"),
    )
    harden.main(asked)
    rows = [row for row in Run(asked.out).rows() if row.metric == "return"]
    assert [row.domain for row in rows] == ["source"] * 2 + ["colour"] * 2 + ["light"] * 2
    assert all(np.isfinite(row.value) for row in rows)
    before = [row.value for row in rows if not row.method.endswith("hardened")]
    assert len({*before}) == 3  # the same episodes, and other actions
    said = capsys.readouterr().out
    film = next(line for line in said.splitlines() if line.startswith("next: bvae-rl film"))
    assert film.endswith(
        f"--agent {asked.out}/agent --beside {tmp_path}/agent --env test_harden_agent/Plain-v0 "
        "--wrappers bvae_rl:VariedEnv --domains source colour light"
    )
    assert "not scored under background: bvae_rl:VariedEnv cannot show that here" in said
    named = replace(  # the environment is the agent's own, and the wrapper comes on top
        asked, world=EnvArgs(wrappers=("bvae_rl:VariedEnv",)), domains=("noise",),
        against=("colour",), out=tmp_path / "again",
    )  # fmt: skip
    harden.main(named)
    assert {row.domain for row in Run(named.out).rows()} == {"noise"}


@pytest.mark.parametrize("agent", ["agent", "own.zip"])
@pytest.mark.parametrize("beside", [True, False])
def test_frames_of_the_agent_itself_are_collected_where_it_was_trained(
    agent: str, beside: bool, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harden_own, "DEFAULT", 120)
    asked = replace(args(made, tmp_path / "out", agent), domains=("source",), world=WORLD)
    if agent == "own.zip":
        asked = replace(asked, world=replace(WORLD, env="bvae_rl/PlanarReach-v0"))
    asked = replace(asked, own_frames=100) if beside else replace(asked, store=())
    hardened = harden.main(asked)
    own = FrameStore.existing(asked.out / "own")
    assert len(own) == (100 if beside else 150), "whole episodes of 50"
    assert own.shape == (3, 32, 32) and own.meta["policy"] == "agent"
    rows = hardened.meta["training"]["store"]["rows"]
    assert rows == len(own) + (len(FrameStore(made / "frames")) if beside else 0)
    assert len({row.method for row in Run(asked.out).rows()}) == 2
    if not beside:
        before = len(own)
        with pytest.raises(ValueError, match="is trained on 150 frames, and 900 are asked for"):
            harden.main(replace(asked, own_frames=900))
        assert len(FrameStore.existing(asked.out / "own")) == before


def test_frames_to_harden_on_have_to_be_somebodys(made: Path, tmp_path: Path) -> None:
    asked = replace(args(made, tmp_path / "out"), store=())
    for wrong, message in (
        ({"agent": None}, "no frames to harden on: give a store .*--agent FOLDER"),
        ({"own_frames": 0}, "no frames to harden on"),
        ({"own_frames": -1}, "--own-frames must not be negative, got -1"),
        ({"agent": None, "own_frames": 10, "store": (made / "frames",)}, "those of an agent"),
        ({"own_frames": 10, "store": (made / "frames",) * 2}, "give each store once"),
    ):
        with pytest.raises(ValueError, match=message):
            harden.main(replace(asked, **wrong))
    assert not asked.out.exists()


def test_a_zip_is_scored_where_its_vae_is_at_home(made: Path, tmp_path: Path) -> None:
    asked = replace(args(made, tmp_path / "out", "own.zip"), domains=("ood2",))
    with pytest.raises(ValueError, match=r"cannot act in .*PlanarReach.*--frame-stack"):
        harden.main(asked)
    assert not asked.out.exists()  # before any training
    asked = replace(asked, world=EnvArgs(frame_stack=2))
    harden.main(asked)
    names = [r.method for r in Run(asked.out).rows() if r.metric == "return"]
    assert names == ["own", "own-hardened"] and (asked.out / "agent.zip").exists()
    other = PPO.load(made / "own.zip")
    other.num_timesteps = 1
    other.save(tmp_path / "other.zip")
    with pytest.raises(ValueError, match="was made of another agent"):
        harden.main(replace(asked, agent=tmp_path / "other.zip"))


def test_what_could_not_be_mended_is_said_before_any_training(made: Path, tmp_path: Path) -> None:
    asked = args(made, tmp_path / "out")
    for wrong, message in (
        ({"vae": str(made / "other")}, r"trained on another VAE than .*other.*--any-teacher"),
        ({"agent": made / "nothing"}, "no finished agent at"),
        ({"agent": made / "nothing.zip"}, "cannot read .*nothing.zip"),
        ({"domains": ("ood7",)}, "unknown visual domain 'ood7'"),
        ({"world": EnvArgs(env="no/Such-v0")}, "unknown environment 'no/Such-v0'"),
        ({"n_eval_episodes": 0}, "n_eval_episodes must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            harden.main(replace(asked, **wrong))
    assert not asked.out.exists()


def test_an_agent_that_was_mended_already_is_told_from_what_becomes_of_it(
    made: Path, tmp_path: Path
) -> None:
    once = mended(made / "agent", student_of(BetaVAE.load(made / "vae")), tmp_path / "once")
    twice = mended(
        once,
        student_of(student_of(BetaVAE.load(made / "vae"))),
        tmp_path / "twice",
        any_teacher=True,
    )
    rows = before_and_after(once, twice, ENV, ["ood1"], n_eval_episodes=1)
    names = [r.method for r in rows if r.metric == "return"]
    assert names == ["bvae-hardened", "bvae-hardened-hardened"]


def test_an_environment_that_takes_any_argument_has_no_domains_of_its_own() -> None:
    class Anything(NoiseEnv):
        def __init__(self, **given: Any) -> None:
            super().__init__()

    gym.register("test/Anything-v0", Anything)
    try:
        env, domains = harden_agent._scored_in(EnvConfig("test/Anything-v0"), ("light",))
        assert harden_agent.VARIED in env.wrappers and domains == ("source", "light")
    finally:
        del gym.registry["test/Anything-v0"]


def test_a_zip_that_sees_a_dict_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    kwargs = policy_kwargs(make_vae(), net_arch=[8])
    model = PPO(
        "MultiInputPolicy",
        NoiseEnv("camera and arm"),
        policy_kwargs=kwargs,
        batch_size=8,
        n_steps=8,
    )
    model.save(tmp_path / "dict.zip")
    with pytest.raises(ValueError, match=r"sees a Dict \(.*\), .* call bvae_rl.swap_encoder"):
        load_zip(tmp_path / "dict.zip")


def test_an_agent_on_codes_takes_a_wider_encoder_and_one_on_pictures_does_not(
    made: Path, tmp_path: Path
) -> None:
    wide = replace(args(made, tmp_path / "out"), channels=(8, 16, 8), hidden=24)
    student = harden.main(wide)
    assert student.config.channels == (8, 16, 8)
    encoder = load_agent(tmp_path / "out" / "agent").encoder
    assert isinstance(encoder, BetaVAE) and encoder.config.hidden == 24
    with pytest.raises(ValueError, match=r"keeps its widths .*leave --channels and --hidden out"):
        harden.main(replace(wide, agent=made / "own.zip", out=tmp_path / "zip"))
    assert not (tmp_path / "zip").exists()
