"""Who acts in which settings on an explorer's page, and what is refused before it is scored."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore import episodes as explore_episodes
from bvae_rl.scripts.explore import panels as explore_panels
from bvae_rl.scripts.explore.command import Args
from bvae_rl.scripts.explore.episodes import Plan, planned, played
from bvae_rl.scripts.explore.frames import Shown
from bvae_rl.scripts.same_frames import require_same_frames
from tests.explorer_cases import random_frames, shown_of, tiny

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",))


class Shifted(gym.Wrapper[Any, Any, Any, Any]):
    """In the domain ood1 a factor is another from the first step on, and all else the same."""

    def __init__(self, env: gym.Env[Any, Any], column: int, domain: str = "source") -> None:
        super().__init__(env)
        self.moved = 0.1 * (domain == "ood1") * np.eye(len(env.unwrapped.factor_specs))[column]  # type: ignore[attr-defined]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        *seen, info = super().step(action)
        return (*seen, {**info, "factors": info["factors"] + self.moved})  # type: ignore[return-value]


@pytest.mark.parametrize("role", ["state", "appearance"])
def test_codes_stand_beside_those_of_the_same_state_alone(role: str) -> None:
    world = REACH.make()
    specs: tuple[FactorSpec, ...] = world.unwrapped.factor_specs  # type: ignore[attr-defined]
    column = [spec.role for spec in specs].index(role)  # type: ignore[arg-type]
    wrapper = f"tests.scripts.test_explore_acting:Shifted(column={column})"
    env = EnvConfig(REACH.id, wrappers=(wrapper,), kwargs=REACH.kwargs)
    entry = played(Plan(env, ("source", "ood1"), None, 4, 0), {"tiny": tiny()})
    assert (entry["domains"][1]["in_first"] is None) == (role == "state")


@pytest.mark.parametrize("domains", [("source", "ood1:hue"), ("ood1:hue", "source")])
def test_episodes_share_the_factors_that_each_domain_has(domains: tuple[str, str]) -> None:
    entry = played(Plan(REACH, domains, None, 4, 0), {"tiny": tiny()})
    state = ["shoulder", "elbow", "target x", "target y"]
    assert [factor["name"] for factor in entry["factors"]] == state
    for episode in entry["domains"]:
        assert episode["factors"]["shape"] == [4, 4]


def test_episodes_begin_in_the_domain_of_the_frames() -> None:
    vae = tiny()
    shown = Shown(random_frames(vae), "Blocks.", env=REACH.with_domain("pretrain"))
    plan = explore_panels.episode_plan(Args(steps=4), vae, shown.env)
    assert plan is not None and plan.domains == ("pretrain", "source", "ood1", "ood2")


def test_what_an_agent_was_trained_with_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = EnvConfig(REACH.id, frame_skip=4, size=(84, 84), domain="ood1", frame_stack=2)
    agent = SimpleNamespace(env=trained)
    monkeypatch.setattr(explore_episodes, "load_agent", lambda folder: agent)
    vae, shown = tiny(), Shown(random_frames(tiny()), "Blocks.", env=REACH)
    args = Args(steps=4, agent=Path("runs/a"), world=EnvArgs(env=REACH.id))
    plan = explore_panels.episode_plan(args, vae, shown.env)
    assert plan is not None
    assert plan.differs == "kwargs none, here size=32; frame_skip 4, here 1"
    assert "the agent was trained with kwargs none" in capsys.readouterr().out
    agent.env = REACH
    common = {"domains": (), "domain": None, "agent": "runs/a", "steps": 4, "seed": 0}
    assert planned(REACH, vae, own_env=False, **common).differs == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"steps": 1}, "2 to 300 steps, got --steps 1"),
        ({"store": Path("frames"), "agent": Path("a")}, "there is none here; give --env ID"),
    ],
)
def test_episodes_that_cannot_be_are_refused_before_frames_are_made(
    asked: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "shown_frames", lambda *args: pytest.fail("too late"))
    with pytest.raises(ValueError, match=message):
        explore.write_page(Args(str(tiny().save(tmp_path / "vae")), **asked))


def test_an_unknown_domain_is_refused_before_anything_is_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explore, "read_latents", lambda *args: pytest.fail("too late"))
    vae = tiny()
    shown = Shown(random_frames(vae), "Blocks.", env=REACH)
    with pytest.raises(ValueError, match="ood9"):
        explore.payload(Args(domains=("ood9",)), {"tiny": vae}, shown)


def test_notes_say_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = tiny()
    few = shown_of(vae, factors=True)
    assert "--samples 4000" in explore_panels._matrix(Args(samples=6), {"tiny": vae}, few)[1]
    assert "a store with more" in explore_panels._matrix(Args(), {"tiny": vae}, few)[1]
    monkeypatch.setattr(explore_panels, "moved_factors", lambda *args, **settings: None)
    shown = Shown(few.frames, "Blocks.", env=REACH)
    assert "No factor of this environment varies" in explore_panels._moved(Args(), {}, shown)[1]
    plain = Shown(few.frames, "Blocks.", env=EnvConfig("CartPole-v1", pixels=True))
    assert "factors cannot be set" in explore_panels._moved(Args(), {}, plain)[1]


def test_vaes_of_other_pictures_are_told_apart() -> None:
    vaes = {"one": tiny(), "other": tiny(native=(3, 96, 96))}
    with pytest.raises(ValueError, match=r"other \(3, 32, 32\), RGB, made from \(3, 96, 96\)"):
        require_same_frames(vaes)


def test_whose_codes_an_agent_reads_is_said() -> None:
    vae, other = tiny(), tiny(seed=1)

    def who(encoder: Any, differs: str = "") -> str:
        agent: Any = SimpleNamespace(encoder=encoder, method=SimpleNamespace(name="bvae"))
        plan = Plan(REACH, ("source",), agent, 4, 0, differs)
        return explore_episodes._who(plan, {"shown": vae})

    assert who(vae) == "the bvae agent"
    assert who(other) == "the bvae agent (which reads another VAE than the one shown)"
    words = who(None, "frame_skip 4, here 1")
    assert words == "the bvae agent (trained with frame_skip 4, here 1; which reads no VAE)"
