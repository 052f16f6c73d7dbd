"""The page as HTML: what its sections hold, put into ``page.html.j2``, which escapes all text."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from bvae_rl.report.tables import Table

STARTS = {"png": b"\x89PNG\r\n\x1a\n", "gif": b"GIF8"}
DENSITY = 1.3  # picture pixels to one CSS pixel, so that type sizes match the page


def kind_of(data: bytes) -> str:
    """ "png" or "gif" by the first bytes of a picture, "" for anything else."""
    return next((kind for kind, start in STARTS.items() if data.startswith(start)), "")


@dataclass(frozen=True)
class Picture:
    """A PNG or a GIF, inlined as base64 at the size at which its type is readable."""

    title: str
    caption: str
    data: bytes

    @property
    def source(self) -> str:
        return f"data:image/{kind_of(self.data)};base64,{base64.b64encode(self.data).decode()}"

    @property
    def width(self) -> int:
        return self._size[0]

    @property
    def height(self) -> int:
        return self._size[1]

    @property
    def _size(self) -> tuple[int, int]:
        gif = kind_of(self.data) == "gif"
        width, height = struct.unpack_from("<HH" if gif else ">II", self.data, 6 if gif else 16)
        return round(width / DENSITY), round(height / DENSITY)


@dataclass(frozen=True)
class Section:
    """A heading, its anchor ``key``, and what stands below it, in this order."""

    key: str
    heading: str
    lines: Sequence[str] = ()
    paragraphs: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()  # file beside the page, and what it is

    @property
    def empty(self) -> bool:
        """Whether there is only the heading."""
        held = (self.lines, self.paragraphs, self.pictures, self.tables, self.commands, self.links)
        return not any(held)


def document(title: str, sections: Sequence[Section], *, banner: str | None = None) -> str:
    """The whole page; sections without content are left out."""
    source = files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    shown = [section for section in sections if not section.empty]
    return environment.from_string(source).render(title=title, sections=shown, banner=banner) + "\n"
