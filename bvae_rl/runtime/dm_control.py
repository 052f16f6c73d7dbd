"""dm_control beside MuJoCo 4.

dm_control 1.0.50, the newest in November 2026, was written for MuJoCo 3: it has a table of the
names of all arrays in MjModel and MjData, and looks each of them up when it loads a task. MuJoCo 4
dropped nine of them (``flex_vertedge`` and others), all of flexible bodies, which no task of the
suite has. Without their rows in the table the suite works, with the same pictures; rewards and
states are those that MuJoCo 4 computes.
"""

from __future__ import annotations

from bvae_rl.runtime.optional import require

EXTRA = "dm-control"
FLEXIBLE = "flex"  # how the names begin that a task without flexible bodies can do without


def fit_dm_control() -> None:
    """Strike from dm_control's table what the installed MuJoCo no longer has.

    It changes nothing else, and nothing at all where the two belong together. ImportError without
    dm_control (it names the extra), and where more is gone than arrays of flexible bodies.
    """
    tables = require("dm_control.mujoco.wrapper.mjbindings.sizes", extra=EXTRA).array_sizes
    mujoco = require("mujoco", extra=EXTRA)
    for table, struct in (("mjmodel", mujoco.MjModel), ("mjdata", mujoco.MjData)):
        gone = [name for name in tables[table] if not hasattr(struct, name)]
        if needed := [name for name in gone if not name.startswith(FLEXIBLE)]:
            raise ImportError(
                f"the installed dm_control does not work with MuJoCo {mujoco.__version__}, which "
                f"has no {', '.join(needed)}; install versions that were tested together: "
                f'pip install -c constraints.txt "bvae-rl[{EXTRA}]"'
            )
        for name in gone:
            del tables[table][name]
