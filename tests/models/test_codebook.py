"""Quantised latents: nearest values, gradients straight through, the same codes everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import A2C

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.codebook import LOGVAR, Codebook, quantise, straight_through
from bvae_rl.models.losses import recon_nll
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import LatentVecEnv, OnlineBetaVAE, policy_kwargs
from bvae_rl.sb3.convert import to_image_policy, to_latent_policy
from bvae_rl.sb3.export import export_encoder
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.quantised import QuantisedObjective, levels_used
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.validation import latent_statistics
from tests.plug_cases import build, make_env, noise

CONFIG = VAEConfig(
    shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16, levels=5, recon_weight=3.0,
    groups={"content": (0, 3), "style": (3, 4)},
)  # fmt: skip


@pytest.fixture
def vae() -> BetaVAE:
    """Random weights whose codes take several levels; values as training may leave them."""
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG).eval()
    assert vae.codebook is not None
    last: Any = vae.encoder[-2]
    with torch.no_grad():
        last.weight.mul_(10.0)  # it starts small
        vae.codebook.values.add_(0.1 * torch.randn(4, 5))
    frames = noise(np.random.default_rng(0), 100)
    mu = vae.encoder[:-1](frames_to_x(frames))[:, :4]
    with torch.no_grad():  # spread out over the values
        last.bias[:4] -= mu.mean(0)
    vae.meta["statistics"] = latent_statistics(vae, frames_to_x(frames))
    return vae


def test_the_nearest_value_is_taken_latent_by_latent() -> None:
    values = torch.tensor([[-1.0, 0.0, 3.0], [10.0, 2.0, 2.5]])
    mu = torch.tensor([[-0.6, 2.2], [1.4, 100.0], [1.6, -100.0], [-0.5, 2.25]])
    expected = [[-1.0, 2.0], [0.0, 10.0], [3.0, 2.0], [-1.0, 2.0]]  # of two the first
    assert quantise(mu, values).tolist() == expected


def test_values_start_evenly_and_are_learned() -> None:
    codebook = Codebook(2, 5)
    assert codebook.values.tolist() == [[-0.5, -0.25, 0.0, 0.25, 0.5]] * 2
    assert isinstance(codebook.values, torch.nn.Parameter)


def test_gradients_pass_straight_through_to_the_means() -> None:
    codebook = Codebook(2, 3)  # -0.5, 0, 0.5
    output = torch.tensor([[0.4, -0.1, 7.0, 7.0]], requires_grad=True)
    codes = codebook(output)
    assert codes.tolist() == [[0.5, 0.0, LOGVAR, LOGVAR]]
    (codes * torch.tensor([2.0, 3.0, 5.0, 7.0])).sum().backward()
    assert output.grad.tolist() == [[2.0, 3.0, 0.0, 0.0]]
    assert codebook.values.grad is None or not codebook.values.grad.any()
    mu, quantised = torch.rand(100, 3), torch.rand(100, 3) * 1e-3
    assert torch.equal(straight_through(mu, quantised), quantised)  # bit for bit


def test_encode_gives_points_on_the_values(vae: BetaVAE) -> None:
    mu, logvar = vae.encode(torch.rand(20, 3, 32, 32))
    assert (logvar == LOGVAR).all()
    assert (mu[:, :, None] == vae.codebook.values).any(2).all()
    assert BetaVAE(replace(CONFIG, levels=0)).codebook is None


def test_the_loss_by_hand(vae: BetaVAE) -> None:
    x = torch.rand(6, 3, 32, 32)
    mu = vae.encoder[:-1](x)[:, :4]
    z, _ = vae.encode(x)
    recon = recon_nll(vae.decode_logits(z), x, likelihood="gaussian", recon_weight=3.0).mean()
    apart = (mu - z).square().mean()
    objective = QuantisedObjective(quantisation=0.2, commitment=0.3)
    loss, parts = objective.loss(vae, Batch(x), 0, torch.zeros(6, 4))
    assert loss.item() == pytest.approx((recon + 3 * 32 * 32 * 0.5 * apart).item(), rel=1e-5)
    assert torch.as_tensor(parts["quantisation"]).item() == pytest.approx(apart.item(), rel=1e-5)
    # the values are drawn to the means by one weight, the means to the values by the other
    for weights, moves in (((0.2, 0.0), True), ((0.0, 0.3), False)):
        vae.zero_grad()
        QuantisedObjective(*weights).loss(vae, Batch(x), 0, torch.zeros(6, 4))[0].backward()
        assert bool(vae.codebook.values.grad.any()) == moves
    vae.zero_grad()
    QuantisedObjective(0.2, 0.0).loss(vae, Batch(x), 0, torch.zeros(6, 4))[0].backward()
    expected = torch.zeros(4, 5)
    level = (mu[:, :, None] - vae.codebook.values).abs().argmin(2)
    for row in range(6):
        for d in range(4):
            pull = 2.0 * (z[row, d] - mu[row, d]) / 24
            expected[d, level[row, d]] += 3 * 32 * 32 * 0.2 * pull.detach()
    assert torch.allclose(vae.codebook.values.grad, expected, rtol=1e-4, atol=1e-5)


def test_levels_are_counted() -> None:
    codes = torch.tensor([[0.0, 1.0], [0.5, 1.0], [0.0, 1.0], [-0.5, 1.0]])
    assert levels_used(codes).item() == 2.0  # three and one


def test_statistics_are_float32_under_bfloat16(vae: BetaVAE) -> None:
    x = torch.rand(6, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert vae.encoder[:-1](x).dtype == torch.bfloat16
        mu, logvar = vae.encode(x)
        loss, _ = QuantisedObjective().loss(vae, Batch(x), 0, torch.zeros(6, 4))
    assert mu.dtype == logvar.dtype == loss.dtype == torch.float32
    assert (mu[:, :, None] == vae.codebook.values).any(2).all()  # not rounded to bfloat16


def test_saved_and_loaded_bit_equal(vae: BetaVAE, tmp_path: Path) -> None:
    again = BetaVAE.load(vae.save(tmp_path))
    assert torch.equal(again.codebook.values, vae.codebook.values)
    frames = noise(np.random.default_rng(3), 20)
    assert np.array_equal(again.encode_frames(frames), vae.encode_frames(frames))
    assert again.config == CONFIG


@pytest.mark.parametrize("standardise", [False, True])
def test_the_same_codes_everywhere(vae: BetaVAE, tmp_path: Path, standardise: bool) -> None:
    frames = noise(np.random.default_rng(4), 40)
    codes = vae.encode_frames(frames)
    assert len(np.unique(codes, axis=0)) > 4  # lively
    assert np.array_equal(codes, vae.encode(frames_to_x(frames))[0].detach().numpy())
    assert np.array_equal(codes, vae.posterior_frames(frames)[0])
    if standardise:
        mean, std = vae.statistics()
        codes = (codes - mean) / np.maximum(std, 0.1 * std.max())
    latent_env = LatentVecEnv(make_env(), vae, latents="all", standardise=standardise)
    assert np.allclose(latent_env.encode(frames), codes, atol=1e-6)
    kwargs = policy_kwargs(vae, latents="all", standardise=standardise)
    model = build(A2C, make_env(), **kwargs)
    x = frames_to_x(frames)
    extractor = model.policy.features_extractor
    assert np.allclose(extractor(x).detach().numpy(), codes, atol=1e-6)
    model.save(tmp_path / "model")
    loaded = A2C.load(tmp_path / "model").policy.features_extractor
    assert np.allclose(loaded(x).detach().numpy(), codes, atol=1e-6)
    latent = to_latent_policy(model, make_env())
    assert np.allclose(latent.get_env().encode(frames), codes, atol=1e-6)


def test_a_policy_on_codes_becomes_one_on_pictures(vae: BetaVAE) -> None:
    env = LatentVecEnv(make_env(), vae)
    model = build(A2C, env)
    pictures = to_image_policy(model)
    frames = noise(np.random.default_rng(4), 20)
    expected = model.predict(env.encode(frames), deterministic=True)[0]
    assert np.allclose(pictures.predict(frames, deterministic=True)[0], expected, atol=1e-5)


def test_mode_policy_trains_through_the_levels(vae: BetaVAE) -> None:
    model = build(A2C, make_env(), **policy_kwargs(vae, mode="policy"))
    encoder = model.policy.features_extractor.encoder
    before = {name: weight.detach().clone() for name, weight in encoder.weights().items()}
    model.learn(40)
    after = encoder.weights()
    assert not torch.equal(before["1.weight"], after["1.weight"])
    assert torch.equal(before["11.values"], after["11.values"])  # no loss draws them anywhere


def test_online_fine_tuning_refuses_quantised_latents(vae: BetaVAE) -> None:
    with pytest.raises(ValueError, match=r"quantised \(5 levels\); keep it frozen"):
        OnlineBetaVAE(vae, beta=Constant(1.0))


def test_an_exported_encoder_gives_the_codes(vae: BetaVAE, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = export_encoder(vae, tmp_path / "encoder.onnx", latents="content")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    frames = noise(np.random.default_rng(5), 3)
    (codes,) = session.run(None, {"frames": frames})
    assert np.allclose(codes, vae.encode_frames(frames)[:, :3], atol=1e-6)


def test_training_moves_the_values_and_raises_the_bound(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    collect_independent(PlanarReach(size=32), store, 500, seed=0)
    train = TrainConfig(batch_size=16, warmup=5, log_freq=10, precision="float32")
    row = entry("quantised")
    objective = row.make(row.hyperparameters("tuned", {"levels": 5.0}), Annealing(60))
    bounds = []
    for steps in (5, 60):
        result = train_vae(
            store, CONFIG, objective, steps=steps, seed=0, out=tmp_path / str(steps), train=train
        )
        bounds.append(result.meta["scores"]["validation"]["vae/elbo"])
    assert bounds[1] > bounds[0] + 100
    assert not torch.allclose(
        result.codebook.values, torch.linspace(-0.5, 0.5, 5).expand(4, 5), atol=1e-3
    )


@pytest.mark.parametrize("levels", [1.0, 2.5])
def test_levels_are_whole_and_several(levels: float) -> None:
    row = entry("quantised")
    with pytest.raises(
        ValueError, match=f"levels must be a whole number from 2 on, got {levels:g}"
    ):
        row.make(row.hyperparameters("tuned", {"levels": levels}), Annealing(10))
