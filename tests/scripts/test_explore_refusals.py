"""What ``bvae-rl explore`` refuses before it makes frames, what it warns of, and its titles."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import nn

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore import episodes as explore_episodes
from bvae_rl.scripts.explore.command import Args, title
from bvae_rl.scripts.explore.frames import Shown, shown_env, shown_frames
from tests.explorer_cases import random_frames, shown_of, tiny

REACH = "bvae_rl.envs:bvae_rl/PlanarReach-v0"


@pytest.fixture
def no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "shown_frames", lambda *args: pytest.fail("too late"))


def saved(folder: Path, store: dict[str, Any] | None = None) -> str:
    vae = tiny()
    if store is not None:
        vae.meta["training"] = {"store": store, "train": {"validation": 0.1}}
    return str(vae.save(folder))


@pytest.mark.usefixtures("no_frames")
def test_a_busy_port_is_refused_before_frames_are_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot serve on port {port}"):
            explore.main(Args(saved(tmp_path / "vae"), serve=True, port=port))


@pytest.mark.usefixtures("no_frames")
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"domains": ("ood9",)}, "ood9"),
        ({"agent": Path("runs/a")}, "agent at runs/a was trained in Elsewhere-v0"),
    ],
    ids=["an unknown domain", "an agent of another environment"],
)
def test_what_cannot_be_is_refused_before_frames_are_made(
    asked: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = SimpleNamespace(env=EnvConfig("Elsewhere-v0"))
    monkeypatch.setattr(explore_episodes, "load_agent", lambda folder: agent)
    vae = saved(tmp_path / "vae", {"env": REACH, "kwargs": ["size=32"]})
    with pytest.raises(ValueError, match=message):
        explore.write_page(Args(vae, **asked))


@pytest.mark.usefixtures("no_frames")
def test_a_vae_of_unknown_layers_is_named_whichever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tiny(), tiny(1)
    other.decoder.append(nn.Tanh())
    monkeypatch.setattr(BetaVAE, "load", lambda folder: other if "odd" in str(folder) else one)
    places = saved(tmp_path / "vae"), saved(tmp_path / "odd")
    for vae, beside in (places, places[::-1]):
        with pytest.raises(TypeError, match=r"odd cannot run in a page: a layer Tanh\(\)"):
            explore.write_page(Args(vae, beside=(beside,)))


def stored(folder: Path, **meta: Any) -> FrameStore:
    store = FrameStore(folder)
    store.declare(policy="independent", **meta)
    store.append(Frames(random_frames(tiny(), 40), np.arange(40), np.arange(40)))
    return store


@pytest.mark.parametrize(
    ("trained", "shown", "words"),
    [
        ({"env": REACH}, {"env": REACH}, ""),
        (None, {"env": REACH}, ""),
        ({"env": "Gone-v0"}, {"env": REACH}, "of Gone-v0, and this store holds frames of bvae_rl/"),
        (
            {"source": "array"},
            {"source": "array"},
            "another store: if that one shows another",
        ),
    ],
    ids=["of the same world", "not known", "of another world", "of another import"],
)
def test_a_store_of_another_world_is_warned_of_on_the_page_too(
    trained: dict[str, Any] | None, shown: dict[str, Any], words: str, tmp_path: Path, capsys: Any
) -> None:
    vae = BetaVAE.load(Path(saved(tmp_path / "vae", trained)))
    found = shown_frames(Args(store=stored(tmp_path / "s", **shown).folder), [vae], None, "")
    said = capsys.readouterr().out
    assert ("may mean nothing" in said) == ("may mean nothing" in found.source) == bool(words)
    assert words in said


def test_the_frames_of_the_training_are_no_other_store(tmp_path: Path, capsys: Any) -> None:
    store = stored(tmp_path / "s", source="array")
    vae = BetaVAE.load(Path(saved(tmp_path / "vae", store.identity())))
    shown_frames(Args(store=store.folder), [vae], None, "")
    assert "may mean nothing" not in capsys.readouterr().out


def test_a_world_that_is_not_here_is_borne_where_nothing_needs_it(tmp_path: Path) -> None:
    folder = Path(saved(tmp_path / "vae", {"env": "nowhere:Gone-v0"}))
    vae = BetaVAE.load(folder)
    assert "Gone-v0" in shown_env(Args(), folder, vae)[1]
    with pytest.raises(ValueError, match="nowhere:Gone-v0"):
        shown_env(Args(domains=("source",)), folder, vae)


@pytest.mark.parametrize(
    ("names", "env", "words"),
    [
        (["reach_crossed"], REACH, "What reach_crossed sees in PlanarReach"),
        (["vae"], "CartPole-v1", "What the VAE sees in CartPole"),
        (["a", "b"], None, "What a and b see"),
    ],
)
def test_titles_are_of_short_names(names: list[str], env: str | None, words: str) -> None:
    vae = tiny()
    frames = shown_of(vae).frames
    shown = Shown(frames, "", env=None if env is None else EnvConfig(env))
    assert title(dict.fromkeys(names, vae), shown) == words
    hub = Args("somebody/their-vae", beside=("runs/x/vae", "runs/y/vae"))
    assert list(explore._named(hub)) == ["their-vae", "x-vae", "y-vae"]
    with pytest.raises(ValueError, match="each VAE to compare once, got a, a"):
        explore._named(Args("a", beside=("a",)))
