"""Encoders and decoders: the default ones unchanged, and each inside everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, TD3
from torch import nn

from bvae_rl.models.networks import (
    Broadcast,
    DecoderName,
    EncoderName,
    Transposed,
    make_decoder,
    make_encoder,
)
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import policy_kwargs
from bvae_rl.sb3.copies import encoder_copies, same_weights, write_encoder
from bvae_rl.sb3.export import export_encoder
from bvae_rl.training.fine_tune import FineTuneConfig, FineTuner
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from tests.plug_cases import PLAIN, NoiseEnv, noise

ENCODERS, DECODERS = get_args(EncoderName), get_args(DecoderName)
SIZES: dict[str, Any] = {"latent_dim": 4, "channels": (4, 6, 8), "hidden": 16}
FRAMES = noise(np.random.default_rng(0), 5)


def make_vae(**changes: Any) -> BetaVAE:
    torch.manual_seed(0)
    vae = BetaVAE(VAEConfig(shape=(3, 32, 32), **SIZES, **changes)).eval()
    last: Any = vae.encoder[-1]
    with torch.no_grad():
        last.weight.mul_(10.0)  # it starts small
    vae.meta["statistics"] = PLAIN
    return vae


def shapes(network: nn.Module) -> list[tuple[int, ...]]:
    """Of the weights of the convolutions."""
    return [tuple(p.shape) for name, p in network.named_parameters() if p.ndim == 4]


def test_the_default_networks_are_what_shipped_checkpoints_were_made_with() -> None:
    """Names, order of the random draws and initialisation, written out."""
    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.PixelUnshuffle(2),
        nn.Conv2d(12, 4, 4, stride=2, padding=1), nn.SiLU(),
        nn.Conv2d(4, 6, 4, stride=2, padding=1), nn.SiLU(),
        nn.Conv2d(6, 8, 4, stride=2, padding=1), nn.SiLU(),
        nn.Flatten(), nn.Linear(8 * 2 * 3, 16), nn.SiLU(), nn.Linear(16, 8),
    )  # fmt: skip
    _initialise(encoder)
    decoder = nn.Sequential(
        nn.Linear(4, 16), nn.SiLU(),
        nn.Linear(16, 8 * 2 * 3), nn.SiLU(), nn.Unflatten(1, (8, 2, 3)),
        nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1), nn.SiLU(),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), nn.SiLU(),
        nn.ConvTranspose2d(4, 12, 4, stride=2, padding=1), nn.PixelShuffle(2),
    )  # fmt: skip
    _initialise(decoder)
    torch.manual_seed(0)
    vae = BetaVAE(VAEConfig(shape=(3, 32, 48), **SIZES))
    expected = {
        **{f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()},
        **{f"decoder.{name}": tensor for name, tensor in decoder.state_dict().items()},
    }
    state = vae.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    x = torch.rand(2, 3, 32, 48)
    assert torch.equal(vae.encoder(x), encoder(x))
    z = torch.rand(2, 4)
    assert torch.equal(vae.decoder(z), decoder(z))


def _initialise(network: nn.Sequential) -> None:
    weighted = [m for m in network if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    for module in weighted:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    with torch.no_grad():
        weighted[-1].weight.mul_(0.1)


def test_a_bias_added_apart_changes_neither_values_nor_gradients() -> None:
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(5, 3, 4, stride=2, padding=1)
    apart = Transposed(5, 3, 4, stride=2, padding=1)
    apart.load_state_dict(plain.state_dict())
    x, weight = torch.randn(2, 5, 6, 4), torch.randn(2, 3, 12, 8)
    for network in (plain, apart):
        (network(x) * weight).sum().backward()
    torch.testing.assert_close(apart(x), plain(x))
    torch.testing.assert_close(apart.weight.grad, plain.weight.grad)
    torch.testing.assert_close(apart.bias.grad, plain.bias.grad)
    assert plain.bias.abs().min() > 0


def test_strided_and_transposed_mirror_each_other() -> None:
    """Widths 32, 32, 64, 64 of Burgess et al. 2018 where the three are 32, 64, 64."""
    sizes: dict[str, Any] = {"latent_dim": 5, "channels": (32, 64, 64), "hidden": 16}
    encoder = make_encoder("strided", (3, 32, 64), **sizes)
    assert shapes(encoder) == [(32, 3, 4, 4), (32, 32, 4, 4), (64, 32, 4, 4), (64, 64, 4, 4)]
    decoder = make_decoder("transposed", (3, 32, 64), **sizes)
    assert shapes(decoder) == [(64, 64, 4, 4), (64, 32, 4, 4), (32, 32, 4, 4), (32, 3, 4, 4)]
    assert shapes(decoder) == shapes(encoder)[::-1]  # a transposed kernel is (in, out, 4, 4)


def test_coordinates_run_from_left_to_right_and_top_to_bottom() -> None:
    tiled = Broadcast(3, 5)(torch.tensor([[2.0, 3.0], [7.0, 7.0]]))
    assert tiled.shape == (2, 4, 3, 5)
    assert (tiled[0, 0] == 2.0).all() and (tiled[0, 1] == 3.0).all()
    assert tiled[1, 2, 2].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert tiled[1, 3, :, 3].tolist() == [-1.0, 0.0, 1.0]
    assert not Broadcast(3, 5).state_dict()


def test_a_removed_encoder_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"'coordinates' is not built any more.*pretrain again"):
        VAEConfig(encoder="coordinates")  # type: ignore[arg-type]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_combination_takes_every_size_and_comes_back_from_its_folder(
    encoder: EncoderName, decoder: DecoderName, tmp_path: Path
) -> None:
    for shape in ((1, 48, 32), (3, 32, 32)):
        config = VAEConfig(shape=shape, encoder=encoder, decoder=decoder, **SIZES)
        torch.manual_seed(0)
        vae = BetaVAE(config).eval()
        mu, logvar = vae.encode(torch.rand(2, *shape))
        assert mu.shape == logvar.shape == (2, 4)
        assert vae.decode(mu).shape == (2, *shape)
    again = BetaVAE.load(vae.save(tmp_path))
    assert again.config == config
    assert same_weights(again.state_dict(), vae.state_dict())
    assert np.array_equal(again.encode_frames(FRAMES), vae.encode_frames(FRAMES))
    assert not [name for name in vae.state_dict() if "coordinates" in name]


def test_broadcast_needs_no_linear_layer_and_shifts_with_its_coordinates() -> None:
    """Its first convolution is of z and place alone: zero weights on place, equal cells."""
    torch.manual_seed(0)
    decoder = make_decoder("broadcast", (3, 64, 64), **SIZES)
    assert not any(isinstance(layer, nn.Linear) for layer in decoder)
    first: Any = decoder[1]
    assert first.weight.shape == (8, 4 + 2, 5, 5)  # D latents and two coordinates
    with torch.no_grad():
        first.weight[:, 4:] = 0.0
    x = decoder(torch.rand(1, 4))[0]  # away from the edges: 3 * 2 + 1 cells of four pixels
    cells = x[:, 28:36, 28:36].unflatten(2, (2, 4)).unflatten(1, (2, 4))  # (C, 2, 4, 2, 4)
    torch.testing.assert_close(cells[:, 0, :, 0], cells[:, 1, :, 1])


class TestInsideAPolicy:
    """A policy's encoder is of buffers, of the same names as the weights."""

    @pytest.mark.parametrize("encoder", ENCODERS)
    @pytest.mark.parametrize("mode", ["frozen", "policy", "online"])
    def test_it_learns_saves_and_loads(
        self, encoder: EncoderName, mode: str, tmp_path: Path
    ) -> None:
        vae = make_vae(encoder=encoder)
        kwargs = policy_kwargs(vae.save(tmp_path / "vae"), mode=mode, net_arch=[8])  # type: ignore[arg-type]
        model = PPO("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, n_steps=8, batch_size=8, seed=0)
        (copy,) = encoder_copies(model).values()
        assert same_weights(copy.weights(), vae.encoder.state_dict())
        stored = len(vae.encoder.state_dict())
        assert len(copy.offsets) == (stored if mode == "policy" else 0)
        model.learn(8)
        assert copy.moved == (mode == "policy")
        model.save(tmp_path / "model")
        again = PPO.load(tmp_path / "model")
        expected, _ = model.predict(FRAMES, deterministic=True)
        assert np.array_equal(again.predict(FRAMES, deterministic=True)[0], expected)
        (loaded,) = encoder_copies(again).values()
        assert loaded.moved == copy.moved
        assert same_weights(loaded.weights(), copy.weights())

    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_a_fine_tuned_encoder_reaches_all_copies(
        self, encoder: EncoderName, tmp_path: Path
    ) -> None:
        vae = make_vae(encoder=encoder)
        kwargs = policy_kwargs(vae.save(tmp_path / "vae"), mode="online", net_arch=[8])
        model = TD3("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, buffer_size=4, seed=0)
        copies = encoder_copies(model).values()
        assert len(copies) == 4
        objective = BetaVAEObjective(Constant(1.0))
        tuner = FineTuner(vae, objective, FineTuneConfig(gradient_steps=1, batch_size=4), seed=0)
        tuner.update(FRAMES, step=0)
        write_encoder(model, tuner.encoder)
        expected = tuner.seen_by_policy().encode_frames(FRAMES)
        x = torch.from_numpy(FRAMES).permute(0, 3, 1, 2) / 255.0
        for copy in copies:
            assert copy.moved and same_weights(copy.weights(), tuner.encoder)
            np.testing.assert_allclose(copy(x).numpy(), expected, atol=1e-4)


def test_the_exported_file_gives_the_same_codes(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    vae = make_vae(encoder="strided")  # the default: test_export.py
    path = export_encoder(vae, tmp_path / "encoder.onnx")
    (codes,) = onnxruntime.InferenceSession(path).run(None, {"frames": FRAMES})
    assert np.ptp(codes) > 0.1
    np.testing.assert_allclose(codes, vae.encode_frames(FRAMES), atol=1e-4)
