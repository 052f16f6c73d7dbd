"""dm_control beside MuJoCo 4, with fakes; and what is said where something is missing."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.envs.control import suite
from bvae_rl.envs.control.reacher import ReacherEasy
from bvae_rl.runtime.dm_control import fit_dm_control
from bvae_rl.scripts import cli
from tests.control_cases import need_suite

SIZES = "dm_control.mujoco.wrapper.mjbindings.sizes"


def fake(monkeypatch: pytest.MonkeyPatch, *, model: str, data: str) -> dict[str, dict[str, int]]:
    """Tables of dm_control beside a MuJoCo whose structs have the arrays of these names."""
    tables = {
        "mjmodel": {"qpos0": 1, "flex_vertedge": 2, "flex_vertadr": 1},
        "mjdata": {"qpos": 1, "flexvert_J": 1},
    }
    structs = {
        "MjModel": type("MjModel", (), dict.fromkeys(model.split())),
        "MjData": type("MjData", (), dict.fromkeys(data.split())),
    }
    monkeypatch.setitem(sys.modules, SIZES, SimpleNamespace(array_sizes=tables))
    monkeypatch.setitem(sys.modules, "mujoco", SimpleNamespace(__version__="9.1.0", **structs))
    return tables


def test_only_what_mujoco_no_longer_has_is_struck(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = fake(monkeypatch, model="qpos0 flex_vertadr", data="qpos")
    fit_dm_control()
    assert tables == {"mjmodel": {"qpos0": 1, "flex_vertadr": 1}, "mjdata": {"qpos": 1}}
    fit_dm_control()
    assert tables["mjdata"] == {"qpos": 1}


def test_more_than_flexible_bodies_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = fake(monkeypatch, model="qpos0", data="flexvert_J")
    with pytest.raises(ImportError, match=r"not work with MuJoCo 9.1.0, which has no qpos; .* pip"):
        fit_dm_control()
    assert "qpos" in tables["mjdata"]


def without_dm_control(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "dm_control"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "dm_control", None)
    monkeypatch.setattr(suite, "load_mujoco", lambda extra: SimpleNamespace(__version__="4.0.0"))
    monkeypatch.setattr(suite, "choose_backend", lambda environ: "")


def test_a_missing_package_is_one_line_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_dm_control(monkeypatch)
    monkeypatch.setattr(suite, "LAST_PYTHON", (9, 9))
    assert cli.main(["collect", "--env", "bvae_rl/ReacherEasy-v0", "--frames", "10"]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error and "'dm_control'" in error
    assert error.endswith('pip install "bvae-rl[dm-control]"')


def test_a_python_without_its_wheels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without_dm_control(monkeypatch)
    monkeypatch.setattr(suite, "LAST_PYTHON", (3, 0))
    monkeypatch.setattr(suite, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"\(labmaze\) has no wheels for Python after 3.0: use"):
        ReacherEasy()


def test_an_older_mujoco_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "load_mujoco", lambda extra: SimpleNamespace(__version__="3.17.0"))
    with pytest.raises(
        ImportError, match=r"need MuJoCo 4, and 3.17.0 is installed: pip install -U"
    ):
        ReacherEasy()


def test_the_environment_variable_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "egl"):
        if before is None:
            monkeypatch.delenv("MUJOCO_GL", raising=False)
        else:
            monkeypatch.setenv("MUJOCO_GL", before)
        monkeypatch.setattr(suite, "choose_backend", lambda environ: "osmesa")
        with suite._importing():
            assert os.environ["MUJOCO_GL"] == "osmesa"
        assert os.environ.get("MUJOCO_GL") == before


def test_other_tasks_of_the_suite_come_through_shimmy() -> None:
    need_suite()
    pytest.importorskip("shimmy", reason="shimmy is not installed (extra dm-control)")
    env: Any = EnvConfig("dm_control/pendulum-swingup-v0").make()
    observation, _ = env.reset(seed=0)
    assert set(observation) == {"orientation", "velocity"}
    env.close()
