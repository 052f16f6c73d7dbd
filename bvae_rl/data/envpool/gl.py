"""OpenGL for the MuJoCo inside EnvPool, which without it ends the process instead of raising.

On Linux EnvPool 1.2.5 brings an EGL of its own under a name that its MuJoCo does not find; it draws
if the system's has been loaded before EnvPool is imported.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

EGL = "libEGL.so.1"


@cache
def why_not_to_draw() -> str:
    """Loads the system's EGL; empty if that is done, else what is in the way and what to do.

    The first call decides, and has to come before the first import of EnvPool.
    """
    if sys.platform != "linux" or EGL in os.environ.get("LD_PRELOAD", ""):
        return ""
    if "envpool" in sys.modules:
        return (
            f"envpool was imported before {EGL} was loaded; make this environment before you "
            f"import it, or start with LD_PRELOAD={EGL} in the environment"
        )
    try:
        ctypes.CDLL(EGL, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return f"{error}; install the system's OpenGL, for example: apt install libegl1"
    return ""
