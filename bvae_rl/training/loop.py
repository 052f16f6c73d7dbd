"""The training of a VAE on a frame store. Names no objective: that is handed in.

A step depends only on (seed, step), and checkpoints hold model, optimizer and objective, so that a
killed run, called again, ends with the same weights. Each checkpoint is a usable VAE, too, whose
``config.json`` says ``"finished": false``.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.devices import pick_device
from bvae_rl.runtime.identity import changed, identity, refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import CONFIG_FILE, Run, require_own
from bvae_rl.runtime.seeded import seeded
from bvae_rl.runtime.whole import is_whole
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.batches.pixel_weights import Weighting, weigher
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives import Objective
from bvae_rl.training.story import frames_seen, name_of
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.trainer import NotFinite, Trainer, plain
from bvae_rl.training.validation import validation_rows
from bvae_rl.training.verdict.idle import FIRST_LOOK
from bvae_rl.training.watch import CHECKPOINT, COLLAPSED, LOG, Callback, Watch

WATCHING = ("log_freq", "save_freq", "device")

UNREADABLE = (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError)

logger = logging.getLogger(__name__)


def train_vae(
    store: FrameStore,
    config: VAEConfig,
    objective: Objective,
    *,
    steps: int,
    seed: int,
    out: str | Path,
    train: TrainConfig | None = None,
    start: BetaVAE | None = None,
    weighting: Weighting | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
    prune: bool = False,
) -> BetaVAE:
    """Train for ``steps`` batches and save to ``out``; resumes, or returns what is already there.

    ``start`` continues from given weights (same config). ``weighting`` says which pixels count
    more. ``command`` is kept in the saved config, and the metrics (``vae/*``) of the last
    validation in ``meta["scores"]["validation"]``; all of them go to ``log.csv`` and ``callbacks``.
    With the last stand the scores of ``verdict.judge``, and ``meta["worst_frames"]`` are its rows.
    ``prune`` cuts out the latents that do not tell frames apart in the end (``models.pruned``),
    unless there were so few batches that they may not have learned to (``idle.FIRST_LOOK``).

    Raises ValueError for settings that do not go together, for a folder that holds another
    training (which says what differs), and RunError while another process trains into ``out``.
    """
    train = train or TrainConfig()
    check_run(steps, seed)
    if tuple(store.shape) != config.shape:
        raise ValueError(f"the store holds frames of {store.shape}, the VAE takes {config.shape}")
    if start is not None and start.config != config:
        differ = "; ".join(changed(identity(start.config), identity(config)))
        raise ValueError(
            f"the VAE to go on from has another config ({differ}); build this one as that "
            "(config=start.config), or start from another"
        )
    if config.levels != (levels := getattr(objective, "levels", 0)):
        raise ValueError(
            f"objective {objective.name} takes latents of levels={levels} (0: continuous), and "
            f"this VAE's have levels={config.levels}; build it with VAEConfig(levels={levels})"
        )
    made_of = identity({
        "steps": steps, "seed": seed, "train": train, "model": config, "objective": objective,
        "weighting": weighting, "start": start, "store": store,
        "prune": prune or None,
    })  # fmt: skip
    device = pick_device(train.device)
    run = Run(out)
    require_own(run.folder, CONFIG_FILE, CHECKPOINT, LOG)
    with owned(run.folder):
        found = _finished(run, made_of, train)
        if found is not None:
            run.path(CHECKPOINT).unlink(missing_ok=True)  # if it was stopped in its very last line
            return found
        with seeded(seed):
            vae = BetaVAE(config)
        if start is not None:
            vae.load_state_dict(start.state_dict())
        rows = Rows(store, validation=train.validation)
        judged = validation_rows(store, rows)
        pairing = objective.pairing(rows, vae)  # what the store lacks is said before compiling
        weigh = None if weighting is None else weigher(weighting, store, steps)
        held_out = frames_at(store, judged)
        trainer = Trainer(
            vae, objective, train, steps=steps, seed=seed, device=device,
            weighted=weighting is not None,
        )  # fmt: skip
        first, collapsed = _resume(trainer, run)
        watch = Watch(trainer, run, first, held_out, callbacks, collapsed=collapsed)
        watch.story = {
            **made_of,
            "frames": frames_seen(store, start),
            "command": command,
            "callbacks": [name_of(callback) for callback in callbacks],
            "continued_from": None if start is None else start.meta.get("training"),
        }
        for step, (batch, noise) in enumerate(
            trainer.batches(store, pairing, first, weigh), start=first
        ):
            try:
                logged = trainer.step(batch, noise, step)
            except NotFinite:
                watch.save(step)
                raise
            done = step + 1
            if done % train.log_freq == 0 or done == steps:
                watch.log(done, plain(logged))
            if done % train.save_freq == 0 and done < steps:
                watch.save(done)
        watch.judge(store, judged)
        trainer.finished()
        return watch.save(steps, prune=prune and steps >= FIRST_LOOK)


def check_run(steps: int, seed: int = 0) -> tuple[int, int]:
    """Both as Python's own; ValueError for fewer than one step, parts of one, a negative seed."""
    for name, value in (("steps", steps), ("seed", seed)):
        if not is_whole(value):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    return int(steps), int(seed)


def _finished(run: Run, made_of: dict[str, Any], train: TrainConfig) -> BetaVAE | None:
    """The VAE if ``run`` holds it whole; ValueError for another one, or one that cannot go on."""
    steps = made_of["steps"]
    if not run.path(CONFIG_FILE).exists():
        if run.path(CHECKPOINT).exists():
            _forget(run.path(CHECKPOINT))
        return None
    stored = read_config(run.folder)
    training, finished = stored.get("training", {}), stored.get("finished", True)
    there = {name: training.get(name) for name in made_of}
    before, after = _decisive(there), _decisive(made_of)
    if {**before, "steps": steps} != {**after, "steps": steps}:
        refuse_changes(run.folder, "a VAE", before, after)
    if there["steps"] != steps and (finished or train.decay == "linear"):
        cure = (
            f"and is finished; go on from it in another folder, with start={run.folder} (--start)"
            if finished
            else "and its learning rate falls along a line to the last one, so that with another "
            "number each step so far would have been another; choose another folder, or train "
            "with TrainConfig(decay='none') (--decay none) and a constant beta, which may go on"
        )
        raise ValueError(
            f"{run.folder} holds a VAE whose training has {there['steps']} steps, not {steps}, "
            f"{cure}"
        )
    if finished:
        return BetaVAE.load(run.folder)
    if not run.path(CHECKPOINT).exists():
        raise ValueError(
            f"{run.folder} holds an unfinished VAE without {CHECKPOINT}, from which it could go "
            "on; use it as it is, or train on from it in another folder, with "
            f"start={run.folder} (--start)"
        )
    return None


def _decisive(made_of: dict[str, Any]) -> dict[str, Any]:
    """What the weights depend on, which how often and where one looks at them is no part of."""
    train = made_of["train"]
    if isinstance(train, dict):
        train = {name: value for name, value in train.items() if name not in WATCHING}
    return {**made_of, "train": train}


def _forget(path: Path) -> None:
    """Of a training that was killed before it had said what it is; ValueError for other files."""
    try:
        torch.load(path, weights_only=True, map_location="cpu")["step"]
    except UNREADABLE as error:
        raise ValueError(
            f"{path} has no {CONFIG_FILE} beside it that says which training it belongs to; delete "
            "it to start afresh"
        ) from error
    logger.warning("%s is of a training that was killed in its first save: it begins anew", path)
    path.unlink()


def _resume(trainer: Trainer, run: Run) -> tuple[int, int]:
    """The step to go on with, and how often all was collapsed by then; 0 without a checkpoint."""
    path = run.path(CHECKPOINT)
    if not path.exists():
        return 0, 0
    try:
        state = torch.load(path, weights_only=True, map_location=trainer.device)
        step = int(state["step"])
    except UNREADABLE as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete the folder to start afresh"
        ) from error
    if step >= trainer.steps:
        raise ValueError(
            f"{run.folder} has taken {step} steps already, and steps={trainer.steps} asks for "
            "fewer; ask for more, or use the VAE as it is"
        )
    trainer.load_state_dict(state)
    logger.info("resuming %s at step %d", run.folder, step)
    return step, int(state.get(COLLAPSED, 0))
