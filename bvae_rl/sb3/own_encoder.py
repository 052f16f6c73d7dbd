"""An encoder of one's own, a torch module or function, instead of a VAE.

    encoder = OwnEncoder(my_module, shape=(3, 64, 64), width=128)
    LatentVecEnv(venv, encoder)
    PPO("CnnPolicy", env, policy_kwargs=policy_kwargs(encoder))

It is frozen. In a policy it is kept outside of parameters and state dict, so that nothing of SB3
reaches it, and goes into ``model.zip`` pickled, with the policy's other arguments.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import torch
from torch import Tensor, nn

from bvae_rl.data.pictures.checks import checked_frames
from bvae_rl.data.pictures.frame_layout import frames_to_x, x_to_frames
from bvae_rl.models.scaling import Encoder, scaling
from bvae_rl.models.vae_config import ALL, AUTO
from bvae_rl.runtime.content import digest
from bvae_rl.runtime.devices import pick_device


class OwnEncoder:
    """``encode``, x (B, C, H, W) float32 in [0, 1] -> codes (B, D), with its sizes declared.

    ``encode``: a torch module, of which a copy as it is now, and where it is, is kept in evaluation
    mode, or a function. It must give the same codes for a picture alone and in a batch.
    ``shape``: (C, H, W) of a frame.
    ``width``: D, at least 1.
    ``statistics``: mean and std of each code, each (D,), by which ``standardise=True`` scales;
    default: 0 and 1, which leaves codes as they are.
    ``name``: by which agents know its codes; default: a module's weights, a function's name, code
    and the networks and arrays that it uses. Another version of Python compiles its code to
    something else.

    Raises TypeError for what cannot be called, ValueError if it does not give finite codes of that
    width for a black frame.
    """

    def __init__(
        self,
        encode: Callable[[Tensor], Tensor],
        *,
        shape: tuple[int, int, int],
        width: int,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        name: str = "",
    ) -> None:
        if not callable(encode):
            raise TypeError(f"encode must be a module or function, got {type(encode).__name__}")
        if len(shape) != 3 or min(shape) < 1 or width < 1:
            raise ValueError(
                f"shape is (C, H, W) of a frame and width at least 1, got {shape} and {width}"
            )
        self.device = "cpu"  # on which frames are encoded; in a policy it is the policy's
        if isinstance(encode, nn.Module):
            encode = deepcopy(encode).eval().requires_grad_(False)
            weights = [*encode.parameters(), *encode.buffers()]
            self.device = str(weights[0].device) if weights else "cpu"
        self.encode, self.shape, self.latent_dim = encode, (shape[0], shape[1], shape[2]), width
        self.name = name
        self._statistics = statistics or ([0.0] * width, [1.0] * width)
        try:
            with torch.no_grad():
                self.encode_x(torch.zeros(2, *shape, device=self.device))
        except RuntimeError as error:
            raise ValueError(
                f"the encoder does not take frames of shape (C, H, W) = {shape}: {error}"
            ) from error

    def encode_x(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [0, 1] -> codes (B, D) float32 on the same device.

        ValueError for codes of another width, and for NaN and infinite ones.
        """
        if isinstance(self.encode, nn.Module):
            self.encode.to(x.device)
        codes = self.encode(x)
        if not isinstance(codes, Tensor):
            raise ValueError(f"the encoder must give a torch tensor, got {type(codes).__name__}")
        codes = codes.to(x.device, torch.float32)
        if torch.compiler.is_exporting():  # a graph cannot check
            return codes
        expected = (len(x), self.latent_dim)
        if codes.shape != expected:
            raise ValueError(
                f"the encoder is declared with width={self.latent_dim} and gave codes of shape "
                f"{tuple(codes.shape)} for {len(x)} frames, not {expected}; declare its true width"
            )
        if not bool(torch.isfinite(codes).all()):
            raise ValueError(_NOT_FINITE)
        return codes

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray, *, batch: int = 256) -> np.ndarray:
        """Codes (N, D) float32 of uint8 frames (N, H, W, C)."""
        frames = checked_frames(frames, self.shape)
        parts = [
            self.encode_x(frames_to_x(frames[start : start + batch]).to(self.device)).cpu().numpy()
            for start in range(0, len(frames), batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.latent_dim), np.float32)

    def __getstate__(self) -> dict[str, Any]:
        """With a module's weights on the CPU, so that it loads where there is no other device."""
        encode = self.encode
        moved = deepcopy(encode).cpu() if isinstance(encode, nn.Module) else encode
        return vars(self) | {"encode": moved}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        try:
            self.device = str(pick_device(state.get("device", "cpu")))
        except ValueError:  # another machine
            self.device = "cpu"

    def slice_of(self, group: str) -> slice:
        """Which codes ``group`` holds; there is only "all"."""
        if group != ALL:
            raise ValueError(f"an encoder of your own has no latent group {group!r}; known: all")
        return slice(0, self.latent_dim)

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std of each code, each (D,)."""
        mean, std = (np.asarray(part, np.float32) for part in self._statistics)
        return mean, std

    def fingerprint(self) -> str:
        """What tells it from another one."""
        return self.name or digest(self.encode)


@dataclass(frozen=True, repr=False)
class PackedEncoder:
    """A pickled encoder, as a value among an extractor's arguments: each copy unpacks its own."""

    data: bytes

    @classmethod
    def of(cls, encoder: Encoder) -> Self:
        """``encoder`` as it is now; ValueError, with the reason, if it cannot be pickled."""
        try:
            data = cloudpickle.dumps(encoder)
            pickle.loads(data)
        except Exception as error:
            raise ValueError(
                f"this encoder cannot be saved with an agent: {error}; define its class or "
                "function in a module that can be imported, and keep open files, locks and "
                "environments out of it"
            ) from error
        return cls(data)

    def encoder(self) -> Encoder:
        """Its own copy; ValueError where what it is made of cannot be imported."""
        try:
            found: Encoder = pickle.load(io.BytesIO(self.data))
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"the encoder in this agent cannot be read here: {error}; make the module that "
                "defines it importable"
            ) from error
        return found

    def __repr__(self) -> str:
        return f"<own encoder, {len(self.data) / 1e6:.1f} MB>"


class HeldEncoder(nn.Module):
    """Any ``Encoder`` in a policy: x (N, C, H, W) -> the chosen codes (N, width), scaled.

    ``packed``: the encoder.
    ``latents``, ``standardise``: as in ``policy_kwargs``.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, packed: PackedEncoder, *, latents: str, standardise: bool) -> None:
        super().__init__()
        self._held = [packed.encoder()]  # in a list: no submodule, so that SB3 does not reach it
        self.latents, self.standardise = ALL if latents == AUTO else latents, standardise
        if isinstance(self.held, nn.Module):
            self.held.eval()
        self._columns = self.held.slice_of(self.latents)
        if standardise:
            for name, part in zip(("mean", "scale"), scaling(self.held), strict=True):
                self.register_buffer(name, torch.from_numpy(part), persistent=False)

    @property
    def held(self) -> Encoder:
        """The encoder itself."""
        return self._held[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        return self.held.shape

    @property
    def latent_dim(self) -> int:
        """How many codes are chosen."""
        return self._columns.stop - self._columns.start

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) in [0, 1] -> codes (N, latent_dim); ValueError as ``checked_codes``."""
        if isinstance(self.held, OwnEncoder):
            codes = self.held.encode_x(x)
        else:
            if torch.compiler.is_exporting():
                raise ValueError(
                    f"{type(self.held).__name__} encodes outside of torch and cannot be exported; "
                    "write it as a torch module in OwnEncoder"
                )
            frames = self.held.encode_frames(x_to_frames(x))
            codes = torch.from_numpy(checked_codes(frames, self.held.latent_dim)).to(x.device)
        if self.standardise:
            codes = (codes - self.mean) / self.scale
        return codes[:, self._columns]


def checked_codes(codes: Any, width: int) -> np.ndarray:
    """``codes`` as float32 if they are finite numbers of (N, ``width``), else a ValueError."""
    if not isinstance(codes, np.ndarray) or codes.ndim != 2 or codes.shape[1] != width:
        found = f"of shape {codes.shape}" if isinstance(codes, np.ndarray) else f"as {type(codes)}"
        raise ValueError(
            f"the encoder is declared with {width} latents and gave codes {found}; declare its "
            "true width (latent_dim), and give arrays (N, width)"
        )
    if not np.isfinite(codes).all():
        raise ValueError(_NOT_FINITE)
    return codes.astype(np.float32, copy=False)


_NOT_FINITE = (
    "the encoder gave NaN or infinite codes; look for weights that are not finite (a training that "
    "diverged) or for a division by zero in it"
)
