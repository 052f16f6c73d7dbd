"""A model of one's own, saved by Stable-Baselines3, as an agent to be evaluated and mended."""

from __future__ import annotations

import pickle
from pathlib import Path
from zipfile import BadZipFile

from gymnasium.spaces import Dict
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file

from bvae_rl.agents.evaluate import RECORD, LoadedAgent
from bvae_rl.agents.methods import Method, SupervisionBudget
from bvae_rl.data.environments import EnvConfig
from bvae_rl.sb3.codes import code_spaces

# Each by something that its zip has and those of the following ones lack.
ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "clip_range": PPO, "target_entropy": SAC, "policy_delay": TD3, "exploration_rate": DQN,
    "gae_lambda": A2C,
}  # fmt: skip
OWN = Method("own", "pictures, by a model of your own", lambda venv: venv, "CnnPolicy")


def load_zip(path: str | Path, env: EnvConfig | None = None, *, key: str = "") -> LoadedAgent:
    """The model in ``path``, which ``model.save`` wrote.

    ``env``: where it is evaluated, with the ``frame_stack`` that it was trained with.
    ``key``: what its rows call it; default: the file's name.

    Raises ValueError where there is no model of PPO, SAC, TD3, DDPG, DQN or A2C, and for one that
    sees codes, whose encoder is not in it.
    """
    path = Path(path)
    try:
        data, _, _ = load_from_zip_file(path, device="cpu")
        known = (one for has, one in ALGORITHMS.items() if has in (data or {}))
        home = getattr((data or {}).get("policy_class"), "__module__", "stable_baselines3")
        algorithm = next(known, None) if home.startswith("stable_baselines3") else None
        model = algorithm.load(path, device="cpu") if algorithm else None
    except (OSError, ValueError, KeyError, AssertionError, BadZipFile, pickle.PickleError) as error:
        raise ValueError(
            f"cannot read {path} as a model of Stable-Baselines3: {' '.join(str(error).split())}"
        ) from error
    if model is None or algorithm is None:
        raise ValueError(
            f"{path} holds no model of PPO, SAC, TD3, DDPG, DQN or A2C; load it with its own class "
            "and call bvae_rl.swap_encoder(model, vae)"
        )
    if isinstance(model.observation_space, Dict):
        raise ValueError(
            f"the model in {path} sees a Dict ({', '.join(model.observation_space.spaces)}), and "
            "commands show an agent one picture; call bvae_rl.swap_encoder(model, vae)"
        )
    if codes := code_spaces(model.observation_space):
        made_by = next(iter(codes.values())).made_by
        whole = (path.parent / RECORD).exists()
        cure = (
            f"give the agent's folder, {path.parent}"
            if whole
            else f"load it with env={made_by}, then bvae_rl.swap_encoder(model, vae)"
        )
        raise ValueError(f"the model in {path} sees codes, and their encoder is not in it; {cure}")
    budget = SupervisionBudget(0, model.num_timesteps, "unknown", paired=False, labels="unknown")
    record = {
        "method": OWN.name, "key": key or path.stem, "study": "own",
        "algo": algorithm.__name__.lower(), "vae_seed": None, "agent_seed": model.seed,
        "budget": budget.to_dict(), "command": "", "env": env.identity() if env else {},
    }  # fmt: skip
    return LoadedAgent(model, OWN, None, record)
