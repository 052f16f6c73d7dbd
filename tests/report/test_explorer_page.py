"""The page of the explorer in a browser: moved, dragged, swapped, dropped into, read aloud."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bvae_rl.data.pictures.resize import convert_bytes
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.page import document
from bvae_rl.scripts.explore import command as explore
from tests.chromium_cases import Page, browser
from tests.explorer_cases import random_frames, shown_of, tiny, write_page

AXE = Path(__file__).parents[1] / "browser/node_modules/axe-core/axe.min.js"
EVIL = '</script><img src=x onerror="document.title=1"><b>x</b>'
GROUPS = {"content": (0, 2), "style": (2, 4)}
STAGE = "document.getElementById('stage').toDataURL()"
PIXELS = """(() => {{ const c = {}; return Array.from(
  c.getContext('2d').getImageData(0, 0, c.width, c.height).data); }})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1200, 900)
        yield opened


@pytest.fixture
def small(page: Page, tmp_path: Path) -> Iterator[BetaVAE]:
    """A tiny VAE with groups, whose page is open; it must say and ask for nothing."""
    vae = tiny(groups=GROUPS)
    page.open(write_page(tmp_path, {"tiny": vae}, shown_of(vae)))
    yield vae
    assert not page.faults()
    assert not page.requests()


def pixels(page: Page, canvas: str) -> np.ndarray:
    """RGBA of a canvas, given as a JavaScript expression, (N, 4)."""
    return np.array(page.run(PIXELS.format(canvas)), np.float32).reshape(-1, 4)


def changes(page: Page, act: str) -> None:
    """Do something in the page, and wait until the picture is another one."""
    page.run(f"globalThis.before = {STAGE}; {act}")
    page.wait(f"{STAGE} !== before")


def test_sliders_and_keys_move_the_picture(page: Page, small: BetaVAE) -> None:
    changes(page, "const s = document.querySelector('input[type=range]'); s.value = 2.5;"
            " s.dispatchEvent(new Event('input')); 0")  # fmt: skip
    page.run("document.querySelector('input[type=range]').focus()")
    page.key("ArrowLeft", 37)
    page.key("ArrowLeft", 37)
    assert float(page.run("document.activeElement.value")) == pytest.approx(2.46)
    words = "document.activeElement.getAttribute('aria-valuetext')"
    page.wait(f"{words} === '+2.5 standard deviations from the mean'")
    page.run(f"globalThis.before = {STAGE}")
    page.key("Home", 36)
    page.wait(f"{STAGE} !== before")
    changes(page, "[...document.querySelectorAll('button')]"
            ".find((b) => b.textContent === 'To the mean').click()")  # fmt: skip


def test_sliders_of_most_information_come_first_and_inactive_ones_are_folded(
    page: Page, tmp_path: Path
) -> None:
    vae = tiny()
    vae.meta["statistics"] = {
        "mean": [0.0, 2.0, 0.0, 0.0],
        "std": [1.0, 0.05, 1.0, 1.0],
        "kl": [0.5, 2.0, 2.0, 1.0],
    }
    shown = replace(shown_of(vae), drawn=True)
    page.open(write_page(tmp_path, {"tiny": vae}, shown))
    names = "[...document.querySelectorAll('{} > .sliders label')].map((one) => one.textContent)"
    assert page.run(names.format(".all-sliders")) == ["z2", "z3", "z0"]
    assert page.run(names.format("details")) == ["z1"]
    assert not page.run("document.querySelector('details').open")


def test_another_frame_is_encoded_and_shown_with_its_error(page: Page, small: BetaVAE) -> None:
    frames = random_frames(small)
    changes(page, "document.querySelectorAll('.strip button')[3].click()")
    z = np.array(page.run("Array.from(explorer.state.z)"))
    np.testing.assert_allclose(z, small.encode_frames(frames[3:4])[0], atol=1e-3)
    frame, reconstruction, error = (
        pixels(page, f"document.querySelectorAll('.three canvas')[{n}]")[:, :3] for n in range(3)
    )
    assert np.array_equal(frame, frames[3].reshape(-1, 3))
    distance, light = np.abs(frame - reconstruction).mean(1), error.sum(1)
    assert light[distance.argmax()] == light.max() > light[distance.argmin()] == light.min()


@pytest.mark.parametrize(
    ("size", "channels"), [((32, 32), 3), ((71, 53), 3), ((20, 40), 3), ((71, 53), 1)]
)
def test_a_picture_of_the_reader_is_resized_as_in_python(
    page: Page, tmp_path: Path, size: tuple[int, int], channels: int
) -> None:
    vae = tiny(shape=(channels, 32, 32))
    page.open(write_page(tmp_path, {"tiny": vae}, shown_of(vae)))
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    data = base64.b64encode(cv2.imencode(".png", picture[..., ::-1])[1].tobytes()).decode()
    changes(page, f"""const bytes = Uint8Array.from(atob({data!r}), (c) => c.charCodeAt(0));
      const files = new DataTransfer();
      files.items.add(new File([bytes], 'my <b>frame</b>.png', {{type: 'image/png'}}));
      document.body.dispatchEvent(new DragEvent('drop', {{dataTransfer: files, bubbles: true}}));
      0""")  # fmt: skip
    frame = np.array(page.run("Array.from(explorer.state.frame)"), np.float32)
    expected = convert_bytes(picture[None], vae.shape)[0].astype(np.float32)
    assert np.abs(frame - expected.ravel()).max() <= (0 if size == (32, 32) else 1)
    assert "my <b>frame</b>.png" in page.run("document.querySelector('.frames').textContent")
    assert not page.faults() and not page.requests()


def test_what_is_no_picture_is_said_so(page: Page, small: BetaVAE) -> None:
    page.run("""(() => { const files = new DataTransfer();
      files.items.add(new File(['text'], 'notes.txt'));
      document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true}));
    })()""")
    page.wait("document.querySelector('.opener').textContent.includes('notes.txt is no picture')")


def test_swapped_groups_are_what_the_decoder_makes_of_both(page: Page, small: BetaVAE) -> None:
    codes = small.encode_frames(random_frames(small))
    mixed = np.concatenate([codes[4, :2], codes[1, 2:]])
    for name, frame in (("a", 4), ("b", 1)):
        page.run(f"(() => {{ const s = document.getElementById('swap-{name}'); s.value = {frame};"
                 " s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    cell = pixels(page, "document.querySelectorAll('.swap td canvas')[1]")
    expected = page.run(f"Array.from(explorer.vae().decode({json.dumps(mixed.tolist())}))")
    assert np.abs(cell - np.reshape(expected, (-1, 4))).max() <= 1
    label = page.run("document.querySelectorAll('.swap td canvas')[1].getAttribute('aria-label')")
    assert label == "content of A, style of B"
    title = page.run("document.getElementById('swap-title').textContent")
    assert title == "Swap content and style between two frames"


def test_another_vae_is_shown_on_the_same_frame(page: Page, tmp_path: Path) -> None:
    vaes = {"first": tiny(groups=GROUPS), "second": tiny(1, latent_dim=1)}
    page.open(write_page(tmp_path, vaes, shown_of(vaes["first"])))
    changes(page, "(() => { const s = document.querySelector('#vae'); s.value = 1;"
            " s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    expected = vaes["second"].encode_frames(random_frames(vaes["first"])[:1])[0]
    z = page.run("Array.from(explorer.state.z)")
    np.testing.assert_allclose(z, expected, atol=1e-3)
    assert page.run("document.querySelectorAll('input[type=range]').length") == 1
    assert "in no groups" in page.run("document.getElementById('swap').textContent")
    title = page.run("document.getElementById('swap-title').textContent")
    assert title == "Swap groups of latents between two frames"
    assert not page.faults()


def test_names_stay_text(page: Page, tmp_path: Path) -> None:
    vae = tiny(groups={EVIL: (0, 2), "style": (2, 4)})
    page.open(write_page(tmp_path, {EVIL: vae}, shown_of(vae, factors=True, source=EVIL, n=300)))
    assert page.run("document.title") == page.run("document.querySelector('h1').textContent")
    assert EVIL in page.run("document.title")
    assert page.run("document.querySelectorAll('main img, main b, main script').length") == 0
    assert EVIL in page.run("document.querySelector('.sliders').parentElement.textContent")
    assert not page.faults() and not page.requests()


@pytest.mark.parametrize(
    ("before", "which", "layer", "reason"),
    [
        ("delete globalThis.DecompressionStream", 0, "silu", "this browser has no Decompression"),
        ("", 0, "<b>warp</b>", 'this page knows no layer "<b>warp</b>"'),
        ("", 1, "<b>warp</b>", 'this page knows no layer "<b>warp</b>"'),
    ],
)
def test_a_page_that_cannot_be_built_says_why(
    page: Page, tmp_path: Path, before: str, which: int, layer: str, reason: str
) -> None:
    vae = tiny()
    payload = explore.payload(explore.Args(), {"tiny": vae, "other": tiny(1)}, shown_of(vae))
    for step in payload["vaes"][which]["weights"]["decoder"]:
        step["kind"] = layer if step["kind"] == "silu" else step["kind"]
    path = tmp_path / "explorer.html"
    path.write_text(document(payload, title="broken"), encoding="utf-8")
    added = page.send("Page.addScriptToEvaluateOnNewDocument", source=before)["identifier"]
    page.send("Page.navigate", url=path.as_uri())
    page.wait("document.querySelector('main [role=alert]')")
    page.send("Page.removeScriptToEvaluateOnNewDocument", identifier=added)
    said = page.run("document.querySelector('main').textContent")
    assert said.startswith(f"The explorer could not be built to its end: {reason}")


def test_memory_stays_flat_over_ten_thousand_moves(page: Page, small: BetaVAE) -> None:
    move = """(async () => {
      const sliders = [...document.querySelectorAll('input[type=range]')];
      for (let n = 0; n < 5000; n++) {
        const slider = sliders[n % sliders.length];
        slider.value = String(3 * Math.sin(n));
        slider.dispatchEvent(new Event('input'));
        if (n % 10 === 0) explorer.vae().decode(explorer.state.z);
        if (n % 100 === 0) await new Promise(requestAnimationFrame);
      }
    })()"""
    page.run(move)
    before = page.heap()
    page.run(move)
    assert page.heap() - before < 300_000


def test_what_is_under_the_pointer_is_dragged(page: Page, tmp_path: Path) -> None:
    vae = BetaVAE.load(find_vae("reach_crossed"))
    known = vae.statistics()
    assert known is not None
    page.open(write_page(tmp_path, {"reach": vae}, replace(shown_of(vae, n=1), drawn=True)))
    apart = [-0.5, -1.0, -1.6, -0.6, -0.5, 0.5, -1.6, 1.2, -0.1]  # the target, from the arm
    z = known[0] + known[1] * apart
    changes(page, f"explorer.set({z.tolist()})")
    before = blue(page)
    left, top, width = page.run(
        "(() => { const b = document.getElementById('stage').getBoundingClientRect();"
        " return [b.left, b.top, b.width]; })()"
    )
    scale = width / 64

    def mouse(kind: str, moved: float) -> None:
        page.mouse(kind, left + (before[0] + moved + 0.5) * scale, top + (before[1] + 0.5) * scale)

    mouse("mousePressed", 0)
    assert "content" in page.run("document.querySelector('.shown .said').textContent")
    for moved in range(1, 9):
        mouse("mouseMoved", moved)
    for _ in range(60):
        page.run("new Promise(requestAnimationFrame)")
        if np.hypot(*(blue(page) - before - [8, 0])) < 1.5:
            break
    mouse("mouseReleased", 8)
    assert np.hypot(*(blue(page) - before - [8, 0])) < 1.5
    page.mouse("mousePressed", left + 2, top + 2)
    assert "nothing to take hold of" in page.run("document.querySelector('.said').textContent")
    page.mouse("mouseReleased", left + 2, top + 2)


def blue(page: Page) -> np.ndarray:
    """x and y of the middle of what is blue on the stage, in pixels."""
    red, _, much = pixels(page, "document.getElementById('stage')")[:, :3].T
    places = np.flatnonzero((much > red + 60) & (much > 120))
    return np.array([(places % 64).mean(), (places // 64).mean()])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_of_accessibility(page: Page, small: BetaVAE, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core here (npm ci in tests/browser), so accessibility is not checked")
    page.scheme(scheme)
    page.run(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.run("""axe.run({resultTypes: ['violations']}).then(({violations}) =>
      violations.filter((one) => ['serious', 'critical'].includes(one.impact))
        .map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(' ')}`))""")
    page.scheme("light")
    assert found == []


def test_white_frames_have_an_edge_on_either_page(page: Page, small: BetaVAE) -> None:
    edges = []
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        style = "getComputedStyle(document.querySelector('.three canvas'))"
        assert page.run(f"{style}.outlineStyle") == "solid"
        paper = page.run("getComputedStyle(document.querySelector('section')).backgroundColor")
        edges.append(page.run(f"{style}.outlineColor"))
        assert edges[-1] not in (paper, "rgb(255, 255, 255)")
    page.scheme("light")
    assert edges[0] != edges[1]


def test_nothing_is_wider_than_a_phone(page: Page, small: BetaVAE) -> None:
    page.size(390, 844, phone=True)
    wide = page.run("document.documentElement.scrollWidth")
    page.size(1200, 900)
    assert wide <= 390
