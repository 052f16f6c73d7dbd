"""An encoder without its VAE: taken out of an agent whose reward trained it, for the next agent.

encoder = take_encoder(model)                  # mode="policy": the RL loss has moved it
PPO("CnnPolicy", other_env, policy_kwargs=policy_kwargs(encoder))
encoder.save("runs/encoder")                   # policy_kwargs and LatentVecEnv find it there

Or put into an agent in place of its own, with the statistics of the agent's policy (``swap.py``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from bvae_rl.models.hub import VAE, find_vae, load_vae
from bvae_rl.models.scaling import Encoder
from bvae_rl.models.vae import BetaVAE, VAEConfig, read_config
from bvae_rl.runtime.runs import WEIGHTS_FILE
from bvae_rl.sb3.policy_encoder import PolicyEncoder

KIND = "encoder"
Statistics = tuple[np.ndarray, np.ndarray]  # mean and std of each latent, each (D,)


class TakenEncoder(BetaVAE):
    """The encoder of a BetaVAE alone: codes, groups and statistics, and no decoder.

    ``config``: of the VAE that it came from.
    """

    def __init__(self, config: VAEConfig) -> None:
        with torch.random.fork_rng(devices=[]):
            super().__init__(config)
        del self.decoder
        self.meta["kind"] = KIND

    @classmethod
    def of(cls, encoder: PolicyEncoder, **meta: Any) -> Self:
        """A copy of a policy's encoder as it is now; ``meta`` says where it comes from."""
        taken = cls(encoder.config)
        weights = {name: w.detach().cpu().clone() for name, w in encoder.weights().items()}
        taken.encoder.load_state_dict(weights)
        if encoder.standardise:
            statistics = encoder.mean.cpu().numpy(), encoder.scale.cpu().numpy()
            taken.meta["statistics"] = dict(zip(("mean", "std"), _lists(statistics), strict=True))
        taken.meta |= meta
        return taken.eval()

    @classmethod
    def with_statistics(cls, vae: BetaVAE, statistics: Statistics | None) -> Self:
        """The encoder of ``vae``, and what is known of it, with a policy's statistics.

        ``statistics``: mean and std of each latent, each (D,), by which the policy standardises;
        None: it does not.
        """
        taken = cls(vae.config)
        weights = {name: w.detach().cpu().clone() for name, w in vae.encoder.state_dict().items()}
        taken.encoder.load_state_dict(weights)
        taken.meta |= {**vae.meta, "kind": KIND}
        taken.meta.pop("statistics", None)
        if statistics is not None:
            taken.meta["statistics"] = dict(zip(("mean", "std"), _lists(statistics), strict=True))
        return taken.eval()

    def decode_logits(self, z: Tensor) -> Tensor:
        """ValueError: there is no decoder."""
        raise ValueError(
            "an encoder that was taken out of an agent, or put into one, has no decoder; the VAE "
            "that it came from decodes only its own codes"
        )

    @classmethod
    def load(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> Self:
        """Read what ``save`` wrote, bit-equal. ValueError where there is none, or a damaged one."""
        stored, path = read_config(folder), Path(folder) / WEIGHTS_FILE
        if stored.get("kind") != KIND:
            raise ValueError(f"{folder} holds a whole VAE; load it with BetaVAE.load")
        encoder = cls(VAEConfig.from_dict(stored["model"]))
        try:
            raw = path.read_bytes()
            encoder.load_state_dict(load_tensors(raw))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ValueError(f"cannot read the encoder {path}: {error}; copy it again") from error
        if hashlib.sha256(raw).hexdigest() != stored["weights_sha256"]:
            raise ValueError(f"{path} does not belong to the config beside it; copy both again")
        own = ("format", "model", "input", "weights_sha256")
        encoder.meta = {key: value for key, value in stored.items() if key not in own}
        return encoder.to(device).eval()


def _lists(statistics: Statistics) -> list[list[float]]:
    return [np.asarray(part, np.float32).tolist() for part in statistics]


def find_encoder(vae: VAE | Encoder) -> Encoder:
    """The encoder that an argument means: one itself, or a VAE or a taken encoder by its name.

    Raises what ``load_vae`` raises, and TypeError, with the line to write, for a bare torch module
    or function.
    """
    if isinstance(vae, Encoder):
        return vae
    if isinstance(vae, str | Path):
        folder = find_vae(vae)
        taken = read_config(folder).get("kind") == KIND
        return TakenEncoder.load(folder) if taken else BetaVAE.load(folder)
    if callable(vae):
        raise TypeError(
            f"{getattr(vae, '__name__', type(vae).__name__)} does not say which frames it takes "
            "and how wide its codes are; give OwnEncoder(it, shape=(C, H, W), width=D)"
        )
    return load_vae(vae)


def find_vae_encoder(vae: VAE) -> BetaVAE:
    """``find_encoder``, and TypeError for another encoder than a VAE's."""
    encoder = find_encoder(vae)
    if not isinstance(encoder, BetaVAE):
        raise TypeError(f"this takes a VAE or its encoder, got {type(encoder).__name__}")
    return encoder
