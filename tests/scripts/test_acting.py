"""Who acts: an agent in its own world, and where that is another one, with a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.hub import load_vae
from bvae_rl.scripts import acting as module
from bvae_rl.scripts.acting import acting, acts_in, acts_of

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0")


def agent_of(env: EnvConfig) -> Any:
    return SimpleNamespace(env=env, act=None, observe=None)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (REACH, ""),
        (replace(REACH, domain="ood1", frame_stack=3), ""),
        (replace(REACH, frame_skip=4), "was trained with frame_skip 4, here 1"),
        (EnvConfig("CartPole-v1"), "was trained in CartPole-v1, and acts in"),
    ],
    ids=str,
)
def test_collecting_says_where_an_agent_is_from(
    env: EnvConfig, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "load_agent", lambda policy: agent_of(env))
    assert acting("runs/agent", REACH).keys() == {"policy", "observe"}
    out = capsys.readouterr().out
    assert (said in out) if said else not out
    assert acting("random", REACH) == {}


def test_an_agent_is_shown_in_its_own_world_unless_another_is_named() -> None:
    vae, skipping = load_vae("reach_plain"), agent_of(replace(REACH, frame_skip=4))
    folder = Path("runs/agent")
    own, differs = acts_in(skipping, REACH, vae, folder=folder, own_env=True)
    assert own.frame_skip == 4 and not differs
    here, differs = acts_in(skipping, REACH, vae, folder=folder, own_env=False)
    assert here == REACH and differs == "frame_skip 4, here 1"
    with pytest.raises(ValueError, match="runs/agent was trained in CartPole-v1"):
        acts_in(agent_of(EnvConfig("CartPole-v1")), REACH, vae, folder=folder, own_env=True)


def test_an_agent_that_was_trained_again_is_another(tmp_path: Path) -> None:
    file = tmp_path / "agent.zip"
    file.write_bytes(b"first")
    before = acts_of(str(tmp_path))
    file.write_bytes(b"second")
    assert before and acts_of(str(tmp_path)) not in ("", before)
    assert acts_of("random") == acts_of(str(tmp_path / "nobody")) == ""
