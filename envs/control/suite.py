"""The tasks of ``dm_control.suite``, on a machine without a screen and with MuJoCo 4."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bvae_rl.envs.mujoco.gl import choose_backend, load_mujoco
from bvae_rl.runtime.dm_control import EXTRA, fit_dm_control
from bvae_rl.runtime.optional import require

LEAST_MUJOCO = 4  # whose contexts step aside for others of the process
FOREVER = float("inf")


def load_suite() -> Any:
    """The module ``dm_control.suite``.

    ImportError without the extra, with a MuJoCo before 4, or with nothing to draw with.
    """
    mujoco = load_mujoco(extra=EXTRA)
    if int(mujoco.__version__.partition(".")[0]) < LEAST_MUJOCO:
        raise ImportError(
            f"the worlds of the Control Suite need MuJoCo {LEAST_MUJOCO}, and {mujoco.__version__} "
            f'is installed: pip install -U "bvae-rl[{EXTRA}]"'
        )
    with _backend_in_environment():
        suite = require("dm_control.suite", extra=EXTRA)
    fit_dm_control()
    return suite


def load_task(domain: str, task: str) -> Any:
    """A task as a ``dm_control.rl.control.Environment`` after its first reset, with no time limit.

    Reseed it with ``env.task.random.seed(seed)``: its episodes are then those of
    ``suite.load(domain, task, task_kwargs={"random": seed})``.
    """
    env = load_suite().load(domain, task, task_kwargs={"time_limit": FOREVER})
    env.reset()
    return env


@contextmanager
def _backend_in_environment() -> Iterator[None]:
    """``MUJOCO_GL`` set to what was found, while dm_control is imported.

    Without the variable it takes GLFW first, which complains where there is no screen.
    """
    before = os.environ.get("MUJOCO_GL")
    if backend := choose_backend(os.environ):
        os.environ["MUJOCO_GL"] = backend
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MUJOCO_GL", None)
        else:
            os.environ["MUJOCO_GL"] = before
