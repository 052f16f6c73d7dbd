"""What online fine-tuning keeps on disk, so that a killed run goes on as if nothing had happened.

Decoder, optimizer and reference frames stand in ``online-STEP.pt`` beside the ``model-STEP.zip``
that they belong to; the latter holds the encoder and the step, from which beta follows.
"""

from __future__ import annotations

import io
import logging
import pickle
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from bvae_rl.runtime.identity import identity, refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import CsvLog, Run
from bvae_rl.training.fine_tune import FineTuner

NO_UPDATES: Mapping[str, float] = {"updates": 0, "step": 0}
KEPT = 2  # pairs of files; the older ones are deleted

logger = logging.getLogger(__name__)


class OnlineState:
    """The folder ``out`` of one fine-tuning run."""

    def __init__(self, out: str | Path, settings: Mapping[str, Any], save_freq: int) -> None:
        self.run, self.save_freq = Run(out), save_freq
        self._identity = identity(settings)
        self._held = ExitStack()
        self._logs: dict[str, CsvLog] = {}
        self._last = 0
        self._step = 0
        self.updates: Mapping[str, float] = NO_UPDATES  # of the run that goes on

    def resume(self, tuner: FineTuner, *, step: int) -> bool:
        """Load what was saved at ``step``; False if the folder holds nothing yet.

        ValueError if it holds a run with other settings, or nothing for ``step``.
        """
        self._step = self._last = step
        steps = self._saved_steps()
        if not steps:
            return False
        if step not in steps:
            there = ", ".join(f"model-{found}.zip" for found in steps)
            raise ValueError(
                f"{self.run.folder} holds a fine-tuning run, and the model is at step {step}; load "
                f"one of {there} there and learn with reset_num_timesteps=False, or choose another "
                "folder"
            )
        path = self.run.path(f"online-{step}.pt")
        try:
            state = torch.load(path, weights_only=True, map_location=tuner.device)
            found, saved = state["identity"], state["tuner"]
        except (RuntimeError, EOFError, LookupError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{path} is damaged; go on from another model") from error
        refuse_changes(self.run.folder, "a fine-tuning run", found, self._identity)
        tuner.load_state_dict(saved)
        self.updates = state.get("updates", self.updates)
        logger.info("online fine-tuning goes on at step %d", step)
        return True

    def hold(self) -> None:
        """Keep the folder for this process; RunError while another one fine-tunes into it."""
        self._held.close()
        self._held.enter_context(owned(self.run.folder))

    def release(self) -> None:
        """Let another process have the folder."""
        self._held.close()

    def due(self, step: int) -> bool:
        """Whether it is time to save."""
        return step >= self._last + self.save_freq

    def save(self, model: BaseAlgorithm, tuner: FineTuner, updates: Mapping[str, float]) -> None:
        """Write the pair of files for the model's step; the older ones go.

        ``updates``: how many there were, and the metrics of the last one.
        """
        step = model.num_timesteps
        told = {k: v if isinstance(v, int) else float(v) for k, v in updates.items()}  # no numpy
        kept = {"identity": self._identity, "tuner": tuner.state_dict(), "updates": told}
        buffer = io.BytesIO()
        torch.save(kept, buffer)
        self.run.write_file(f"online-{step}.pt", buffer.getvalue())
        buffer = io.BytesIO()
        model.save(buffer)
        self.run.write_file(f"model-{step}.zip", buffer.getvalue())
        self._last = step
        for old in self._saved_steps()[:-KEPT]:
            self.run.path(f"model-{old}.zip").unlink(missing_ok=True)
            self.run.path(f"online-{old}.pt").unlink(missing_ok=True)
            shutil.rmtree(self.vae_folder(old), ignore_errors=True)

    def vae_folder(self, step: int) -> Path:
        """Where the VAE of a model over codes stands, which the model does not hold."""
        return self.run.path(f"vae-{step}")

    def log(self, name: str, step: int, metrics: Mapping[str, float]) -> None:
        """Add a row to ``NAME.csv``; rows of an earlier attempt at later steps are dropped."""
        if name not in self._logs:
            resume = self._step + 1 if self._step else None
            self._logs[name] = CsvLog(self.run.path(f"{name}.csv"), resume_step=resume)
        self._logs[name].append(step, metrics)

    def _saved_steps(self) -> list[int]:
        models = (path.stem for path in self.run.folder.glob("model-*.zip"))
        steps = sorted(int(stem.partition("-")[2]) for stem in models)
        return [step for step in steps if self.run.path(f"online-{step}.pt").exists()]
