"""A store of real clips and stores of generated ones in; every score that applies, with intervals, out. It knows stores, no generator.

    scores = evaluate(Store("real"), [Store("a"), Store("b")], Path("out"))

writes OUT/scores.json, OUT/scores.md and OUT/index.html, one page that needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.evaluation import catalog, scoring
from limner.evaluation.looking import Found, Progress, look_at
from limner.evaluation.pairing import ORIGINAL, check_stores, names_of
from limner.guides.body import GUIDE as BODY
from limner.guides.face import GUIDE as FACE
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.store import Store

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What is judged with beside arithmetic. detector: find points in the frames (faces; slow, kept in a cache). cache: where
    that, trained judges and what was found in each clip are kept; None: the user's cache. inception, i3d,
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
