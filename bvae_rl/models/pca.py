"""Principal components of frames as an encoder: the linear reference that a VAE has to beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from bvae_rl.data.pictures.checks import checked_array, checked_frames
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE, Run
from bvae_rl.runtime.seeded import seeded
from bvae_rl.runtime.versions import environment

KIND, FORMAT = "pca", 1
OVERSAMPLING, POWER_ITERATIONS = 10, 3  # of the randomised decomposition


class PCAEncoder:
    """Whitened principal components: codes = components @ (frame / 255 - mean).

    ``shape`` (C, H, W); ``components`` (D, H*W*C), orthogonal, by falling variance, scaled so that
    each code has mean 0 and standard deviation 1 on the frames it was fitted on; ``mean`` (H*W*C,).
    ``meta`` is what is known about the fit, kept in the saved config.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        components: np.ndarray,
        mean: np.ndarray,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self.shape = shape
        self.components, self.mean = components, mean
        self.meta: dict[str, Any] = dict(meta or {})

    @classmethod
    def fit(cls, frames: np.ndarray, latent_dim: int, *, seed: int) -> PCAEncoder:
        """Fit ``latent_dim`` components on uint8 ``frames`` (N, H, W, C), N > latent_dim."""
        n, height, width, channels = checked_array(frames).shape
        if not 1 <= latent_dim < min(n, height * width * channels):
            raise ValueError(
                f"{latent_dim} components need latent_dim >= 1 and more frames and pixels than "
                f"that, got {n} frames of {height * width * channels} values; ask for fewer"
            )
        x = frames.reshape(n, -1).astype(np.float32)
        x /= 255.0
        mean = x.mean(0)
        x -= mean
        with seeded(seed):
            sketch = min(latent_dim + OVERSAMPLING, *x.shape)
            _, std, right = torch.svd_lowrank(torch.from_numpy(x), sketch, POWER_ITERATIONS)
        components = right.numpy().T[:latent_dim]
        peaks = np.take_along_axis(components, np.abs(components).argmax(1)[:, None], axis=1)
        signs = np.where(peaks < 0, -1, 1)  # a sign is free: fix it
        std = std.numpy()[:latent_dim, None] / np.sqrt(n)
        std = np.maximum(std, max(1e-4 * std[0, 0], 1e-6))  # directions in which nothing varies
        components = (signs * components / std).astype(np.float32)
        return cls((channels, height, width), components=components, mean=mean)

    @property
    def latent_dim(self) -> int:
        """D, the number of components."""
        return len(self.components)

    def slice_of(self, group: str) -> slice:
        """Which codes ``group`` holds; there is only "all"."""
        if group != "all":
            raise ValueError(f"principal components have no latent group {group!r}; known: all")
        return slice(0, self.latent_dim)

    def encode_frames(self, frames: np.ndarray, *, batch: int = 256) -> np.ndarray:
        """Codes (N, D) float32 of uint8 frames (N, H, W, C)."""
        frames = checked_frames(frames, self.shape)
        parts = [
            (frames[i : i + batch].reshape(-1, self.mean.size) / np.float32(255.0) - self.mean)
            @ self.components.T
            for i in range(0, len(frames), batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.latent_dim), np.float32)

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each code on the fitted frames, each (D,)."""
        return np.zeros(self.latent_dim, np.float32), np.ones(self.latent_dim, np.float32)

    def save(self, folder: str | Path) -> Path:
        """Write ``model.safetensors`` and ``config.json``, each by rename, weights first."""
        run = Run(folder)
        arrays = {"components": self.components, "mean": self.mean}
        run.write_file(
            WEIGHTS_FILE, save_arrays({k: np.ascontiguousarray(v) for k, v in arrays.items()})
        )
        run.write_json(
            CONFIG_FILE,
            {"kind": KIND, "format": FORMAT, "shape": self.shape, "latent_dim": self.latent_dim,
             "meta": self.meta, "versions": environment()},
        )  # fmt: skip
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path) -> PCAEncoder:
        """Read a saved folder, bit-equal; ValueError says what is wrong with a damaged one."""
        path = Path(folder) / CONFIG_FILE
        try:
            config = json.loads(path.read_text())
            arrays = load_arrays((Path(folder) / WEIGHTS_FILE).read_bytes())
            if config["kind"] != KIND or config["format"] > FORMAT:
                raise ValueError(f"kind {config['kind']!r}, format {config['format']!r}")
            return cls(tuple(config["shape"]), **arrays, meta=config["meta"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder} holds no principal components that this version reads ({error}); "
                "fit them again"
            ) from error
