"""An agent that learns while frames are collected: SB3's PPO on codes of them.

It is driven from outside, by whoever steps the environments (``rollout.play``): ``observe`` wraps
them into what it sees, and ``act`` acts and learns. All that it knows is a dict of tensors, so that
a collection that was killed goes on bit-equal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from stable_baselines3.common.vec_env.stacked_observations import StackedObservations
from torch import Tensor

from bvae_rl.data.collecting.acted import ACTIONS
from bvae_rl.data.collecting.sticky import beside
from bvae_rl.data.pictures.frame_layout import FrameLayout

Encode = Callable[[np.ndarray], np.ndarray]  # uint8 frames (n, H, W, C) -> codes (n, D) float32

STACK = 4  # newest codes that it sees
REPEAT = 4  # steps for which a continuous action acts
ROLLOUT = 512  # decisions of all environments between two updates
BATCH, GAMMA, LAMBDA, ENTROPY = 64, 0.99, 0.95, 0.01


class Learner:
    """PPO in ``n_envs`` environments with actions ``space``; codes have ``width`` values.

    Rewards are divided by the running standard deviation of their discounted sum. Continuous
    actions are scaled to their bounds where these are finite. ``steps`` counts environment steps,
    ``returns`` holds (steps, return) of the episodes that ended. ValueError for actions that PPO
    does not take.
    """

    def __init__(
        self, encode: Encode, width: int, space: gym.Space[Any], n_envs: int, *, seed: int
    ) -> None:
        # SB3's MultiBinary has one axis
        if not isinstance(space, ACTIONS) or len(np.shape(getattr(space, "n", 0))) > 0:
            raise ValueError(
                f"an agent that learns needs actions that PPO takes, got {space}; leave its share "
                "out: --shares sticky=1"
            )
        self.encode, self.width, self.n_envs = encode, width, n_envs
        self.seen = gym.spaces.Box(-np.inf, np.inf, (STACK * width,), np.float32)
        self.space, own = space, space
        if isinstance(space, gym.spaces.Box):
            own = gym.spaces.Box(-1.0, 1.0, space.shape, np.float32)
        elif isinstance(space, gym.spaces.Discrete):
            own = gym.spaces.Discrete(int(space.n))  # PPO's begin at 0
        elif isinstance(space, gym.spaces.MultiDiscrete):
            own = gym.spaces.MultiDiscrete(space.nvec)
        self.repeat = REPEAT if isinstance(space, gym.spaces.Box) else 1
        venv = DummyVecEnv([lambda: _Spaces(self.seen, own)] * n_envs)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You have specified a mini-batch size")
            torch.manual_seed(seed)
            self.model = PPO(
                "MlpPolicy", venv, n_steps=max(2, -(-ROLLOUT // n_envs)), batch_size=BATCH,
                gamma=GAMMA, gae_lambda=LAMBDA, ent_coef=ENTROPY, device="cpu",
            )  # fmt: skip
        self.model.set_logger(Logger(None, []))
        self.scale = RunningMeanStd(shape=())
        self.steps, self.returns = 0, np.zeros((0, 2))
        self.begin(np.random.default_rng(seed))

    def begin(self, rng: np.random.Generator) -> None:
        """Forget what is under way, and take random numbers from ``rng``: a block begins."""
        self._torch = torch.Generator().manual_seed(int(rng.integers(2**31))).get_state()
        self._numpy = np.random.RandomState(int(rng.integers(2**31))).get_state()
        self._rows: list[dict[str, Any]] = []
        self._pending: dict[str, Any] | None = None
        self._gains, self._ended = np.zeros(self.n_envs), np.ones(self.n_envs, dtype=bool)
        self.restart()

    def restart(self) -> None:
        """All environments are reset; what goes on there is cut, and has not ended."""
        n = self.n_envs
        if self._pending is not None:
            further = self._values(self._newest).numpy().ravel()
            self._gains += np.where(self._ended, 0.0, GAMMA * further)
            self._close()
        self._left = 0
        self._gains, self._ended = np.zeros(n), np.ones(n, dtype=bool)
        self._discounted, self._return = np.zeros(n), np.zeros(n)

    def observe(self, venv: VecEnv) -> VecEnv:
        """``venv`` as this agent sees it; it learns from what happens there."""
        return _Codes(venv, self)

    def act(self, codes: np.ndarray) -> np.ndarray:
        """Actions (n_envs, ...) for codes (n_envs, STACK * width); a new one each ``repeat``."""
        if not self._left:
            self._close()
            if len(self._rows) >= self.model.n_steps:
                self._learn(codes)
            with self._random(), torch.no_grad():
                actions, values, logs = self.model.policy(torch.as_tensor(codes))
            self._pending = {
                "obs": codes.copy(), "action": actions.numpy(), "episode_start": self._ended.copy(),
                "value": values, "log_prob": logs,
            }  # fmt: skip
            self._held = self._scaled(actions.numpy())
            self._gains, self._ended = np.zeros(self.n_envs), np.zeros(self.n_envs, dtype=bool)
            self._left = self.repeat
        self._left -= 1
        return self._held

    def see(
        self, codes: np.ndarray, rewards: np.ndarray, dones: np.ndarray, cut: Mapping[int, Any]
    ) -> None:
        """What a step brought; ``cut`` holds the last codes of episodes that a limit ended."""
        self.steps += self.n_envs
        self._newest = codes
        gains = np.asarray(rewards, dtype=np.float64)
        if not np.isfinite(gains).all():
            raise ValueError(
                f"the environment gave the rewards {gains.tolist()} at step {self.steps}, of which "
                "no agent learns; mend them, or leave its share out: --shares sticky=1"
            )
        self._return += gains
        self._discounted = GAMMA * self._discounted + gains
        self.scale.update(self._discounted)
        gains = np.clip(gains / np.sqrt(self.scale.var + 1e-8), -10, 10)
        for env, last in cut.items():
            gains[env] += GAMMA * self._values(last[None]).item()
        self._gains += np.where(self._ended, 0.0, gains)
        ended = [(self.steps, self._return[env]) for env in np.flatnonzero(dones)]
        self.returns = np.concatenate([self.returns, np.reshape(ended, (-1, 2))])
        self._return[dones], self._discounted[dones] = 0.0, 0.0
        self._ended |= dones

    def end(self) -> None:
        """Learn from what is left of a block."""
        self._close()
        if len(self._rows) > 1:
            self._learn(self._newest)

    def _close(self) -> None:
        if self._pending is not None:
            self._rows.append({**self._pending, "reward": self._gains})
            self._pending = None

    def _learn(self, codes: np.ndarray) -> None:
        model = self.model
        model.rollout_buffer = RolloutBuffer(
            len(self._rows), self.seen, model.action_space, "cpu", LAMBDA, GAMMA, self.n_envs
        )
        for row in self._rows:
            model.rollout_buffer.add(**row)
        model.rollout_buffer.compute_returns_and_advantage(self._values(codes), self._ended)
        self._rows = []
        with self._random():
            model.train()

    def _values(self, codes: np.ndarray) -> Tensor:
        with torch.no_grad():
            return self.model.policy.predict_values(torch.as_tensor(codes))

    def _scaled(self, actions: np.ndarray) -> np.ndarray:
        if isinstance(self.space, gym.spaces.Discrete | gym.spaces.MultiDiscrete):
            return np.asarray(self.space.start + actions)
        if not isinstance(self.space, gym.spaces.Box):
            return actions.astype(self.space.dtype)
        low, high = self.space.low.astype(np.float64), self.space.high.astype(np.float64)
        bounded = np.isfinite(low) & np.isfinite(high)
        with np.errstate(over="ignore", invalid="ignore"):
            within = low + (np.clip(actions, -1, 1) + 1) / 2 * (high - low)
        scaled = np.where(bounded, within, beside(actions, low, high))
        if np.issubdtype(self.space.dtype, np.integer):
            scaled = np.rint(scaled)
        return scaled.astype(self.space.dtype)

    @contextmanager
    def _random(self) -> Iterator[None]:
        """Own random numbers in torch and numpy, whose state is left as it was.

        SB3's rollout buffer draws its order from numpy's global numbers.
        """
        before = np.random.get_state()  # noqa: NPY002
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._torch)
            np.random.set_state(self._numpy)  # noqa: NPY002
            try:
                yield
            finally:
                self._torch = torch.get_rng_state()
                self._numpy = np.random.get_state()  # noqa: NPY002
                np.random.set_state(before)  # noqa: NPY002

    def state(self) -> dict[str, Tensor]:
        """All that it has learned, between two blocks."""
        found = {f"policy.{name}": value for name, value in self.model.policy.state_dict().items()}
        for number, kept in self.model.policy.optimizer.state_dict()["state"].items():
            found |= {f"optimizer.{number}.{name}": value for name, value in kept.items()}
        scale = np.array([self.scale.mean, self.scale.var, self.scale.count, self.steps], float)
        found["scale"] = torch.as_tensor(scale)
        found["returns"] = torch.as_tensor(self.returns)
        return {name: value.contiguous() for name, value in found.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from ``state``."""
        policy = {k.removeprefix("policy."): v for k, v in state.items() if k[:7] == "policy."}
        self.model.policy.load_state_dict(policy)
        optimizer = self.model.policy.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in state.items():
            if name.startswith("optimizer."):
                _, number, part = name.split(".")
                optimizer["state"].setdefault(int(number), {})[part] = value.clone()
        self.model.policy.optimizer.load_state_dict(optimizer)
        mean, var, count, steps = state["scale"].tolist()
        self.scale.mean, self.scale.var, self.scale.count = np.array(mean), np.array(var), count
        self.steps, self.returns = int(steps), state["returns"].numpy().copy()


class _Codes(VecEnvWrapper):
    """The codes of the newest ``STACK`` frames of ``venv``, and rewards for the learner."""

    def __init__(self, venv: VecEnv, learner: Learner) -> None:
        super().__init__(venv, learner.seen)
        self.learner, self.layout = learner, FrameLayout.of(venv.observation_space)
        one = gym.spaces.Box(-np.inf, np.inf, (learner.width,), np.float32)
        self.stack = StackedObservations(venv.num_envs, STACK, one)

    def reset(self) -> np.ndarray:
        self.learner.restart()
        return self.stack.reset(self._codes(self.venv.reset()))

    def step_wait(self) -> VecEnvStepReturn:
        raw, rewards, dones, infos = self.venv.step_wait()
        ends: list[dict[str, Any]] = [{} for _ in infos]
        for env in np.flatnonzero(dones):
            last = infos[env].get("terminal_observation")
            code = np.zeros(self.learner.width, np.float32) if last is None else self._one(last)
            ends[env] = {"terminal_observation": code}
        codes, ends = self.stack.update(self._codes(raw), dones, ends)
        cut = {
            int(env): ends[env]["terminal_observation"]
            for env in np.flatnonzero(dones)
            if infos[env].get("TimeLimit.truncated") and "terminal_observation" in infos[env]
        }
        self.learner.see(codes, rewards, dones, cut)
        return codes, rewards, dones, infos

    def _codes(self, observations: Any) -> np.ndarray:
        return self.learner.encode(self.layout.frames(observations))

    def _one(self, observation: Any) -> np.ndarray:
        if isinstance(observation, dict):
            return self._codes({k: np.asarray(v)[None] for k, v in observation.items()})[0]
        return self._codes(np.asarray(observation)[None])[0]


class _Spaces(gym.Env[np.ndarray, Any]):
    """Only says what there is to see and to do."""

    def __init__(self, seen: gym.Space[Any], actions: gym.Space[Any]) -> None:
        self.observation_space, self.action_space = cast(Any, seen), actions
