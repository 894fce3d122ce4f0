"""The report of a preparation as one page: every recording with its AU curves, the chosen stretches marked, and pictures.

After the paper's figure 4. One file, no script, nothing fetched; pictures are JPEG inside the page.
"""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.store import Store
from limner.data.transitions import TransitionConfig, manual_labels
from limner.media.files import write_text
from limner.media.pictures import resize
from limner.types import Clip

PAGE = "report.html"
WIDE, HIGH, FOOT, LEFT = 720, 110, 16, 18  # of a recording's curves, pixels of the page
MOMENTS, PICTURE_PX = 8, 90  # pictures of a clip, and the side of each
MOST_TICKS = 12  # ours: of seconds under the curves
COLOURS = {"AU12": "#c2410c", "AU06": "#2563eb"}
STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.4em}h2{font-size:1em;margin:2.2em 0 .2em;overflow-wrap:anywhere}p{margin:.2em 0;overflow-wrap:anywhere}
svg{display:block;margin:.4em 0;max-width:100%}img{display:block;margin:.3em 0;max-width:100%}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.15em .9em .15em 0;text-align:left}
svg text{font:10px system-ui,sans-serif;fill:#777}a{color:inherit}
.no{color:#777}.bad{color:#8a1c1c}.au12{color:#c2410c}.au06{color:#2563eb}"""


def write_page(store: Store, report: Sequence[dict[str, Any]], summary: str, config: TransitionConfig) -> None:
    """Writes report.html beside the store's manifest; config: what chose its clips. InputError if it cannot be written."""
    rows = {name: row for row, name in enumerate(store.table["id"].to_pylist())}
    parts = [
        _recording(number, entry, config, [store[rows[kept["clip"]]] for kept in entry["kept"] if kept["clip"] in rows])
        for number, entry in enumerate(report)
    ]
    title = html.escape(f"{store.path.name}: {summary}")
    legend = (
        '<p><span class="au12">AU12</span> (lip corner puller) and <span class="au06">AU6</span> (cheek raiser), 0 to 5, over seconds. '
        f"Dashed: {config.rest:g}, under which a face is at rest, and {config.least_apex:g}, which a smile must reach. Green: kept, from "
        "neutral to apex; grey: not kept, the reason below.</p>"
    )
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{legend}'
    body = head + _overview(report) + "\n".join(parts)
    write_text(Path(store.path) / PAGE, body.encode("utf-8", "backslashreplace").decode() + "</html>\n")


def _overview(report: Sequence[dict[str, Any]]) -> str:
    """How many clips by split and label, and which recordings gave none, by reason, each a link."""
    counts = Counter((entry["label"] or "no label", entry["split"]) for entry in report for _ in entry["kept"])
    splits = [split for split in ("train", "val", "test") if any(there == split for _, there in counts)]
    lines = "".join(
        f"<tr><td>{html.escape(label)}</td>{''.join(f'<td>{counts[label, split]}</td>' for split in splits)}</tr>"
        for label in sorted({label for label, _ in counts})
    )
    table = f"<table><tr><th>clips kept</th>{''.join(f'<th>{split}</th>' for split in splits)}</tr>{lines}</table>" if counts else ""
    without: dict[str, list[str]] = {}
    for number, entry in enumerate(report):
        if entry["reason"]:
            without.setdefault(entry["reason"], []).append(f'<a href="#r{number}">{html.escape(entry["id"])}</a>')
    return table + "".join(
        f'<p class="no"><b>{html.escape(reason)}</b>: {", ".join(links)}</p>' for reason, links in sorted(without.items())
    )


def _recording(number: int, entry: dict[str, Any], config: TransitionConfig, clips: list[Clip]) -> str:
    """One recording's part of the page."""
    said = [f"{entry['split']}, {entry['label'] or 'no label'}, of {entry['subject']}"]
    if "frames" in entry:
        unseen = entry["frames_without_face"]
        said.append(f"{entry['frames']} frame{'' if entry['frames'] == 1 else 's'} at {float(Fraction(entry['fps'])):.4g} a second")
        said.append(f"{unseen} without a face" if unseen else "a face in each")
        if entry["jitter_before"] is not None:
            said.append(f"jitter {entry['jitter_before']:.4f}, smoothed {entry['jitter_after']:.4f}")
        said += [f"{name} by the data set's labels" for name, origin in entry.get("au", {}).items() if origin == "labels"]
    lines = [f'<h2 id="r{number}">{html.escape(entry["id"])}</h2><p>{html.escape("; ".join(said))}</p>']
    lines += [f'<p class="no">{html.escape(note)}</p>' for note in entry["notes"]]
    if entry.get("curves"):
        lines.append(_curves(entry, config))
    for clip, kept in zip(clips, entry["kept"]):
        lines.append(_strip(clip))
        lines.append(f"<p>kept: frames {kept['onset']} to {kept['apex']}, {kept['duration_s']:.2f} s, AU12 {kept['au12']:.1f}</p>")
    if entry.get("pictures"):
        lines.append(f'<img alt="moments of {html.escape(entry["id"])}" src="data:image/jpeg;base64,{entry["pictures"]}">')
    for item in entry["rejected"]:
        words = f"not kept: frames {item['start']} to {item['stop'] - 1}, {item['reason']}: {item['why']}"
        lines.append(f'<p class="no">{html.escape(words)}</p>')
    if entry["reason"]:
        why = "" if entry["rejected"] else f": {entry['why']}"  # said of each stretch already
        lines.append(f'<p class="bad"><b>{html.escape(entry["reason"])}</b>{html.escape(why)}</p>')
    return "".join(lines)


def _curves(entry: dict[str, Any], config: TransitionConfig) -> str:
    """The AU curves of a recording, as drawing, with what was kept and what was not behind them."""
    step = (WIDE - LEFT) / max(1, entry["frames"] - 1)
    if entry.get("au", {}).get("AU12") == "labels":
        config = manual_labels(config)

    def x(t: float) -> float:
        return LEFT + t * step

    def y(value: float) -> float:
        return HIGH - 4 - value * (HIGH - 10) / 5

    def band(start: int, stop: int, colour: str) -> str:
        return f'<rect x="{x(start):.1f}" y="0" width="{max(1.0, (stop - start) * step):.1f}" height="{HIGH}" fill="{colour}"/>'

    parts = [f'<rect x="{LEFT}" y="0" width="{WIDE - LEFT}" height="{HIGH}" fill="#f6f6f4"/>']
    parts += [band(item["start"], item["stop"] - 1, "#ddd") for item in entry["rejected"]]
    parts += [band(item["onset"], item["apex"], "#bfe3c0") for item in entry["kept"]]
    for value in (config.rest, config.least_apex):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDE}" stroke="#bbb" stroke-dasharray="3 4"/>')
    parts += [f'<path d="M{x(t):.1f} 0V{HIGH}" stroke="#8a1c1c" stroke-dasharray="2 3"/>' for t in entry.get("cuts", ())]
    for name, colour in COLOURS.items():
        places = " ".join(f"{x(t):.1f},{y(value):.1f}" for t, value in enumerate(entry["curves"][name]))
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    parts += [f'<text x="{LEFT - 5}" y="{y(value) + 3:.1f}" text-anchor="end">{value}</text>' for value in (0, 5)]
    fps = float(Fraction(entry["fps"]))
    seconds = (entry["frames"] - 1) / fps
    every = next((width for width in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if seconds / width < MOST_TICKS), 3600)
    for second in np.arange(0, seconds + 1e-9, every):
        parts.append(f'<text x="{x(second * fps):.1f}" y="{HIGH + 12}" text-anchor="middle">{second:g} s</text>')
    return f'<svg viewBox="0 0 {WIDE + 12} {HIGH + FOOT}" width="{WIDE + 12}" height="{HIGH + FOOT}">{"".join(parts)}</svg>'


def _strip(clip: Clip) -> str:
    """Moments of a clip, from its first frame to its last, side by side."""
    assert clip.frames is not None
    moments = clip.frames[np.linspace(0, clip.num_frames - 1, MOMENTS).round().astype(int)]
    pictures = [resize(frame, (PICTURE_PX, PICTURE_PX)) for frame in moments]
    return f'<img alt="{html.escape(clip.id)}" src="data:image/jpeg;base64,{jpeg_strip(pictures)}">'


def jpeg_strip(pictures: Iterable[np.ndarray]) -> str:
    """(H, W, 3) uint8 pictures of one size, side by side -> a JPEG as base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(pictures), 1)).save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()
