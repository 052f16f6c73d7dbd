"""All copies of the encoder in a model: SB3 makes up to four, and target copies lag in silence.

PPO has one (two if not shared), DQN two, SAC three, TD3 four. Polyak averaging covers parameters
only, so a new encoder has to be written into every copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import unwrap_vec_wrapper
from torch import Tensor, nn

from bvae_rl.sb3.encoder_weights import EncoderWeights
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder


@dataclass(frozen=True)
class EncoderCopy:
    """One copy of the encoder in a policy.

    ``where``: its dotted name in the policy.
    ``latents``: which the policy sees, "all" or a group.
    ``mode``: "frozen", "policy" or "online".
    ``trained_by``: the optimizers that hold its weights ("critic.optimizer"), "Polyak average" (a
    target copy), the callback that may train it, or "nobody".
    ``moved``: whether the weights are no longer those of the VAE; None while there are none.
    ``checkpoint``: the VAE's folder, "memory", or None (joined by ``to_image_policy``).
    """

    where: str
    latents: str
    mode: Mode
    trained_by: str
    moved: bool | None
    checkpoint: str | None


def encoder_copies(model: BaseAlgorithm) -> dict[str, PolicyEncoder]:
    """Every encoder in the policy of ``model`` under its dotted name; empty where there is none."""
    return {
        name.removesuffix(".encoder"): module
        for name, module in model.policy.named_modules()
        if isinstance(module, PolicyEncoder)
    }


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

    ``model``: an SB3 model. ValueError for one without an encoder, as over ``LatentVecEnv``.
    """
    found = [
        EncoderCopy(
            where,
            encoder.latents,
            encoder.mode,
            _trainer(model, where, encoder),
            encoder.moved if encoder.ready else None,
            "memory" if isinstance(encoder.checkpoint, EncoderWeights) else encoder.checkpoint,
        )
        for where, encoder in encoder_copies(model).items()
    ]
    if not found:
        raise ValueError(
            f"the policy of this {type(model).__name__} holds no Beta-VAE encoder; build the model "
            "with policy_kwargs(...) (over LatentVecEnv the encoder is in the environment)"
        )
    columns = "{:38} {:8} {:7} {:32} {:15} {}"
    print(columns.format("copy", "latents", "mode", "trained by", "weights", "VAE"))
    for copy in found:
        weights = {None: "no weights yet", True: "moved", False: "as in the VAE"}[copy.moved]
        row = (copy.where, copy.latents, copy.mode, copy.trained_by, weights)
        print(columns.format(*row, copy.checkpoint or "joined"))
    return found


def _trainer(model: BaseAlgorithm, where: str, encoder: PolicyEncoder) -> str:
    if encoder.mode == "online":
        return "OnlineBetaVAE, given to learn()"
    if encoder.mode == "frozen":
        return "nobody"
    if "target" in where:
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
