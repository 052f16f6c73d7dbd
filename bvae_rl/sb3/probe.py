"""MIG, DCI and R2 of an encoder in training, in a bounded fraction of the time.

``PretrainingProbe`` logs them in pretraining, ``ProbeCallback`` while an SB3 agent learns.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.callbacks import BaseCallback

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import READ_ON_POLICY, known_specs
from bvae_rl.data.probe_sets import known_set
from bvae_rl.metrics import dci, mig, r2
from bvae_rl.metrics.inputs import enough
from bvae_rl.metrics.scorable import taken
from bvae_rl.models.scaling import Encoder
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import CsvLog
from bvae_rl.sb3.encoder_life import copies_of
from bvae_rl.training.pictures.decoded import active_latents
from bvae_rl.training.validation import ACTIVE_VARIANCE

FILE = "probe.csv"
FIRST_GUESS = 2.0  # seconds per 1,000 frames, until the first probe has been timed
R2_STEPS = 300  # of the regressor, fewer than in a report

logger = logging.getLogger(__name__)


class Probe:
    """Scores on frames whose factors are sampled independently (trap 26), or read on-policy where
    the environment cannot set them.

    Factors that never change, such as the colours of a single appearance, are left out.

    ``env``: offers factors (``FactorEnv``), or tells them (``factor_specs``, ``info["factors"]``).
    ``n``: number of frames.
    ``every``: environment steps (in pretraining: batches) between two probes, at least 1.
    ``share``: fraction of the training's time that probes may take, in (0, 1]; they wait otherwise.
    ``seed``: of the frames.

    Raises ValueError for an environment without factors and for values out of these ranges.
    """

    def __init__(
        self,
        env: gym.Env,
        *,
        n: int = 1000,
        every: int = 10_000,
        share: float = 0.05,
        seed: int = 0,
    ) -> None:
        if every < 1 or not 0.0 < share <= 1.0:
            raise ValueError(
                f"every must be at least 1 and share in (0, 1], got every={every}, share={share}"
            )
        self.frames = known_set(env, n, seed=seed)
        if settable_env(env) is None:
            logger.warning("probes: %s", READ_ON_POLICY)
        episode = enough(self.frames.episode) if settable_env(env) is None else None
        self._factors, specs, left = taken(self.frames.factors, known_specs(env), episode=episode)
        for name, why in left.items():
            logger.warning("probes leave out %s: %s", name, why)
        self._drawn: dict[str, Any] = {"kinds": [spec.kind for spec in specs], "episode": episode}
        self.every, self.share = every, share
        self.seconds = 0.0  # spent on probes so far
        self._began = self._spent = 0.0  # a clock of the training, over several learn()
        self._last_cost = FIRST_GUESS * n / 1000
        self._next: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        height, width, channels = self.frames.frames.shape[1:]
        return channels, height, width

    def check(self, config: VAEConfig) -> None:
        """ValueError for frames that a VAE of ``config`` does not take."""
        if self.shape not in (config.shape, config.native):
            raise ValueError(
                f"the probe shows frames of (C, H, W) = {self.shape}, the VAE takes {config.shape};"
                f" give Probe(bvae_rl.framed(env, size={config.shape[1:]}))"
            )

    def start(self, step: int) -> None:
        """A training begins at ``step``, or goes on there: then its earlier time counts, too."""
        if self._next is not None and step < self._next - self.every:
            self.seconds, self._spent, self._next = 0.0, 0.0, None
        self._began = time.monotonic() - self._spent

    def stop(self) -> None:
        """The training pauses or ends."""
        self._spent = self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds of the training so far, probes included."""
        return time.monotonic() - self._began

    def due(self, step: int, *, elapsed: float) -> bool:
        """Whether to probe now, ``elapsed`` seconds into the training, probes included."""
        if self._next is None:
            self._next = step + self.every
        affordable = self.seconds + self._last_cost <= self.share * (elapsed - self.seconds)
        return step >= self._next and affordable

    @property
    def why_none(self) -> str:
        """What to say where a whole training went by without a probe."""
        return (
            f"none was due, or it would have taken more than {self.share:g} of the time; train "
            "longer, probe fewer frames, or allow a larger share"
        )

    def measure(self, encoder: Encoder, *, step: int) -> dict[str, float]:
        """``vae/mig``, ``vae/dci`` (disentanglement) and ``vae/r2``, means over the factors."""
        began = time.monotonic()
        codes = encoder.encode_frames(self.frames.frames)
        active = (
            active_latents(encoder, codes)
            if isinstance(encoder, BetaVAE)
            else codes.var(axis=0) > ACTIVE_VARIANCE
        )
        kinds = self._drawn["kinds"]
        scores = {
            "vae/mig": mig(codes, self._factors, kinds=kinds, active=active).score,
            "vae/dci": dci(codes, self._factors, **self._drawn).disentanglement,
            "vae/r2": r2(codes, self._factors, steps=R2_STEPS, **self._drawn).mean,
        }
        self._last_cost = time.monotonic() - began
        self.seconds += self._last_cost
        self._next = step + self.every
        return scores


class PretrainingProbe:
    """A callback of ``pretrain``: scores of the VAE in training, in ``out/probe.csv``.

    ``probe.every`` counts batches here. A probe is taken when metrics are logged and it is due.
    """

    def __init__(self, probe: Probe, out: str | Path) -> None:
        self.probe, self.history = probe, dict[int, dict[str, float]]()
        self._path = Path(out) / FILE
        self._log: CsvLog | None = None
        self._began = time.monotonic()

    def __call__(self, step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        if not self.probe.due(step, elapsed=time.monotonic() - self._began):
            return
        training = vae.training
        vae.eval()
        self.history[step] = self.probe.measure(vae, step=step)
        vae.train(training)
        self._log = self._log or CsvLog(self._path, resume_step=step)
        self._log.append(step, self.history[step])

    def say_if_none(self) -> None:
        """Warn after a training in which no probe was taken."""
        if not self.history:
            logger.warning("no probe was taken: %s", self.probe.why_none)


class ProbeCallback(BaseCallback):
    """Scores of the encoder inside the policy (``mode="policy"`` or ``"online"``), as SB3 logs.

    ``vae/mig``, ``vae/dci`` and ``vae/r2`` between two rollouts, of the latents that the policy
    sees. ``history`` holds them by step. ``key``: whose encoder, of a policy with one for each
    picture of a Dict. ValueError for a policy without a Beta-VAE encoder, for another key, and for
    frames of another size.
    """

    def __init__(self, probe: Probe, *, key: str | None = None) -> None:
        super().__init__()
        self.probe, self.history = probe, dict[int, dict[str, float]]()
        self.key = key

    def _on_training_start(self) -> None:
        for copy in copies_of(self.model, self.key).values():
            self.probe.check(copy.config)
        self.probe.start(self.model.num_timesteps)

    def _on_rollout_start(self) -> None:
        step = self.model.num_timesteps
        if self.probe.due(step, elapsed=self.probe.elapsed):
            encoder = next(iter(copies_of(self.model, self.key).values()))
            self.history[step] = self.probe.measure(encoder, step=step)
            for name, value in self.history[step].items():
                self.logger.record(name, value)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self.probe.stop()
        if not self.history:
            logger.warning("no probe was taken: %s", self.probe.why_none)
