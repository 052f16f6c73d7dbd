"""Small agents with an encoder in their policy, and what their weights and optimizers hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN

from bvae_rl.sb3 import policy_kwargs
from bvae_rl.sb3.copies import encoder_copies, same_weights
from tests.plug_cases import build, make_env, noise


def agent(algorithm: Any, vae: Any, mode: Any = "frozen", **more: Any) -> Any:
    env = make_env(discrete=more.pop("discrete", algorithm is DQN))
    step_size = more.pop("step_size", 1.0)
    kwargs = policy_kwargs(vae, mode=mode, step_size=step_size, net_arch=[8], standardise=True)
    return build(algorithm, env, **kwargs | more)


def weights(model: Any) -> dict[str, dict[str, torch.Tensor]]:
    return {
        where: {name: w.detach().clone() for name, w in copy.weights().items()}
        for where, copy in encoder_copies(model).items()
    }


def same(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(same_weights(a[where], b[where]) for where in a)


def answers(model: Any) -> np.ndarray:
    """Deterministic actions, or a DQN's values."""
    frames = noise(np.random.default_rng(5), 6)
    observations, _ = model.policy.obs_to_tensor(frames)
    with torch.no_grad():
        if isinstance(model, DQN):
            return model.q_net(observations).numpy()
    return model.predict(frames, deterministic=True)[0]


def moments(model: Any) -> list[torch.Tensor]:
    """What the optimizers know of everything but the encoder."""
    offsets = {id(o) for copy in encoder_copies(model).values() for o in copy.offsets}
    optimizers = [
        module.optimizer
        for module in model.policy.modules()
        if isinstance(getattr(module, "optimizer", None), torch.optim.Optimizer)
    ]
    return [
        value.clone()
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
        if id(parameter) not in offsets
        for value in optimizer.state[parameter].values()
    ]
