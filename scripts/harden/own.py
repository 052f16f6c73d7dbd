"""``bvae-rl harden --own-frames``: frames of the agent itself, where it was trained, to harden on.

An encoder is hardened best on what its agent will see. A policy needs the codes of the states that
it comes to more exactly than those of states that were sampled: hand and disc in touch, a fast
corner.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bvae_rl.agents.evaluate import agent_digest
from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.collecting.plan import Plan as Frames
from bvae_rl.data.coverage.of_store import tell_coverage
from bvae_rl.data.episodes import tell
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import fill, refuse_more
from bvae_rl.scripts.common import say
from bvae_rl.scripts.harden.agent import Plan
from bvae_rl.scripts.progress import Progress, counted

OWN = "own"  # their folder in that of the hardened VAE
DEFAULT = 120_000  # where an agent is named and no frames
PER_SECOND = 1500  # a guess, until the first ones were collected


def frames_wanted(given: int | None, *, stores: bool, agent: bool) -> int:
    """How many; ValueError for frames of nobody, and where there is nothing to harden on."""
    if given is not None and given < 0:
        raise ValueError(f"--own-frames must not be negative, got {given}")
    if given and not agent:
        raise ValueError("--own-frames are those of an agent: name it, --agent FOLDER")
    if not stores and (not agent or given == 0):
        raise ValueError(
            "there are no frames to harden on: give a store (bvae-rl collect), or the agent whose "
            "frames are to be collected, --agent FOLDER"
        )
    return (0 if stores else DEFAULT) if given is None else given


def own_frames(plan: Plan, n: int, out: Path, *, seed: int) -> FrameStore:
    """``n`` frames that the agent of ``plan`` meets where it was trained; goes on if stopped."""
    refuse_more(out, n)
    store, progress = FrameStore(out), Progress({"frames": n / PER_SECOND})
    fill(
        store, plan.trained_in, Frames(n, "agent", seed=seed, acts=agent_digest(plan.agent)),
        acting={"policy": plan.found.act, "observe": plan.found.observe},
        progress=counted(partial(progress.update, "frames"), n, done=len(store)),
    )  # fmt: skip
    progress.close()
    tell(store, MAX_EPISODE_STEPS, say=say, more="take more of them (--own-frames)")
    tell_coverage(store, say=say)
    return store
