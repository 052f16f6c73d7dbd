"""The Beta-VAE (Higgins et al. 2017, ICLR): its two maps, and its folder.

A saved VAE is ``config.json`` (everything needed to use it, to know how it came about and how good
it is) and ``model.safetensors`` (weights; never pickle).
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from bvae_rl.data.pictures.checks import check_x, checked_frames
from bvae_rl.data.pictures.frame_layout import byte_planes, frames_to_x
from bvae_rl.models.codebook import Codebook
from bvae_rl.models.earlier import in_todays_words
from bvae_rl.models.fused import FusedEncoder
from bvae_rl.models.losses import recon_nll
from bvae_rl.models.networks import make_decoder, make_encoder
from bvae_rl.models.vae_config import ChannelOrder, VAEConfig
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE, Run
from bvae_rl.runtime.versions import environment

__all__ = ["BetaVAE", "ChannelOrder", "VAEConfig", "check_channel_order", "read_config"]

FORMAT = 1

logger = logging.getLogger(__name__)


class BetaVAE(nn.Module):
    """Encoder q(z|x) = N(mu, exp(logvar)) and decoder p(x|z), untrained.

    ``config``: sizes, latent groups and likelihood.

    ``meta`` is what is known about the weights: ``statistics`` (mean, std and KL of each latent on
    validation frames), ``training`` (command, seed, steps), ``scores``, ``versions``.
    """

    takes_pictures = True

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder_of(config)
        self.decoder = make_decoder(config.decoder, config.shape, **config.sizes)
        self._fused = FusedEncoder()
        self.meta: dict[str, Any] = {}
        self.folder: Path | None = None  # where it was saved or loaded last

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        return self.config.shape

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.config.latent_dim

    @property
    def codebook(self) -> Codebook | None:
        """The values of quantised latents, the encoder's last layer; None of continuous ones."""
        last = self.encoder[-1]
        return last if isinstance(last, Codebook) else None

    def slice_of(self, group: str) -> slice:
        """Which latents ``group`` holds: "all", a named group, or a part of one."""
        return self.config.slice_of(group)

    def statistics(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and std of each latent on validation frames, each (D,) float32, where known."""
        stored = self.meta.get("statistics")
        if stored is None:
            return None
        return np.asarray(stored["mean"], np.float32), np.asarray(stored["std"], np.float32)

    def identity(self) -> dict[str, str]:
        """What tells this VAE from another one: the SHA-256 of its weights."""
        return {"weights_sha256": hashlib.sha256(self._packed()).hexdigest()}

    def _packed(self) -> bytes:
        return save_tensors(
            {name: t.detach().cpu().contiguous() for name, t in self.state_dict().items()}
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) in [0, 1] -> mu, logvar, each (B, D); quantised latents are points."""
        if self.takes_pictures and not torch.compiler.is_compiling():
            check_x(x, self.shape, values=not self.training)
        mu, logvar = self.encoder(x).float().chunk(2, dim=1)
        return mu, logvar.clamp(-12.0, 6.0)  # exp stays finite; far outside what training reaches

    def decode_logits(self, z: Tensor) -> Tensor:
        """z (B, D) -> what ``losses.recon_nll`` takes, (B, C, H, W)."""
        return self.decoder(z.contiguous()).float()  # compiled for no other strides

    def nll(self, z: Tensor, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Minus log-likelihood of x (B, C, H, W) given z (B, D), shape (B,): ``losses.recon_nll``.

        ``weight`` (B, 1, H, W) is what each pixel counts.
        """
        logits, config = self.decode_logits(z), self.config
        return recon_nll(
            logits, x, likelihood=config.likelihood, recon_weight=config.recon_weight, weight=weight
        )

    def decode(self, z: Tensor) -> Tensor:
        """z (B, D) -> expected x (B, C, H, W) in [0, 1]."""
        logits = self.decode_logits(z)
        if self.config.likelihood == "bernoulli":
            return logits.sigmoid()
        return logits.clamp(0.0, 1.0)

    @torch.no_grad()
    def traverse(self, z: Tensor, latent: int, values: Tensor) -> Tensor:
        """Decode ``z`` (D,) with one latent set to each of ``values`` (T,) -> (T, C, H, W).

        Raises ValueError for a ``latent`` outside 0..D-1.
        """
        if not 0 <= latent < self.config.latent_dim:
            raise ValueError(f"latent must be in 0..{self.config.latent_dim - 1}, got {latent}")
        path = z.repeat(len(values), 1)
        path[:, latent] = values
        return self.decode(path)

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray, *, batch: int = 256) -> np.ndarray:
        """Posterior means of uint8 frames (N, H, W, C), shape (N, D) float32.

        Frames of ``shape``, or pictures of ``native`` that are converted; errors:
        ``data.pictures.checks``.
        """
        frames = checked_frames(frames, self.shape, native=self.config.native)
        parts = [
            self._fused.run(self.encoder, byte_planes(frames[i : i + batch]))
            for i in range(0, max(1, len(frames)), batch)
        ]
        codes = parts[0] if len(parts) == 1 else torch.cat(parts)
        return codes[:, : self.config.latent_dim].cpu().numpy()

    @torch.no_grad()
    def posterior_frames(
        self, frames: np.ndarray, *, batch: int = 256
    ) -> tuple[np.ndarray, np.ndarray]:
        """mu and logvar of uint8 frames (N, H, W, C), each (N, D) float32."""
        frames = checked_frames(frames, self.shape, native=self.config.native)
        device = next(self.parameters()).device
        parts = [
            torch.stack(self.encode(frames_to_x(frames[i : i + batch]).to(device)))
            for i in range(0, len(frames), batch)
        ] or [torch.empty(2, 0, self.latent_dim)]
        mu, logvar = torch.cat(parts, dim=1).cpu().numpy()
        return mu, logvar

    def save(self, folder: str | Path) -> Path:
        """Write ``config.json`` and ``model.safetensors``, each by rename, weights first."""
        run = Run(folder)
        weights = self._packed()
        run.write_file(WEIGHTS_FILE, weights)
        run.write_json(
            CONFIG_FILE,
            {
                **self.meta,
                "format": FORMAT,
                "model": self.config.to_dict(),
                "input": {"channel_order": self.config.channel_order, "scaling": "x = frame / 255"},
                "weights_sha256": hashlib.sha256(weights).hexdigest(),
                "versions": environment(),
            },
        )
        self.folder = Path(folder)
        return self.folder

    @classmethod
    def load(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> BetaVAE:
        """Read a saved folder, bit-equal; ValueError says what is wrong with a damaged one.

        Leaves torch's global random state as it is.
        """
        stored = read_config(folder)
        path = Path(folder) / WEIGHTS_FILE
        try:
            raw = path.read_bytes()
            tensors = load_tensors(raw)
        except (OSError, SafetensorError) as error:
            raise ValueError(
                f"cannot read the weights {path}: {error}; the file is missing, truncated or no "
                "safetensors file: copy it again or pretrain again"
            ) from error
        if hashlib.sha256(raw).hexdigest() != stored["weights_sha256"]:
            raise ValueError(
                f"{path} does not belong to the {CONFIG_FILE} beside it (checksums differ); the "
                "save was interrupted or a file replaced: copy both files again"
            )
        with torch.random.fork_rng(devices=[]):
            vae = cls(VAEConfig.from_dict(stored["model"]))
        if not any(name.startswith("decoder.") for name in tensors):
            if stored.get("kind") == "encoder":
                raise ValueError(
                    f"{folder} holds an encoder that was taken out of an agent, without a decoder: "
                    "policy_kwargs, LatentVecEnv and bvae-rl train take it, and nothing that draws"
                )
            raise ValueError(f"{path} lacks the decoder; copy the whole VAE or pretrain again")
        try:
            vae.load_state_dict(tensors)
        except RuntimeError as error:
            raise ValueError(f"{path} does not fit its {CONFIG_FILE}: {error}") from error
        own = ("format", "model", "input", "weights_sha256")
        vae.meta = {key: value for key, value in stored.items() if key not in own}
        if not stored.get("finished", True):
            training = stored.get("training", {})
            logger.warning(
                "%s holds an unfinished VAE: %s of %s steps", folder, training.get("step"),
                training.get("steps"),
            )  # fmt: skip
        vae.folder = Path(folder)
        return vae.to(device).eval()

    def __repr__(self) -> str:
        c, training = self.config, self.meta.get("training", {})
        groups = ", ".join(f"{name} {stop - start}" for name, (start, stop) in c.groups.items())
        how = "untrained"
        if training:
            step = training.get("step", training.get("steps", "?"))
            frames = training.get("store", {}).get("env", "frames")
            how = f"trained on {frames} for {step} steps"
        if not self.meta.get("finished", True):
            how += f" of {training.get('steps', '?')}, unfinished"
        sides = "x".join(map(str, c.shape))
        if c.native is not None:
            sides += f" of {'x'.join(map(str, c.native))}"
        return f"BetaVAE({sides}, {c.latent_dim} latents{groups and f' ({groups})'}, {how})"


def encoder_of(config: VAEConfig) -> nn.Sequential:
    """An untrained encoder x (B, C, H, W) -> (B, 2 * D), with the codebook if there is one."""
    encoder = make_encoder(config.encoder, config.shape, **config.sizes)
    return encoder.append(Codebook(config.latent_dim, config.levels)) if config.levels else encoder


def check_channel_order(config: VAEConfig, shown: ChannelOrder) -> None:
    """Raise a ValueError if a VAE of ``config`` is to see pictures of another channel order."""
    if config.channel_order != shown and "other" not in (config.channel_order, shown):
        raise ValueError(
            f"this VAE was trained on {config.channel_order} pictures and would be shown {shown}; "
            f"reorder the channels, or give channel_order={config.channel_order!r} if that is what "
            "the environment shows"
        )


def read_config(folder: str | Path) -> dict[str, Any]:
    """The checked content of a VAE folder's ``config.json``, without reading the weights."""
    path = Path(folder) / CONFIG_FILE
    if not path.exists():
        raise ValueError(
            f"no VAE at {folder} (missing {path.name}); make one (bvae-rl pretrain), or load a "
            "shipped one by its name: bvae_rl.from_pretrained"
        )
    try:
        stored = json.loads(path.read_text())
        found = int(stored["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no VAE's config: {error!r}") from error
    if found > FORMAT:
        raise ValueError(
            f"{path} has format {found}, written by a newer bvae_rl; this version reads up to "
            f"{FORMAT}: update bvae_rl"
        )
    missing = {"model", "weights_sha256"} - set(stored)
    if missing:
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}")
    return in_todays_words(stored)
