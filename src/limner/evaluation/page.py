"""The evaluation as one page: scores, curves, pictures and players. One file, no script, nothing fetched.

Players are videos inside the page, each a grid: the original above, a row of modes for each store below, all in step.
"""

from __future__ import annotations

import base64
import html
import io
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.evaluation import catalog, report
from limner.evaluation.pairing import ORIGINAL
from limner.media.files import write_text
from limner.media.pictures import resize

if TYPE_CHECKING:
    from limner.data.store import Store

PAGE = "index.html"
PLAYERS, MOMENTS, TILE_PX, STRIP_PX = 6, 8, 112, 80  # ours: clips shown, moments of a strip, sides in pixels
MOST_MODES = 6  # ours: shown side by side
FPS = Fraction(16)  # ours: players run at half the speed of a 32-frame smile of a second
WIDE, HIGH = 330, 170  # of a drawing of curves
# Okabe & Ito 2008, told apart by colour-blind eyes; the original is black
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;margin:2.2em 0 .3em}h3{font-size:1em;margin:1.4em 0 .3em}p{margin:.3em 0;max-width:75ch}
table{border-collapse:collapse;margin:.6em 0;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}
td,th{padding:.28em .9em .28em 0;text-align:left;vertical-align:top;border-bottom:1px solid #eee}th{font-weight:600}
td:first-child{width:27em}td,th{min-width:7em}td.no{min-width:11em}
td small{color:#666;display:block;font-weight:400}td.best{font-weight:700}.no{color:#666}.note{color:#7a4b00}
figure{display:inline-block;margin:.5em 1.4em .5em 0;vertical-align:top}figcaption{font-size:.9em;color:#444}
svg text{font:11px system-ui,sans-serif;fill:#555}.key span{margin-right:1.2em;white-space:nowrap}.key i{display:inline-block;width:22px;
height:0;border-top:3px solid;vertical-align:middle;margin-right:.4em}video,img{display:block;max-width:100%}
.grid{display:flex;gap:.6em;margin:.6em 0 1.6em}.names{display:flex;flex-direction:column;font-size:.85em;text-align:right;color:#444}
.names div{display:flex;align-items:center;justify-content:flex-end;max-width:11em;overflow-wrap:anywhere}summary{cursor:pointer}"""


def write(out: Path, scores: dict[str, Any], real: Store, fakes: dict[str, Store], shown: Sequence[str]) -> None:
    """Writes OUT/index.html. fakes: by the rows' names; shown: ids of the real clips that were looked at. InputError as `write_text`."""
    title = f"{scores['real']['store']}: generated clips against {scores['real']['clips']} originals"
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(report.summary(scores))}</p>"]
    parts += [f'<p class="note">{html.escape(note)}</p>' for note in scores["notes"]]
    parts += ["<h2>Scores</h2>", *_tables(scores, lambda row: row["scores"], told=True)]
    for label in scores["labels"] if len(scores["labels"]) > 1 else []:
        inside = "".join(_tables(scores, lambda row, label=label: row["labels"].get(label, {}), told=False))
        parts.append(f"<details><summary>Label {html.escape(label)} alone</summary>{inside}</details>")
    parts += [*_curves(scores), *(_players(real, fakes, shown) if scores["paired"] else _sets(real, fakes, shown))]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = f"{head}<title>{html.escape(title)}</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    write_text(out / PAGE, page.encode("utf-8", "backslashreplace").decode())


def _tables(scores: dict[str, Any], of: Any, *, told: bool) -> Iterator[str]:
    for heading, network, keys in report.sections(scores):
        yield f"<h3>{html.escape(heading)}</h3>" + (f'<p class="no">{html.escape(network)}.</p>' if told and network else "")
        names = "".join(f"<th>{html.escape(row['name'])}</th>" for row in scores["rows"])
        yield f'<div class="wide"><table><tr><th></th>{names}<th></th></tr>'
        for key in keys:
            metric, found = scores["metrics"][key], [of(row).get(key) for row in scores["rows"]]
            best = best_of(metric["better"], found)
            cells = "".join(_cell(score, catalog.SCORES[key].digits, number == best) for number, score in enumerate(found))
            yield f'<tr><td>{html.escape(metric["title"])}</td>{cells}<td class="no">{report.WAY[metric["better"]]}</td></tr>'
        yield "</table></div>" + "".join(f'<p class="no">{html.escape(note)}.</p>' for note in report.notes_of(scores["rows"], of, keys))
    if told:
        yield f'<p class="no">{html.escape(report.lost_of(scores))}</p>'


def best_of(better: str, found: Sequence[dict[str, Any] | None]) -> int | None:
    """Which of the rows after the originals is best; None where there is one alone, or no way is better."""
    known = {number: score["value"] for number, score in enumerate(found) if number and score and "value" in score}
    first = found[0] if found else None
    if len(known) < 2:
        return None
    if better == catalog.HIGH:
        return max(known, key=lambda number: known[number])
    if better == catalog.LOW:
        return min(known, key=lambda number: known[number])
    if better == catalog.AS_REAL and first and "value" in first:
        return min(known, key=lambda number: abs(known[number] - first["value"]))
    return None


def _cell(score: dict[str, Any] | None, digits: int, best: bool) -> str:
    if score is None:
        return "<td></td>"
    text = report.cell(score, digits)
    value, bracket, span = text.partition(" (")
    mark = ' class="best"' if best else ""
    return f"<td{mark}>{html.escape(value)}" + (f"<small>{html.escape(span.rstrip(')'))}</small>" if bracket else "") + "</td>"


def _curves(scores: dict[str, Any]) -> Iterator[str]:
    """The mean AU curves of each label, with bands, after the paper's figure 8."""
    curves = scores["curves"]
    if not curves:
        return
    colour = {row["name"]: COLOURS[number % len(COLOURS)] for number, row in enumerate(scores["rows"])}
    yield "<h2>How the smile unfolds</h2><p>Mean intensity (0 to 5) over the 32 moments of a clip, as seen in the frames, relative to the "
    yield "first; bands: 95 % over people.</p><p class='key'>"
    yield "".join(f'<span><i style="border-color:{colour[name]}"></i>{html.escape(name)}</span>' for name in curves) + "</p>"
    top = max(1.0, *(max(unit["high"]) for labels in curves.values() for units in labels.values() for unit in units.values()))
    for label in dict.fromkeys(label for labels in curves.values() for label in labels):
        for unit, words in (("AU12", "AU12, lip corners"), ("AU06", "AU6, cheeks")):
            own = {name: labels[label][unit] for name, labels in curves.items() if label in labels}
            yield f"<figure>{_drawing(own, colour, top)}<figcaption>{html.escape(label)}: {words}</figcaption></figure>"


def _drawing(curves: dict[str, dict[str, list[float]]], colour: dict[str, str], top: float) -> str:
    def at(values: Sequence[float], *, back: bool = False) -> str:
        places = [(24 + t * (WIDE - 30) / max(1, len(values) - 1), HIGH - 18 - v * (HIGH - 26) / top) for t, v in enumerate(values)]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (reversed(places) if back else places))

    parts = [f'<rect x="24" y="8" width="{WIDE - 30}" height="{HIGH - 26}" fill="#f7f7f5"/>']
    for value in range(int(top) + 1):
        y = HIGH - 18 - value * (HIGH - 26) / top
        parts.append(f'<path d="M24 {y:.1f}H{WIDE - 6}" stroke="#ddd"/><text x="18" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for name, curve in curves.items():
        band = f"{at(curve['low'])} {at(curve['high'], back=True)}"
        parts.append(f'<polygon points="{band}" fill="{colour[name]}" opacity="0.13"/>')
    for name, curve in curves.items():
        dash = "" if name == ORIGINAL else ' stroke-dasharray="7 3"'
        parts.append(f'<polyline points="{at(curve["mean"])}" fill="none" stroke="{colour[name]}" stroke-width="2"{dash}/>')
    parts.append(f'<text x="24" y="{HIGH - 4}">1</text><text x="{WIDE - 6}" y="{HIGH - 4}" text-anchor="end">32</text>')
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" role="img">{"".join(parts)}</svg>'


def _players(real: Store, fakes: dict[str, Store], shown: Sequence[str]) -> Iterator[str]:
    """Some people's clips as players and as strips."""
    places = {real.row(i)["id"]: i for i in range(len(real))}
    chosen = some(real, [places[name] for name in shown])
    if not chosen:
        return
    yield "<h2>Clips</h2><p>Above the original, below what each store made of its first frame and label; all run in step, slowed down.</p>"
    for row in chosen:
        clip = real[row]
        grid = [(ORIGINAL, [clip.frames]), *((name, modes) for name, store in fakes.items() if (modes := modes_of(store, clip.id)))]
        names = "".join(f'<div style="height:{TILE_PX}px">{html.escape(name)}</div>' for name, _ in grid)
        yield f"<h3>{html.escape(clip.subject)}, {html.escape(clip.label or 'no label')}</h3>"
        yield f'<div class="grid"><div class="names">{names}</div>{player(grid)}</div>'
        rows = [(name, frames[0]) for name, frames in grid]
        names = "".join(f'<div style="height:{STRIP_PX}px">{html.escape(name)}</div>' for name, _ in rows)
        yield f'<div class="grid"><div class="names">{names}</div>{strips([frames for _, frames in rows])}</div>'


def _sets(real: Store, fakes: dict[str, Store], shown: Sequence[str]) -> Iterator[str]:
    """Some clips of each store, where nothing tells which belong together."""
    places = {real.row(i)["id"]: i for i in range(len(real))}
    stores = [
        (ORIGINAL, real, [places[name] for name in shown]),
        *((name, store, list(range(len(store)))) for name, store in fakes.items()),
    ]
    rows = [(name, [store[row].frames for row in some(store, own)]) for name, store, own in stores]
    grid = [(name, [frames for frames in own if frames is not None]) for name, own in rows if own]
    if grid:
        names = "".join(f'<div style="height:{TILE_PX}px">{html.escape(name)}</div>' for name, _ in grid)
        yield "<h2>Clips</h2><p>Some of each store; which belongs to which original their names do not tell.</p>"
        yield f'<div class="grid"><div class="names">{names}</div>{player(grid)}</div>'


def some(store: Store, rows: Sequence[int]) -> list[int]:
    """A few clips with pixels of different people, the labels taking turns."""
    rows = [row for row in rows if store.row(row)["encoding"] != "none"]
    labels = sorted({str(store.row(row)["label"]) for row in rows})
    people = sorted({store.row(row)["subject"] for row in rows})[:PLAYERS]
    found = []
    for number, person in enumerate(people):
        own = [row for row in rows if store.row(row)["subject"] == person]
        wanted = [row for row in own if str(store.row(row)["label"]) == labels[number % len(labels)]]
        found.append((wanted or own)[0])
    return found


def modes_of(store: Store, name: str) -> list[np.ndarray]:
    """The frames of the clips that imitate a real one, in order of their ids."""
    ids = {store.row(i)["id"]: i for i in range(len(store))}
    own = sorted(one for one in ids if one == name or one.rpartition("/")[0] == name)[:MOST_MODES]
    frames = [store[ids[one]].frames for one in own if store.row(ids[one])["encoding"] != "none"]
    return [one for one in frames if one is not None]


def player(grid: Sequence[tuple[str, Sequence[np.ndarray]]]) -> str:
    """A video of rows of tiles, as an element of the page."""
    from limner.media.video import VideoWriter

    num, wide = max(len(clip) for _, row in grid for clip in row), max(len(row) for _, row in grid)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "player.mp4"
        with VideoWriter(path, fps=FPS, size=(wide * TILE_PX, len(grid) * TILE_PX), quality="medium") as video:
            for t in range(num):
                video.write(np.concatenate([_row([clip[min(t, len(clip) - 1)] for clip in row], wide) for _, row in grid]))
        code = base64.b64encode(path.read_bytes()).decode()
    size = f'width="{wide * TILE_PX}" height="{len(grid) * TILE_PX}"'
    return f'<video {size} controls loop muted autoplay playsinline src="data:video/mp4;base64,{code}"></video>'


def _row(frames: Sequence[np.ndarray], wide: int) -> np.ndarray:
    tiles = [resize(np.ascontiguousarray(frame), (TILE_PX, TILE_PX)) for frame in frames]
    return np.concatenate(tiles + [np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)] * (wide - len(tiles)), 1)


def strips(clips: Sequence[np.ndarray]) -> str:
    """Eight moments of each clip, a row a clip, as an element of the page."""
    from PIL import Image

    rows = []
    for clip in clips:
        at = np.linspace(0, len(clip) - 1, MOMENTS).round().astype(int)
        rows.append(np.concatenate([resize(np.ascontiguousarray(clip[t]), (STRIP_PX, STRIP_PX)) for t in at], 1))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, "JPEG", quality=88)
    return f'<img alt="moments" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
