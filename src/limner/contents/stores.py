"""What a clip store holds: counted from its manifest, every clip checked against its hash, and some of them drawn."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from limner import guides
from limner.contents.drawing import Row, cell, contact_sheet
from limner.data.store import Store
from limner.generation.sheets import moments
from limner.types import Clip, Guide, InputError

GROUPS = ("source", "split", "label", "kind", "encoding")
SPLITS = ("train", "val", "test")


def describe_store(store: Store) -> dict[str, Any]:
    """What `limner inspect STORE` tells, as JSON can hold it. Reads every clip to see whether it is whole: `damaged`."""
    rows = [store.row(index) for index in range(len(store))]
    people = {split: {row["subject"] for row in rows if row["split"] == split} for split in SPLITS}
    return {
        "kind": "store",
        "path": str(store.path),
        "clips": len(rows),
        "people": len({row["subject"] for row in rows}),
        "people_by_split": {split: len(there) for split, there in people.items() if there},
        "by": {group: dict(Counter(str(row[group] or "none") for row in rows).most_common()) for group in GROUPS},
        "sizes": dict(Counter(f"{row['width']} x {row['height']}" for row in rows).most_common()),
        "points": sorted({row["num_points"] for row in rows}),
        "frames": spread(row["num_frames"] for row in rows),
        "fps": spread(_number(row["fps"]) for row in rows),
        "duration_s": spread(row["duration_s"] for row in rows),
        "au_max": _au_max(rows),
        "bytes": sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file()),
        "settings": store.note.get("settings"),
        "fingerprint": fingerprint(store),
        "damaged": _damaged(store),
    }


def fingerprint(store: Store) -> str:
    """What the clips are, in 16 letters: a run's config.json names the store that it learned from so (papers.train)."""
    return hashlib.sha256("".join(store.table["hash"].to_pylist()).encode()).hexdigest()[:16]


def spread(values: Any) -> dict[str, float] | None:
    """Least, median, most and sum; None of nothing."""
    numbers = np.array(list(values), np.float64)
    if not len(numbers):
        return None
    named = {"least": numbers.min(), "median": np.median(numbers), "most": numbers.max(), "sum": numbers.sum()}
    return {name: round(float(value), 4) for name, value in named.items()}


def store_sheet(store: Store, rows: int, points: bool) -> np.ndarray:
    """(H, W, 3) uint8: so many of the clips, evenly from the first to the last, a row each; points: drawn over the frames.

    InputError where there is no clip that can be drawn."""
    num = min(rows, len(store))
    chosen = [round(i * (len(store) - 1) / max(1, num - 1)) for i in range(num)]
    drawn = []
    for index in chosen:
        try:
            drawn.append(_row(store[index], points))
        except InputError:
            continue  # damaged: said in the text
    if not drawn:
        raise InputError(f"{store.path}: there is no clip that can be drawn")
    return contact_sheet(f"{store.path.name}: {len(drawn)} of {len(store)} clips", drawn)


def _row(clip: Clip, points: bool) -> Row:
    at, guide = moments(clip.num_frames), guide_of(clip)
    frames = [None] * len(at) if clip.frames is None else [clip.frames[t] for t in at]
    lines = guide.lines if guide and (points or clip.frames is None) else None
    colours = guide.colours if guide else None
    cells = [cell(frame, clip.points[t], clip.size, lines, colours=colours, known=clip.confidence[t] > 0) for frame, t in zip(frames, at)]
    said = [clip.id, f"{clip.split}, {clip.label or 'no label'}, of {clip.subject}", f"{clip.duration_s:.2f} s, {clip.num_frames} frames"]
    if clip.au is not None:
        said.append(", ".join(f"{name} up to {clip.au[:, column].max():.1f}" for column, name in enumerate(clip.au_names)))
    return Row(lines=tuple(said), cells=tuple(cells))


def guide_of(clip: Clip) -> Guide | None:
    """The guide with as many points as the clip; None where there is none."""
    return next((guide for name in guides.names() if (guide := guides.load(name)).num_points == clip.points.shape[1]), None)


def _au_max(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float] | None]:
    highest: dict[str, list[float]] = {}
    for row in rows:
        for name, value in zip(filter(None, row["au_names"].split(",")), json.loads(row["au_max"] or "[]")):
            highest.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in sorted(highest.items())}


def _damaged(store: Store) -> list[dict[str, str]]:
    found = []
    for index in range(len(store)):
        try:
            store.check(index)
        except InputError as error:
            found.append({"clip": store.row(index)["id"], "why": str(error)})
    return found


def _number(fps: str) -> float:
    above, _, below = fps.partition("/")
    return float(above) / float(below or 1)
