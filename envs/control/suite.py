"""The tasks of ``dm_control.suite``, on a machine without a screen and with MuJoCo 4."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from bvae_rl.envs.mujoco.gl import choose_backend, load_mujoco
from bvae_rl.runtime.dm_control import EXTRA, fit_dm_control
from bvae_rl.runtime.optional import require

LAST_PYTHON = (3, 12)  # for which labmaze, which dm_control needs, has wheels
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
    if sys.version_info[:2] > LAST_PYTHON and find_spec("dm_control") is None:
        raise ImportError(
            "dm_control is not installed, and a package that it needs (labmaze) has no wheels for "
            f"Python after {'.'.join(map(str, LAST_PYTHON))}: use an older Python"
        )
    with _importing():
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
def _importing() -> Iterator[None]:
    """Where dm_control is imported: its log kept to warnings, ``MUJOCO_GL`` set to what was found.

    Without the variable it takes GLFW first, which complains where there is no screen.
    """
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.WARNING)
    before = os.environ.get("MUJOCO_GL")
    if backend := choose_backend(os.environ):
        os.environ["MUJOCO_GL"] = backend
    try:
        yield
    finally:
        log.setLevel(level)
        if before is None:
            os.environ.pop("MUJOCO_GL", None)
        else:
            os.environ["MUJOCO_GL"] = before
