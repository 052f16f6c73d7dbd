"""Pretraining in rounds: what each round takes over from the one before, and where it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.envs.registration import register, registry

import bvae_rl
from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.parts import GROWN
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.identity import identity
from bvae_rl.scripts.pretrain import command
from bvae_rl.scripts.pretrain.collected import frames_for
from bvae_rl.scripts.stored_frames import stored_frames
from bvae_rl.training import rounds as in_rounds
from bvae_rl.training.rounds import codes_of, round_folder, split

ID = "tests.mixed_cases:Line-v0"


@pytest.fixture(autouse=True)
def _registered() -> Any:
    register("Line-v0", "tests.mixed_cases:Line")
    yield
    registry.pop("Line-v0")


def rounds(out: Path, **changed: Any) -> BetaVAE:
    settings: dict[str, Any] = {
        "frames": 900, "steps": 5, "rounds": 2, "max_episode_steps": 50, "verbose": 0, **changed
    }  # fmt: skip
    return bvae_rl.pretrain(EnvConfig(ID), out=out, **settings)


def test_frames_and_batches_are_split_evenly() -> None:
    assert split(900, 2) == [450, 450] and split(5, 2) == [3, 2] and split(7, 3) == [3, 2, 2]
    assert [round_folder("a", n, 3).as_posix() for n in (1, 2, 3)] == [
        "a/round-1",
        "a/round-2",
        "a",
    ]


def test_the_second_round_goes_on_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = rounds(tmp_path / "whole")
    before, store = (FrameStore(tmp_path / "whole" / part) for part in ("round-1/frames", "frames"))
    first = BetaVAE.load(tmp_path / "whole" / "round-1")
    assert np.array_equal(store.read().frames[: len(before)], before.read().frames)
    assert len(store) >= 900 and store.meta[GROWN][0]["codes"] == identity(first)
    assert vae.meta["training"]["start"] == identity(first)
    assert (first.meta["training"]["steps"], vae.meta["training"]["steps"]) == (3, 2)
    assert vae.meta["training"]["frames"] == len(store)  # each counts once
    _, rest, said = stored_frames(store, [vae], most=len(store))
    unseen = int(said.removeprefix(f"{len(store) - len(rest)} frames (").split()[0])
    assert 0 < unseen < (len(store) - len(before)) / 2  # none of those of the first round

    def killed(*args: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # between the frames of two rounds
        patch.setattr(in_rounds, "grow", killed)
        with pytest.raises(KeyboardInterrupt):
            rounds(tmp_path / "killed")
    with monkeypatch.context() as patch:  # before the last training
        patch.setattr(in_rounds, "tell_coverage", killed)
        with pytest.raises(KeyboardInterrupt):
            rounds(tmp_path / "killed")
    assert identity(rounds(tmp_path / "killed")) == identity(vae)
    assert FrameStore(tmp_path / "killed" / "frames").identity() == store.identity()
    with pytest.raises(ValueError, match="seed"):
        rounds(tmp_path / "whole", seed=1)


def test_latents_that_are_idle_in_one_round_stay_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bvae_rl.training.loop.FIRST_LOOK", 1)
    vae = rounds(tmp_path / "python", recipe="beta_late")
    assert BetaVAE.load(tmp_path / "python" / "round-1").latent_dim == vae.latent_dim == 32
    args = command.Args.of(
        env=ID, out=tmp_path / "command", frames=600, steps=4, rounds=2, recipe="beta_late"
    )
    assert command.main(args, on_progress=lambda done: None).latent_dim == 32


def test_the_command_says_what_each_round_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = command.Args.of(env=ID, out=tmp_path, frames=600, steps=4, rounds=2, policy="sticky")
    command.main(args)
    said = capsys.readouterr().out
    assert "round 1 of 2: 300 frames, and 2 batches" in said
    assert "round 2 of 2: 300 frames of an agent that learns on the codes" in said
    once = (
        "evidence lower bound",
        f"wrote {tmp_path}",
        "next: ",
    )  # the verdict is that of the last round
    assert [said.count(words) for words in once] == [1, 1, 1]
    assert said.index("round 2 of 2") < min(said.index(words) for words in once)
    assert FrameStore(tmp_path / "frames").meta["policy"] == "sticky"
    assert BetaVAE.load(tmp_path).meta["training"]["steps"] == 2


def test_codes_are_standardised(tmp_path: Path) -> None:
    vae = BetaVAE(bvae_rl.VAEConfig(shape=(1, 32, 32), latent_dim=3))
    vae.meta["statistics"] = {"mean": [0.5, 0, 0], "std": [1.0, 2.0, 0.01]}
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 1), dtype=np.uint8)
    expected = (vae.encode_frames(frames) - [0.5, 0, 0]) / [1, 2, 0.2]
    assert np.allclose(codes_of(vae)(frames), expected, atol=1e-6)


def test_rounds_take_an_environment(tmp_path: Path) -> None:
    frames = np.zeros((40, 32, 32, 1), np.uint8)
    with pytest.raises(ValueError, match=r"rounds=2 lets an agent act .* got ndarray"):
        bvae_rl.pretrain(frames, out=tmp_path, rounds=2, verbose=0)
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        rounds(tmp_path, rounds=0)
    for number in (0, -2):
        with pytest.raises(ValueError, match=f"rounds must be at least 1, got {number}"):
            command.main(command.Args.of(env=ID, out=tmp_path, rounds=number))
    with pytest.raises(
        ValueError, match=r"sampled states .* have no episodes; take policy='mixed'"
    ):
        rounds(tmp_path, policy="independent", max_episode_steps=MAX_EPISODE_STEPS)
    with pytest.raises(
        ValueError, match=r"sampled states .* have no episodes; take policy='mixed'"
    ):
        command.main(command.Args.of(env=ID, out=tmp_path, rounds=2, policy="independent"))
    assert not [*tmp_path.iterdir()]  # refused before the first round
    with pytest.raises(ValueError, match="3 rounds share frames and batches evenly"):
        rounds(tmp_path, rounds=3, steps=2)
    with pytest.raises(ValueError, match="a policy acts in an environment"):
        bvae_rl.pretrain(frames, out=tmp_path, policy="mixed", verbose=0)
    with pytest.raises(ValueError, match="--rounds 2 lets an agent act"):
        command.main(command.Args.of(tmp_path / "frames", out=tmp_path, rounds=2))
    with pytest.raises(ValueError, match="--seeds chooses between single trainings"):
        command.main(command.Args.of(env=ID, out=tmp_path, rounds=2, seeds=2))
    with pytest.raises(ValueError, match=r"--policy mixed is for frames of an environment"):
        command.main(command.Args.of(tmp_path / "frames", out=tmp_path, policy="mixed"))


def test_episodes_are_cut_as_in_collect(tmp_path: Path) -> None:
    given = {"frames": 60, "max_episode_steps": 10, "skip_steps": 2}
    store = frames_for(command.Args.of(env=ID, out=tmp_path, **given))
    lengths = np.bincount(store.column("episode"))
    assert set(lengths[lengths > 0]) == {8}
    with pytest.raises(ValueError, match=r"--skip-steps 1 is for frames of an environment"):
        frames_for(command.Args.of(store.folder, skip_steps=1))
    with pytest.raises(ValueError, match=r"--size 32 32 --domain ood1 is for frames of an env"):
        frames_for(command.Args.of(store.folder, size=(32, 32), domain="ood1"))
