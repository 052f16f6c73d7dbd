"""Pictures of a MuJoCo scene from a model of its own, so that appearances keep the dynamics.

That model has the bodies and joints of the simulated one, but its own light, materials and sizes of
geoms, few triangles, and no meshes, shadows or reflections, which Mesa's software renderer would
spend nearly all of its time on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bvae_rl.envs.mujoco.appearances import RAMPS, TEXTURES, MujocoAppearance
from bvae_rl.envs.mujoco.gl import Canvas, load_mujoco

HIDDEN = 5  # the group of geoms that are not drawn
SHADE = "shade"  # material of the dark discs that stand for shadows
FIXED = {
    "frame": (0.16, 0.16, 0.18, 1.0),
    SHADE: (0.0, 0.0, 0.0, 0.45),
}  # materials without an appearance
SLICES = 12  # around a sphere or cylinder
AMBIENT, DIFFUSE, SPECULAR = 0.5, 0.6, 1.0
LIGHT_TILT = np.deg2rad(35.0)  # from above
SHININESS = 0.3
TEXTURE_SIDE = 64
TEXTURE_LOW = 165  # the darker grey of a pattern, of 255


@dataclass(frozen=True)
class Mark:
    """A flat disc on the floor, at height ``z``, under a body or site: shows where above it is."""

    under: str
    z: float
    radius: float
    material: str = SHADE


@dataclass(frozen=True)
class Scene:
    """What is drawn of a model, and from where.

    ``dress`` shows geoms and sites (``show``) and sets their sizes. The camera looks at ``lookat``
    from ``distance`` metres; angles in degrees as in MuJoCo's free camera. ``see_through`` is the
    opacity of the target; ``tiles`` the repeats of the floor's pattern in a metre.
    """

    dress: Callable[[Any], None]
    lookat: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float
    tiles: float
    see_through: float = 1.0
    marks: tuple[Mark, ...] = ()


def show(thing: Any, material: str, *, size: float | None = None) -> None:
    """Draw a geom or site (of an MjSpec) in a part's colour, with another first size if given."""
    thing.material = material
    thing.group = 0
    thing.rgba = [0.5, 0.5, 0.5, 1.0]  # MuJoCo's default, which leaves the colour to the material
    if size is not None:
        thing.size = [size, *thing.size[1:]]


def painter(scene: Scene, model_path: str, size: int) -> Painter:
    """The painter of a scene, shared by all worlds in this thread that draw it."""
    return _painter(scene, model_path, size, os.getpid(), threading.get_ident())


@cache
def _painter(scene: Scene, model_path: str, size: int, process: int, thread: int) -> Painter:
    return Painter(scene, model_path, size)


class Painter:
    """Draws the scene of the model in the file ``model_path``, in ``size`` x ``size`` pixels."""

    def __init__(self, scene: Scene, model_path: str, size: int) -> None:
        mujoco = load_mujoco()
        self._mujoco, self._scene = mujoco, scene
        self._model = _dressed(mujoco, scene, model_path).compile()
        self._data = mujoco.MjData(self._model)
        self._materials = {name: self._model.material(name).id for name in RAMPS}
        self._textures = [
            self._model.texture(name).id if name != "plain" else -1 for name in TEXTURES
        ]
        self._marks = [(self._model.geom(f"mark{n}").id, m) for n, m in enumerate(scene.marks)]
        self._camera, self._option = mujoco.MjvCamera(), mujoco.MjvOption()
        self._camera.lookat[:] = scene.lookat
        self._option.geomgroup[HIDDEN] = self._option.sitegroup[HIDDEN] = 0
        self._canvas = Canvas(self._model, size)
        self._appearance: MujocoAppearance | None = None

    def paint(self, simulated: Any, qpos: np.ndarray, appearance: MujocoAppearance) -> np.ndarray:
        """The frame, uint8 (size, size, 3), of joint positions ``qpos`` (nq,) in an appearance.

        ``simulated`` is the model whose bodies and sites may have been moved since it was loaded.
        """
        model, data = self._model, self._data
        if appearance != self._appearance:
            self._show(appearance)
        model.body_pos[: simulated.nbody] = simulated.body_pos
        model.site_pos[:] = simulated.site_pos
        data.qpos[:] = qpos
        self._mujoco.mj_kinematics(model, data)
        self._mujoco.mj_camlight(model, data)
        for geom, mark in self._marks:
            data.geom_xpos[geom, :2] = self._place(mark.under)[:2]
        return self._canvas.draw(data, self._camera, self._option)

    def _place(self, name: str) -> np.ndarray:
        named = self._mujoco.mjtObj.mjOBJ_SITE
        site = self._mujoco.mj_name2id(self._model, named, name)
        return self._data.site_xpos[site] if site >= 0 else self._data.body(name).xpos

    def _show(self, appearance: MujocoAppearance) -> None:
        model, scene = self._model, self._scene
        for part, material in self._materials.items():
            model.mat_rgba[material, :3] = appearance.paint(part)
            model.mat_specular[material] = appearance.gloss
        colour = self._mujoco.mjtTextureRole.mjTEXROLE_RGB.value
        texture = self._textures[TEXTURES.index(appearance.texture)]
        model.mat_texid[self._materials["floor"], colour] = texture
        model.vis.headlight.ambient[:] = AMBIENT * appearance.brightness
        model.light_diffuse[0] = DIFFUSE * appearance.brightness
        model.light_specular[0] = SPECULAR * appearance.brightness
        side = np.deg2rad(scene.azimuth + 30.0 + appearance.light_angle)
        flat = np.sin(LIGHT_TILT)
        model.light_dir[0] = flat * np.cos(side), flat * np.sin(side), -np.cos(LIGHT_TILT)
        self._camera.distance = scene.distance / appearance.zoom
        self._camera.azimuth = scene.azimuth + appearance.azimuth
        self._camera.elevation = scene.elevation + appearance.elevation
        self._appearance = appearance


def _dressed(mujoco: Any, scene: Scene, model_path: str) -> Any:
    """The MjSpec of the picture."""
    spec = mujoco.MjSpec.from_file(model_path)
    mesh = mujoco.mjtGeom.mjGEOM_MESH
    for light in list(spec.lights):
        spec.delete(light)
    for geom in list(spec.geoms):
        if geom.type == mesh:
            spec.delete(geom)
    for thing in (*spec.geoms, *spec.sites):
        thing.material, thing.group = "", HIDDEN
    for asset in (*spec.meshes, *spec.materials, *spec.textures):
        spec.delete(asset)
    opaque = dict.fromkeys(RAMPS, (0.0, 0.0, 0.0, 1.0))
    opaque["target"] = (0.0, 0.0, 0.0, scene.see_through)
    for name, rgba in {**opaque, **FIXED}.items():
        spec.add_material(name=name, rgba=rgba, shininess=SHININESS, specular=0.0)
    for name in TEXTURES[1:]:
        texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
        texture.width = texture.height = TEXTURE_SIDE
        texture.nchannel = 3
        texture.data = np.repeat(pattern(name)[..., None], 3, axis=2).tobytes()
    floor = spec.material("floor")
    floor.texuniform, floor.texrepeat = True, [scene.tiles, scene.tiles]
    for n, mark in enumerate(scene.marks):
        disc = spec.worldbody.add_geom(name=f"mark{n}", type=mujoco.mjtGeom.mjGEOM_CYLINDER)
        disc.size, disc.pos = [mark.radius, 0.0005, 0.0], [0.0, 0.0, mark.z]
        show(disc, mark.material)
    scene.dress(spec)
    light = spec.worldbody.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    light.castshadow = False
    visual = spec.visual
    visual.headlight.diffuse = visual.headlight.specular = [0.0] * 3
    visual.quality.offsamples = visual.quality.shadowsize = 0
    visual.quality.numslices, visual.quality.numstacks = SLICES, SLICES // 2
    visual.quality.numquads = 1
    return spec


def pattern(name: str) -> np.ndarray:
    """A floor pattern, uint8 (side, side): white and a light grey, and it tiles."""
    x = (np.arange(TEXTURE_SIDE) + 0.5) / TEXTURE_SIDE
    across, down = np.meshgrid(x, x)
    from_centre = np.hypot(across - 0.5, down - 0.5)
    dark = {
        "checker": (across < 0.5) ^ (down < 0.5),
        "dots": from_centre < 0.28,
        "stripes": (across + down) % 0.5 < 0.25,
        "rings": from_centre % 0.25 < 0.125,
    }[name]
    return np.where(dark, TEXTURE_LOW, 255).astype(np.uint8)
