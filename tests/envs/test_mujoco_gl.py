"""The choice of what draws, with fakes; and what is said where something is missing."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from bvae_rl.envs.mujoco import gl as mujoco_gl
from bvae_rl.envs.mujoco.gl import Canvas, choose_backend, library_works, load_mujoco
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate
from bvae_rl.scripts import cli
from tests.mujoco_cases import need_drawing


def have(*names: str) -> Callable[[str], bool]:
    return lambda name: name in names


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        (None, ("egl", "osmesa"), "egl"),
        (None, ("osmesa",), "osmesa"),
        ("osmesa", ("egl", "osmesa"), "osmesa"),
        (" EGL ", ("egl",), "egl"),
        ("", ("osmesa",), "osmesa"),
        ("glfw", (), "glfw"),
    ],
)
def test_egl_then_osmesa_unless_one_is_wanted(
    wanted: str | None, there: tuple[str, ...], chosen: str
) -> None:
    environ = {} if wanted is None else {"MUJOCO_GL": wanted}
    assert choose_backend(environ, platform="linux", works=have(*there)) == chosen


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_mujoco_chooses(platform: str) -> None:
    assert choose_backend({"MUJOCO_GL": "cgl"}, platform=platform, works=have()) == ""


def test_what_is_missing_is_named_with_its_debian_package() -> None:
    both = r"no working egl and no osmesa .*: apt install libegl1 or apt install libosmesa6$"
    with pytest.raises(ImportError, match=both):
        choose_backend({}, platform="linux", works=have())
    with pytest.raises(ImportError, match=r"no working osmesa library .* apt install libosmesa6$"):
        choose_backend({"MUJOCO_GL": "osmesa"}, platform="linux", works=have("egl"))
    with pytest.raises(ImportError, match=r"no working egl library .* apt install libegl1$"):
        choose_backend({"MUJOCO_GL": "egl"}, platform="linux", works=have("osmesa"))
    with pytest.raises(ValueError, match=r"MUJOCO_GL is 'disable', .* one of egl, osmesa, glfw"):
        choose_backend({"MUJOCO_GL": "disable"}, platform="linux")


def test_a_library_that_does_not_load_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    library_works.cache_clear()
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"no-such-{name}.so")
    try:
        assert not library_works("egl") and not library_works("osmesa")
    finally:
        library_works.cache_clear()


@pytest.mark.parametrize(
    ("make", "package"), [(MujocoReacher, "mujoco"), (MujocoRelocate, "gymnasium_robotics")]
)
def test_a_missing_package_is_named_with_its_extra(
    make: Callable[[], object], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if package != "mujoco":
        need_drawing()
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"'{package}'.* pip install \"bvae-rl\[robotics\]\""):
        make()


def test_nothing_to_draw_with_is_one_line_at_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_drawing()
    monkeypatch.setattr(mujoco_gl, "library_works", have())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    assert cli.main(["collect", "--env", "bvae_rl/MujocoReacher-v0", "--frames", "10"]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error and error.endswith("apt install libegl1 or apt install libosmesa6")


def test_a_context_that_cannot_be_made_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    need_drawing()
    mujoco = load_mujoco()
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    monkeypatch.setattr(mujoco_gl, "choose_backend", lambda environ: "")
    monkeypatch.setattr(mujoco, "GLContext", have)
    monkeypatch.setattr(have, "make_current", None, raising=False)
    with pytest.raises(ImportError, match=r"cannot draw with the default .* MUJOCO_GL: egl, osm"):
        Canvas(model, 32)


def test_a_fork_of_a_process_that_drew_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    need_drawing()
    model = load_mujoco().MjModel.from_xml_string("<mujoco/>")
    Canvas(model, 32).close()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match=r"forked from one that has drawn .* 'spawn'"):
        Canvas(model, 32)


def test_importing_the_worlds_does_not_import_mujoco() -> None:
    code = (
        "import sys, bvae_rl.envs, bvae_rl.envs.mujoco.world, bvae_rl.envs.control.walker; "
        "sys.exit(bool({'mujoco', 'dm_control'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("backend", ["egl", "osmesa"])
def test_a_backend_that_is_there_draws(backend: str) -> None:
    """In a process of its own, because PyOpenGL keeps the first backend that it saw."""
    if not library_works(backend):
        pytest.skip(f"{backend} is not installed here")
    code = (
        "from bvae_rl.envs.mujoco.reacher import MujocoReacher\n"
        "frame, _ = MujocoReacher().reset(seed=0)\n"
        "assert frame.std() > 10, frame\n"
    )
    environ = {**os.environ, "MUJOCO_GL": backend}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
