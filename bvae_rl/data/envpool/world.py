"""How a world of ours says that EnvPool draws it.

The class that gymnasium's registration names has a class method ``envpool``; what that returns
stands between EnvPool's arrays and the agent (``pool.py``). Its signature says which arguments
the world has there. Ids whose class has none go to EnvPool as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces


class EnvPoolWorld(Protocol):
    """N copies of one world: EnvPool's frames, actions and infos as the world has them.

    ``env_id``: EnvPool's, as "CarRacing-v3". The spaces are those of one environment, as an agent
    sees it.
    """

    env_id: str
    observation_space: spaces.Box
    action_space: spaces.Space[Any]

    def frames(self, raw: np.ndarray, started: np.ndarray) -> np.ndarray:
        """EnvPool's observations ``raw`` (N, ...) as frames, uint8 (N, H, W, C).

        ``started`` (N,) bool: whose episode has just begun, so that ``raw`` holds its first frame.
        Called once for each step with all environments. A finished episode's last frame comes
        first, with ``started`` False; the first one of the next episode comes with a second call.
        The frames are new memory each time.
        """
        ...

    def actions(self, actions: np.ndarray) -> np.ndarray:
        """Actions (N, ...) as the agent gives them, as EnvPool takes them."""
        ...

    def infos(self, index: int) -> dict[str, Any]:
        """What to say of environment ``index`` besides EnvPool's own, as ``{"domain": "ood1"}``."""
        ...


@runtime_checkable
class DrawnByEnvPool(Protocol):
    """A class (not an environment) that EnvPool can draw."""

    def envpool(self, seeds: Sequence[int], **kwargs: Any) -> EnvPoolWorld:
        """A copy of the world for each of ``seeds``, from 0 to 2^31 - 1.

        What is drawn at random for a copy follows from its own seed, not from how many others there
        are nor from when their episodes end. ``kwargs`` as gymnasium.make's, ``domain`` among them.
        """
        ...
