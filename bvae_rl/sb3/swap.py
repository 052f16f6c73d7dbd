"""Another encoder under a policy that stays as it is: an agent mended without a step of training.

    encoder = swap_encoder(model, "runs/hardened")   # a student of the agent's own VAE
    encoder.save("runs/mended_encoder")              # for LatentVecEnv(venv, "runs/mended_encoder")

A student of invariance distillation gives, from frames that its teacher never saw, the codes that
the policy has learned to read. The policy reads (mu - mean) / std with the mean and std of the
*teacher*: they belong to the policy and stay. ``load_encoder`` takes another VAE's statistics along
and is for training on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from bvae_rl.models.digest import encoder_digest, named, teachers_of
from bvae_rl.models.hub import VAE
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.check_codes import agents_codes
from bvae_rl.sb3.codes import refuse_other_codes
from bvae_rl.sb3.copies import encoder_copies, lags, latent_env_of
from bvae_rl.sb3.encoder_life import CODES, copies_of, load_encoder, refuse_unlike
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.policy_encoder import PolicyEncoder
from bvae_rl.sb3.taken import TakenEncoder, find_vae_encoder

logger = logging.getLogger(__name__)


def swap_encoder(
    model: BaseAlgorithm,
    vae: VAE,
    *,
    key: str | None = None,
    latent_env: LatentVecEnv | None = None,
    any_teacher: bool = False,
) -> TakenEncoder:
    """Put ``vae``, hardened from the agent's own, under its policy, whose statistics stay.

    In a policy of pictures all copies of the encoder change, and what is saved loads as it is then.
    Over ``LatentVecEnv`` its encoder changes and its codes are named anew, in the model too; the
    next ``learn`` begins with a reset. What is returned holds encoder and statistics: saved, it
    makes the environments of that agent, ``LatentVecEnv(venv, it)``, for evaluation and ``load``.
    A replay buffer keeps its codes, which the earlier encoder made.

    ``vae``: a ``BetaVAE``, a folder or name, or what an earlier swap returned. It may have been
    hardened from the agent's own more than once.
    ``key``: whose encoder to swap, of an agent with one for each picture of a Dict.
    ``latent_env``: of the agent's codes, for a model that was loaded without an environment.
    ``any_teacher``: take one that was not hardened from the agent's encoder, too.

    Raises ValueError for one with another or no teacher, of other pictures, channel order or
    columns of the latents that the policy sees, in a policy of pictures also of other widths; for
    an agent without a Beta-VAE's encoder; for another key; and where ``latent_env`` shows other
    codes than the agent's. TypeError for an encoder of your own.
    """
    encoder = find_vae_encoder(vae)
    env = _environment(model, latent_env)
    if env is None or encoder_copies(model):
        return _swap_in_policy(model, encoder, key, any_teacher)
    return _swap_in_environment(model, env, encoder, key, any_teacher)


def _swap_in_policy(
    model: BaseAlgorithm, encoder: BetaVAE, key: str | None, any_teacher: bool
) -> TakenEncoder:
    copies = copies_of(model, key)
    for where, copy in copies.items():
        copy.require_weights()
        refuse_unlike(where, copy.config, copy.latents, encoder)
        if not any_teacher and not lags(where):
            refuse_strangers(encoder, names_in_policy(copy))
    first = next(iter(copies.values()))
    scaled = (first.mean.cpu().numpy(), first.scale.cpu().numpy()) if first.standardise else None
    swapped = TakenEncoder.with_statistics(encoder, scaled)
    load_encoder(model, swapped, key=key)
    return swapped


def _swap_in_environment(
    model: BaseAlgorithm, env: LatentVecEnv, encoder: BetaVAE, key: str | None, any_teacher: bool
) -> TakenEncoder:
    held = _held(env, key)
    env.refuse_moved()
    refuse_other_codes(agents_codes(model), env.observation_space, what="its environment shows")
    refuse_unlike("LatentVecEnv", held.config, held.config.choice(env.latents), encoder, CODES)
    if not any_teacher:
        refuse_strangers(encoder, names_of(held))
    swapped = TakenEncoder.with_statistics(encoder, held.statistics())
    env.swap(swapped if key is None else {**env.vae, key: swapped})
    env.rename(model.observation_space)  # a model that was loaded has one of its own
    if latent_env_of(model) is env:
        model._last_obs = None  # a code of the earlier encoder: learn resets
    if isinstance(model, OffPolicyAlgorithm) and (buffer := model.replay_buffer) is not None:
        env.rename(buffer.observation_space)
        if n := buffer.size():
            logger.warning(
                "the replay buffer keeps %s transitions with codes that the earlier encoder made; "
                "model.replay_buffer.reset() empties it", n,
            )  # fmt: skip
    return swapped


def _environment(model: BaseAlgorithm, given: LatentVecEnv | None) -> LatentVecEnv | None:
    own = latent_env_of(model)
    if given is None or given is own:
        return own
    if model.get_env() is not None:
        raise ValueError(
            "latent_env is for a model that was loaded without an environment, and this one has "
            "its own; leave latent_env out"
        )
    return given


def _held(env: LatentVecEnv, key: str | None) -> BetaVAE:
    """The VAE's encoder of picture ``key`` in ``env``."""
    each: Mapping[Any, Any] = env.vae if isinstance(env.vae, Mapping) else {None: env.vae}
    if key not in each:
        known = ", ".join(repr(one) for one in each if one) or "none, as one encoder has all"
        raise ValueError(f"got key={key!r}, and this LatentVecEnv has encoders of: {known}")
    if not isinstance(each[key], BetaVAE):
        raise ValueError(
            f"the agent's codes are those of {type(each[key]).__name__}, and only a Beta-VAE's "
            "encoder can be swapped; train a new agent over LatentVecEnv(venv, vae)"
        )
    return each[key]


def names_of(vae: BetaVAE) -> set[str]:
    """By what ``vae`` and its teachers may be called in a student's ``meta``."""
    whole = set() if isinstance(vae, TakenEncoder) else {vae.identity()["weights_sha256"]}
    return {encoder_digest(vae), *whole, *teachers_of(vae.meta)}


def refuse_strangers(vae: BetaVAE, agents: set[str]) -> None:
    """ValueError unless ``vae`` was hardened from an encoder that is called one of ``agents``."""
    teachers = teachers_of(vae.meta)
    if not teachers:
        raise ValueError(
            "this VAE was not hardened: its config names no teacher, and the policy cannot read "
            "codes of another encoder; harden the agent's own VAE (bvae-rl harden), train on after "
            "load_encoder(model, vae), or insist with any_teacher=True"
        )
    if not teachers & agents:
        raise ValueError(
            f"this VAE was hardened from another one ({_short(teachers)}) than the agent's encoder "
            f"({_short(agents)}), whose codes alone the policy can read; harden the agent's own "
            "VAE, or insist with any_teacher=True"
        )


def names_in_policy(copy: PolicyEncoder) -> set[str]:
    """By what the VAE of a policy's encoder may be called; its folder, if it is there, knows more.

    Only where that still holds the same encoder.
    """
    own = named(copy.weights())
    if isinstance(copy.checkpoint, str):
        with suppress(ValueError, OSError):  # it is gone, or damaged
            vae = find_vae_encoder(copy.checkpoint)
            if encoder_digest(vae) == own:
                return names_of(vae)
    return {own}


def _short(names: set[str]) -> str:
    return ", ".join(sorted(name[:16] for name in names))
