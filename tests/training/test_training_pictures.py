"""Pictures while a VAE is pretrained and while an agent learns: TensorBoard, files, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN
from stable_baselines3.common.logger import configure

from bvae_rl.sb3 import LatentVecEnv, OnlineBetaVAE, PictureCallback, policy_kwargs
from bvae_rl.training.pictures.while_training import PretrainingPictures
from tests.plug_cases import build, make_env, make_vae, noise

event_accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="needs the extra log"
)


def logged(folder: Path) -> dict[str, list[Any]]:
    """The image events of a folder by their tags."""
    events = event_accumulator.EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    return {tag: events.Images(tag) for tag in events.Tags()["images"]}


def test_pretraining_logs_pictures_and_a_film_when_they_are_due(tmp_path: Path) -> None:
    vae = make_vae().train()
    callback = PretrainingPictures(noise(np.random.default_rng(0), 20), tmp_path, freq=100)
    for step in (50, 90, 120):
        callback(step, vae, {})
    assert callback.drawn == [50, 120] and vae.training
    found = logged(tmp_path)
    assert set(found) == {
        "pictures/reconstructions", "pictures/traversals", "pictures/traversals_film"
    }  # fmt: skip
    assert [event.step for event in found["pictures/traversals"]] == [50, 120]
    assert found["pictures/traversals_film"][0].encoded_image_string.startswith(b"GIF89a")
    assert found["pictures/reconstructions"][0].encoded_image_string.startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="got 0 frames and freq=100"):
        PretrainingPictures(np.empty((0, 32, 32, 3), np.uint8), tmp_path, freq=100)


def test_what_the_agent_sees_is_logged_and_written(tmp_path: Path) -> None:
    vae = make_vae()
    model = build(A2C, make_env("stack"), **policy_kwargs(vae, stacked=3))
    model.set_logger(configure(str(tmp_path / "log"), ["tensorboard"]))
    callback = PictureCallback(vae, freq=20, view=6, out=tmp_path / "pictures")
    model.learn(24, callback=callback)
    assert callback.drawn == [20]
    found = logged(tmp_path / "log")
    assert set(found) == {
        "pictures/agent_view", "pictures/reconstructions", "pictures/traversals",
        "pictures/agent_film",
    }  # fmt: skip
    assert [event.step for event in found["pictures/agent_film"]] == [20]
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert {"20-agent_view.png", "20-traversals.png", "20-agent_film.mp4"} <= names


@pytest.mark.parametrize("form", ["channels first", "dict", "latent env"])
def test_the_newest_frame_is_found_wherever_it_is(form: str, tmp_path: Path) -> None:
    vae, env = make_vae(), make_env("bytes" if form == "latent env" else form)
    if form == "latent env":
        model = build(A2C, LatentVecEnv(env, vae))
    else:
        model = build(A2C, env, **policy_kwargs(vae))
    seen: list[np.ndarray] = []
    callback = PictureCallback(vae, freq=8, view=3, film=False, out=tmp_path)
    callback._draw = seen.append  # type: ignore[method-assign]
    model.learn(8, callback=callback)
    known = set().union(*env.unwrapped.get_attr("shown"))
    assert len(seen) == 1 and seen[0].shape == (3, 32, 32, 3)
    assert all(frame.tobytes() in known for frame in seen[0])


def test_the_encoder_that_the_agent_trains_is_the_one_that_is_shown(tmp_path: Path) -> None:
    vae = make_vae()
    model = build(A2C, make_env(), **policy_kwargs(vae.save(tmp_path / "vae"), mode="policy"))
    callback = PictureCallback(vae, freq=8, film=False, out=tmp_path / "pictures")
    before = {name: value.clone() for name, value in vae.encoder.state_dict().items()}
    model.learn(24, callback=callback)
    now = callback._vae_now().encoder.state_dict()
    assert any(not np.array_equal(now[name], before[name]) for name in before)
    after = vae.encoder.state_dict()
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_what_nobody_sees_or_the_vae_does_not_take_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vae = make_vae()
    model = build(DQN, make_env(discrete=True), **policy_kwargs(vae))
    model.learn(4, callback=PictureCallback(vae, freq=100))
    assert "nobody will see the pictures" in caplog.text
    with pytest.raises(ValueError, match="freq and view must be at least 1, got 0 and 100"):
        PictureCallback(vae, freq=0)


def test_codes_that_are_encoded_once_are_shown_as_they_are_now(tmp_path: Path) -> None:
    vae = make_vae()
    env = LatentVecEnv(make_env(), vae)
    model = build(A2C, env)
    pictures = PictureCallback(make_vae(), freq=8, film=False, out=tmp_path)
    online = OnlineBetaVAE(vae, train_freq=8)
    model.learn(24, callback=[online, pictures])
    own = pictures._vae_now().encoder.state_dict()
    assert all(torch.equal(own[name], weight) for name, weight in online.tuner.encoder.items())
    assert not all(torch.equal(own[name], w) for name, w in make_vae().encoder.state_dict().items())
