"""The page itself: HTML and CSS. All text that comes in is escaped here, and only here."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from html import escape

from bvae_rl.report.tables import Cell, Table

DENSITY = 1.3  # picture pixels to one CSS pixel, so that type sizes match the page

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --muted: #5f6368; --line: #dcdfe3; --paper: #fff;
  --back: #f6f7f9; --accent: #0072b2; --warn: #8a3b00; --warnback: #fff1e3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --muted: #a2a8b0; --line: #3a3f46;
  --paper: #1c1f23; --back: #131518; --accent: #6cbcf0; --warn: #ffc48a; --warnback: #3a2614; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 14px; }
h2 { font-size: 1.2rem; margin: 0 0 12px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 20px; font-size: .9rem; }
a { color: var(--accent); text-underline-offset: 3px; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px 22px; margin: 16px 0; scroll-margin-top: 12px; }
section > :last-child { margin-bottom: 0; }
.banner { background: var(--warnback); color: var(--warn); border: 1px solid currentColor;
  border-radius: 10px; padding: 14px 20px; font-weight: 600; }
.headline { list-style: none; margin: 0; padding: 0; font-size: 1.05rem; }
.headline li { padding: 7px 0 7px 14px; border-left: 3px solid var(--accent); margin: 6px 0; }
p { margin: 0 0 12px; max-width: 75ch; }
figure { margin: 0 0 26px; }
.frame { overflow-x: auto; background: #fff; border: 1px solid var(--line); border-radius: 8px;
  padding: 10px; }
.frame img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: 8px; color: var(--muted); font-size: .92rem; max-width: 85ch; }
figcaption b { color: var(--ink); }
.scroll { overflow-x: auto; margin-bottom: 8px; }
table { border-collapse: separate; border-spacing: 0; min-width: 100%; font-size: .93rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0 8px; }
th, td { padding: 7px 14px 7px 0; text-align: left; vertical-align: top;
  background-clip: padding-box; border-top: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; border-top: 0;
  min-width: 5.2em; }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--paper);
  white-space: nowrap; }
tbody th.group { font-weight: 600; padding-top: 16px; color: var(--muted); }
small { display: block; color: var(--muted); font-size: .82rem; font-weight: 400; }
td small { white-space: nowrap; }
.note { color: var(--muted); font-size: .88rem; margin-bottom: 24px; }
pre { margin: 0 0 8px; padding: 10px 14px; background: var(--back); border: 1px solid var(--line);
  border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .88rem; }
@media (max-width: 640px) { main { padding: 16px 10px 40px; } section { padding: 16px 14px; }
  h1 { font-size: 1.4rem; } .frame img { max-width: 640px; }
  th, td { padding-right: 12px; } tbody th { white-space: normal; } }
@media print { body { background: #fff; } section { border: 0; } nav { display: none; } }
"""


def document(
    title: str, sections: Sequence[tuple[str, str, list[str]]], *, banner: str | None
) -> str:
    """The whole page from (anchor, heading, blocks of HTML)."""
    links = "".join(f'<a href="#{key}">{escape(heading)}</a>' for key, heading, _ in sections[1:])
    body = "".join(
        f'<section id="{key}"><h2>{escape(heading)}</h2>\n{"".join(blocks)}</section>\n'
        for key, heading, blocks in sections
    )
    warning = f'<p class="banner" role="alert">{escape(banner)}</p>' if banner else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>\n"
        f"{warning}<nav>{links}</nav>\n{body}</main></body></html>\n"
    )


def headline(lines: Sequence[str]) -> str:
    return f'<ul class="headline">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def paragraphs(texts: Sequence[str]) -> list[str]:
    return [f"<p>{escape(text)}</p>" for text in texts]


def commands(lines: Sequence[str]) -> list[str]:
    return [f"<pre><code>{escape(line)}</code></pre>" for line in lines]


def figure(png: bytes, *, title: str, caption: str) -> str:
    """A picture inlined as base64, at the size at which its type is readable."""
    width, height = (round(size / DENSITY) for size in struct.unpack(">II", png[16:24]))
    alt = escape(f"{title}. {caption}", quote=True)
    source = base64.b64encode(png).decode()
    return (
        f'<figure><div class="frame" tabindex="0"><img alt="{alt}" width="{width}" '
        f'height="{height}" src="data:image/png;base64,{source}"></div>'
        f"<figcaption><b>{escape(title)}.</b> {escape(caption)}</figcaption></figure>\n"
    )


def tables(found: Sequence[Table]) -> list[str]:
    return [_table(table) for table in found]


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_cell(cell)}</th>' for cell in table.head)
    body = "".join(_row(row, columns=len(table.head)) for row in table.body)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{escape(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>{note}\n"
    )


def _row(row: Sequence[Cell], *, columns: int) -> str:
    if len(row) == 1:
        return f'<tr><th class="group" colspan="{columns}">{_cell(row[0])}</th></tr>\n'
    cells = "".join(f"<td>{_cell(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{_cell(row[0])}</th>{cells}</tr>\n'


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    return f"{escape(cell[0])}<small>{escape(cell[1])}</small>"
