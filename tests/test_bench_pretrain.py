"""``bvae-rl bench pretrain`` on tiny sizes, and what it sets pretraining beside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.collect import collect_independent
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import pretrain as bench_pretrain
from bvae_rl.scripts.bench.pythae import networks, read_weights
from bvae_rl.scripts.bench.trainings import (
    Job,
    Sizes,
    StoredFrames,
    Trained,
    apart,
    train_plainly,
    train_with_pythae,
)
from bvae_rl.training import trainer
from bvae_rl.training.train_config import TrainConfig

TINY = Sizes(
    images=96, batch=16, warm=1, loader_images=64, latent_dim=4, channels=(8, 6, 4), hidden=16
)
PYTHAE = """
import sys, types, pathlib, torch

class Part(torch.nn.Module): pass
class Output(dict): pass
class Callback: pass
class Dataset:
    def __init__(self, data, labels): self.data = data
class Config:
    def __init__(self, **values): self.__dict__.update(values)
class BetaVAE(Part):
    def __init__(self, config, encoder, decoder):
        super().__init__()
        assert config.beta == 1 / 40 and config.reconstruction_loss == "mse"
        self.encoder, self.decoder = encoder, decoder
class BaseTrainer:
    def __init__(self, model, train_dataset, training_config, callbacks):
        assert training_config.learning_rate == 1e-3 and training_config.num_epochs == 1
        self.model, self.x, self.config = model, train_dataset.data, training_config
        self.callbacks = callbacks
        self.training_dir = training_config.output_dir + "/run"
    def train(self):
        assert self.x.shape == (96, 3, 32, 32) and 0.0 <= self.x.min() < self.x.max() <= 1.0
        for x in self.x.split(self.config.per_device_train_batch_size):
            embedding = self.model.encoder(x)["embedding"]
            assert self.model.decoder(embedding)["reconstruction"].shape == x.shape
            for callback in self.callbacks: callback.on_train_step_end(self.config)
        folder = pathlib.Path(self.training_dir) / "final_model"
        folder.mkdir(parents=True)
        torch.save({"model_state_dict": self.model.state_dict()}, folder / "model.pt")

def module(name, **values):
    made = sys.modules[name] = types.ModuleType(name)
    made.__dict__.update(values)
    return made

module("pythae.models", BetaVAE=BetaVAE, BetaVAEConfig=Config)
module("pythae.models.nn", BaseEncoder=Part, BaseDecoder=Part)
module("pythae.models.base.base_utils", ModelOutput=Output)
module("pythae.data.datasets", BaseDataset=Dataset)
module("pythae.trainers", BaseTrainer=BaseTrainer, BaseTrainerConfig=Config,
       training_callbacks=types.SimpleNamespace(TrainingCallback=Callback))
"""


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
    args = bench.Args("pretrain", store=store, rounds=2, out=tmp_path)
    figures = bench.main(args).figures
    assert set(figures) == {
        "pretrain", "pretrain, not compiled", "plain loop",
        "two seeds side by side, a thread each", "plain loop, 0 workers", "pretrain, ELBO",
        "pretrain, not compiled, ELBO", "plain loop, ELBO", "pretrain / plain loop",
        "ELBO farthest from that of pretrain",
        "time of two seeds side by side, a thread each / in turn",
    }  # fmt: skip
    assert len(figures["pretrain"].rounds) == 2
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
        bench_pretrain.Bench(store, threads=1, pythae=None)


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


def test_safetensors_are_read_without_the_library(job: Job) -> None:
    found = read_weights(str(job.start / "model.safetensors"))
    expected = BetaVAE.load(job.start).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_pythae_trains_the_same_networks_and_its_weights_come_back(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in of pythae's interface, that trains nothing."""
    (tmp_path / "pythae").mkdir()
    (tmp_path / "pythae" / "__init__.py").write_text(PYTHAE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    trained = train_with_pythae(job, Path(sys.executable))
    start = BetaVAE.load(job.start).state_dict()
    assert trained.weights.keys() == start.keys() and trained.seconds > 0
    assert all(torch.equal(trained.weights[name], tensor) for name, tensor in start.items())


def test_an_interpreter_without_pythae_is_told_in_one_line(job: Job) -> None:
    with pytest.raises(ValueError, match=r"pythae failed under .*: ModuleNotFoundError"):
        train_with_pythae(job, Path(sys.executable))


def test_trainings_run_in_processes_of_their_own(job: Job) -> None:
    (trained,) = apart((train_plainly, job))
    for name, tensor in train_plainly(job).weights.items():
        torch.testing.assert_close(trained.weights[name], tensor)
