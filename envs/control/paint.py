"""Pictures of a task of the suite, from a model of their own, so that appearances keep the
dynamics. Where nothing is varied the picture is ``physics.render(size, size, camera_id=0)``.

Colours of materials, light and camera are fields of that model. Floor and sky are textures, which
are recoloured through a table of 256 levels a channel.
"""

from __future__ import annotations

import copy
import os
import threading
from functools import cache
from typing import Any

import cv2
import numpy as np

from bvae_rl.envs.control.appearances import RAMPS, SOURCE, ControlAppearance
from bvae_rl.envs.control.suite import load_task
from bvae_rl.envs.mujoco.gl import Canvas, load_mujoco

MATERIALS = {"body": ("self", "effector"), "target": ("target",), "decoration": ("decoration",)}
TEXTURES = {"floor": "grid", "sky": "skybox"}
LIGHTS = ("light_ambient", "light_diffuse", "light_specular")
HEADLIGHTS = ("ambient", "diffuse", "specular")
PLACES = ("light_pos", "light_pos0", "light_poscom0", "light_dir", "light_dir0")
LEVELS = np.arange(256.0)
MARK = 255  # of the stars in the sky, which stay white


def painter(domain: str, task: str, *, pivot: float, size: int, shadows: bool) -> Painter:
    """The painter of a task, shared by all worlds in this thread that show it.

    ``pivot``: metres from the camera to the point around which it turns.
    """
    where = os.getpid(), threading.get_ident()
    return _painter(domain, task, pivot, size, shadows, where)


@cache
def _painter(
    domain: str, task: str, pivot: float, size: int, shadows: bool, where: tuple[int, int]
) -> Painter:
    return Painter(domain, task, pivot=pivot, size=size, shadows=shadows)


class Painter:
    """Draws a task of the suite in ``size`` x ``size`` pixels; errors as ``gl.Canvas``."""

    def __init__(self, domain: str, task: str, *, pivot: float, size: int, shadows: bool) -> None:
        mujoco = load_mujoco()
        self._mujoco, self._pivot = mujoco, pivot
        self._model = model = copy.copy(load_task(domain, task).physics.model.ptr)
        self._data = mujoco.MjData(model)
        self._camera, self._option = mujoco.MjvCamera(), mujoco.MjvOption()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        self._camera.fixedcamid = 0
        self._suites = {
            name: getattr(model, name).copy() for name in (*LIGHTS, *PLACES, "mat_rgba", "cam_fovy")
        }
        headlight = model.vis.headlight
        self._headlight = {name: getattr(headlight, name).copy() for name in HEADLIGHTS}
        self._pixels = {part: self._texture(name).copy() for part, name in TEXTURES.items()}
        without = () if shadows else ("SHADOW",)
        self._canvas = Canvas(model, size, supersampling=1, without=without)
        self._shown = SOURCE

    def paint(self, simulated: Any, qpos: np.ndarray, appearance: ControlAppearance) -> np.ndarray:
        """The frame, uint8 (size, size, 3), of joint positions ``qpos`` (nq,) in an appearance.

        ``simulated`` is the model whose geoms may have been moved since it was loaded.
        """
        mujoco, model, data = self._mujoco, self._model, self._data
        if appearance != self._shown:
            self._show(appearance)
        model.geom_pos[:] = simulated.geom_pos
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        if appearance.azimuth or appearance.elevation:
            self._turn_camera(appearance)
        return self._canvas.draw(data, self._camera, self._option)

    def _show(self, appearance: ControlAppearance) -> None:
        model, suites = self._model, self._suites
        for part, materials in MATERIALS.items():
            for name in materials:
                number = model.material(name).id
                moved = suites["mat_rgba"][number, :3] + appearance.shift(part)
                model.mat_rgba[number, :3] = np.clip(moved, 0.0, 1.0)
        for name in LIGHTS:
            getattr(model, name)[:] = appearance.brightness * suites[name]
        for name, value in self._headlight.items():
            getattr(model.vis.headlight, name)[:] = appearance.brightness * value
        side = np.deg2rad(appearance.light_angle)
        turn = _rotation(np.array([0.0, 1.0, 0.0]), side) if side else np.eye(3)
        for name in PLACES:
            getattr(model, name)[:] = suites[name] @ turn.T
        half = np.tan(np.deg2rad(suites["cam_fovy"][0]) / 2)
        zoomed = np.rad2deg(2 * np.arctan(half / appearance.zoom))
        model.cam_fovy[0] = zoomed if appearance.zoom != 1.0 else suites["cam_fovy"][0]
        for part, name in TEXTURES.items():
            if getattr(appearance, part) != getattr(self._shown, part):
                self._texture(name)[:] = cv2.LUT(self._pixels[part], table(appearance, part))
                self._canvas.upload(model.texture(name).id)
        self._shown = appearance

    def _texture(self, name: str) -> np.ndarray:
        """The pixels of a texture in the model, a view (H, W, 3)."""
        model, number = self._model, self._model.texture(name).id
        height, width = int(model.tex_height[number]), int(model.tex_width[number])
        start = int(model.tex_adr[number])
        view: np.ndarray = model.tex_data[start : start + height * width * 3]
        return view.reshape(height, width, 3)

    def _turn_camera(self, appearance: ControlAppearance) -> None:
        """Around the point that it looks at, sideways about the vertical, and up."""
        place, frame = self._data.cam_xpos[0], self._data.cam_xmat[0].reshape(3, 3)
        around = place - self._pivot * frame[:, 2]
        turn = _rotation(np.array([0.0, 0.0, 1.0]), np.deg2rad(appearance.azimuth))
        turn = turn @ _rotation(frame[:, 0], -np.deg2rad(appearance.elevation))
        place[:] = around + turn @ (place - around)
        frame[:] = turn @ frame


def table(appearance: ControlAppearance, part: str) -> np.ndarray:
    """What becomes of each level of a texture, uint8 (1, 256, 3), as ``cv2.LUT`` takes it."""
    shift = 255.0 * appearance.shift(part)
    if part == "floor":  # of two colours, both moved
        moved = LEVELS[:, None] + shift
    else:  # a gradient from the colour above to black, and white stars
        moved = LEVELS[:, None] * (1.0 + shift / RAMPS[part][0])
        moved[MARK] = MARK
    return np.clip(np.rint(moved), 0, 255).astype(np.uint8)[None]


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """The matrix (3, 3) that turns by ``angle`` radians about a unit ``axis`` (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
