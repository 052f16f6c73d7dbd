"""Pretraining in rounds: frames, a VAE, a short agent on its codes, frames of that agent, again.

A random policy does not see what an agent will. The frames of each round are those of the round
before and as many of an agent that learned on its VAE's codes; the VAE goes on from the one before.
Frames and batches are split evenly, so that rounds cost no more of either. Each round has a folder
of its own in ``out``, the last one is ``out`` itself: a killed run goes on in the round it was in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bvae_rl.data.collecting.grown import grow
from bvae_rl.data.collecting.learner import Encode
from bvae_rl.data.collecting.plan import INDEPENDENT, Plan
from bvae_rl.data.collecting.rollout import Progress
from bvae_rl.data.coverage.of_store import tell_coverage
from bvae_rl.data.episodes import tell
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.parts import GROWN
from bvae_rl.data.view import Env, View
from bvae_rl.models.scaling import scaling
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO
from bvae_rl.runtime.identity import identity

First = Callable[[Path, int, int], BetaVAE]  # folder, frames, steps -> the first round's VAE
Again = Callable[[Path, FrameStore, int, Path], BetaVAE]  # folder, store, steps, VAE to go on from


def in_rounds(
    rounds: int,
    env: Env,
    plan: Plan,
    out: str | Path,
    *,
    steps: int,
    first: First,
    again: Again,
    view: View | None = None,
    say: Callable[[str], None],
    progress: Progress = lambda added: None,
) -> BetaVAE:
    """The VAE of the last round, in ``out``.

    ``plan`` says how many frames all rounds have and who acts in the first; ``steps`` how many
    batches. ``first``
    collects and trains the first round's, ``again`` trains those that follow. ``say`` tells what is
    done.
    """
    check_rounds(rounds, plan, steps=steps)
    refuse_other(out)
    folder = round_folder(out, 1, rounds)
    frames, batches = split(plan.frames, rounds), split(steps, rounds)
    say(f"round 1 of {rounds}: {frames[0]:,} frames, and {batches[0]:,} batches on them")
    vae = first(folder, frames[0], batches[0])
    for number in range(2, rounds + 1):
        earlier, folder = folder, round_folder(out, number, rounds)
        before, store = FrameStore.existing(earlier / "frames"), FrameStore(folder / "frames")
        more, steps_now = frames[number - 1], batches[number - 1]
        say(
            f"round {number} of {rounds}: {more:,} frames of an agent that learns on the codes of "
            f"the VAE in {earlier}, beside the {len(before):,} before; then {steps_now:,} batches "
            "more on all of them"
        )
        grow(
            store, before, (view or View()).of(env),
            Plan(
                more, n_envs=plan.n_envs, seed=plan.seed + number - 1,
                max_episode_steps=plan.max_episode_steps, skip_steps=plan.skip_steps,
            ),
            encode=codes_of(vae), encoded_by=identity(vae), progress=progress,
        )  # fmt: skip
        tell(store, plan.max_episode_steps, say=say)
        tell_coverage(store, say=say)
        vae = again(folder, store, steps_now, earlier)
    return vae


def check_rounds(rounds: int, plan: Plan, *, steps: int) -> None:
    """ValueError for rounds that cannot be, before the first one."""
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    if plan.frames < rounds or steps < rounds:
        raise ValueError(
            f"{rounds} rounds share frames and batches evenly, and there are {plan.frames} frames "
            f"and {steps} batches; take fewer rounds, or more of both"
        )
    if rounds > 1 and plan.policy == INDEPENDENT:
        raise ValueError(
            "rounds add episodes of an agent to the frames of the first one, and sampled states "
            "(policy 'independent') have no episodes; take policy='mixed' (--policy mixed), which "
            "also begins in sampled states, or leave rounds out"
        )


def refuse_other(out: str | Path) -> None:
    """ValueError where ``out`` holds frames of a pretraining without rounds."""
    there = FrameStore(Path(out) / "frames")
    if len(there) and GROWN not in there.meta:
        raise ValueError(
            f"{out} holds a pretraining in one round; choose another folder for one in several"
        )


def round_folder(out: str | Path, number: int, rounds: int) -> Path:
    """Where round ``number`` of ``rounds`` is: ``out/round-1``, ...; the last one in ``out``."""
    return Path(out) if number == rounds else Path(out) / f"round-{number}"


def split(total: int, rounds: int) -> list[int]:
    """``total`` in ``rounds`` equal parts, the first ones larger by one where there is a rest."""
    return [total // rounds + (number < total % rounds) for number in range(rounds)]


def codes_of(vae: BetaVAE) -> Encode:
    """Frames (n, H, W, C) as standardised codes, of the content where ``vae`` tells it apart."""
    mean, std = scaling(vae)
    chosen = vae.slice_of(vae.config.choice(AUTO))

    def encode(frames: np.ndarray) -> np.ndarray:
        return ((vae.encode_frames(frames) - mean) / std)[:, chosen]

    return encode
