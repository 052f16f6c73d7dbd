"""Where MuJoCo's pictures are drawn: the OpenGL backend, and a canvas of its own size.

On Linux the backend is EGL, or OSMesa where EGL is missing; the environment variable ``MUJOCO_GL``
(``egl``, ``osmesa``, ``glfw``) overrides this. Elsewhere MuJoCo chooses. The libraries are probed
before any Python module that needs them is imported, because PyOpenGL keeps the first one that it
saw, and a module that failed half-way stays in the process.
"""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np

from bvae_rl.runtime.optional import require

EXTRA = "robotics"
PACKAGES = {"egl": "libegl1", "osmesa": "libosmesa6"}  # Debian's; in order of preference
SUPERSAMPLING = 2  # a side; half the cost of multisampling by 4 in Mesa's software renderer
EFFECTS = ("SHADOW", "REFLECTION", "SKYBOX", "HAZE")


def load_mujoco(*, extra: str = EXTRA) -> Any:
    """The package ``mujoco``; an ImportError names the extra, or what is missing to draw with."""
    if find_spec("mujoco") is not None:
        choose_backend(os.environ)  # first: with a broken backend the package may not even import
    return require("mujoco", extra=extra)


def choose_backend(
    environ: Mapping[str, str],
    *,
    platform: str | None = None,
    works: Callable[[str], bool] | None = None,
) -> str:
    """The name of the backend: ``egl``, ``osmesa``, ``glfw``, or "" for what MuJoCo takes.

    ``works`` says whether a backend's library is there. ValueError for an unknown ``MUJOCO_GL``,
    ImportError that names the Debian package where the library is missing.
    """
    works = works or library_works
    wanted = environ.get("MUJOCO_GL", "").strip().lower()
    if not (platform or sys.platform).startswith("linux"):
        return ""
    if wanted not in ("", "glfw", *PACKAGES):
        raise ValueError(
            f"the environment variable MUJOCO_GL is {wanted!r}, and pictures need one of "
            f"{', '.join(PACKAGES)}, glfw; unset it to have one chosen"
        )
    if wanted == "glfw":
        return wanted
    candidates = [wanted] if wanted else list(PACKAGES)
    for name in candidates:
        if works(name):
            return name
    raise ImportError(
        f"MuJoCo has nothing to draw with (the environment variable MUJOCO_GL is "
        f"{wanted or 'not set'}): no working {' and no '.join(candidates)} library was "
        "found; on Debian and Ubuntu: "
        + " or ".join(f"apt install {PACKAGES[name]}" for name in candidates)
    )


@cache
def library_works(name: str) -> bool:
    """Whether the C library of a backend loads and, for EGL, offers a device to draw on."""
    try:
        if name == "osmesa":
            ctypes.CDLL(ctypes.util.find_library("OSMesa") or "libOSMesa.so.8")
            return True
        egl = ctypes.CDLL(ctypes.util.find_library("EGL") or "libEGL.so.1")
        egl.eglGetProcAddress.restype = ctypes.c_void_p
        address = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
        if not address:
            return False
        query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        devices = ctypes.c_int(0)
        return bool(query(address)(0, None, ctypes.addressof(devices)) and devices.value)
    except (OSError, AttributeError):
        return False


@cache
def _first_to_draw() -> int:
    """The number of the process that asked first; a fork inherits it."""
    return os.getpid()


class Canvas:
    """Draws a MuJoCo model in ``size`` x ``size`` pixels; for one thread of one process.

    ``without`` names effects (of ``EFFECTS``) that are not drawn. With ``supersampling`` of 1 and
    none left out the picture is that of MuJoCo's own renderer.

    ImportError if no OpenGL context can be made, RuntimeError in the fork of a process that drew.
    """

    def __init__(
        self,
        model: Any,
        size: int,
        *,
        supersampling: int = SUPERSAMPLING,
        without: tuple[str, ...] = EFFECTS,
    ) -> None:
        if _first_to_draw() != os.getpid():
            raise RuntimeError(
                "this process was forked from one that has drawn MuJoCo pictures, and OpenGL would "
                "hang here; start workers with 'spawn' or 'forkserver', or before the first picture"
            )
        mujoco = load_mujoco()
        backend = choose_backend(os.environ)
        self._mujoco, self._model, self._size = mujoco, model, size
        side = size * supersampling
        model.vis.global_.offwidth = model.vis.global_.offheight = side
        try:
            module = import_module(f"mujoco.{backend}") if backend in PACKAGES else mujoco
            self._gl = module.GLContext(side, side)
            with self._gl.as_current():
                self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
                mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        except Exception as error:  # PyOpenGL, EGL and GLFW each raise something else
            raise ImportError(
                f"MuJoCo cannot draw with {backend or 'the default backend'} "
                f"({type(error).__name__}: {error}); choose another with the environment variable "
                f"MUJOCO_GL: {', '.join(PACKAGES)}, glfw"
            ) from error
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + model.nsite + 10)
        for effect in without:
            self._scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{effect}")] = False
        self._rect = mujoco.MjrRect(0, 0, side, side)
        self._pixels = np.empty((side, side, 3), np.uint8)
        atexit.register(self.close)  # before the display is shut down

    def draw(self, data: Any, camera: Any, option: Any) -> np.ndarray:
        """The picture, uint8 (size, size, 3), of ``data`` as it stands (an MjData)."""
        mujoco = self._mujoco
        every = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self._model, data, option, None, camera, every, self._scene)
        # Current no longer than needed: gymnasium's viewers free their buffers, when they are
        # collected, in whatever context is current then.
        with self._gl.as_current():
            mujoco.mjr_render(self._rect, self._scene, self._context)
            mujoco.mjr_readPixels(self._pixels, None, self._rect, self._context)
        upright = self._pixels[::-1]  # OpenGL's first row is the lowest
        return cv2.resize(upright, (self._size, self._size), interpolation=cv2.INTER_AREA)

    def upload(self, texture: int) -> None:
        """Draw the texture of this number as it now is in the model."""
        with self._gl.as_current():
            self._mujoco.mjr_uploadTexture(self._model, self._context, texture)

    def close(self) -> None:
        """Free the OpenGL context. Nothing can be drawn after."""
        if self._context is not None:
            with self._gl.as_current():
                self._context.free()
            self._gl.free()
            self._context = None
            atexit.unregister(self.close)
