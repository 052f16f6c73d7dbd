"""All copies of the encoder in a model: SB3 makes up to four, and target copies lag in silence.

PPO has one (two if not shared), DQN two, SAC three, TD3 four. Polyak averaging covers parameters
only, so a new encoder has to be written into every copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import unwrap_vec_wrapper
from torch import Tensor, nn

from bvae_rl.models.digest import fingerprint
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.codes import code_spaces
from bvae_rl.sb3.encoder_weights import EncoderWeights
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.own_encoder import HeldEncoder
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder
from bvae_rl.sb3.taken import find_encoder


@dataclass(frozen=True)
class EncoderCopy:
    """One copy of the encoder in a policy.

    ``where``: its dotted name in the policy.
    ``latents``: which the policy sees, "all" or a group.
    ``mode``: "frozen", "policy" or "online".
    ``trained_by``: the optimizers that hold its weights ("critic.optimizer"), "Polyak average" (a
    target copy), the callback that may train it, or "nobody".
    ``moved``: whether the weights are no longer those of the VAE; None while there are none.
    ``checkpoint``: the VAE's folder, "memory", the class of another encoder, or None (joined by
    ``to_image_policy``).
    ``folder``: what has become of that folder, "missing", "the folder's VAE has changed since" or
    "the folder's VAE cannot be read"; "" where it is as it was or there is none.
    """

    where: str
    latents: str
    mode: Mode
    trained_by: str
    moved: bool | None
    checkpoint: str | None
    folder: str = ""


def encoder_copies(model: BaseAlgorithm) -> dict[str, PolicyEncoder]:
    """Every encoder in the policy of ``model`` under its dotted name; empty where there is none."""
    return {
        name.removesuffix(".encoder"): module
        for name, module in model.policy.named_modules()
        if isinstance(module, PolicyEncoder)
    }


def lags(where: str) -> bool:
    """Whether the copy of that dotted name follows another: it stands in a target network of SB3.

    Its first part tells (``critic_target``, ``q_net_target``); the others may hold a user's words.
    """
    return where.partition(".")[0].endswith("_target")


def followed(where: str) -> str:
    """The dotted name of the copy that a lagging one follows."""
    network, dot, rest = where.partition(".")
    return network.removesuffix("_target") + dot + rest


def latent_env_of(model: BaseAlgorithm) -> LatentVecEnv | None:
    """The ``LatentVecEnv`` among the wrappers of the model's environment, if there is one."""
    env = model.get_env()
    return None if env is None else unwrap_vec_wrapper(env, LatentVecEnv)


def same_weights(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Whether two encoders' weights are bit-equal, on whatever devices they are."""
    return a.keys() == b.keys() and all(
        torch.equal(weight, b[name].to(weight.device)) for name, weight in a.items()
    )


def write_encoder(model: BaseAlgorithm, weights: Mapping[str, Tensor]) -> None:
    """Make all copies bit-equal to ``weights``, named as in ``BetaVAE.encoder``."""
    for copy in encoder_copies(model).values():
        copy.write(weights)


def inspect(model: BaseAlgorithm) -> list[EncoderCopy]:
    """Print and return the encoder's copies: latents, who trains each, whether it has moved.

    Over ``LatentVecEnv`` the one encoder is the environment's. The VAE's folder is read as it is
    now.

    ``model``: an SB3 model. ValueError for one without an encoder.
    """
    found = [*_in_policy(model), *_in_environment(model)]
    if not found and code_spaces(model.observation_space):
        raise ValueError(
            "this agent sees codes, and its encoder is in the environment that it was not given: "
            f"load it with env=, as {next(iter(code_spaces(model.observation_space).values()))}"
        )
    if not found:
        raise ValueError(
            f"the policy of this {type(model).__name__} holds no Beta-VAE encoder, and its "
            "environment is no LatentVecEnv; build the model with policy_kwargs(...)"
        )
    columns = "{:38} {:8} {:7} {:32} {:15} {}"
    print(columns.format("copy", "latents", "mode", "trained by", "weights", "VAE"))
    for copy in found:
        weights = {None: "no weights yet", True: "moved", False: "as in the VAE"}[copy.moved]
        row = (copy.where, copy.latents, copy.mode, copy.trained_by, weights)
        vae = copy.checkpoint or "joined"
        print(columns.format(*row, f"{vae} ({copy.folder})" if copy.folder else vae))
    return found


def _in_policy(model: BaseAlgorithm) -> Iterator[EncoderCopy]:
    folders: dict[tuple[str, int], str] = {}
    for where, encoder in encoder_copies(model).items():
        known, folder = encoder.checkpoint, ""
        if isinstance(known, str) and encoder.ready:
            asked = known, int(encoder.fingerprint)
            if asked not in folders:
                folders[asked] = _folder_now(*asked)
            folder = folders[asked]
        yield EncoderCopy(
            where,
            encoder.latents,
            encoder.mode,
            _trainer(model, where, encoder),
            encoder.moved if encoder.ready else None,
            "memory" if isinstance(known, EncoderWeights) else known,
            folder,
        )
    for name, module in model.policy.named_modules():
        if isinstance(module, HeldEncoder):
            kind, where = type(module.held).__name__, name.removesuffix(".encoder")
            yield EncoderCopy(where, module.latents, "frozen", "nobody", False, kind)


def _in_environment(model: BaseAlgorithm) -> Iterator[EncoderCopy]:
    env = latent_env_of(model)
    if env is None:
        return
    folder = ""
    if env.folder is not None and isinstance(env.vae, BetaVAE):
        folder = _folder_now(env.folder, fingerprint(env.vae.encoder.state_dict()))
    checkpoint = env.source or type(env.vae).__name__
    trainer = "nobody, or OnlineBetaVAE"
    yield EncoderCopy("LatentVecEnv", env.latents, "frozen", trainer, env.moved, checkpoint, folder)


def _folder_now(folder: str | Path, known: int) -> str:
    """How the VAE in ``folder`` compares with the one whose weights had the number ``known``."""
    if not Path(folder).exists():
        return "missing"
    try:
        encoder = find_encoder(folder)
    except (ValueError, OSError):
        return "the folder's VAE cannot be read"
    assert isinstance(encoder, BetaVAE)
    same = fingerprint(encoder.encoder.state_dict()) == known
    return "" if same else "the folder's VAE has changed since"


def _trainer(model: BaseAlgorithm, where: str, encoder: PolicyEncoder) -> str:
    if encoder.mode == "online":
        return "OnlineBetaVAE, given to learn()"
    if encoder.mode == "frozen":
        return "nobody"
    if lags(where):
        return "Polyak average"
    own = {id(parameter) for parameter in encoder.parameters()}
    owners: dict[str, nn.Module] = {"policy": model.policy, **dict(model.policy.named_children())}
    holders = [
        f"{name}.optimizer"
        for name, module in owners.items()
        if (optimizer := getattr(module, "optimizer", None)) is not None
        and any(id(p) in own for group in optimizer.param_groups for p in group["params"])
    ]
    return ", ".join(holders) or "nobody"
