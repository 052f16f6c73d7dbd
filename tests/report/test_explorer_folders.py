"""A page is not written over one of other VAEs that happen to be called alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bvae_rl.models.hub import find_vae
from bvae_rl.scripts.explore.command import Args, write_page


def test_pages_of_other_vaes_are_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(find_vae("reach_pairs"), tmp_path / "z" / "reach_plain")
    first, other, again = (
        write_page(Args(vae, domain="source", domains=("source",), samples=64, frames=4, steps=4))
        for vae in ("reach_plain", "z/reach_plain", "reach_plain")
    )
    assert first == again != other
    assert first.exists() and other.exists()
