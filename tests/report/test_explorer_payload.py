"""Arrays as JSON, modules as one script, networks as plain layers: without a browser."""

from __future__ import annotations

import base64
import json
import zlib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from torch import nn

from bvae_rl.models.layers import layers_of
from bvae_rl.report.explorer.inline import inlined
from bvae_rl.report.explorer.page import document
from bvae_rl.report.explorer.payload import json_text, packed
from bvae_rl.report.explorer.vae_entry import latent_entries
from bvae_rl.scripts.explore.vae import half_suffices, read_latents
from tests.explorer_cases import tiny


def unpacked(entry: dict[str, Any]) -> np.ndarray:
    raw = base64.b64decode(entry["data"])
    raw = zlib.decompress(raw) if entry.get("deflate") else raw
    return np.frombuffer(raw, f"<{entry['dtype']}").reshape(entry["shape"])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.arange(6, dtype=np.uint8).reshape(2, 3), "u1"),
        (np.array([-3, 70_000]), "i4"),
        (np.array([0.1, np.nan, np.inf]), "f4"),
        (np.zeros((50, 50), np.uint8), "u1"),
    ],
)
def test_packed_arrays_come_back(values: np.ndarray, dtype: str) -> None:
    entry = packed(values)
    assert entry["dtype"] == dtype and entry.get("deflate", False) == (values.size > 100)
    np.testing.assert_array_equal(unpacked(entry), values.astype(dtype))
    assert unpacked(packed(np.array([1 / 3]), "f2"))[0] == np.float16(1 / 3)


@pytest.mark.parametrize(
    ("values", "dtype"), [([300], "u1"), ([1e9], "f2"), ([0.5], "i4"), (["a"], None)]
)
def test_what_does_not_fit_is_refused(values: Any, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"do not fit into|only numbers"):
        packed(values, dtype)


def test_json_ends_no_script_and_is_strict() -> None:
    text = json_text({"a": "</script><b>&", "b": float("nan"), "c": (np.float32(0.5), np.int64(2))})
    assert not {"<", ">", "&"} & {*text}
    assert json.loads(text) == {"a": "</script><b>&", "b": None, "c": [0.5, 2]}


def test_modules_become_one_script_in_order() -> None:
    modules = {
        "a.js": 'import { b as c } from "./b.js";\nc();\n',
        "b.js": "export async function b() {}\nexport const N = 1;\n",
        "unused.js": "export default 1;\n",
    }
    script = inlined(modules, "a.js")
    assert script.index("module_b =") < script.index("const { b: c } = module_b;")
    assert "return { b, N };" in script and "unused" not in script


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import { x } from "./none.js";', "imports none.js, which is not there"),
        ('import { a } from "./a.js";', "in a circle: a.js -> a.js"),
        ('import x from "./b.js";', "cannot be inlined"),
        ("export default 1;", "cannot be inlined"),
        ('const x = "</script>";', "would end the script"),
    ],
)
def test_modules_that_cannot_be_inlined(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inlined({"a.js": source + "\n"}, "a.js")


def test_the_pages_modules_are_short_and_checked() -> None:
    folder = files("bvae_rl.report.explorer").joinpath("js")
    for file in folder.iterdir():
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "// @ts-check" and len(lines) <= 300, file.name


def test_the_policy_of_the_page_lets_nothing_out() -> None:
    text = document({"vaes": [], "notes": {}}, title="<b>title</b>")
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert "unsafe" not in text.partition("</head>")[0].partition("<style>")[0]
    assert "<b>title" not in text


def test_a_layer_that_is_not_known_is_named() -> None:
    with pytest.raises(TypeError, match="ReLU"):
        layers_of(nn.Sequential(nn.ReLU()))


def test_a_latent_is_named_after_the_factor_of_its_largest_share() -> None:
    shares = np.array([[0.76, 0.2], [0.01, 0.04]])
    two = np.ones(2)
    first, second = latent_entries(
        ["content 0", "style 1"], groups={"content": (0, 1), "style": (1, 2)}, mean=two, std=two,
        kl=two, active=two > 0, shares=shares, factors=["target_x", "colour"],
    )  # fmt: skip
    assert (first["tracks"], first["share"], first["group"]) == ("target_x", 0.76, "content")
    assert (second["tracks"], second["share"]) == (None, None)


def test_half_floats_only_where_they_change_no_grey_level() -> None:
    exact = tiny(hidden=256, channels=(8, 8, 64))
    assert half_suffices(exact, read_latents(exact, None)) == {"encoder": True, "decoder": True}
    coarse = tiny(hidden=256, channels=(8, 8, 64))
    dict(coarse.decoder.named_parameters())["2.weight"].data.mul_(1000.0)
    assert not half_suffices(coarse, read_latents(coarse, None))["decoder"]
    assert not half_suffices(tiny(levels=3), read_latents(tiny(levels=3), None))["encoder"]
