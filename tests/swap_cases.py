"""A VAE and its student: what invariance distillation leaves, without a training."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from bvae_rl.models.digest import encoder_digest
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.identity import identity
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from tests.plug_cases import make_vae


def student_of(teacher: BetaVAE, *, hardened: bool = True, seed: int = 7) -> BetaVAE:
    """A copy of ``teacher`` whose weights have moved, with statistics of its own.

    ``hardened``: whether its config names the teacher's encoder, beside the teacher's weights.
    """
    vae = deepcopy(teacher)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in vae.encoder.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=draw)
    d = vae.latent_dim
    vae.meta["statistics"] = {"mean": [5.0] * d, "std": [3.0] * d, "kl": [1.0] * d}
    objective = identity(InvarianceDistillation(deepcopy(teacher)))
    vae.meta["training"] = {**vae.meta.get("training", {}), "objective": objective}
    if hardened:
        vae.meta["hardened"] = {"teacher_encoder": encoder_digest(teacher)}
    return vae.eval()


def scaled(teacher: BetaVAE, student: BetaVAE, frames: Any, latents: str = "content") -> Any:
    """(mu - mean) / std: the student's means, the teacher's statistics."""
    columns = teacher.slice_of(latents)
    statistics = teacher.statistics()
    assert statistics is not None
    mean, std = (part[columns] for part in statistics)
    floor = 0.1 * statistics[1].max()
    return (student.encode_frames(frames)[:, columns] - mean) / std.clip(floor)


def pair(seed: int = 0) -> tuple[BetaVAE, BetaVAE]:
    """A teacher and its student."""
    teacher = make_vae(seed)
    return teacher, student_of(teacher)
