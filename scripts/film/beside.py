"""``bvae-rl film --beside``: two agents in one episode whose appearance changes on the way.

Both begin at the same reset, each in a copy of the environment. Behind the codes of what an agent
sees stand those of the same states in the appearance of training, from a second copy that is given
the same actions and never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.agents.evaluate import LoadedAgent
from bvae_rl.agents.trained_by import hardened_by
from bvae_rl.data.collecting.rollout import Tap
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.check_codes import check_codes

Array = NDArray[np.float64]
SWITCH = "switch"  # the method of an environment that changes its appearance
MOST_NAMED = 2  # changes that an encoder ignores, above its side of the film


@dataclass(frozen=True)
class Plan:
    """Which visual domain is on show at which frame: ``every`` frames of each, one after another.

    ``seed``: of the reset; each change takes a further one.
    ``skipped``: steps before the first frame.
    """

    domains: tuple[str, ...]
    every: int
    seed: int = 0
    skipped: int = 0

    @property
    def frames(self) -> int:
        """Frames of the film, if no episode ends before."""
        return self.every * len(self.domains)

    @property
    def changes(self) -> tuple[int, ...]:
        """The first frame of each domain."""
        return tuple(range(0, self.frames, self.every))

    def on_show(self, frame: int) -> int:
        """The number of the domain at ``frame``."""
        return min(frame // self.every, len(self.domains) - 1)


@dataclass(frozen=True)
class Take:
    """What one agent did: T frames as it saw them, and all that is drawn of it.

    ``pictures`` (T, H, W, C) are the environment's own, larger ones where it has such, else the
    ``frames`` (T, h, w, C). ``codes`` (T, D), and ``in_first`` (T, D) of the same states in the
    first domain, or None where the same actions led elsewhere in the second copy. ``returns`` (T,)
    so far. ``over``: the episode ended after the last frame.
    """

    label: str
    pictures: NDArray[np.uint8]
    frames: NDArray[np.uint8]
    codes: Array
    in_first: Array | None
    returns: Array
    over: bool

    @property
    def reference(self) -> Array:
        """``in_first``, or ``codes`` without it."""
        return self.codes if self.in_first is None else self.in_first


def encoder_of(agent: LoadedAgent) -> BetaVAE:
    """The VAE under an agent's policy. ValueError where there is none."""
    if not isinstance(agent.encoder, BetaVAE):
        raise ValueError(
            f"the agent {agent.record['key']} sees no VAE's latents; train one that does"
        )
    return agent.encoder


def require_switch(env: EnvConfig, domains: Sequence[str] = ()) -> None:
    """ValueError for an environment whose appearance cannot change within an episode, or not into
    one of ``domains``.
    """
    made = env.make()
    try:
        switch = made.get_wrapper_attr(SWITCH)
    except AttributeError as error:
        raise ValueError(
            f"the appearance of {env.id} cannot change within an episode. Give the environment, or "
            "a wrapper around it, a method switch(domain, *, seed) from which on it is drawn as in "
            "that visual domain, in an appearance that follows from the seed, while its state goes "
            "on; --wrappers bvae_rl:VariedEnv has one, with --domains source colour light. Without "
            "one, leave out --beside: an episode in each domain"
        ) from error
    try:
        made.reset(seed=0)
        for domain in dict.fromkeys(domains):
            switch(domain, seed=0)
    finally:
        made.close()


def take(agent: LoadedAgent, env: EnvConfig, plan: Plan) -> Take:
    """One episode of ``agent``, its appearance changed as in ``plan``; up to its end.

    ValueError for an unknown domain, an agent of another environment, and an episode that ends
    before the second frame.
    """
    vae = encoder_of(agent)
    first = env.with_domain(plan.domains[0])
    shown = _drawing(first).vec(1, seed=plan.seed)
    unchanged = first.vec(1, seed=plan.seed)
    tap = Tap(shown)
    seen = agent.observe(tap)
    check_codes(agent.model, seen)
    layout = FrameLayout.of(shown.observation_space)
    for venv in (seen, unchanged):
        venv.seed(plan.seed)
    observations, in_first = seen.reset(), unchanged.reset()
    pictures, frames, of_first, returns = [], [], [], []
    total, over, same = 0.0, False, True
    for step in range(plan.skipped + plan.frames):
        frame = step - plan.skipped
        if frame >= 0:
            frames.append(layout.frames(tap.raw)[0])
            of_first.append(layout.frames(np.asarray(in_first))[0])
            pictures.append(_picture(shown, frames[-1]))
            returns.append(total)
        if frame + 1 == plan.frames:
            break
        if frame + 1 in plan.changes[1:]:
            number = plan.on_show(frame + 1)
            shown.env_method(SWITCH, plan.domains[number], seed=plan.seed + number)
        assert isinstance(observations, np.ndarray)
        actions = agent.act(observations)
        observations, rewards, dones, _ = seen.step(actions)
        in_first, first_rewards, _, _ = unchanged.step(actions)
        same &= bool(np.allclose(rewards, first_rewards))
        total += float(rewards[0])
        if dones[0]:
            over = True
            break
    for venv in (seen, unchanged):
        venv.close()
    if len(frames) < 2:
        raise ValueError(
            f"the episode of {agent.record['key']} ended after {step + 1} steps; "
            "choose another --seed, or fewer --skip-steps"
        )
    if over:
        returns[-1] = total
    codes, codes_in_first = (
        vae.encode_frames(np.stack(part)).astype(float) for part in (frames, of_first)
    )
    return Take(
        _label(vae), np.stack(pictures), np.stack(frames), codes,
        codes_in_first if same else None, np.array(returns), over,
    )  # fmt: skip


def middling_start(agent: LoadedAgent, *, n: int = 9, seed: int = 0) -> int:
    """The start, of those of seeds ``seed`` to ``seed + n - 1``, whose return is the median of all:
    one of a film that shows neither the best nor the worst of an agent, where it was trained.
    """
    returns = agent.play(agent.env, n, seed=seed).returns
    return seed + int(np.argsort(returns, kind="stable")[len(returns) // 2])


def _drawing(env: EnvConfig) -> EnvConfig:
    """``env`` with pictures of its own, if it takes ``render_mode``."""
    drawing = replace(env, kwargs=(*env.kwargs, "render_mode=rgb_array"))
    try:
        drawing.make().close()
    except (ValueError, TypeError):
        return env
    return drawing


def _picture(venv: VecEnv, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the environment draws where that is larger than the frame."""
    if venv.render_mode != "rgb_array":
        return frame
    (drawn,) = venv.get_images()
    if drawn is None or drawn.ndim != 3 or drawn.shape[0] <= frame.shape[0]:
        return frame
    return np.asarray(drawn, np.uint8)


def _label(vae: BetaVAE) -> str:
    """How a side is called, short enough to stand above it."""
    training = vae.meta.get("training") or {}
    kinds = (training.get("objective") or {}).get("against") or ()
    if len(kinds) > MOST_NAMED:
        return f"encoder hardened against {len(kinds)} changes"
    return f"encoder {hardened_by(training) or 'not hardened'}"
