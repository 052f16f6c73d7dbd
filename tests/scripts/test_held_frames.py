"""Frames to judge VAEs on are other ones than those of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bvae_rl.data.collecting.collect import collect
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.scripts.held_frames import on_policy_frames

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source")


def test_frames_of_a_policy_are_of_other_episodes_than_those_of_a_training(tmp_path: Path) -> None:
    trained = FrameStore(tmp_path / "trained")
    venv = REACH.vec(4, seed=0)
    collect(venv, trained, 100, seed=0, max_episode_steps=25)
    venv.close()
    found = on_policy_frames(REACH, 100, seed=0, out=tmp_path / "judged")
    before = {frame.tobytes() for frame in trained.read().frames}
    assert len(found) == 100 and not before & {frame.tobytes() for frame in found.frames}
    again = on_policy_frames(REACH, 100, seed=0, out=tmp_path / "again")
    assert np.array_equal(again.frames, found.frames)
