"""A student with more units than its teacher begins as its teacher, and uses them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bvae_rl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.models.widened import widened, wider
from tests.harden_cases import CONFIG, QUICK, squares

NARROW = VAEConfig(shape=(3, 40, 48), latent_dim=5, channels=(4, 6, 8), hidden=12)
MORE: dict[str, Any] = {"channels": (8, 6, 16), "hidden": 20}


@pytest.mark.parametrize(
    "changes",
    [{}, {"decoder": "broadcast"}, {"decoder": "transposed", "encoder": "strided"}, {"levels": 4}],
    ids=str,
)
def test_it_codes_and_draws_as_before(changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    vae = BetaVAE(VAEConfig(**{**NARROW.to_dict(), **changes})).eval()
    with torch.no_grad():
        for values in vae.parameters():  # lively codes, and biases that are not 0
            values.copy_(0.3 * torch.randn_like(values))
    vae.meta = {"training": {"step": 3}}
    wide = widened(vae, wider(vae.config, **MORE))
    assert wide.config.channels == MORE["channels"] and wide.meta == vae.meta and not wide.training
    frames = np.random.default_rng(0).integers(0, 256, (5, 40, 48, 3), dtype=np.uint8)
    codes = vae.posterior_frames(frames)
    assert np.std(codes[0]) > 1e-2
    for ours, theirs in zip(wide.posterior_frames(frames), codes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    z = torch.randn(4, 5)
    torch.testing.assert_close(wide.decode(z), vae.decode(z), rtol=1e-4, atol=1e-5)


def test_new_units_depend_on_the_seed_alone() -> None:
    torch.manual_seed(0)
    vae, config = BetaVAE(NARROW), wider(NARROW, **MORE)
    first, again, other = (widened(vae, config, seed=seed).identity() for seed in (1, 1, 2))
    assert first == again != other
    assert widened(vae, NARROW).identity() == vae.identity()
    assert wider(NARROW, np.array([8, 6, 16]), np.int64(20)) == config  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"channels": (4, 5, 8)}, r"fewer units.*\(4, 6, 8\).*got \(4, 5, 8\)"),
        ({"hidden": 11}, "fewer units.*hidden 12.*and 11"),
        ({"channels": (8, 8)}, "three positive widths"),
        ({"channels": 16}, "three positive widths"),
    ],
)
def test_fewer_units_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wider(NARROW, **given)


def test_a_wider_student_is_hardened_and_every_new_unit_is_heard(tmp_path: Path) -> None:
    store = squares(tmp_path / "frames", 200)
    torch.manual_seed(0)
    teacher = BetaVAE(CONFIG)
    teacher.meta["statistics"] = {"mean": [0.0] * 6, "std": [0.3] * 6, "kl": [1.0] * 6}
    with torch.no_grad():
        teacher.encoder[-1].weight.mul_(200.0)  # type: ignore[operator]
    teacher.eval()
    student = bvae_rl.harden(
        teacher, store, out=tmp_path / "out", steps=5, channels=(8, 24, 16), hidden=48,
        train=QUICK, verbose=0,
    )  # fmt: skip
    assert student.config == wider(CONFIG, (8, 24, 16), 48) == BetaVAE.load(tmp_path / "out").config
    heard = student.encoder[-1].weight[:6, 32:]  # the means', of the new hidden units
    assert heard.abs().amin() > 0  # type: ignore[operator]
    z = torch.randn(4, 6)
    torch.testing.assert_close(student.decode(z), teacher.decode(z), rtol=1e-4, atol=1e-5)
