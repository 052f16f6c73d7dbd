"""From frames to the codes that an agent sees: an encoder, its latents, their scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.models.scaling import Encoder, scaling
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import ALL, AUTO
from bvae_rl.sb3.codes import CodeMaker
from bvae_rl.sb3.own_encoder import checked_codes
from bvae_rl.sb3.taken import find_encoder


@dataclass(frozen=True, eq=False)
class Coder:
    """An encoder, the columns of its codes that are wanted, and what scales them."""

    encoder: Encoder
    columns: slice
    scaling: list[np.ndarray] | None
    maker: CodeMaker

    @classmethod
    def of(cls, encoder: Encoder, latents: str, standardise: bool) -> Coder:
        if latents == AUTO:
            latents = encoder.config.choice(latents) if isinstance(encoder, BetaVAE) else ALL
        columns = encoder.slice_of(latents)
        scales = [part[columns] for part in scaling(encoder)] if standardise else None
        return cls(encoder, columns, scales, CodeMaker(encoder, columns, scales))

    @property
    def width(self) -> int:
        return self.columns.stop - self.columns.start

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """uint8 frames (N, H, W, C) -> (N, width) float32."""
        codes = checked_codes(self.encoder.encode_frames(frames), self.encoder.latent_dim)
        codes = codes[:, self.columns]
        if self.scaling is not None:
            mean, scale = self.scaling
            codes = (codes - mean) / scale
        return np.ascontiguousarray(codes, dtype=np.float32)


def loaded(vae: Any) -> tuple[Any, dict[Any, Encoder]]:
    """What was given, loaded; and by the key of its picture, None for all."""
    if isinstance(vae, Mapping):
        each = {key: loaded(one)[0] for key, one in vae.items()}
        return each, each
    one = find_encoder(vae)
    return one, {None: one}


def grouped(coders: Mapping[Any, Coder]) -> list[tuple[Coder, list[Any]]]:
    """Each coder with the keys that it codes."""
    return [
        (coder, [key for key, its in coders.items() if its is coder])
        for coder in dict.fromkeys(coders.values())
    ]


def shown_as(vae: Any) -> str:
    """An encoder that has no name, in a message; or several, by their keys."""
    if isinstance(vae, Mapping):
        return f"{{{', '.join(f'{key!r}: {shown_as(one)}' for key, one in vae.items())}}}"
    folder = getattr(vae, "folder", None)
    return f"<{type(vae).__name__}>" if folder is None else repr(str(folder))


def mapped(change: Callable[[Any], Any], observation: Any) -> Any:
    """``change`` applied to an observation, or to each entry of a dict of them."""
    if isinstance(observation, dict):
        return {key: change(np.asarray(value)) for key, value in observation.items()}
    return change(observation)
