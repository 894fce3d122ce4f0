"""A store of real clips and stores of generated ones in; every score that applies, with intervals, out. It knows stores, no generator.

    scores = evaluate(Store("real"), [Store("a"), Store("b")], Path("out"))

writes OUT/scores.json, OUT/scores.md and OUT/index.html, one page that needs nothing else. Clip by clip: memory does not grow with the
pixels of a store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.evaluation import catalog, scoring
from limner.evaluation.looks import Look, Looker, Shown
from limner.evaluation.pairing import ORIGINAL, Frame, Made, check_stores, common_size, made_of, names_of, read, shared
from limner.guides.body import GUIDE as BODY
from limner.guides.face import GUIDE as FACE
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.store import Store

FORMAT = 1
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What is judged with beside arithmetic. detector: find points in the frames (faces; slow, kept in a cache). cache: where
    that and trained judges are kept; None: the user's cache. inception, i3d,
    alexnet: standard networks, each a path, or "fetch" for a first-use download; None: without. identity, recognition: False leaves them
    out. judge, body_judge: folders of `limner bench actions` and `limner bench bodies`, for clips of bodies."""

    detector: bool = True
    cache: Path | None = None
    inception: str | None = None
    i3d: str | None = None
    alexnet: str | None = None
    identity: bool = True
    recognition: bool = True
    judge: Path | None = None
    body_judge: Path | None = None


@dataclass(kw_only=True)
class Found:
    """What was looked at: the originals' looks, and those of each row."""

    names: list[str]
    real: list[Look] = field(default_factory=list)
    rows: dict[str, list[Look]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    paired: bool = True
    records: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)


def evaluate(
    real: Store,
    fakes: Sequence[Store],
    out: Path | None = None,
    *,
    networks: Networks | None = None,
    limit: int | None = None,
    names: Sequence[str] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Scores (pure data, JSON as it is) of each store of generated clips, and of the originals; all labels together and each apart.

    out: where scores.json, scores.md and index.html go; None: nowhere. limit: only of so many real clips, spread over them. names: of the
    rows, in place of the stores' own. InputError: an empty store, other guides, nothing in common, nothing that can be read."""
    check_stores(real, fakes)
    names = list(names or names_of(fakes))
    if len(names) != len(fakes) or len(set(names) | {ORIGINAL}) != len(names) + 1:
        raise InputError(f"{len(fakes)} stores need as many different names, none of them {ORIGINAL!r}")
    found = look_at(real, fakes, names, networks or Networks(), limit=limit, progress=progress)
    scores = told(found, real, fakes)
    if out is not None:
        from limner.evaluation import page, report
        from limner.media.files import make_folder, write_text

        make_folder(Path(out))
        write_text(Path(out) / "scores.json", json.dumps(scores, indent=1, allow_nan=False) + "\n")
        write_text(Path(out) / "scores.md", report.markdown(scores))
        progress("drawing the page", 0, 1)
        page.write(Path(out), scores, real, dict(zip(names, fakes)), found.shown)
    return scores


def look_at(
    real: Store, fakes: Sequence[Store], names: Sequence[str], networks: Networks, *, limit: int | None = None, progress: Progress
) -> Found:
    """Looks at every clip once, the real one beside its imitations."""
    found = Found(names=list(names))
    rows = [made for fake, name in zip(fakes, names) for made in made_of(real, fake, name)]
    found.size = common_size([real, *fakes], found.notes)
    frame = Frame(size=found.size, notes=found.notes)
    common = shared(rows, found.notes)
    found.paired = common is not None
    from limner.evaluation.tools import looker_of

    looker = looker_of(real, fakes, networks, found)
    found.rows = {made.name: [] for made in rows}
    if common is not None:
        _paired(found, looker, real, rows, spread(common, limit), frame, progress)
    else:
        _apart(found, looker, real, rows, limit, frame, progress)
    found.seconds = looker.seconds | {"in the detector": looker.detections.seconds if looker.detections else 0.0}
    if not found.real or not all(found.rows.values()):
        empty = ORIGINAL if not found.real else next(name for name, looks in found.rows.items() if not looks)
        raise InputError(f"nothing of {empty} can be read: " + "; ".join(note for note in found.notes if note.startswith("left out"))[:300])
    return found


def _paired(
    found: Found, looker: Looker, real: Store, rows: Sequence[Made], common: Sequence[str], frame: Frame, progress: Progress
) -> None:
    places = {real.row(i)["id"]: i for i in range(len(real))}
    for number, name in enumerate(common):
        one = read(real, places[name], found.notes)
        members = {made.name: _members(made, name, found.notes) for made in rows}
        if one is None or not all(members.values()):
            found.notes.append(f"left out: {name}, as not every store has a clip of it that can be read")
            continue
        row, full = real.row(places[name]), Shown(clip=frame.fitted(one), row=real.row(places[name]))
        found.real.append(looker.real(full))
        found.shown.append(name)
        layers = {full.clip.num_frames: (full, looker.layers(full))}
        for made in rows:
            clips = members[made.name]
            num = min(one.num_frames, *(clip.num_frames for clip, _, _ in clips))
            if any(clip.num_frames != one.num_frames for clip, _, _ in clips):
                frame.note(f"{made.name}: clips of other lengths than their originals; the longer is sampled at the shorter one's moments")
            if num not in layers:
                short = Shown(clip=frame.fitted(one, num), row=row)
                looker._see(short)
                layers[num] = (short, looker.layers(short))
            shown = [Shown(clip=frame.fitted(clip, num), row=own, mode=mode) for clip, own, mode in clips]
            found.rows[made.name].append(looker.made(shown, *layers[num]))
        progress("looking", number + 1, len(common))


def spread(names: Sequence[str], limit: int | None) -> list[str]:
    """So many of the names, evenly over all of them, so that people and labels are mixed."""
    if limit is None or limit >= len(names):
        return list(names)
    return [names[int(i * len(names) / max(1, limit))] for i in range(max(1, limit))]


def _members(made: Made, name: str, notes: list[str]) -> list[tuple[Any, dict[str, Any], str]]:
    """The clips that imitate one, each with its row and the name of its mode."""
    clips = []
    for row in made.of[name]:
        clip = read(made.store, row, notes)
        if clip is not None:
            clips.append((clip, made.store.row(row), "" if clip.id == name else clip.id.rpartition("/")[2]))
    return clips


def _apart(found: Found, looker: Looker, real: Store, rows: Sequence[Made], limit: int | None, frame: Frame, progress: Progress) -> None:
    """Sets against sets: no clip belongs to a real one."""
    chosen = real.select(split="test") or list(range(len(real)))
    what = "the test clips" if real.select(split="test") else "all clips"
    found.notes.append(
        f"the generated clips are not named after real ones (<real id>/<mode>), so nothing is compared frame by frame; {what} of "
        f"{real.path.name} stand for the originals"
    )
    total = min(len(chosen), limit or len(chosen)) + sum(len(_all(made)[:limit]) for made in rows)
    done = 0
    for store, name, places in ((real, ORIGINAL, chosen), *((made.store, made.name, _all(made)) for made in rows)):
        for place in places[:limit]:
            clip = read(store, place, found.notes)
            done += 1
            if clip is None:
                continue
            shown = Shown(clip=frame.fitted(clip), row=store.row(place))
            if name == ORIGINAL:
                found.real.append(looker.real(shown))
                found.shown.append(clip.id)
            else:
                found.rows[name].append(looker.made([shown], None))
            progress("looking", done, total)


def _all(made: Made) -> list[int]:
    return sorted([*made.alone, *(row for rows in made.of.values() for row in rows)])


def told(found: Found, real: Store, fakes: Sequence[Store]) -> dict[str, Any]:
    """The looks as scores: rows, each with its scores of all labels and of each."""
    labels = sorted({look.label for look in found.real if look.label is not None})
    rows = []
    for name, looks in ((ORIGINAL, found.real), *found.rows.items()):
        own: dict[str, Any] = {
            "name": name,
            "clips": sum(look.clips for look in looks),
            "people": len({look.person for look in looks}),
            "lost": sum(look.lost for look in looks),
            "scores": scoring.scores_of(looks, found.real),
            "labels": {},
        }
        for label in labels if len(labels) > 1 else []:
            some, theirs = ([look for look in part if look.label == label] for part in (looks, found.real))
            theirs = some if looks is found.real else theirs
            if some:
                own["labels"][label] = scoring.scores_of(some, theirs)
        rows.append(own)
    if rows[0]["people"] < 2:
        found.notes.append("one person alone: no score has an interval")
    keys = [key for key in catalog.SCORES if any(key in row["scores"] for row in rows)]
    return {
        "format": FORMAT,
        "guide": {FACE.num_points: "face", BODY.num_points: "body"}.get(points := real.row(0)["num_points"], f"{points} points"),
        "real": {"store": real.path.name, "clips": len(found.real)},
        "fakes": [{"store": fake.path.name, "name": name, "note": fake.note} for fake, name in zip(fakes, found.names)],
        "paired": found.paired,
        "pixels": list(found.size),
        "labels": labels,
        "networks": found.records,
        "curves": scoring.mean_curves({ORIGINAL: found.real, **found.rows}, labels),
        "metrics": {
            key: {"title": kind.title, "better": kind.better, "by": kind.by} for key, kind in catalog.SCORES.items() if key in keys
        },
        "rows": rows,
        "notes": list(dict.fromkeys(found.notes)),
    }
