"""The encoder's weights inside a policy, and who may move them.

``frozen``   nobody. The weights are *buffers*, not parameters: no optimizer, gradient clipping or
             Polyak averaging of SB3 reaches them (Polyak rounds: a target copy of a frozen
             parameter drifts in its last bits), and a pass through them builds no graph.
``policy``   the RL loss too. The checkpoint stays a buffer and the optimizer gets an *offset* from
             it, so that weight = checkpoint + step_size * offset. The offset's gradient is that of
             the weight itself (straight through): whatever the optimizer would do to the weight it
             does to the offset, and ``step_size`` scales the update, not the gradient, which Adam
             would scale back.
``online``   ``OnlineBetaVAE``, by writing into the buffers of all copies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, get_args
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bvae_rl.data.pictures.checks import checked_frames
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.digest import fingerprint
from bvae_rl.models.earlier import GROUPS
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3.encoder_weights import (
    EncoderWeights,
    empty_encoder,
    refuse_not_finite,
    weights_at,
)

Mode = Literal["frozen", "policy", "online"]

# The encoders that each function has been applied to: see ``PolicyEncoder._apply``.
_applied: WeakKeyDictionary[Callable[..., Any], WeakSet[nn.Module]] = WeakKeyDictionary()


class PolicyEncoder(nn.Module):
    """x (N, C, H, W) -> the chosen posterior means (N, latent_dim), standardised if asked for.

    The arguments are those of ``BetaVAEExtractor``. Where ``checkpoint`` cannot be used, it waits
    for a state dict with weights, such as the one in ``model.zip``; until then ``forward`` raises.
    """

    ready: Tensor
    fingerprint: Tensor
    mean: Tensor
    scale: Tensor
    offset_scale: Tensor

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        checkpoint: str | EncoderWeights | None,
        latents: str,
        mode: Mode,
        standardise: bool,
        step_size: float,
    ) -> None:
        super().__init__()
        check_mode(mode, step_size=step_size)
        self.config, self.checkpoint, self.mode = VAEConfig.from_dict(config), checkpoint, mode
        self.latents = self.config.choice(GROUPS.get(latents, latents))
        self.standardise, self.step_size = standardise, step_size
        self._columns = self.config.slice_of(self.latents)  # of the output: mu, then logvar
        weights, self._problem = weights_at(self.config, checkpoint, standardise=standardise)
        self.network = empty_encoder(self.config)
        self._lay_offsets()
        self.register_buffer("ready", torch.tensor(False))
        self.register_buffer("fingerprint", torch.tensor(0))
        if standardise:
            self.register_buffer("mean", torch.zeros(self.config.latent_dim))
            self.register_buffer("scale", torch.ones(self.config.latent_dim))
        if weights is not None:
            self.adopt(weights)
        self.register_load_state_dict_post_hook(_note_that_weights_came)
        self.train(False)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) in [0, 1] -> codes (N, latent_dim); ValueError without weights."""
        self.require_weights()
        output = (
            functional_call(self.network, self.weights(), (x,))
            if len(self.offsets)
            else self.network(x)
        )
        mu: Tensor = output[:, self._columns]
        if not self.standardise:
            return mu
        return (mu - self.mean[self._columns]) / self.scale[self._columns]

    # The same to LatentVecEnv and probes, as an encoder of frames whose only latents are the chosen

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        return self.config.shape

    @property
    def latent_dim(self) -> int:
        """How many latents are chosen."""
        return self._columns.stop - self._columns.start

    def slice_of(self, group: str) -> slice:
        """Which of its latents ``group`` holds; there is only "all"."""
        if group != "all":
            raise ValueError(f"this encoder gives its {self.latents} latents, got {group!r}")
        return slice(0, self.latent_dim)

    def statistics(self) -> None:
        """Not known: its latents are standardised already, or are not to be."""

    @torch.inference_mode()
    def encode_frames(self, frames: np.ndarray, *, batch: int = 256) -> np.ndarray:
        """uint8 frames (N, H, W, C) -> codes (N, latent_dim) float32, as the policy sees them."""
        frames = checked_frames(frames, self.shape, native=self.config.native)
        device = self.ready.device
        parts = [
            self(frames_to_x(frames[start : start + batch]).to(device))
            for start in range(0, len(frames), batch)
        ] or [torch.empty(0, self.latent_dim)]
        return torch.cat(parts).cpu().numpy()

    def require_weights(self) -> None:
        """Raise a ValueError while there are no weights."""
        if self._problem:
            raise ValueError(
                f"the Beta-VAE encoder has no weights: {self._problem}; give checkpoint= the "
                "folder of a saved VAE, or load a model.zip that was saved with one"
            )

    def weights(self) -> dict[str, Tensor]:
        """The weights that ``forward`` uses, by their names in the VAE's encoder."""
        named = self._stored()
        for (name, base), offset in zip(list(named.items()), self.offsets, strict=False):
            value = offset.detach()
            named[name] = base + self.step_size * value + (offset - value)  # the last term is 0
        return named

    @torch.no_grad()
    def write(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights in place; they are then those of ``weights``, bit for bit."""
        for name, weight in self._stored().items():
            weight.copy_(weights[name])
        for offset in self.offsets:
            offset.zero_()

    @torch.no_grad()
    def become(self, mode: Mode, *, step_size: float = 1.0) -> None:
        """Change who may move the weights, which stay as they are, bit for bit.

        Only a new ``step_size`` within mode "policy" rounds. ValueError as ``check_mode``.
        """
        check_mode(mode, step_size=step_size)
        if mode == self.mode == "policy":
            for offset in self.offsets:
                offset.mul_(self.step_size / step_size)
            self.mode, self.step_size = mode, step_size
            self.offset_scale.fill_(step_size)
            return
        self.write(self.weights())
        self.mode, self.step_size = mode, step_size
        self._lay_offsets()

    def _lay_offsets(self) -> None:
        """Offsets of 0 in mode "policy", and in no other."""
        policy = self.mode == "policy"
        weights = self._stored().values() if policy else ()
        self.offsets = nn.ParameterList(torch.zeros_like(weight) for weight in weights)
        if policy:  # kept with them, so that another one at load is noticed
            device = next(iter(weights)).device
            self.register_buffer("offset_scale", torch.tensor(self.step_size, device=device))
        elif hasattr(self, "offset_scale"):
            del self.offset_scale

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *more: Any, **named: Any
    ) -> None:
        """Offsets that were trained at another ``step_size`` are rescaled: same weights."""
        scale, offsets = prefix + "offset_scale", prefix + "offsets."
        trained = [name for name in state_dict if name.startswith(offsets)]
        if bool(trained) != (self.mode == "policy") and prefix + "ready" in state_dict:
            was = "policy" if trained else "frozen' or 'online"
            raise TypeError(  # SB3 takes a ValueError here for one of its own, and hides it
                f"the saved encoder has mode '{was}' and this one is to have {self.mode!r}; load "
                f"the model as it was saved, then set_mode(model, {self.mode!r})"
            )
        if trained:
            before = float(state_dict.get(scale, self.step_size))  # unknown before 0.1: as now
            if not math.isclose(before, self.step_size, rel_tol=1e-6):
                state_dict |= {k: state_dict[k] * (before / self.step_size) for k in trained}
            state_dict[scale] = torch.tensor(self.step_size)
        super()._load_from_state_dict(state_dict, prefix, *more, **named)

    def seen(self, columns: slice) -> tuple[slice, list[np.ndarray] | None]:
        """``columns`` of its codes as columns of the VAE's, and their mean and scale, if any."""
        start = self._columns.start
        chosen = slice(start + columns.start, start + columns.stop)
        if not self.standardise:
            return chosen, None
        return chosen, [part[chosen].cpu().numpy() for part in (self.mean, self.scale)]

    def _stored(self) -> dict[str, Tensor]:
        """The buffers that are weights."""
        return dict(self.network.state_dict(keep_vars=True))

    @torch.no_grad()
    def adopt(self, vae: BetaVAE | EncoderWeights) -> None:
        """Take ``vae``, of the same config, for the checkpoint."""
        if isinstance(vae, BetaVAE):
            vae = EncoderWeights.of(vae, standardise=self.standardise)
        tensors = vae.tensors()
        refuse_not_finite(tensors)
        self.write(tensors)
        if self.standardise:
            self.mean.copy_(tensors["mean"])
            self.scale.copy_(tensors["scale"])
        self.fingerprint.fill_(fingerprint(self.weights()))
        self.ready.fill_(True)
        self._problem = ""

    @property
    def moved(self) -> bool:
        """Whether the weights are no longer those of the checkpoint."""
        return fingerprint(self.weights()) != int(self.fingerprint)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: SB3 calls this before every update."""
        return super().train(False)

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Leave everything as it is: PPO and A2C initialise the policy's layers through this."""
        return self

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """As ``policy.to(device)`` does at the end of a model's construction.

        torch applies ``fn`` to a module once for each network that holds it, so that twice means an
        actor and a critic, and SB3 then lets no gradient of the critic's loss through (trap 9).
        """
        if self.mode == "policy":
            encoders = _applied.setdefault(fn, WeakSet())
            if self in encoders:
                raise ValueError(
                    "two networks hold this encoder, and share_features_extractor=True trains the "
                    "encoder by the actor's loss alone in SAC, TD3 and DDPG; leave it False with "
                    "mode='policy', or use mode='online'"
                )
            encoders.add(self)
        return super()._apply(fn, recurse)


def check_mode(mode: str, *, step_size: float) -> None:
    """Raise a ValueError for an unknown mode, or a step size that the mode does not use."""
    if mode not in get_args(Mode):
        raise ValueError(f"unknown mode {mode!r}; known: {', '.join(get_args(Mode))}")
    if not step_size > 0:
        raise ValueError(f"step_size must be positive, got {step_size}; to freeze, mode='frozen'")
    if mode != "policy" and step_size != 1.0:
        raise ValueError(
            f"step_size scales what the RL loss does to the encoder; mode {mode!r} has none of "
            "that: use mode='policy' or leave step_size out"
        )


def _note_that_weights_came(module: nn.Module, incompatible_keys: object) -> None:
    assert isinstance(module, PolicyEncoder)
    if module.ready:
        module._problem = ""
