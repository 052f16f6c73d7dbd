"""Chromium for the tests: left as it is, installed where that can be, else a line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "browser/set_up.sh"
SKIPPED = "tests in a browser are skipped: no chromium here (Debian: apt install chromium)"
ASKED = "no chromium here: apt-get install chromium"
INSTALL = 'case "$*" in *install*) : >"${0%/*}/chromium"; chmod +x "${0%/*}/chromium";; esac'


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({"chromium": "exit 9"}, []),
        ({}, [SKIPPED]),
        ({"apt-get": "exit 9", "id": "echo 1000"}, [SKIPPED]),
        ({"apt-get": "exit 100", "id": "echo 0"}, [ASKED, SKIPPED]),
        ({"apt-get": INSTALL, "id": "echo 0"}, [ASKED]),
    ],
    ids=["there", "no apt-get", "not root", "apt-get fails", "installed"],
)
def test_chromium_is_put_in_where_it_may_and_nothing_fails(
    programs: dict[str, str], said: list[str], tmp_path: Path
) -> None:
    tools = ["timeout", "chmod"]
    for name in tools:
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, said, "")
