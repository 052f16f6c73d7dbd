"""An encoder's weights as a value, and as a place for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from bvae_rl.models.scaling import scaling
from bvae_rl.models.vae import BetaVAE, VAEConfig, encoder_of


@dataclass(frozen=True, repr=False)
class EncoderWeights:
    """The encoder of a VAE that has no folder, as a value among an extractor's arguments.

    SB3 hands these to every copy of the extractor, compares them and pickles them into
    ``model.zip``. Bytes allow all that, in any process; a module would be shared between copies,
    and a file in a cache can go missing.
    """

    data: bytes  # safetensors: the encoder's state dict, and ``mean`` and ``scale`` of the latents

    @classmethod
    def of(cls, vae: BetaVAE, *, standardise: bool) -> EncoderWeights:
        """The encoder of ``vae`` as it is now; ValueError where it cannot be standardised."""
        tensors = dict(vae.encoder.state_dict())
        if standardise:
            tensors |= zip(("mean", "scale"), map(torch.from_numpy, scaling(vae)), strict=True)
        return cls(save_tensors({k: t.detach().cpu().contiguous() for k, t in tensors.items()}))

    def tensors(self) -> dict[str, Tensor]:
        """By name."""
        return load_tensors(self.data)

    def __repr__(self) -> str:
        return f"<encoder in memory, {len(self.data) / 1e6:.1f} MB>"


def empty_encoder(config: VAEConfig) -> nn.Sequential:
    """An encoder whose weights are buffers, under the names that they have in a VAE's.

    Draws no random numbers, so that the policy's heads start the same with and without it.
    """
    with torch.random.fork_rng(devices=[]):
        network = encoder_of(config)
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach())
    return network


def refuse_not_finite(weights: Mapping[str, Tensor]) -> None:
    """Raise a ValueError for weights by which every code would be NaN."""
    if bad := [name for name, value in weights.items() if not bool(value.isfinite().all())]:
        raise ValueError(
            f"the encoder's weights {', '.join(bad)} are not finite, so that every code would be "
            "NaN; its training diverged: pretrain again with a lower learning rate"
        )


def weights_at(
    config: VAEConfig, checkpoint: str | EncoderWeights | None, *, standardise: bool
) -> tuple[EncoderWeights | None, str]:
    """The weights, or None and the reason."""
    if checkpoint is None:
        return None, "no checkpoint was given"
    if isinstance(checkpoint, EncoderWeights):
        return checkpoint, ""
    try:
        vae = BetaVAE.load(checkpoint)
        weights = EncoderWeights.of(vae, standardise=standardise)
    except (ValueError, OSError) as error:
        return None, str(error)
    if vae.config != config:
        return None, f"the VAE at {checkpoint} has another config than the one given"
    return weights, ""
