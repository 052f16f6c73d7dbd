"""The explorer as HTML: payload, style and script in one file that may ask the network for nothing.

The policy in the page names the one script and the one style by their hashes, so that nothing else
runs, whatever the names in the payload are.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from bvae_rl.report.explorer.inline import inlined
from bvae_rl.report.explorer.payload import json_text

ENTRY = "main.js"


def document(payload: Mapping[str, Any], *, title: str) -> str:
    """The whole page. ``payload`` has ``vaes``, ``frames`` and what the panels need.

    A panel whose key is missing is not shown; ``notes`` may say why, a sentence by key.
    """
    folder = files(__package__)
    template = folder.joinpath("page.html.j2").read_text(encoding="utf-8")
    style = "".join(_read("css", ".css").values())
    script = inlined(_read("js", ".js"), ENTRY)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(template).render(
        title=title, policy=policy, style=style, script=script, payload=json_text(dict(payload))
    )


def _read(folder: str, ending: str) -> dict[str, str]:
    """Text of the files in ``folder``, by name, in order of the names."""
    found = files(__package__).joinpath(folder).iterdir()
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in sorted(found, key=lambda file: file.name)
        if file.name.endswith(ending)
    }


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
