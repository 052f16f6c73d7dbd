"""A VAE with more units in its layers: the same codes and pictures, and room to learn more.

Those that come in addition begin as in a new network, and nobody hears them yet: their weights into
the old units are 0, so that the first gradients decide what they are good for (as in Net2Net, Chen
et al. 2016, 1511.05641, where they are copies of the old ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.seeded import seeded


def wider(
    config: VAEConfig, channels: Sequence[int] | None = None, hidden: int | None = None
) -> VAEConfig:
    """``config`` with these widths, where they are given; ValueError for smaller ones."""
    found = replace(
        config,
        channels=config.channels if channels is None else channels,  # type: ignore[arg-type]
        hidden=config.hidden if hidden is None else hidden,
    )
    if found.hidden < config.hidden or any(
        after < before for before, after in zip(config.channels, found.channels, strict=True)
    ):
        raise ValueError(
            f"a student cannot have fewer units than its teacher, whose channels are "
            f"{config.channels} and hidden {config.hidden}; got {found.channels} and "
            f"{found.hidden}: leave them out, or give more (--channels, --hidden of harden, "
            "student_channels= and student_hidden= of a recipe)"
        )
    return found


def widened(vae: BetaVAE, config: VAEConfig, *, seed: int = 0) -> BetaVAE:
    """``vae`` as a VAE of ``config``, which ``wider`` made of its own: the same up to rounding.

    The new units' weights depend on ``seed``. ``meta`` is that of ``vae``.
    """
    with seeded(seed):
        wide = BetaVAE(config)
    for old, new in zip(vae.modules(), wide.modules(), strict=True):
        _place(old, new)
    wide.meta = dict(vae.meta)
    return wide.to(next(vae.parameters()).device).train(vae.training)


@torch.no_grad()
def _place(old: nn.Module, new: nn.Module) -> None:
    """The weights of layer ``old`` into the first units of ``new``, which hear no others."""
    own = dict(old.named_parameters(recurse=False)) | dict(old.named_buffers(recurse=False))
    for name, values in own.items():
        room = getattr(new, name)
        if isinstance(old, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and name == "weight":
            into = 1 if isinstance(old, nn.ConvTranspose2d) else 0  # the dimension of outputs
            room.narrow(into, 0, values.shape[into]).zero_()
        room[tuple(slice(0, size) for size in values.shape)] = values
