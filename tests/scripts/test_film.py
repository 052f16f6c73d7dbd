"""The animated picture of ``bvae-rl film``: a page a frame, refused settings."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.data.factors import FactorSpec
from bvae_rl.runtime.runs import RunError
from bvae_rl.scripts.film import command as film
from bvae_rl.scripts.film.alone import record
from bvae_rl.scripts.film.alone_picture import gif, picture
from bvae_rl.scripts.film.panels import Film, factor_panels, latent_panels
from tests.plug_cases import NoiseEnv, make_vae


@pytest.fixture
def story() -> Film:
    """Two episodes of three frames; latent 1 is the factor, turned round."""
    frames = np.zeros((6, 16, 16, 3), np.uint8)
    frames[3:] = 255
    x = np.array([0.0, 1.0, 2.0, 0.5, 1.5, 2.5])
    codes = np.column_stack([np.zeros(6), -3 * x, [1.0, -1.0, 1.0, -1.0, 1.0, 1.0]])
    return Film(frames, codes, x[:, None], ("joint",), (0, 3), ("source", "ood1"))


def test_a_page_a_frame_on_a_light_background_of_its_own(story: Film) -> None:
    with Image.open(BytesIO(gif(story, latent_panels(story, range(1, 2)), fps=10))) as drawn:
        assert getattr(drawn, "n_frames", 1) == 6
        pages = []
        for page in range(6):
            drawn.seek(page)
            pages.append(np.asarray(drawn.convert("RGB")))
            assert drawn.info["duration"] == (2000 if page == 5 else 100)
    assert all(tuple(page[0, 0]) > (245, 245, 245) for page in pages)
    differ = [int((a != b).any(-1).sum()) for a, b in pairwise(pages)]
    assert all(differ)
    assert max(differ) == differ[2] > pages[0].shape[0] * pages[0].shape[1] // 5  # black to white


def test_a_latent_is_named_after_the_factor_that_it_follows_turned_round_if_it_falls(
    story: Film,
) -> None:
    figure, update = picture(story, latent_panels(story, range(1, 2)))
    update(5)
    screen, followed, others = figure.axes
    assert followed.get_title("left") == "\N{MINUS SIGN}latent 1 follows joint"
    truth, latent = followed.get_lines()
    assert latent.get_ydata() == pytest.approx(truth.get_ydata())
    assert screen.get_title() == "ood1: an appearance new to the agent"
    assert len(others.get_lines()) == 2


def test_an_agent_knows_the_domain_that_it_was_trained_in(story: Film) -> None:
    trained = replace(story, trained_in="ood1")
    figure, update = picture(trained, latent_panels(trained, range(1, 2), of_agent=range(3)))
    for t, about in ((0, "source: an appearance new to"), (5, "ood1: an appearance that it was")):
        update(t)
        assert figure.axes[0].get_title().startswith(about)
    assert figure.axes[-1].get_title("left") == "all other latents"
    unseen = latent_panels(trained, range(1, 2))[-1]
    assert unseen.title == "all other latents, which the agent does not see"


def test_a_factor_is_shown_beside_what_a_probe_of_other_episodes_reads(story: Film) -> None:
    other = replace(story, codes=story.codes + 1.0, factors=story.factors - 1 / 3)
    probed, every = factor_panels(story, other, ["joint"])
    assert probed.lines[0] == pytest.approx(story.factors[:, 0])
    assert probed.truth is not None and (probed.truth == story.factors[:, 0]).all()
    assert len(every.lines) == 3 and every.truth is None
    figure, _ = picture(story, [probed, every])
    assert figure.axes[1].get_title("left").startswith("joint, as a linear probe reads it")
    with pytest.raises(ValueError, match="no state factor 'elbow'; known: joint"):
        factor_panels(story, other, ["elbow"])


def test_without_factors_latents_stand_alone_and_the_six_that_vary_most_are_shown(
    story: Film,
) -> None:
    codes = np.outer(np.arange(6.0), np.arange(10.0))
    alone = replace(story, codes=codes, factors=np.empty((6, 0)), names=(), domains=(None, None))
    panels = latent_panels(alone, range(10))
    assert [panel.title for panel in panels] == [
        *(f"latent {d}" for d in range(4, 10)), "all other latents",
    ]  # fmt: skip
    assert all(panel.truth is None for panel in panels) and len(panels[-1].lines) == 4
    figure, update = picture(alone, panels)
    update(4)
    assert figure.axes[0].get_title() == "episode 2"
    assert [text.get_text() for text in figure.axes[0].texts] == ["what the agent sees"]


@pytest.mark.parametrize("wrong", [{"domains": ()}, {"steps": 1}, {"fps": 0}, {"fps": 51}])
def test_a_film_of_nothing_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a domain, two steps and 1 to 50 frames a second"):
        film.main(film.Args(agent=tmp_path, **wrong))
    with pytest.raises(ValueError, match="--factors takes names of state factors"):
        film.main(film.Args(agent=tmp_path, factors=()))


def test_grey_frames_are_grey(story: Film) -> None:
    grey = replace(story, frames=np.full((6, 16, 16, 1), 128, np.uint8))
    figure, _ = picture(grey, latent_panels(grey, range(1, 2)))
    (image,) = figure.axes[0].get_images()
    assert image.get_array().shape == (16, 16, 3) and (image.get_array() == 128).all()


class Standing:
    """An agent that does nothing."""

    env = EnvConfig("test/HueFirst-v0")

    def observe(self, venv: Any) -> Any:
        return venv

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 2), np.float32)


def test_an_appearance_that_comes_first_is_not_taken_for_the_state() -> None:
    specs = (FactorSpec("hue", role="appearance"), FactorSpec("joint_x", high=10))

    def known() -> gym.Env[Any, Any]:
        return FactorWrapper(NoiseEnv(), specs, read=lambda env: [0.25, 7.0])

    gym.register("test/HueFirst-v0", known)
    try:
        agent: Any = Standing()
        film = record(agent, make_vae(), agent.env, (None,), steps=3, seed=0)
    finally:
        del gym.registry["test/HueFirst-v0"]
    assert film.names == ("joint x",) and film.factors.shape[1] == 1
    assert (film.factors == 7.0).all()


def test_a_place_that_cannot_be_written_is_said_before_the_film_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder; give a file"):
        film.main(film.Args(agent=tmp_path / "agent", out=tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot write .*film\.gif"):
        film.main(film.Args(agent=tmp_path / "agent", out=tmp_path / "file" / "film.gif"))
