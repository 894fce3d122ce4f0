"""The report of a preparation as one page: every recording with its AU curves, the chosen stretches marked, and pictures of the clips.

After the paper's figure 4. One file, no script, nothing fetched; pictures are JPEG inside the page.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.store import Store
from limner.media.files import write_text
from limner.types import Clip

PAGE = "report.html"
WIDE, HIGH = 720, 110  # of a recording's curves, pixels of the page
MOMENTS = 8  # pictures of a clip
COLOURS = {"AU12": "#c2410c", "AU06": "#2563eb"}
STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222}
h2{font-size:1em;margin:2em 0 .2em}p{margin:.2em 0}svg{display:block;background:#f6f6f4;margin:.4em 0}
img{display:block;margin:.3em 0;width:100%}
.no{color:#777}.au12{color:#c2410c}.au06{color:#2563eb}"""


def write_page(store: Store, report: Sequence[dict[str, Any]], summary: str) -> None:
    """Writes report.html beside the store's manifest. InputError if it cannot be written."""
    rows = {name: row for row, name in enumerate(store.table["id"].to_pylist())}
    parts = [_recording(entry, [store[rows[kept["clip"]]] for kept in entry["kept"] if kept["clip"] in rows]) for entry in report]
    title = html.escape(f"{store.path.name}: {summary}")
    legend = (
        '<p><span class="au12">AU12</span> and <span class="au06">AU6</span>, 0 to 5, by frame; green: kept, from neutral to apex; '
        "grey: not kept, the reason below.</p>"
    )
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{legend}'
    write_text(Path(store.path) / PAGE, head + "\n".join(parts).encode("utf-8", "backslashreplace").decode() + "</html>\n")


def _recording(entry: dict[str, Any], clips: list[Clip]) -> str:
    """One recording's part of the page."""
    said = [f"{entry['split']}, {entry['label'] or 'no label'}, of {entry['subject']}"]
    if "frames" in entry:
        said.append(f"{entry['frames']} frames at {float(Fraction(entry['fps'])):.4g} a second")
        said.append(f"{entry['frames_without_face']} without a face")
        said.append(f"jitter {entry['jitter_before']} to {entry['jitter_after']}")
    lines = [f"<h2>{html.escape(entry['id'])}</h2><p>{html.escape('; '.join(said))}</p>"]
    lines += [f'<p class="no">{html.escape(note)}</p>' for note in entry["notes"]]
    if entry.get("curves"):
        lines.append(_curves(entry))
    lines += [_strip(clip) for clip in clips]
    for kept in entry["kept"]:
        lines.append(f"<p>kept: frames {kept['onset']} to {kept['apex']}, {kept['duration_s']:.2f} s, AU12 {kept['au12']:.1f}</p>")
    for item in entry["rejected"]:
        words = f"not kept: frames {item['start']} to {item['stop'] - 1}, {item['reason']}: {item['why']}"
        lines.append(f'<p class="no">{html.escape(words)}</p>')
    if entry["reason"]:
        why = "" if entry["rejected"] else f": {entry['why']}"  # said of each stretch already
        lines.append(f'<p class="no"><b>{html.escape(entry["reason"])}</b>{html.escape(why)}</p>')
    return "".join(lines)


def _curves(entry: dict[str, Any]) -> str:
    """The AU curves of a recording, as drawing, with what was kept and what was not behind them."""
    step = WIDE / max(1, entry["frames"] - 1)

    def band(start: int, stop: int, colour: str) -> str:
        return f'<rect x="{start * step:.1f}" y="0" width="{max(1.0, (stop - start) * step):.1f}" height="{HIGH}" fill="{colour}"/>'

    bands = [band(item["start"], item["stop"] - 1, "#ddd") for item in entry["rejected"]]
    bands += [band(item["onset"], item["apex"], "#bfe3c0") for item in entry["kept"]]
    lines = []
    for name, colour in COLOURS.items():
        places = " ".join(f"{t * step:.1f},{HIGH - 5 - value * (HIGH - 10) / 5:.1f}" for t, value in enumerate(entry["curves"][name]))
        lines.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}">{"".join(bands)}{"".join(lines)}</svg>'


def _strip(clip: Clip) -> str:
    """Moments of a clip, from its first frame to its last, side by side."""
    from PIL import Image

    assert clip.frames is not None
    moments = clip.frames[np.linspace(0, clip.num_frames - 1, MOMENTS).round().astype(int)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(moments), 1)).save(buffer, "JPEG", quality=85)
    return f'<img alt="{html.escape(clip.id)}" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
