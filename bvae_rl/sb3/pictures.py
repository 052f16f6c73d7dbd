"""What an agent and its encoder see while the agent learns: pictures for SB3's logger, and films.

model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs(vae), tensorboard_log="runs/tb")
model.learn(100_000, callback=PictureCallback(vae, freq=10_000))
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import (
    CSVOutputFormat,
    HumanOutputFormat,
    Image,
    JSONOutputFormat,
    KVWriter,
    TensorBoardOutputFormat,
)

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.layouts import Wanted, picture_layouts
from bvae_rl.models.digest import fingerprint
from bvae_rl.models.hub import load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import mp4, reconstructions
from bvae_rl.plots.animation import pixels
from bvae_rl.plots.board import joined
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.copies import encoder_copies, latent_env_of
from bvae_rl.sb3.extractor import BetaVAEExtractor
from bvae_rl.sb3.picture_names import picture_of
from bvae_rl.training.pictures.decoded import decode, resting
from bvae_rl.training.pictures.shown_frames import seen
from bvae_rl.training.pictures.while_training import FPS, TAG, vae_pictures, write_film
from bvae_rl.training.validation import spread

SHEET = 10  # frames of the agent's view that stand still
SMALLEST = 128  # pixels that the shorter side of a film's frame has at least
TEXTS = (HumanOutputFormat, JSONOutputFormat, CSVOutputFormat)  # which show no pictures

logger = logging.getLogger(__name__)


class PictureCallback(BaseCallback):
    """Logs what the agent sees, what its encoder keeps of that, and what each latent does.

    Every ``freq`` environment steps: ``pictures/agent_view`` (frames of the first environment, what
    is decoded of them, and the error), ``pictures/reconstructions`` and ``pictures/traversals`` as
    images, and ``pictures/agent_film``, the last ``view`` steps in motion beside what is decoded of
    them. They go to the formats of the model's logger, as SB3's ``Image``: to TensorBoard
    (``tensorboard_log=``), and so to W&B where it was begun with
    ``wandb.init(sync_tensorboard=True)``. With ``out`` they are also written there, as
    STEP-agent_view.png and so on, and the film as STEP-agent_film.mp4.

    ``vae`` is the VAE behind the agent's encoder, a folder, name or BetaVAE with its decoder. Where
    the policy holds an encoder of that shape, its weights of the moment are shown, also while
    ``OnlineBetaVAE`` or the RL loss trains them; its decoder is that of ``vae``. An agent on a
    ``LatentVecEnv``, or on plain pictures that the VAE takes, will do as well. Of an agent with an
    encoder for each picture of a Dict it is the one whose weights ``vae`` has; ``key`` names it
    where they do not tell.

    ``drawn`` lists the steps. ValueError for ``freq`` or ``view`` below 1, for an environment whose
    pictures the VAE does not take, and where nothing tells which of several encoders is meant,
    ImportError without the extra ``plots``.
    """

    def __init__(
        self,
        vae: BetaVAE | str | Path,
        *,
        freq: int = 10_000,
        view: int = 100,
        film: bool = True,
        out: str | Path | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__()
        if freq < 1 or view < 1:
            raise ValueError(f"freq and view must be at least 1, got {freq} and {view}")
        require("matplotlib", extra="plots")
        self.vae, self.freq, self.film = load_vae(vae), freq, film
        self.drawn: list[int] = []
        self._run = None if out is None else Run(out)
        self._frames: deque[np.ndarray] = deque(maxlen=view)
        self._next = 0
        self._layout: FrameLayout | None = None
        self._key: Any = key

    def _on_training_start(self) -> None:
        self._key, self._layout = self._find_layout()
        if not self._next or self.num_timesteps < self._next - self.freq:  # another training
            self._next = self.num_timesteps + self.freq
        if self._run is None and not self._outputs():
            logger.warning(
                "nobody will see the pictures: build the model with tensorboard_log=FOLDER, or "
                "give PictureCallback(..., out=FOLDER)"
            )

    def _on_step(self) -> bool:
        assert self._frames.maxlen is not None
        if self.num_timesteps + self._frames.maxlen * self.training_env.num_envs >= self._next:
            self._frames.append(self._now())
        if self.num_timesteps >= self._next:
            self._next = self.num_timesteps + self.freq
            self._draw(np.stack(self._frames))
            self._frames.clear()
        return True

    def _draw(self, frames: np.ndarray) -> None:
        """Log pictures of the newest ``frames`` (N, H, W, C) of the first environment."""
        vae, step = self._vae_now(), self.num_timesteps
        self.drawn.append(step)
        order = vae.config.channel_order
        with resting(vae):
            decoded = seen(decode(vae, vae.encode_frames(frames)), order)
        shown, rows = seen(frames, order), spread(np.arange(len(frames)), SHEET)
        view = reconstructions({"agent's view": (shown[rows], decoded[rows])}, errors=True)
        drawn = {"agent_view": pixels(view), **vae_pictures(vae, frames)}
        images = {f"{TAG}/{name}": Image(p, dataformats="HWC") for name, p in drawn.items()}
        for output in self._outputs():
            output.write(images, {name: () for name in images}, step)
        if self._run is not None:
            for name, picture in drawn.items():
                self._run.write_file(f"{step}-{name}.png", _png(picture))
        if not self.film:
            return
        pages = [_beside(a, b) for a, b in zip(shown, decoded, strict=True)]
        for output in self._outputs():
            if isinstance(output, TensorBoardOutputFormat):
                write_film(output.writer, f"{TAG}/agent_film", pages, step)
                output.writer.flush()
        if self._run is not None:
            self._run.write_file(f"{step}-agent_film.mp4", mp4(pages, FPS))

    def _now(self) -> np.ndarray:
        """The newest frame (H, W, C) of the first environment."""
        env = latent_env_of(self.model)
        observations: Any = self.locals["new_obs"] if env is None else env.raw
        picture = observations if self._key is None else observations[self._key]
        assert self._layout is not None
        return self._layout.frames(picture[:1])[0]

    def _find_layout(self) -> tuple[Any, FrameLayout]:
        """How the VAE's frames are held in what the agent sees, and under which key."""
        env = latent_env_of(self.model)
        modules = [m for m in self.model.policy.modules() if isinstance(m, BetaVAEExtractor)]
        if env is not None:
            layouts = env.layouts
        elif modules:
            layouts = modules[0].layouts
        else:
            layouts = picture_layouts(self.model.observation_space, Wanted.of(self.vae))
        fitting = {key: one for key, one in layouts.items() if one.shape == self.vae.shape}
        if not fitting:
            shapes = ", ".join(str(layout.shape) for layout in layouts.values())
            raise ValueError(
                f"the agent sees frames of (C, H, W) = {shapes}, the VAE takes {self.vae.shape}; "
                "give the VAE that its encoder is from"
            )
        if self._key is not None and self._key not in fitting:
            known = ", ".join(map(repr, fitting))
            raise ValueError(f"no picture {self._key!r} that this VAE takes; known: {known}")
        if self._key is None and len(fitting) > 1 and (each := self._encoders()):
            mine = fingerprint(self.vae.encoder.state_dict())
            own = [key for key in fitting if each.get(key) == mine]
            if len(own) != 1:
                raise ValueError(
                    f"the agent has encoders of {', '.join(map(repr, fitting))}, and the weights "
                    f"of this VAE do not tell whose it is; write PictureCallback(vae, key="
                    f"{next(iter(fitting))!r})"
                )
            self._key = own[0]
        key = next(iter(fitting)) if self._key is None else self._key
        return key, fitting[key]

    def _encoders(self) -> dict[str, int]:
        """Which weights each encoder began with, by the key of its picture; none if it is one."""
        env = latent_env_of(self.model)
        if env is not None and isinstance(env.vae, Mapping):
            return {
                key: fingerprint(one.encoder.state_dict())
                for key, one in env.vae.items()
                if isinstance(one, BetaVAE)
            }
        return {
            picture_of(where): int(copy.fingerprint)
            for where, copy in encoder_copies(self.model).items()
            if picture_of(where)
        }

    def _vae_now(self) -> BetaVAE:
        """``vae`` with the encoder that the policy has at this moment."""
        env = latent_env_of(self.model)
        own = None if env is None else env.vae
        if isinstance(own, Mapping):
            own = own[self._key]
        found = [
            copy.weights()
            for where, copy in encoder_copies(self.model).items()
            if copy.config == self.vae.config and picture_of(where) in ("", self._key)
        ]
        if isinstance(own, BetaVAE) and own.config == self.vae.config:
            found.append(own.encoder.state_dict())
        if not found:
            return self.vae
        with torch.random.fork_rng(devices=[]):  # the agent draws its actions from these numbers
            vae = BetaVAE(self.vae.config)
        vae.load_state_dict(self.vae.state_dict())
        vae.encoder.load_state_dict(found[0])
        vae.meta = self.vae.meta
        return vae.to(next(self.vae.parameters()).device).eval()

    def _outputs(self) -> list[KVWriter]:
        """The formats of the model's logger that show pictures.

        They are written to at once: SB3's own rhythm comes later, at another step or never.
        """
        return [output for output in self.logger.output_formats if not isinstance(output, TEXTS)]


def _beside(frame: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """One page (H, W, 3) of a film, its pixels large enough to be seen."""
    pair = np.stack([frame, decoded])[None]
    times = -(-SMALLEST // min(frame.shape[:2]))
    page = joined(pair.repeat(times, axis=2).repeat(times, axis=3))
    return np.repeat(page, 3, axis=-1) if page.shape[-1] == 1 else page


def _png(picture: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()
