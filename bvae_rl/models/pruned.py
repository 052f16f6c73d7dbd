"""A VAE without latents that carry nothing: the same codes of the others, and the same pictures.

What a latent takes is decided by training: one that is worth less than its KL stays near the prior.
So a training begins with more latents than there can be factors, and those that hardly tell frames
apart are cut out at its end. Kept, they would leak: the little that they say of other groups'
factors is read by what standardises them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bvae_rl.models.networks import Broadcast
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig


def to_keep(config: VAEConfig, variance: Sequence[float], least: float) -> list[int]:
    """The latents whose ``variance`` (D,) over frames exceeds ``least``, and all of named parts.

    Of each group, or of all latents where there are none, at least the one that varies most.
    """
    groups = [range(*ends) for ends in config.groups.values()] or [range(config.latent_dim)]
    kept = {latent for latent in range(config.latent_dim) if variance[latent] > least}
    kept |= {latent for ends in config.parts.values() for latent in range(*ends)}
    kept |= {max(group, key=variance.__getitem__) for group in groups if not kept & {*group}}
    return sorted(kept)


def pruned(vae: BetaVAE, keep: Sequence[int]) -> BetaVAE:
    """``vae`` with its latents ``keep`` (rising, no part or group left empty) alone.

    Posteriors of these are those of ``vae``; pictures are what ``vae`` draws with the others at 0,
    the prior's mean. Groups, parts and statistics follow.
    """
    config = replace(
        vae.config, latent_dim=len(keep), groups=_ends(vae.config.groups, keep),
        parts=_ends(vae.config.parts, keep),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        small = BetaVAE(config)
    rows, state = torch.tensor(keep), vae.state_dict()
    for name, values in _cut(vae, rows).items():
        state[name] = values
    small.load_state_dict(state)
    small.meta = dict(vae.meta)
    if statistics := vae.meta.get("statistics"):
        small.meta["statistics"] = {
            name: [values[latent] for latent in keep] for name, values in statistics.items()
        }
    return small.to(next(vae.parameters()).device).train(vae.training)


def _ends(ranges: Mapping[str, tuple[int, int]], keep: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Where each range lies among the latents that are kept."""
    return {
        name: tuple(sum(latent < end for latent in keep) for end in ends)  # type: ignore[misc]
        for name, ends in ranges.items()
    }


def _cut(vae: BetaVAE, rows: Tensor) -> dict[str, Tensor]:
    """The tensors that have a row or column for each latent, without those that go."""
    place = max(i for i, layer in enumerate(vae.encoder) if isinstance(layer, nn.Linear))
    last = vae.encoder[place]
    assert isinstance(last, nn.Linear)
    both = torch.cat([rows, rows + vae.latent_dim])  # means, then log variances
    cut: dict[str, Tensor] = {
        f"encoder.{place}.weight": last.weight[both], f"encoder.{place}.bias": last.bias[both],
    }  # fmt: skip
    if vae.codebook is not None:
        cut[f"encoder.{len(vae.encoder) - 1}.values"] = vae.codebook.values[rows]
    first = next(
        place for place, layer in enumerate(vae.decoder) if not isinstance(layer, Broadcast)
    )
    weight = vae.decoder[first].weight
    assert isinstance(weight, Tensor)
    beside = torch.arange(vae.latent_dim, weight.shape[1])  # the coordinates of broadcast
    cut[f"decoder.{first}.weight"] = weight[:, torch.cat([rows, beside])]
    return {name: values.detach() for name, values in cut.items()}
