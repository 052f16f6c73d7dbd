"""Go on training the Beta-VAE on what the agent sees, while the agent learns on its encoder.

    kwargs = policy_kwargs(vae, mode="online")
    online = OnlineBetaVAE(vae, old=FrameStore("runs/frames"))
    PPO("CnnPolicy", env, policy_kwargs=kwargs).learn(100_000, callback=online)

Order of events in on-policy algorithms: collect, update the policy, then start the next rollout.
The encoder moves there, between ``train()`` and the next rollout: a move before ``train()`` would
come between the old log-probabilities and the first gradient, where PPO's ratio has to be 1.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from numbers import Real
from pathlib import Path

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.digest import taught_by
from bvae_rl.models.hub import load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.check_codes import evaluation_envs
from bvae_rl.sb3.copies import encoder_copies, latent_env_of, same_weights, write_encoder
from bvae_rl.sb3.online_envs import LatentEnvs
from bvae_rl.sb3.online_hardening import as_before, check_harden, distillation_of
from bvae_rl.sb3.online_state import NO_UPDATES, OnlineState
from bvae_rl.sb3.probe import Probe
from bvae_rl.sb3.seen_frames import seen_frames
from bvae_rl.training.fine_tune import FineTuneConfig, FineTuner
from bvae_rl.training.hardening.report import HARDENED
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.schedules import Constant, Schedule

MIX, BETA = 0.5, 1.0

logger = logging.getLogger(__name__)


class OnlineBetaVAE(BaseCallback):
    """Callback that trains ``vae`` on the agent's frames and hands its encoder to the policy.

    ``vae`` is a VAE's folder (or a shipped one's name) or a BetaVAE, decoder included, that the
    model's encoder was made from. ``beta`` is a number, or a schedule over *environment steps*
    (``model.num_timesteps``); by default it is 1, as annealing it changed nothing where it was
    measured (docs/results/online.md). Every ``train_freq`` of them (on-policy: at the first rollout
    that starts after each multiple) ``config.gradient_steps`` are taken by an optimizer of their
    own. ``old`` is a store of pretraining frames of which a fraction ``mix`` of each batch (one
    half by default) is drawn, so that old appearances are not forgotten. ``probe`` scores the
    latents now and then.

    With ``harden`` another loss takes the place of the Beta-VAE's, and of beta: varied frames are
    taught the code that the VAE, as it was given, has for clean ones
    (``objectives/distillation.py``). The decoder stays as it is. It is what a hardened VAE gets
    unless ``beta`` is given: the Beta-VAE's loss made such an encoder worse than a frozen one.

    With ``out`` the updates are logged in ``out/online.csv`` (probes in ``out/probe.csv``), and
    every ``save_freq`` steps and at the end ``out`` gets ``model-STEP.zip`` and
    ``online-STEP.pt``, at the end also the VAE as a folder ``vae``. A killed run goes on with the
    model that was saved there and a callback made with the same arguments:
    ``PPO.load("out/model-20000.zip", env).learn(..., reset_num_timesteps=False,
    callback=OnlineBetaVAE(..., out="out"))``. A replay buffer is not saved: SB3's
    ``save_replay_buffer`` does that.

    The model has picture observations (``policy_kwargs(..., mode="online")``), or, on-policy only,
    a ``LatentVecEnv`` over a BetaVAE; then the last observation is encoded anew after each update,
    and so are the environments for evaluation: those in ``eval_envs`` and of each ``EvalCallback``
    beside this callback. Another one that shares the BetaVAE refuses its next step. To go on with a
    saved run, give ``LatentVecEnv`` the encoder beside the model, ``out/vae-STEP``.
    ValueError for models, environments, replay buffers and folders that this cannot work with.
    """

    def __init__(
        self,
        vae: BetaVAE | str | Path,
        *,
        beta: Schedule | float | None = None,
        harden: Hardening | None = None,
        train_freq: int = 1000,
        config: FineTuneConfig | None = None,
        old: FrameStore | str | Path | None = None,
        mix: float | None = None,
        probe: Probe | None = None,
        out: str | Path | None = None,
        save_freq: int = 10_000,
        seed: int = 0,
        eval_envs: VecEnv | Sequence[VecEnv] = (),
    ) -> None:
        super().__init__()
        if train_freq < 1 or save_freq < 1:
            raise ValueError(
                f"train_freq and save_freq must be at least 1, got {train_freq} and {save_freq}"
            )
        if not isinstance(vae, BetaVAE | str | Path):
            raise TypeError(
                "online fine-tuning needs a BetaVAE with its decoder, or its folder, got "
                f"{type(vae).__name__}"
            )
        check_harden(harden, beta)
        self.vae = load_vae(vae)
        if harden is None and HARDENED in self.vae.meta:
            harden = as_before(self.vae, beta)
        if beta is None:
            beta = 0.0 if harden else BETA
        if isinstance(beta, Real):
            beta = Constant(float(beta))
        if not callable(beta):
            raise TypeError(f"beta is a number or a schedule over environment steps, got {beta!r}")
        if self.vae.codebook is not None:
            raise ValueError(
                "online fine-tuning trains a Beta-VAE, and the latents of this VAE are quantised "
                f"({self.vae.config.levels} levels); keep it frozen or use mode='policy'"
            )
        old = FrameStore.existing(old) if isinstance(old, str | Path) else old
        self.beta, self.train_freq, self.seed, self.probe = beta, train_freq, seed, probe
        if mix is None:
            mix = 0.0 if old is None else MIX
        learns = BetaVAEObjective(beta) if harden is None else distillation_of(harden, self.vae)
        self.tuner = FineTuner(
            self.vae, learns, config or FineTuneConfig(), seed=seed, old=old, mix=mix
        )
        if probe is not None:
            probe.check(self.vae.config)
        settings = {
            "vae": self.vae, "beta": beta, "train_freq": train_freq, "mix": mix, "seed": seed,
            "config": self.tuner.config, "old": old,
        } | ({} if harden is None else {"harden": harden})  # fmt: skip
        self.state = None if out is None else OnlineState(out, settings, save_freq)
        self._teacher = taught_by(self.vae)  # before it moves
        self.history: list[dict[str, float]] = []  # the metrics of every update, with "step"
        self.eval_envs = [eval_envs] if isinstance(eval_envs, VecEnv) else [*eval_envs]
        self._latent_envs: LatentEnvs | None = None
        self._next: int | None = None  # step of the next update
        self._waiting = np.empty(0)  # frames for an update that was due when learn() ended

    def _on_training_start(self) -> None:
        model, step = self.model, self.model.num_timesteps
        copies = encoder_copies(model)
        latent_env = None if copies else latent_env_of(model)
        if not copies and latent_env is None:
            raise ValueError(
                f"this {type(model).__name__} has no Beta-VAE encoder to fine-tune; build it with "
                "policy_kwargs(..., mode='online'), or over LatentVecEnv"
            )
        for where, copy in copies.items():
            if copy.mode != "online":
                raise ValueError(
                    f"the encoder {where} was built with mode={copy.mode!r}; build the model with "
                    "policy_kwargs(..., mode='online')"
                )
            if copy.config != self.vae.config:
                raise ValueError(
                    f"the encoder {where} was made from a VAE of {copy.config}, the one to "
                    f"fine-tune is of {self.vae.config}; give both the same one"
                )
        self.tuner.to(model.device)
        self.seen = seen_frames(
            model,
            latent_env,
            shape=self.vae.shape,
            keep=self.tuner.wanted,
            seed=self.seed + step,
        )
        self._latent_envs = None
        if latent_env is not None:
            evaluations = [*self.eval_envs, *evaluation_envs(self.locals.get("callback"))]
            self._latent_envs = LatentEnvs(model, latent_env, evaluations, vae=self.vae)
        if self.state is not None:
            self.state.hold()
        if self.state is not None and self.history and step < self.history[-1]["step"]:
            raise ValueError(
                f"the run in {self.state.run.folder} is at step {self.history[-1]['step']} and the "
                f"model at {step}; learn with reset_num_timesteps=False"
            )
        state = None if self.history else self.state
        resumed = state is not None and state.resume(self.tuner, step=step)
        if resumed and self._latent_envs is not None:  # the model has no encoder in it
            self._latent_envs.write(self.tuner.encoder, self.tuner.vae)
        self._check_in_step()
        if self._next is None or step < self._next - self.train_freq:  # another training
            self._next, self._waiting = self._multiple_after(step), np.empty(0)
        if self.probe is not None:
            self.probe.start(step)

    def _multiple_after(self, step: int) -> int:
        return (step // self.train_freq + 1) * self.train_freq

    def _check_in_step(self) -> None:
        """The model must use the encoder that this callback trains."""
        expected = self.tuner.encoder
        for where, copy in encoder_copies(self.model).items():
            if not same_weights(copy.weights(), expected):
                raise ValueError(
                    f"the encoder {where} is not that of the VAE to fine-tune: it has moved since "
                    "or is another one; to go on with a saved run give out= its folder"
                )
        if self._latent_envs is not None:
            self._latent_envs.check_in_step(expected)

    def _on_step(self) -> bool:
        self.seen.on_step()
        return True

    def _on_rollout_end(self) -> None:
        self.seen.on_rollout_end()

    def _on_rollout_start(self) -> None:
        step = self.model.num_timesteps
        if self._next is not None and step >= self._next:
            frames, self._waiting = self._frames(step), np.empty(0)
            if len(frames):
                self._next = self._multiple_after(step)
                self._update(frames, step)
        if self.state is not None and self.state.due(step):
            self._save(self.state)

    def _frames(self, step: int) -> np.ndarray:
        frames = self.seen.take(self.tuner.wanted, np.random.default_rng([self.seed, step, 1]))
        return frames if len(frames) else self._waiting

    def _on_training_end(self) -> None:
        step = self.model.num_timesteps
        if self._next is not None and step >= self._next:  # goes with the next learn()
            self._waiting = self._frames(step)
        if self.probe is not None:
            self.probe.stop()
            if not self.probe.seconds:
                logger.warning("no probe was taken: %s", self.probe.why_none)
        if not self._updates["updates"]:
            logger.warning(
                "the encoder was not updated yet: that is between two rollouts, every train_freq=%d"
                " steps, and learn() ended at step %d; train for more steps, with shorter rollouts "
                "(n_steps) or a smaller train_freq",
                self.train_freq, step,
            )  # fmt: skip
        if self.state is not None:
            self._save(self.state)
            self.save_vae(self.state.run.path("vae"))
            self.state.release()

    def _save(self, state: OnlineState) -> None:
        if self._latent_envs is not None:  # no encoder is in the model
            self._latent_envs.name(self.save_vae(state.vae_folder(self.model.num_timesteps)))
        state.save(self.model, self.tuner, self._updates)

    def save_vae(self, folder: str | Path) -> Path:
        """Write the VAE as fine-tuned so far, with the encoder that the policy uses.

        Its scores are no longer known. The statistics stay those of pretraining, by which a policy
        that was trained on standardised codes goes on.
        """
        vae = self.tuner.seen_by_policy()
        kept = {name: vae.meta[name] for name in vae.meta if name in ("training", "statistics")}
        vae.meta = kept | {"online": self._updates}
        objective = self.tuner.objective
        if isinstance(objective, InvarianceDistillation):
            before = self.vae.meta.get(HARDENED, {})
            vae.meta[HARDENED] = {**before, **self._teacher, "against": list(objective.against)}
        return vae.save(folder)

    @property
    def _updates(self) -> dict[str, float]:
        """How many updates there were, and the metrics of the last one."""
        earlier = NO_UPDATES if self.state is None else self.state.updates
        last = self.history[-1] if self.history else {}
        return {**earlier, **last, "updates": earlier["updates"] + len(self.history)}

    def _update(self, frames: np.ndarray, step: int) -> None:
        metrics = self.tuner.update(frames, step=step)
        write_encoder(self.model, self.tuner.encoder)
        if self._latent_envs is not None:
            self._latent_envs.write(self.tuner.encoder, self.tuner.vae)
        if self.state is not None:
            self.state.log("online", step, metrics)
        if self.probe is not None and self.probe.due(step, elapsed=self.probe.elapsed):
            scores = self.probe.measure(self.tuner.seen_by_policy(), step=step)
            if self.state is not None:
                self.state.log("probe", step, scores)
            metrics = {**metrics, **scores}
        self.history.append({"step": step, **metrics})
        for name, value in metrics.items():
            self.logger.record(name, value)
