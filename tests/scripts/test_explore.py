"""``bvae-rl explore``: what it writes, on which frames, what it refuses, what it serves."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore.serve import page_server
from bvae_rl.scripts.explore.vae import read_latents
from tests.explorer_cases import random_frames, tiny
from tests.next_cases import next_commands

REACH = EnvArgs(env="bvae_rl/PlanarReach-v0")


def saved(folder: Path, *, store: dict[str, Any] | None = None, **settings: Any) -> Path:
    vae = tiny(**settings)
    if store is not None:
        vae.meta["training"] = {"steps": 10, "store": store}
    return vae.save(folder)


def payload(page: Path) -> dict[str, Any]:
    found = re.search(r'id="payload">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_of_an_environment_names_latents_after_factors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "own.html"
    args = explore.Args(out=page, samples=300, frames=5)
    assert explore.main(args).page == page
    found = payload(page)
    tracks = {one["name"]: one["tracks"] for one in found["vaes"][0]["latents"]}
    assert tracks["content 2"] == "target_x" and tracks["content 3"] == "target_y"
    assert found["frames"]["pictures"]["shape"] == [5, 64, 64, 3]
    assert found["frames"]["factors"]["shape"] == [5, len(found["frames"]["factor_names"])]
    assert "domain pretrain" in found["frames"]["source"]
    assert page.stat().st_size <= 5_000_000
    assert [name for name, _ in next_commands(capsys.readouterr().out)] == ["visualize"]


def test_a_vae_whose_environment_is_not_here_draws_its_own_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "vae", store={"env": "nowhere:Gone-v0"})
    page = explore.main(explore.Args(str(folder), out=tmp_path / "p.html")).page
    found = payload(page)
    assert found["frames"]["drawn"] and "factors" not in found["frames"]
    assert "Gone-v0" in found["frames"]["source"]
    assert "without an environment" in capsys.readouterr().out


def test_a_store_without_factors_will_do(tmp_path: Path) -> None:
    vae = tiny()
    folder = vae.save(tmp_path / "vae")
    store = FrameStore(tmp_path / "store")
    frames = random_frames(vae, 40)
    store.declare(source="array", policy="independent")
    store.append(Frames(frames, np.arange(40), np.arange(40)))
    page = explore.main(
        explore.Args(str(folder), store=store.folder, out=tmp_path / "p.html", frames=7)
    ).page
    found = payload(page)
    assert not found["frames"]["drawn"] and found["frames"]["pictures"]["shape"][0] == 7
    assert all(latent["tracks"] is None for latent in found["vaes"][0]["latents"])
    assert len(BetaVAE.load(folder).encode_frames(frames)) == 40


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env", "nowhere:Gone-v0"], "Gone-v0"),
        (["--samples", "1"], "needs two samples and a frame"),
        (["--beside", "reach_plain"], "take the same frames"),
        (["--store", "none"], "no frame store at"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "vae")
    assert main(["explore", str(folder), *words, "--out", str(tmp_path / "p.html")]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and said.startswith("bvae-rl: error:") and "\n" not in said
    assert not (tmp_path / "p.html").exists()


def test_frames_that_cannot_name_latents_leave_them_unnamed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    vae = tiny()
    frames = random_frames(vae, 50)
    still = np.linspace(0.3, 0.301, 50)[:, None]  # all in one bin of a circle
    read = read_latents(vae, frames, still, (FactorSpec("angle", kind="cyclic"),))
    assert read.shares is None and read.mean.shape == (4,)
    assert "latents are not named after factors" in capsys.readouterr().out


def test_two_vaes_of_one_name_stay_apart(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "a/vae"), saved(tmp_path / "b/vae", seed=1)
    args = explore.Args(str(one), beside=(str(other),), out=tmp_path / "p.html")
    found = payload(explore.main(args).page)
    assert [vae["name"] for vae in found["vaes"]] == ["a-vae", "b-vae"]
    assert "codes" not in found["frames"]


def test_the_page_is_served_on_this_machine_alone() -> None:
    with page_server("<p>page</p>") as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == b"<p>page</p>"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + "etc/passwd")
        asked = urllib.request.Request(address + "?a=1", method="HEAD")
        with urllib.request.urlopen(asked) as answer:
            assert answer.headers["Content-Length"] == "11" and answer.read() == b""
        with urllib.request.urlopen(address.replace("127.0.0.1", "localhost") + "?a=1") as answer:
            assert answer.read() == b"<p>page</p>"
        elsewhere = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(elsewhere)
        with pytest.raises(ValueError, match="take another with --port"):
            page_server("", port=int(server.server_address[1]))
        server.shutdown()
