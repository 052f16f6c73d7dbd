"""A store that goes on from another: its frames, and then those of an agent on their codes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collecting.learner import Encode
from bvae_rl.data.collecting.mixed import collect_mixed
from bvae_rl.data.collecting.plan import Plan
from bvae_rl.data.collecting.rollout import Progress
from bvae_rl.data.collecting.shares import Shares
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.parts import GROWN
from bvae_rl.data.pictures.framed import checked

AGENT = Shares(0.0, 1.0, 0.0)


def grow(
    store: FrameStore,
    before: FrameStore,
    env: EnvConfig | gym.Env[Any, Any] | VecEnv,
    plan: Plan,
    *,
    encode: Encode,
    encoded_by: Any,
    progress: Progress = lambda added: None,
) -> None:
    """Fill ``store`` with the frames of ``before``, and ``plan.frames`` more.

    Those are of an agent that learns in ``env`` on the codes that ``encode`` makes of frames;
    ``encoded_by`` (plain JSON) tells them from other codes. Goes on where it was stopped.
    ValueError for a folder that holds other frames.
    """
    grown = {
        "rows": len(before), "sha256": before.identity()["sha256"], "frames": plan.frames,
        "seed": plan.seed, "codes": encoded_by,
    }  # fmt: skip
    earlier = before.meta.get(GROWN, [])
    store.declare(
        factor_specs=before.factor_specs, **{**before.meta, GROWN: [*earlier, grown]}
    )  # fmt: skip
    store.expect(len(before) + plan.frames)
    for number in range(store.blocks, before.blocks):
        notes = {k: v for k, v in before.appended[number].items() if k != "rows"}
        store.append(before.block(number), **notes)
    if isinstance(env, EnvConfig):
        venv = env.vec(plan.n_envs, seed=plan.seed)
    else:
        venv = env if isinstance(env, VecEnv) else DummyVecEnv([lambda: checked(env)])
    collect_mixed(
        venv, store, len(before) + plan.frames, seed=plan.seed, shares=AGENT, encode=encode,
        max_episode_steps=plan.max_episode_steps, skip_steps=plan.skip_steps, progress=progress,
    )  # fmt: skip
    if isinstance(env, EnvConfig):
        venv.close()
