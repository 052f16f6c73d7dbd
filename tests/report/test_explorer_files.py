"""Pictures of the reader in the explorer's page: dropped, or chosen in the file dialog."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.chromium_cases import Page, browser
from tests.explorer_cases import shown_of, tiny, write_page

OPENER = "document.querySelector('.opener').textContent"
FRAME = "Array.from(explorer.state.frame)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    vae = tiny()
    path = write_page(tmp_path_factory.mktemp("page"), {"tiny": vae}, shown_of(vae))
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1200, 900)
        opened.open(path)
        yield opened
        assert not opened.faults() and not opened.requests()


def choose(page: Page, path: Path) -> None:
    """As a reader does in the file dialog."""
    root = page.send("DOM.getDocument")["root"]["nodeId"]
    found = page.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.send("DOM.setFileInputFiles", files=[str(path)], nodeId=found)


def drop(page: Page, path: Path) -> None:
    data = base64.b64encode(path.read_bytes()).decode()
    page.run(f"""(() => {{ const files = new DataTransfer();
      const bytes = Uint8Array.from(atob({data!r}), (c) => c.charCodeAt(0));
      files.items.add(new File([bytes], {path.name!r}, {{type: 'image/jpeg'}}));
      document.body.dispatchEvent(new DragEvent('drop', {{dataTransfer: files, bubbles: true}}));
    }})()""")


@pytest.mark.parametrize(("act", "seed"), [(choose, 0), (drop, 1)], ids=["chosen", "dropped"])
def test_a_jpeg_is_encoded_as_in_python(page: Page, tmp_path: Path, act: object, seed: int) -> None:
    assert callable(act)
    coarse = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    path = tmp_path / f"photo-{seed}.jpg"  # blocks of 16 pixels, which JPEG keeps well
    cv2.imwrite(str(path), coarse.repeat(16, axis=0).repeat(16, axis=1))
    act(page, path)
    page.wait(f"explorer.state.label === {path.name!r}")
    expected = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(float)
    assert np.abs(page.run(FRAME) - expected.ravel()).max() <= 2
    assert "Resized" not in page.run(OPENER)


def test_a_chosen_picture_of_another_size_is_said_and_what_is_none_changes_nothing(
    page: Page, tmp_path: Path
) -> None:
    path, text = tmp_path / "wide.png", tmp_path / "notes.txt"
    cv2.imwrite(str(path), np.full((20, 40, 3), 90, np.uint8))
    text.write_text("text")
    choose(page, path)
    page.wait(f"{OPENER}.includes('Resized from 40 x 20 to 32 x 32.')")
    assert set(page.run(FRAME)) == {90}
    choose(page, text)
    page.wait(f"{OPENER}.includes('notes.txt is no picture')")
    assert page.run("explorer.state.label") == "wide.png"
