"""Models that an encoder is put into: the axes, and rows that cover them pairwise."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

ROLLOUT = {"n_steps": 4, "batch_size": 4}
REPLAY = {"learning_starts": 4, "batch_size": 4, "buffer_size": 40, "train_freq": 1}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "PPO": ROLLOUT | {"n_epochs": 2},
    "A2C": {"n_steps": 4},
    "RecurrentPPO": ROLLOUT | {"n_epochs": 2},
    "TRPO": ROLLOUT | {"n_critic_updates": 2},
    "MaskablePPO": ROLLOUT | {"n_epochs": 2},
    "DQN": REPLAY | {"target_update_interval": 8},
    "QRDQN": REPLAY | {"target_update_interval": 8},
    "SAC": REPLAY,
    "TD3": REPLAY,
    "DDPG": REPLAY,
    "TQC": REPLAY | {"top_quantiles_to_drop_per_net": 1},
    "CrossQ": REPLAY,
}
KINDS = {
    "on-policy": ("PPO", "A2C", "RecurrentPPO", "TRPO", "MaskablePPO"),
    "values": ("DQN", "QRDQN"),
    "actor-critic": ("SAC", "TD3", "DDPG", "TQC"),
    "latents": ("CrossQ",),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
AXES: dict[str, tuple[Any, ...]] = {
    "algorithm": tuple(KIND_OF),
    "pictures": ("image", "vector", "two", "discrete"),  # one, beside a vector, two and one, ...
    "stack": (0, 1, 3, 4),  # 0: no VecFrameStack
    "order": ("last", "first"),  # of the channels
    "share": ("shared", "separate", "none"),  # none: the algorithm leaves no choice
    "venv": ("Dummy", "Subproc"),
    "beside": ("eval", "checkpoint", "progress"),
    "normalise": ("none", "reward", "vectors"),
    "mode": ("frozen", "policy", "online"),
}


@dataclass(frozen=True)
class Case:
    """One model to train: a value of each axis."""

    algorithm: str
    pictures: str
    stack: int
    order: str
    share: str
    venv: str
    beside: str
    normalise: str
    mode: str

    @property
    def name(self) -> str:
        return "-".join(str(value) for value in asdict(self).values())

    @property
    def possible(self) -> bool:
        kind = KIND_OF[self.algorithm]
        return (
            (self.stack == 0 or self.pictures != "discrete")  # VecFrameStack takes boxes only
            and (self.normalise != "vectors" or self.pictures in ("vector", "two"))
            and (self.share == "none") == (kind in ("values", "latents"))
            # refused: the actor's loss alone would train the encoder (trap 09)
            and not (self.mode == "policy" and self.share == "shared" and kind != "on-policy")
            and (kind != "latents" or (self.pictures, self.mode) == ("image", "frozen"))
        )


# algorithm pictures stack order share venv beside normalise mode
TABLE = """
PPO          vector   1 last  shared   Dummy   checkpoint reward  policy
A2C          two      0 last  separate Dummy   progress   reward  online
RecurrentPPO two      4 first separate Subproc checkpoint vectors policy
TRPO         two      3 last  separate Dummy   eval       none    frozen
MaskablePPO  discrete 0 first separate Dummy   checkpoint reward  policy
MaskablePPO  image    4 first shared   Dummy   eval       reward  online
DQN          vector   3 last  none     Subproc progress   vectors online
DQN          discrete 0 last  none     Dummy   eval       reward  frozen
QRDQN        image    3 first none     Dummy   checkpoint none    policy
QRDQN        two      1 last  none     Dummy   progress   vectors policy
QRDQN        vector   4 first none     Dummy   progress   none    policy
SAC          image    1 last  separate Dummy   checkpoint none    online
SAC          vector   0 first separate Dummy   eval       vectors policy
TD3          vector   4 last  shared   Dummy   eval       vectors frozen
DDPG         two      3 first shared   Dummy   checkpoint reward  frozen
TQC          discrete 0 first shared   Subproc progress   none    online
CrossQ       image    1 first none     Subproc eval       reward  frozen
CrossQ       image    4 last  none     Dummy   progress   none    frozen
CrossQ       image    0 first none     Dummy   checkpoint reward  frozen
CrossQ       image    3 last  none     Dummy   progress   none    frozen
"""


def table() -> list[Case]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return [case_of((*row[:2], int(row[2]), *row[3:])) for row in rows]


def case_of(values: Sequence[Any]) -> Case:
    return Case(**dict(zip(AXES, values, strict=True)))


def everything(algorithm: str, mode: str) -> Iterator[Case]:
    """All that the encoder sees; of what stands around it, one combination by lot."""
    lot = random.Random(algorithm + mode)
    for values in product(*(AXES[name] for name in ("pictures", "stack", "order", "share"))):
        around = product(AXES["venv"], AXES["beside"], AXES["normalise"])
        cases = [case_of((algorithm, *values, *others, mode)) for others in around]
        if possible := [case for case in cases if case.possible]:
            yield lot.choice(possible)
