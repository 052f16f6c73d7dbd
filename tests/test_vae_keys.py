"""What VAEs are called that stand beside each other."""

from pathlib import Path

import pytest

from bvae_rl.scripts.vae_keys import names_apart


def test_folders_of_one_name_are_called_by_their_parents_too() -> None:
    assert names_apart([Path("a"), Path("runs/b")]) == ["a", "b"]
    assert names_apart([Path("seed1/vae"), Path("runs/seed2/vae")]) == ["seed1-vae", "seed2-vae"]
    with pytest.raises(ValueError, match="need folders of different names, got seed1/vae, x/seed1"):
        names_apart([Path("seed1/vae"), Path("x/seed1/vae")])
