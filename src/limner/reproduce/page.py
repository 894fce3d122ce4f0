"""A reproduced table as one HTML file: ours, the paper's, pictures of every row. No script, nothing fetched."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from limner.media.files import write_text
from limner.reproduce import tables

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.3em}h2{font-size:1.1em;margin:2em 0 .3em}p,li{max-width:85ch}.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.6em 0;font-variant-numeric:tabular-nums}
td,th{padding:.3em .9em .3em 0;text-align:left;vertical-align:top;border-bottom:1px solid #eee}th{font-weight:600}
td small{color:#666;display:block;white-space:nowrap}.differs{color:#9a3412}img{display:block;max-width:100%;margin:.6em 0}"""


def write(path: Path, table: dict[str, Any], pictures: dict[str, bytes], links: dict[str, str]) -> None:
    """pictures: caption -> PNG. links: words -> a file beside the page. InputError where it cannot be written."""
    parts = [f"<h1>{html.escape(table['title'])}</h1>", _grid(table, table["digits"]), "<h2>The paper's own</h2>"]
    parts += [_grid(table["paper"], [3] * 99), "<h2>The order of the methods</h2><ul>"]
    parts += [f"<li{'' if o['agrees'] else ' class=differs'}>{html.escape(tables.order_text(o))}</li>" for o in table["orders"]]
    parts += ["</ul><h2>What differs</h2><ul>", *(f"<li>{html.escape(note)}</li>" for note in table["notes"]), "</ul>"]
    for caption, png in pictures.items():
        source = base64.b64encode(png).decode()
        parts.append(f'<h2>{html.escape(caption)}</h2><img alt="{html.escape(caption)}" src="data:image/png;base64,{source}">')
    parts += [f'<p><a href="{html.escape(target)}">{html.escape(words)}</a></p>' for words, target in links.items()]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    write_text(path, f"{head}<title>{html.escape(table['title'])}</title><style>{STYLE}</style>{''.join(parts)}</html>\n")


def _grid(table: dict[str, Any], digits: list[int]) -> str:
    groups = "".join(f'<th colspan="{len(headings)}">{html.escape(group)}</th>' for group, headings in table["head"])
    heads = "".join(f"<th>{html.escape(heading)}</th>" for _, headings in table["head"] for heading in headings)
    rows = "".join(
        f"<tr><th>{html.escape(row['name'])}</th>{''.join(_cell(cell, d) for cell, d in zip(row['cells'], digits))}</tr>"
        for row in table["rows"]
    )
    return f'<div class="wide"><table><tr><th></th>{groups}</tr><tr><th></th>{heads}</tr>{rows}</table></div>'


def _cell(cell: dict[str, Any], digits: int) -> str:
    head, bracket, tail = tables.cell_text(cell, digits).partition(" (")
    small = f"<small>{html.escape(tail.rstrip(')'))}</small>" if bracket else ""
    return f"<td>{html.escape(head)}{small}</td>"
