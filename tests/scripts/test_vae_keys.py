"""What VAEs are called that stand beside each other."""

from pathlib import Path

import pytest

from bvae_rl.scripts.vae_keys import names_apart


def test_folders_of_one_name_are_called_by_their_parents_too() -> None:
    assert names_apart([Path("a"), Path("runs/b")]) == ["a", "b"]
    assert names_apart([Path("seed1/vae"), Path("runs/seed2/vae")]) == ["seed1-vae", "seed2-vae"]
    found = names_apart([Path("x/seed1/vae"), Path("y/seed1/vae"), Path("seed2/vae"), Path("own")])
    assert found == ["x-seed1-vae", "y-seed1-vae", "seed2-vae", "own"]
    assert names_apart([Path("/runs/vae"), Path("/w/runs/vae")]) == ["runs-vae", "w-runs-vae"]
    with pytest.raises(ValueError, match="each VAE to compare once, got seed1/vae, seed1/vae"):
        names_apart([Path("seed1/vae"), Path("seed1/vae")])
