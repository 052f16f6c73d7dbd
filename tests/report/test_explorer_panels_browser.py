"""The explorer's panels in a browser: hovered, clicked, scrubbed, switched to another domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.history import Moment, history_entry
from bvae_rl.report.explorer.page import document
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore.frames import Shown
from tests.chromium_cases import Page, browser
from tests.explorer_cases import random_frames, shown_of
from tests.explorer_panel_cases import lively

GROUPS = {"content": (0, 2), "style": (2, 4)}
EVIL = '</script><img src=x onerror="document.title=1"><b>x</b>'
ON = np.ones(4, bool)
ABOUT = "Of <b>these</b> snapshots."
HASH = """(() => { const c = document.querySelector(%r);
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0; for (let n = 0; n < d.length; n++) sum = (sum * 31 + d[n]) %% 1000000007;
  return sum; })()"""


def written(folder: Path, vaes: dict[str, BetaVAE], shown: Shown, **more: object) -> Path:
    payload = explore.payload(explore.Args(steps=6), vaes, shown)
    path = folder / "explorer.html"
    path.write_text(document({**payload, **more}, title="panels"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Two VAEs in PlanarReach, with three snapshots; it must say and ask for nothing."""
    env = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="ood1", kwargs=("size=32",))
    world = env.make()
    probe, specs = probe_set(world, 60, seed=0), world.get_wrapper_attr("factor_specs")
    world.close()
    shown = Shown(probe.frames, "Frames.", probe.factors, specs, env)
    one = lively(groups=GROUPS)
    moments = [
        Moment(10**n, random_frames(one, 4, seed=n), np.full(4, n / 2), ON, np.full((4, 7), n / 4))
        for n in range(1, 4)
    ]
    curves = {"evidence lower bound (nats)": (np.array([1, 1000]), np.array([-90.0, -10.0]))}
    history = history_entry(moments, probe.frames[:4], specs=specs, curves=curves)
    history["about"] = ABOUT
    folder = tmp_path_factory.mktemp("page")
    path = written(folder, {"one": one, "two": lively(1)}, shown, history=history)
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1200, 900)
        opened.open(path)
        yield opened
        assert not opened.faults()
        assert not opened.requests()


def seen(page: Page, canvas: str) -> int:
    """A number that another picture in the canvas would change."""
    return int(page.run(HASH % canvas))


def middle(page: Page, element: str) -> tuple[float, float]:
    """Where an element is in the window, scrolled to."""
    x, y = page.run(
        f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}});"
        " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return x, y


def scrub(page: Page, slider: str, value: int) -> None:
    page.run(
        f"(() => {{ const s = document.getElementById({slider!r}); s.value = {value};"
        " s.dispatchEvent(new Event('input')); })()"
    )


def test_panels_open_on_the_factor_of_the_state_that_a_latent_tells_most_of(page: Page) -> None:
    shares = np.array(
        page.run("Array.from(explorer.payload.matrix.vaes[0].information.value.values)")
    )
    factors = page.run("explorer.payload.matrix.factors.map(({name, role}) => [name, role])")
    most = shares.reshape(-1, len(factors)).max(0)
    state = [
        (share, name) for share, (name, role) in zip(most, factors, strict=True) if role == "state"
    ]
    chosen = "document.getElementById('{}').selectedOptions[0].textContent"
    assert page.run(chosen.format("beside-factor")) == max(state)[1]
    assert page.run(chosen.format("moved-factor")).startswith(max(state)[1])
    assert max(state)[1] in page.run(
        "document.querySelector('#factor_traversals .film-title').textContent"
    )


def test_small_shares_are_seen(page: Page) -> None:
    shares = np.array(
        page.run("Array.from(explorer.payload.matrix.vaes[0].information.value.values)")
    )
    cells = page.run(
        "[...document.querySelectorAll('#matrix tbody td')].map((one) =>"
        " [one.textContent, one.style.background])"
    )
    paper = "rgb(255, 255, 255)"
    for share, (text, back) in zip(shares, cells, strict=True):
        assert (text != "", back != paper) == (share >= 0.01, share >= 0.01), (share, text, back)
    assert ((shares >= 0.01) & (shares < 0.095)).any()


def test_hovering_a_cell_shows_its_number_with_the_interval(page: Page) -> None:
    cell = "document.querySelectorAll('#matrix tbody td')[2]"
    page.mouse("mouseMoved", *middle(page, cell))
    page.wait("document.querySelector('.hint')?.hidden === false")
    text = page.run("document.querySelector('.hint').textContent")
    assert text.startswith("content 0, target x: ") and " to " in text and "nats" in text
    assert text == page.run(f"{cell}.getAttribute('aria-label')")


def test_a_click_on_a_cell_shows_scatter_and_traversals_of_the_pair(page: Page) -> None:
    scatter, before = "#matrix .chart", seen(page, "#matrix .chart")
    x, y = middle(page, "document.querySelectorAll('#matrix tbody tr')[1].children[3]")
    page.mouse("mousePressed", x, y)
    page.mouse("mouseReleased", x, y)
    title = "document.querySelector('.looked-at h3').textContent"
    name = page.run("document.querySelectorAll('#matrix tbody th')[1].textContent")
    assert page.run(title) == f"{name} and target x"
    assert seen(page, scatter) != before
    strips = page.run(
        "[...document.querySelectorAll('.looked-at .film')].map((one) => [one.children.length,"
        " one.getAttribute('aria-label')])"
    )
    assert strips[0][0] > 2 and strips[0][1].startswith("The world moves target x (m): ")
    assert strips[1][0] == 9 and strips[1][1].startswith(f"The VAE moves {name}: ")
    page.key("ArrowRight", 39)
    assert page.run("document.activeElement.getAttribute('aria-label')").startswith(
        f"{name}, target y"
    )
    page.key("Enter", 13)
    assert page.run(title) == f"{name} and target y"


def test_measures_change_the_numbers(page: Page) -> None:
    rows = "document.querySelectorAll('#matrix tbody tr').length"
    before = page.run(rows)
    page.run("document.querySelector('[data-measure=r2]').click()")
    assert page.run(rows) == before + 1  # all latents together
    page.run("document.querySelector('[data-measure=information]').click()")
    assert page.run(rows) == before


def test_grids_take_the_theme_and_a_replaced_one_leaves_nothing_behind(page: Page) -> None:
    asked = """(() => { let count = 0; const real = MutationObserver.prototype.observe;
      MutationObserver.prototype.observe = function (...all) { count++; real.apply(this, all); };
      for (const key of ['r2', 'importance', 'information'])
        document.querySelector(`[data-measure=${key}]`).click();
      MutationObserver.prototype.observe = real; return count; })()"""
    assert page.run(asked) == 0
    backs = """['matrix', 'history'].map((id) =>
      document.querySelector(`#${id} tbody td`).style.background)"""
    light = page.run(backs)
    page.run("document.documentElement.dataset.theme = 'dark'")
    dark = page.run(backs)
    page.run("document.documentElement.dataset.theme = 'light'")
    assert all(a != b for a, b in zip(light, dark, strict=True))
    assert page.run(backs) == light


def test_the_scrubber_moves_frame_reconstruction_and_time_lines(page: Page) -> None:
    frame, decoded, lines = (
        "#episodes .two canvas",
        "#episodes .two figure + figure canvas",
        "#episodes .chart",
    )
    before = [seen(page, one) for one in (frame, decoded, lines)]
    scrub(page, "episode-step", 5)
    assert all(
        seen(page, one) != was for one, was in zip((frame, decoded, lines), before, strict=True)
    )
    assert (
        page.run("document.getElementById('episode-step').getAttribute('aria-valuetext')")
        == "6 of 6"
    )
    x, y = page.run(
        "(() => { const b = document.querySelector('#episodes .chart').getBoundingClientRect();"
        " scrollBy(0, b.top - 100); return [b.left + Math.min(190, b.width * 0.36) + 1, 160]; })()"
    )
    page.mouse("mousePressed", x, y)
    page.mouse("mouseReleased", x, y)
    assert page.run("document.getElementById('episode-step').value") == "0"


def test_another_domain_shows_the_same_step_otherwise_and_how_far_latents_moved(page: Page) -> None:
    scrub(page, "episode-step", 3)
    before = seen(page, "#episodes .two canvas")
    page.run("document.querySelectorAll('#episodes .buttons button')[2].click()")
    assert seen(page, "#episodes .two canvas") != before
    assert page.run("document.getElementById('episode-step').value") == "3"
    pressed = (
        "[...document.querySelectorAll('#episodes [aria-pressed=true]')].map((b) => b.textContent)"
    )
    assert page.run(pressed) == ["ood2"]
    assert "Against the same states in source" in page.run(
        "document.querySelector('#episodes [role=status]').textContent"
    )


def test_the_world_moves_a_factor_and_latents_answer(page: Page) -> None:
    shown = "#factor_traversals .two canvas"
    scrub(page, "moved-value", 0)
    before = seen(page, shown), seen(page, "#factor_traversals .chart")
    scrub(page, "moved-value", 4)
    assert before[0] != seen(page, shown) and before[1] != seen(page, "#factor_traversals .chart")
    page.run(
        "(() => { const s = document.getElementById('moved-factor'); s.value = 4;"
        " s.dispatchEvent(new Event('change')); })()"
    )
    assert "The world moves arm colour" in page.run(
        "document.getElementById('factor_traversals').textContent"
    )


def test_vaes_side_by_side_follow_the_frame_and_the_chosen_one_is_scored(page: Page) -> None:
    before = seen(page, "#beside .three canvas")
    page.run("document.querySelectorAll('.strip button')[3].click()")
    assert seen(page, "#beside .three canvas") != before
    assert page.run("[...document.querySelectorAll('#beside h3')].map((h) => h.textContent)") == [
        "one",
        "two",
    ]
    page.run("explorer.choose(1)")
    assert page.run("document.querySelector('#matrix tbody th').textContent") == "z0"
    page.run("explorer.choose(0)")


def test_the_history_plays(page: Page) -> None:
    assert page.run("document.querySelector('#history h2 + p').textContent") == ABOUT
    canvas, grid = (
        "#history .filmed + .filmed canvas",
        "document.querySelector('#history tbody').textContent",
    )
    before = seen(page, canvas), page.run(grid)
    scrub(page, "history-step", 0)
    assert before[0] != seen(page, canvas) and before[1] != page.run(grid)
    page.run("document.querySelector('#history .play').click()")
    page.wait("document.getElementById('history-step').value === '2'")


def test_without_factors_the_most_active_latent_is_moved(page: Page, tmp_path: Path) -> None:
    vaes = {"one": lively(), "two": lively(2)}
    vaes["two"].meta["statistics"] = {"mean": [0.0] * 4, "std": [1.0] * 4, "kl": [1, 2, 9, 0]}
    vaes["one"].meta["statistics"] = {"mean": [0.0] * 4, "std": [0, 1.0, 1, 1], "kl": [9, 5, 2, 0]}
    page.open(written(tmp_path, vaes, replace(shown_of(vaes["one"]), drawn=True)))
    titles = "[...document.querySelectorAll('#beside .film-title')].map((one) => one.textContent)"
    assert page.run(titles) == ["z1", "z2"]


def test_names_stay_text_and_missing_panels_say_why(page: Page, tmp_path: Path) -> None:
    vae = lively()
    values = np.random.default_rng(0).uniform(size=(60, 2))
    frames = random_frames(vae, 60)
    shown = Shown(frames, EVIL, values, (FactorSpec(EVIL, unit=EVIL), FactorSpec("b")))
    page.open(written(tmp_path, {EVIL: vae}, shown))
    assert page.run("document.title") == "panels"
    assert page.run("document.querySelectorAll('b, img').length") == 0
    assert page.run("document.querySelector('#matrix thead th').textContent") == EVIL
    assert "give --env ID" in page.run("document.querySelector('#episodes').textContent")
    assert page.run("document.querySelector('#beside')") is None
