"""Log a ``Probe``'s scores during pretraining, and while an SB3 agent learns."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import CsvLog
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.sb3.probe import Probe

FILE = "probe.csv"

logger = logging.getLogger(__name__)


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
    sees. ``history`` holds them by step. ValueError for a policy without a Beta-VAE encoder.
    """

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe, self.history = probe, dict[int, dict[str, float]]()
        self._began = 0.0

    def _on_training_start(self) -> None:
        self._began = time.monotonic()
        if not encoder_copies(self.model):
            raise ValueError(
                f"the policy of this {type(self.model).__name__} holds no Beta-VAE encoder to "
                "probe; build the model with policy_kwargs(...)"
            )

    def _on_rollout_start(self) -> None:
        step = self.model.num_timesteps
        if self.probe.due(step, elapsed=time.monotonic() - self._began):
            encoder = next(iter(encoder_copies(self.model).values()))
            self.history[step] = self.probe.measure(encoder, step=step)
            for name, value in self.history[step].items():
                self.logger.record(name, value)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        if not self.history:
            logger.warning("no probe was taken: %s", self.probe.why_none)
