"""What an encoder or a policy is made of tells it from others, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor, nn

from bvae_rl import LatentVecEnv, OwnEncoder
from bvae_rl.runtime.content import digest, networks

SHAPE = (3, 32, 32)


class Net(nn.Module):
    """A linear code."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layer = nn.Linear(3 * 32 * 32, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x.flatten(1))
        return found

    def features(self, x: Tensor) -> Tensor:
        return -self(x)


class Plain:
    """An ``Encoder`` that holds a network; no network itself."""

    shape, latent_dim = SHAPE, 4

    def __init__(self, net: nn.Module) -> None:
        self.held = {"net": [net]}

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(frames.transpose(0, 3, 1, 2).copy()).float() / 255
        with torch.no_grad():
            return np.asarray(self.held["net"][0](x).numpy())

    def slice_of(self, group: str) -> slice:
        return slice(0, 4)

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(4, np.float32), np.ones(4, np.float32)


def own(encode: Any) -> OwnEncoder:
    return OwnEncoder(encode, shape=SHAPE, width=4)


def through(net: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = net(x)
    return found


def of_a_global(x: Tensor) -> Tensor:
    found: Tensor = GLOBAL(x)
    return found


def beside(x: Tensor) -> Tensor:
    return of_a_global(x)


GLOBAL: nn.Module = Net(0)

MADE: dict[str, Callable[[nn.Module], Any]] = {
    "module": own,
    "method": lambda net: own(net.features),
    "partial": lambda net: own(partial(through, net)),
    "closure": lambda net: own(lambda x: net(x)),
    "protocol": Plain,
}


class Black(gym.Env[np.ndarray, Any]):
    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        return np.zeros((32, 32, 3), np.uint8), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, Any]:
        return np.zeros((32, 32, 3), np.uint8), 0.0, False, False, {}


def venv() -> DummyVecEnv:
    return DummyVecEnv([Black])


@pytest.mark.parametrize("kind", MADE)
def test_other_weights_are_another_encoder(kind: str) -> None:
    make = MADE[kind]
    one, same, other = (LatentVecEnv(venv(), make(Net(seed))).codes for seed in (0, 0, 1))
    assert one == same != other


def test_another_method_of_a_network_is_another_encoder() -> None:
    net = Net(0)
    assert own(net.features).fingerprint() != own(net.forward).fingerprint()


def test_what_a_function_uses_of_its_module_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {f: digest(f) for f in (of_a_global, beside)}
    assert before == {f: digest(f) for f in before}
    monkeypatch.setitem(globals(), "GLOBAL", Net(1))
    assert all(digest(f) != was for f, was in before.items())


@pytest.mark.parametrize("kind", ["method", "partial", "closure", "protocol"])
def test_a_held_network_that_is_trained_further_is_noticed(kind: str) -> None:
    net = Net(0)
    env = LatentVecEnv(venv(), MADE[kind](net))
    env.reset()
    env.step(np.zeros(1, int))
    with torch.no_grad():
        net.layer.weight.add_(1.0)
    with pytest.raises(ValueError, match="encoder"):
        env.step(np.zeros(1, int))


def test_networks_are_found_once() -> None:
    net = Net(0)
    assert networks(Plain(net)) == [net] == networks([net, {"again": net.features}])
    assert networks(3) == []


def test_a_policy_is_known_by_what_it_does_and_not_by_the_state_of_its_world() -> None:
    def constant(action: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda obs: np.full(len(obs), action)

    def known(policy: Any) -> str:
        return digest(policy, objects=False)

    assert known(constant(0)) == known(constant(0)) != known(constant(2))
    assert known(lambda obs: np.zeros(len(obs))) != known(lambda obs: np.ones(len(obs)))
    env = venv()
    agents = [PPO("MlpPolicy", env, seed=seed, n_steps=8, batch_size=4) for seed in (0, 0, 1)]
    one, same, other = (known(lambda obs, agent=agent: agent.predict(obs)[0]) for agent in agents)
    assert one == same != other
    bound = [known(agent.predict) for agent in agents]
    assert bound[0] == bound[1] != bound[2]
    env.reset()
    env.step(np.zeros(1, int))
    assert known(agents[0].predict) == bound[0]


def test_what_calls_itself_ends() -> None:
    def twice(n: int) -> int:
        return twice(n - 1) if n else 0

    loop: list[Any] = []
    loop.append(loop)
    assert digest(twice) == digest(twice) and digest(loop)


FINGERPRINTS = """
import torch
from bvae_rl.sb3 import OwnEncoder

class Scaled:
    def __init__(self, by):
        self.by = torch.tensor(by)
        self.words = ("a", 1)

    def __call__(self, x):
        return x.mean((2, 3)) * self.by

def made(by, name=""):
    bias = torch.full((3,), by)
    scaled = Scaled(by)
    def shifted(x, again=True):
        return shifted(x, False) if again else scaled(x) + bias
    return [
        OwnEncoder(one, shape=(3, 32, 32), width=3, name=name)
        for one in (scaled, shifted, lambda x: 2 * x.mean((2, 3)), lambda x: -x.mean((2, 3)))
    ]

names = [one.fingerprint() for by in (1.0, 2.0) for one in made(by)]
named = made(1.0, "mine")[0].fingerprint()
print(*names, named)
"""


def test_functions_are_told_apart_and_known_again_in_another_process() -> None:
    here: dict[str, Any] = {"__name__": "__main__"}
    exec(FINGERPRINTS, here)  # the same script in this process
    assert here["named"] == "mine"
    assert len(set(here["names"])) == 6  # of 8: the two lambdas hold nothing that differs
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINTS],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [*here["names"], "mine"]


class Cropped(nn.Module):
    def __init__(self, top: int, weight: float) -> None:
        super().__init__()
        self.top = top
        self.register_buffer("weight", torch.full((2,), weight), persistent=False)


LIMITS, ROWS_OF = (0, 16), {"a": 1}


def within(x: Tensor) -> Tensor:
    return x[:, LIMITS[0] : LIMITS[1]]


def test_what_a_network_keeps_beside_its_weights_counts() -> None:
    assert digest(Cropped(0, 1.0)) == digest(Cropped(0, 1.0))
    assert digest(Cropped(0, 1.0)) != digest(Cropped(16, 1.0))
    assert digest(Cropped(0, 1.0)) != digest(Cropped(0, 2.0))
    trained = Cropped(0, 1.0).train()
    assert digest(trained) == digest(Cropped(0, 1.0).eval())


def test_constants_that_are_several_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(within)
    monkeypatch.setitem(globals(), "LIMITS", (16, 32))
    assert digest(within) != before
