"""The VAE: shapes, groups, traversals, and its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.models.vae import BetaVAE, VAEConfig, read_config
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE

TINY = {"channels": (8, 8, 8), "hidden": 16}


def tiny(**changes: object) -> BetaVAE:
    torch.manual_seed(0)
    settings = {"shape": (3, 32, 32), "latent_dim": 6, **TINY, **changes}
    return BetaVAE(VAEConfig(**settings)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("decoder", ["pixel_shuffle", "broadcast"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 48, 64), (3, 128, 96)])
def test_every_size_goes_in_and_comes_out(decoder: str, shape: tuple[int, int, int]) -> None:
    vae = tiny(shape=shape, decoder=decoder)
    mu, logvar = vae.encode(torch.rand(2, *shape))
    assert mu.shape == logvar.shape == (2, 6)
    assert vae.decode(mu).shape == (2, *shape)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_decoded_pixels_lie_in_the_unit_interval(likelihood: str) -> None:
    vae = tiny(likelihood=likelihood)
    x = vae.decode(100 * torch.randn(4, 6))
    assert x.min() >= 0.0 and x.max() <= 1.0


def test_traverse_moves_one_latent_only() -> None:
    vae = tiny()
    z = torch.randn(6)
    path = vae.traverse(z, 2, torch.tensor([-1.0, z[2].item(), 3.0]))
    assert torch.allclose(path[1], vae.decode(z[None])[0], atol=1e-6)
    changed = z.clone()
    changed[2] = 3.0
    assert torch.allclose(path[2], vae.decode(changed[None])[0], atol=1e-6)
    with pytest.raises(ValueError, match=r"latent must be in 0\.\.5, got 6"):
        vae.traverse(z, 6, torch.zeros(1))


def test_latents_are_chosen_by_name() -> None:
    groups = {"content": (0, 4), "style": (4, 6)}
    config = tiny(groups=groups, parts={"actuator0": (1, 2)}).config
    slices = {name: config.slice_of(name) for name in ("all", *groups, "actuator0")}
    assert [(s.start, s.stop) for s in slices.values()] == [(0, 6), (0, 4), (4, 6), (1, 2)]
    assert config.choice("auto") == "content" and config.choice("style") == "style"
    assert tiny().config.choice("auto") == "all"
    assert tiny(groups={"a": (0, 2), "b": (2, 6)}).config.choice("auto") == "all"
    for look_up in (config.slice_of, config.choice):
        with pytest.raises(ValueError, match="no latent group 'state'; known: all, content, style"):
            look_up("state")
    for taken in ("all", "auto"):
        with pytest.raises(ValueError, match=f"'{taken}' is no name for latents of its own"):
            tiny(groups={taken: (0, 6)})


def test_frames_are_encoded_as_x_is() -> None:
    vae = tiny()
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        assert np.allclose(vae.encode_frames(frames, batch=2), vae.encode(x)[0].numpy(), atol=1e-5)
    none = vae.encode_frames(frames[:0])
    assert none.shape == (0, 6) and none.dtype == np.float32
    assert [part.shape for part in vae.posterior_frames(frames[:0])] == [(0, 6), (0, 6)]


def test_save_and_load_is_bit_equal(tmp_path: Path) -> None:
    vae = tiny(
        groups={"content": (0, 4), "style": (4, 6)}, likelihood="bernoulli", recon_weight=2.0
    )
    vae.meta = {"scores": {"mig": 0.5}, "training": {"seed": 3, "command": "bvae-rl pretrain x"}}
    vae.save(tmp_path / "vae")
    state = torch.get_rng_state()
    again = BetaVAE.load(tmp_path / "vae")
    assert torch.equal(torch.get_rng_state(), state)  # the host's random numbers are its own
    assert again.config == vae.config
    assert again.meta["scores"] == {"mig": 0.5}
    assert again.meta["training"]["seed"] == 3
    assert again.meta["versions"]["torch"] == torch.__version__
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    (tmp_path / CONFIG_FILE).write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(ValueError, match="format 99, written by a newer bvae_rl"):
        BetaVAE.load(tmp_path)


def test_a_truncated_or_missing_file_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    weights = (tmp_path / WEIGHTS_FILE).read_bytes()
    (tmp_path / WEIGHTS_FILE).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match="truncated"):
        BetaVAE.load(tmp_path)
    (tmp_path / WEIGHTS_FILE).unlink()
    with pytest.raises(ValueError, match="missing"):
        BetaVAE.load(tmp_path)
    with pytest.raises(ValueError, match="no VAE at"):
        BetaVAE.load(tmp_path / "elsewhere")


def test_weights_of_another_vae_are_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path / "a")
    tiny(latent_dim=5).save(tmp_path / "b")
    (tmp_path / "b" / WEIGHTS_FILE).rename(tmp_path / "a" / WEIGHTS_FILE)
    with pytest.raises(ValueError, match="checksums differ"):
        BetaVAE.load(tmp_path / "a")


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    config["model"]["latent_dim"] = 5
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))
    with pytest.raises(ValueError, match="does not fit"):
        BetaVAE.load(tmp_path)


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    (tmp_path / CONFIG_FILE).write_text("{")
    with pytest.raises(ValueError, match="is no VAE's config"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be a whole number from 1 on, got 0"),
        ({"shape": (3, 64, 15)}, "from 16 to 512"),
        ({"shape": (3, 7, 7)}, "from 16 to 512"),
        ({"shape": (3, 513, 64)}, "from 16 to 512"),
        ({"groups": {"content": (0, 4)}}, "do not add up to 6"),
        ({"groups": {"content": (0, 4), "style": (3, 6)}}, "do not add up to 6"),
        ({"decoder": "mlp"}, "unknown decoder 'mlp'; known: pixel_shuffle, broadcast"),
        ({"likelihood": "laplace"}, "unknown likelihood"),
        ({"recon_weight": 0.0}, "must be positive"),
        ({"latent_dim": 3.0}, "latent_dim must be a whole number from 1 on, got 3.0"),
        ({"channels": (8, 8)}, "three positive widths"),
        ({"channels": 16}, "all whole numbers, got 16 and"),
        ({"channels": (8, 8.0, 8)}, "all whole numbers"),
        ({"hidden": 64.5}, "all whole numbers, got .* and 64.5"),
    ],
)
def test_a_bad_config_says_what_is_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**changes)
