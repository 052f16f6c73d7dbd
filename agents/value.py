"""What an agent expects of what it sees: its value function, read out of the model."""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.sac.policies import SACPolicy


@torch.no_grad()
def expected_return(
    model: BaseAlgorithm, observations: np.ndarray, actions: np.ndarray
) -> np.ndarray | None:
    """The discounted return (N,) that ``model`` expects after N ``observations``.

    As its policy sees them. Of PPO the value; of SAC the lesser of its critics for the ``actions``
    (N, A). In the rewards that it was trained on, which may have been normalised. None for a
    model of another kind.
    """
    policy = model.policy
    if not isinstance(policy, ActorCriticPolicy | SACPolicy):
        return None
    seen = policy.obs_to_tensor(observations)[0]
    if isinstance(policy, ActorCriticPolicy):
        found = policy.predict_values(seen)
    else:
        scaled = torch.as_tensor(policy.scale_action(actions), device=policy.device).float()
        found = torch.stack(policy.critic(seen, scaled)).amin(dim=0)
    return np.asarray(found.cpu().numpy(), np.float64).reshape(len(actions))
