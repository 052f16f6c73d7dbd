"""Commands that end with pictures ask for what draws them before they begin."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bvae_rl.scripts.cli import main
from bvae_rl.scripts.commands import COMMANDS


def test_what_pictures_need_is_asked_for_before_hours_of_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for command in ("compare", "transfer", "evidence", "adapt", "evaluate"):
        assert COMMANDS[command].draws
    assert main(["compare", "--out", str(tmp_path / "study")]) == 2
    assert 'pip install "bvae-rl[plots]"' in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
