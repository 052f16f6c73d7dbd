"""``bvae-rl bench pretrain`` on tiny sizes, and what it sets pretraining beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import pretrain as bench_pretrain
from bvae_rl.scripts.bench.trainings import (
    Job,
    Sizes,
    StoredFrames,
    Trained,
    apart,
    networks,
    train_plainly,
)
from bvae_rl.training import trainer
from bvae_rl.training.train_config import TrainConfig

TINY = Sizes(
    images=96, batch=16, warm=1, loader_images=64, latent_dim=4, channels=(8, 6, 4), hidden=16
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "frames"
    collect_independent(PlanarReach(size=32), FrameStore(folder), 200, seed=0)
    return folder


@pytest.fixture
def job(store: Path, tmp_path: Path) -> Job:
    torch.manual_seed(0)
    job = Job(store, tmp_path / "start", TINY, 1, TrainConfig(batch_size=16), 96)
    BetaVAE(job.config).save(job.start)
    return job


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """Trainings in this process, one after the other, none compiled."""

    def in_turn(*calls: tuple[Callable[[Job], Trained], Job]) -> list[Trained]:
        return [function(job) for function, job in calls]

    monkeypatch.setattr(bench_pretrain, "apart", in_turn)
    monkeypatch.setattr(bench_pretrain, "SIZES", TINY)
    monkeypatch.setattr(bench_pretrain, "WORKERS", (0,))
    monkeypatch.setattr(trainer, "use_compiled", lambda compile, steps, device: False)


def test_bench_pretrain_sets_speed_and_worth_side_by_side(
    here: None, store: Path, tmp_path: Path
) -> None:
    args = bench.Args("pretrain", store=store, rounds=2, threads=2, out=tmp_path)
    figures = bench.main(args).figures
    assert set(figures) == {
        "pretrain", "pretrain, not compiled", "plain loop",
        "two seeds side by side, a thread each", "plain loop, 0 workers", "pretrain, ELBO",
        "pretrain, not compiled, ELBO", "plain loop, ELBO", "pretrain / plain loop",
        "ELBO of plain loop from that of pretrain",
        "time of two seeds side by side, a thread each / in turn",
    }  # fmt: skip
    assert len(figures["pretrain"].rounds) == 2
    alone = bench_pretrain.Bench(store, threads=1)  # has one core, and two seeds have two
    assert alone._against_in_turn(figures) == []
    # one seed and one batch order: the same training twice
    assert figures["pretrain, ELBO"].rounds == figures["pretrain, not compiled, ELBO"].rounds
    stored = Run(tmp_path).read_json("bench_pretrain.json")
    assert stored["settings"]["images"] == 96
    assert not list(tmp_path.glob("*.pt"))


def test_bench_pretrain_needs_enough_frames(
    here: None, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_pretrain, "SIZES", Sizes(images=512, batch=16))
    with pytest.raises(ValueError, match=r"trains on 512 frames, and .* has too few; collect more"):
        bench_pretrain.Bench(store, threads=1)


def test_the_plain_networks_are_those_of_the_vae() -> None:
    config = VAEConfig(shape=(3, 32, 48), latent_dim=4, channels=(8, 6, 4), hidden=16)
    vae = BetaVAE(config)
    encoder, decoder = networks(config.shape, latent_dim=4, channels=(8, 6, 4), hidden=16)
    encoder.load_state_dict(vae.encoder.state_dict())
    decoder.load_state_dict(vae.decoder.state_dict())
    x, z = torch.rand(2, 3, 32, 48), torch.randn(2, 4)
    torch.testing.assert_close(encoder(x), vae.encoder(x))
    torch.testing.assert_close(decoder(z), vae.decoder(z))


def test_the_plain_loop_learns_from_frames_in_0_to_1(job: Job) -> None:
    frames = FrameStore(job.store)
    data = StoredFrames(frames, np.array([5, 7]))
    expected = torch.from_numpy(frames.read(slice(7, 8)).frames[0]).permute(2, 0, 1) / 255
    assert len(data) == 2 and torch.equal(data[1], expected)
    trained = train_plainly(job)
    start = BetaVAE.load(job.start).state_dict()
    assert trained.weights.keys() == start.keys() and trained.seconds > 0
    assert not torch.equal(trained.weights["encoder.1.weight"], start["encoder.1.weight"])


def test_time_is_that_of_an_image_once_all_is_warm(job: Job) -> None:
    assert job.timed([0.0, 10.0, 12.0, 14.0]) == pytest.approx(4.0 / (2 * 16))


def test_trainings_run_in_processes_of_their_own(job: Job) -> None:
    (trained,) = apart((train_plainly, job))
    for name, tensor in train_plainly(job).weights.items():
        torch.testing.assert_close(trained.weights[name], tensor)
