"""ONNX files: an encoder alone, or a whole policy from raw observation to action.

    export_policy(model, "agent.onnx")
    session = onnxruntime.InferenceSession("agent.onnx")
    (action,) = session.run(None, {"observation": frames})

Both take uint8 frames (B, H, W, C), as cameras and most environments give them: scaling and the
order of the axes are inside the file, because they go wrong when they are left to whoever deploys
it. Any batch size; the weights are in the file. Unlike the extractor in torch, the file does not
check the range of float pictures.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from torch import Tensor, nn
from torch.distributions import Distribution

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.hub import VAE
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.taken import find_vae_encoder


def export_encoder(vae: VAE, path: str | Path, *, latents: str = "all") -> Path:
    """Write the encoder: ``frames`` uint8 (B, H, W, C) -> ``codes`` float32 (B, D); return path.

    The codes are ``vae.encode_frames(frames)``: posterior means, not standardised. The file's
    metadata hold ``latents`` and ``channel_order``: pictures of another order (OpenCV reads BGR)
    have to be reordered before.

    ``vae``: a ``BetaVAE``, a folder, a shipped VAE's name or ``owner/name`` on the Hub; also what
    ``take_encoder`` gave, or its folder.
    ``path``: the file to write.
    ``latents``: which columns: "all", a group's name, or "auto": "content" if there is such a
    group, else all.

    Raises ValueError for an unknown group, TypeError for an encoder of your own, RunError if
    ``path`` cannot be written, and ImportError without the extra ``onnx``.
    """
    vae = find_vae_encoder(vae)
    latents = vae.config.choice(latents)
    c, height, width = vae.shape
    device = next(vae.parameters()).device
    frames = torch.zeros(2, height, width, c, dtype=torch.uint8, device=device)
    about = {"channel_order": vae.config.channel_order, "latents": latents}
    onnx = _to_onnx(_Encoder(vae, latents), {"frames": frames}, output="codes", about=about)
    return _write(path, onnx)


def export_policy(model: BaseAlgorithm, path: str | Path, *, channels_first: bool = False) -> Path:
    """Write the policy: ``observation`` (B, ...) -> ``action``, deterministic; return ``path``.

    ``model``: an SB3 model; ``path``: the file to write.
    ``channels_first``: whether uint8 images are (B, C, H, W) instead of (B, H, W, C).

    The action is that of ``model.predict(observation, deterministic=True)``, in the scale of the
    environment: float32 (B, ...) for a Box, int64 for discrete spaces. A Dict observation is one
    input per key. Inputs have type and shape of ``model.observation_space``, save for the order of
    the axes of uint8 images, which SB3 turns channels first.

    What wrappers do stays outside: stack frames and apply ``VecNormalize`` before; a policy over
    ``LatentVecEnv`` takes codes until ``to_image_policy`` has joined it with its encoder.

    Raises TypeError if ``model`` is no SB3 algorithm, ValueError for a recurrent policy or one with
    action masks, RunError if ``path`` cannot be written, and ImportError without the extra
    ``onnx``.
    """
    if not isinstance(model, BaseAlgorithm):
        raise TypeError(
            "model must be a Stable-Baselines3 algorithm such as PPO.load(file), got "
            f"{type(model).__name__}; a VAE goes to export_encoder"
        )
    policy = model.policy
    if hasattr(policy, "lstm_actor"):
        raise ValueError(
            f"{type(policy).__name__} is recurrent: its action depends on a state that the file "
            "would not carry; export its encoder with export_encoder, or train without recurrence "
            "on a VecFrameStack"
        )
    if "action_masks" in signature(policy._predict).parameters:
        raise ValueError(
            f"{type(policy).__name__} chooses among the actions that a mask allows, and the file "
            "would not know the mask; export its encoder with export_encoder, or use a PPO"
        )
    policy.set_training_mode(False)  # as predict does
    module = _Policy(policy, channels_first=channels_first)
    example = module.example()
    onnx = _to_onnx(module, example, output="action")
    with torch.no_grad():
        module(example)  # or the policy's distribution keeps tensors of the tracing
    return _write(path, onnx)


class _Encoder(nn.Module):
    """``frames`` uint8 (B, H, W, C) -> the chosen columns of mu."""

    def __init__(self, vae: BetaVAE, latents: str) -> None:
        super().__init__()
        self.encoder = vae.encoder  # without the decoder
        self._columns = vae.slice_of(latents)  # of the output, whose first half is mu
        self._layout = FrameLayout(vae.shape, channels_first=False, stack=1, divisor=255.0)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        codes: Tensor = self.encoder(self._layout.x(inputs["frames"]))[:, self._columns]
        return codes


class _Policy(nn.Module):
    """Observations by key -> the action that ``BasePolicy.predict`` makes of them."""

    low: Tensor
    high: Tensor

    def __init__(self, policy: BasePolicy, *, channels_first: bool) -> None:
        super().__init__()
        self.policy = policy
        space = policy.observation_space
        self._dict = isinstance(space, gym.spaces.Dict)
        self._spaces = (
            dict(space.spaces) if isinstance(space, gym.spaces.Dict) else {"observation": space}
        )
        self._channels_last = {
            key
            for key, part in self._spaces.items()
            if not channels_first
            and isinstance(part, gym.spaces.Box)
            and is_image_space(part)
            and is_image_space_channels_first(part)
        }
        if isinstance(policy.action_space, gym.spaces.Box):
            for name in ("low", "high"):
                bound = torch.as_tensor(getattr(policy.action_space, name), dtype=torch.float32)
                self.register_buffer(name, bound.to(policy.device))

    def example(self) -> dict[str, Tensor]:
        """A batch of two for each input, all zero."""
        return {key: self._zeros(key, part) for key, part in self._spaces.items()}

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        parts = {
            key: value.permute(0, 3, 1, 2) if key in self._channels_last else value
            for key, value in inputs.items()
        }
        actions = self.policy._predict(
            parts if self._dict else parts["observation"], deterministic=True
        ).reshape(-1, *(self.policy.action_space.shape or ()))
        if not isinstance(self.policy.action_space, gym.spaces.Box):
            return actions
        if self.policy.squash_output:
            return self.low + 0.5 * (actions + 1.0) * (self.high - self.low)
        return actions.clamp(self.low, self.high)

    def _zeros(self, key: str, space: gym.Space[object]) -> Tensor:
        shape = space.shape or ()
        if key in self._channels_last:
            shape = (*shape[1:], shape[0])
        return torch.from_numpy(np.zeros((2, *shape), space.dtype)).to(self.policy.device)


def _to_onnx(
    module: nn.Module,
    example: dict[str, Tensor],
    *,
    output: str,
    about: Mapping[str, str] | None = None,
) -> bytes:
    """Trace ``module`` with a free batch size; ``about`` becomes the file's metadata."""
    for package in ("onnx", "onnxscript"):
        require(package, extra="onnx")
    batch = torch.export.Dim("batch")
    free = ({name: {0: batch} for name in example},)
    with torch.no_grad(), _quiet():
        module(example)  # what is made at the first call is not made of tensors of the tracing
        program = torch.onnx.export(
            # not left to torch.onnx, which fixes the batch size where it cannot stay free
            torch.export.export(module, (example,), dynamic_shapes=free),
            dynamic_shapes=free,
            dynamo=True,
            verbose=False,
            input_names=list(example),
            output_names=[output],
        )
    assert program is not None
    program.model.metadata_props.update(about or {})
    return program.model_proto.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """What cannot be traced or only makes noise, off and on again.

    The checks of torch's distributions look at values, the log says that torchvision is missing,
    and torch meets its own deprecation and wonders that inputs share the batch size.
    """
    checked, log = Distribution._validate_args, logging.getLogger("torch.onnx")
    level = log.level
    Distribution.set_default_validate_args(False)
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used")
            yield
    finally:
        log.setLevel(level)
        Distribution.set_default_validate_args(checked)


def _write(path: str | Path, data: bytes) -> Path:
    path = Path(path)
    return Run(path.parent).write_file(path.name, data)
