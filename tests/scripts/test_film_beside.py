"""Two agents in one episode whose appearance changes: what is recorded, and its picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.agents.mend import mended
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.train import train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.film import command as film
from bvae_rl.scripts.film.beside import (
    Plan,
    Take,
    middling_start,
    require_switch,
    take,
)
from bvae_rl.scripts.film.beside_picture import LANE, OUT, _known, lanes, picture
from bvae_rl.scripts.film.panels import most_varied
from tests.swap_cases import student_of

ENV = EnvConfig(
    "bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",), domain="source", frame_stack=2
)
SMALL = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
TINY = AgentConfig.of(
    "ppo", ENV.id, total_timesteps=32, n_envs=2, n_steps=16, batch_size=16, n_epochs=1,
    net_arch=(8,), eval_freq=32, n_eval_episodes=1,
)  # fmt: skip
PLAN = Plan(("source", "ood2", "source"), 3, seed=4, skipped=2)


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An agent on a VAE, and the same with another encoder under it."""
    root = tmp_path_factory.mktemp("agents")
    vae = BetaVAE(SMALL)
    vae.meta = {"statistics": {"mean": [0.0] * 4, "std": [0.05] * 4, "kl": [1.0] * 4}}
    inputs = MethodInputs(vae.save(root / "vae"))
    train_agent(method("bvae"), ENV, inputs, TINY, Run(root / "plain"))
    return mended(root / "plain", student_of(vae), root / "mended"), root / "plain"


def test_both_begin_alike_and_only_the_picture_changes(agents: tuple[Path, Path]) -> None:
    first, second = (take(load_agent(one), ENV, PLAN) for one in agents)
    for one in (first, second):
        assert len(one.frames) == 9 and not one.over and one.in_first is not None
        differ = [not np.allclose(a, b) for a, b in zip(one.codes, one.in_first, strict=True)]
        assert differ == [False] * 3 + [True] * 3 + [False] * 3
        assert np.all(np.diff(one.returns) != 0)
    again = take(load_agent(agents[0]), ENV, PLAN)
    assert np.array_equal(again.frames, first.frames)
    unchanged = take(load_agent(agents[1]), ENV, replace(PLAN, domains=("source",) * 3))
    assert np.array_equal(unchanged.frames[:3], second.frames[:3])
    assert np.array_equal(unchanged.returns[:4], second.returns[:4])
    # the arm may go elsewhere then, but the background of both is the same new one
    assert np.array_equal(first.frames[3:6, 0, 0], second.frames[3:6, 0, 0])
    assert not np.array_equal(first.frames[3:6, 0, 0], unchanged.frames[3:6, 0, 0])
    assert (first.label, second.label) == (
        "encoder hardened against colour", "encoder not hardened",
    )  # fmt: skip


def test_an_episode_that_ends_stays_on_its_last_frame(agents: tuple[Path, Path]) -> None:
    long = replace(PLAN, skipped=45)  # of 50 steps
    one = take(load_agent(agents[1]), ENV, long)
    assert one.over and len(one.frames) == len(one.returns) == 5
    figure, update = picture(lanes([one], [0, 1]), long, ["a", "b"], fps=3, trained_in=["source"])
    assert "episode over" not in [text.get_text().strip() for text in figure.axes[0].texts]
    update(8)
    shown = {text.get_text(): text.get_fontweight() for text in figure.axes[1].texts[1:]}
    assert shown == {"ood2": "normal", "source": "bold"}
    assert "episode over" in [text.get_text().strip() for text in figure.axes[0].texts]
    assert all(len(line.get_xdata()) == 5 for line in figure.axes[1].get_lines()[:4])


def test_what_either_agent_learned_in_is_said() -> None:
    assert _known("ood1", ["source", "source"]) == "new to both agents"
    assert _known("source", ["source", "source"]) == "the appearance of training"
    assert _known("ood1", ["ood1", "source"]) == "the appearance that the left agent learned in"
    assert _known("ood1", [None, "ood1"]) == "the appearance that the right agent learned in"


def test_a_film_can_begin_where_the_agent_is_neither_good_nor_bad(
    agents: tuple[Path, Path],
) -> None:
    agent, whole = load_agent(agents[1]), Plan(("source",), 51)
    ends = {seed: take(agent, ENV, replace(whole, seed=seed)).returns[-1] for seed in range(3, 8)}
    start = middling_start(agent, n=5, seed=3)
    assert ends[start] == np.median(list(ends.values())) and len(set(ends.values())) == 5


def test_lanes_are_scaled_by_the_first_domain_and_lines_that_leave_are_cut_off() -> None:
    reference = np.column_stack([np.zeros(4), [1.0, 3.0, 1.0, 3.0], [5.0, 5.1, 5.0, 5.1]])
    blank = np.zeros((4, 8, 8, 3), np.uint8)
    far = np.column_stack([np.zeros(4), [2.0, 4.0, 99.0, -99.0], reference[:, 2]])
    first = Take("", blank, blank, reference, reference, np.zeros(4), False)
    second = replace(first, codes=far, in_first=None)
    assert most_varied(first.reference, range(3), 2) == [1, 2]
    assert most_varied(second.reference, [2, 1, 0], 2) == [1, 2]
    one, other = lanes([first, second], [1, 2])
    assert one.behind is not None and np.array_equal(one.lines, one.behind)
    assert one.lines[:, 0] == pytest.approx(np.array([-1, 1, -1, 1]) / (2 * LANE))
    assert one.lines[:, 1] == pytest.approx(np.array([-1, 1, -1, 1]) / (2 * LANE) - 1)
    assert other.behind is None
    assert other.lines[:, 0] == pytest.approx([0.0, 2 / (2 * LANE), OUT, -OUT])


def test_the_command_writes_a_page_a_frame(agents: tuple[Path, Path], tmp_path: Path) -> None:
    asked = film.Args(
        agent=agents[0], beside=agents[1], domains=("source", "ood1"), change_every=0.4, fps=10,
        out=tmp_path / "film.gif",
    )  # fmt: skip
    with Image.open(film.main(asked).picture) as written:
        assert getattr(written, "n_frames", 1) == 8
    for wrong, message in (
        ({"change_every": 0.1}, "--change-every 0.1 at --fps 10"),
        ({"skip_steps": -1}, "--skip-steps -1"),
        ({"factors": ("shoulder",)}, "--factors shoulder"),
        ({"skip_steps": 60}, "ended after 50 steps; choose another --seed"),
        ({"domains": ("source", "ood7")}, "unknown visual domain 'ood7'"),
        ({"beside": tmp_path}, "no finished agent at"),
    ):
        with pytest.raises(ValueError, match=message):
            film.main(replace(asked, **wrong))  # type: ignore[arg-type]


class Elsewhere:
    """``agent`` as it would be if it had been trained in ``env``."""

    def __init__(self, agent: LoadedAgent, env: EnvConfig) -> None:
        self.agent, self.env = agent, env

    def __getattr__(self, name: str) -> Any:
        return getattr(self.agent, name)


def test_what_the_other_agent_was_trained_in_is_said(
    agents: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = film.Args(
        agent=agents[0], beside=agents[1], domains=("source",), change_every=0.4, fps=10,
        out=tmp_path / "film.gif",
    )  # fmt: skip
    change: dict[str, Any] = {"frame_skip": 5}

    def elsewhere(folder: Path) -> Any:
        found = load_agent(folder)
        return found if folder == agents[0] else Elsewhere(found, replace(found.env, **change))

    monkeypatch.setattr(film, "load_agent", elsewhere)
    film.main(asked)
    said = capsys.readouterr().out
    assert f"the agent at {agents[1]} was trained with frame_skip 5, here 1" in said
    assert f"the agent at {agents[0]} was" not in said
    change = {"id": "bvae_rl.envs:bvae_rl/PlanarPush-v0"}
    with pytest.raises(ValueError, match=r"was trained in .*PlanarPush-v0, and the frames are of"):
        film.main(asked)


def test_an_environment_that_cannot_change_is_told_what_to_implement() -> None:
    with pytest.raises(ValueError, match=r"CartPole-v1 cannot change .* switch\(domain, \*, seed"):
        require_switch(EnvConfig("CartPole-v1"))
    require_switch(ENV)
