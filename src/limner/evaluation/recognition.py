"""Whether the label shows: a judge trained on the real store's training people names each clip's label.

Faces: the label judge, on points. It learns from points of the kind that it is then given: as the detector sees them in the training clips,
or as stored where nothing is detected. Bodies: the action judge, on pixels. A trained one is kept beside the detections, by what it learned
from, and found again. How well it does on real clips of people it never saw is the originals' own row: no store can be asked for more.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.evaluation.compare import Seen
from limner.evaluation.detections import Detections, kept_in
from limner.evaluation.judges.files import version_of
from limner.evaluation.pairing import spread
from limner.geometry import resample
from limner.guides.face import GUIDE as FACE
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store
    from limner.evaluation.evaluate import Networks
    from limner.evaluation.looking import Progress
    from limner.evaluation.looks import Looker

MOST_CLIPS = 1200  # ours: learned from
MOST_SEEN = 240  # ours: learned from where the detector must look at them first, a third of a second each


class FaceLabels:
    """right(clip, seen) -> whether the label of a face's motion is named; None where it has none the judge knows, or was not seen."""

    def __init__(self, judge: Any, people: int, clips: int, version: str, learned_from: str):
        self.judge, self.people, self.clips, self.version, self.learned_from = judge, people, clips, version, learned_from

    def right(self, clip: Clip, seen: Seen | None) -> bool | None:
        if seen is None or clip.label not in self.judge.label_names:
            return None
        said = self.judge.predict(resample(seen.points.astype(np.float64), 32)[None])[0]
        return self.judge.label_names[int(said)] == clip.label

    def record(self) -> dict[str, Any]:
        what = f"learned from {self.clips} clips of {self.people} people, {self.learned_from}; on people it never saw: the originals' row"
        return {
            "name": "limner label",
            "labels": list(self.judge.label_names),
            "people": self.people,
            "clips": self.clips,
            "held_out": what,
        }


class Actions:
    """As `FaceLabels`, of what bodies do."""

    def __init__(self, judge: Any, folder: Path):
        self.judge, self.version = judge, version_of(folder)

    def right(self, clip: Clip, seen: Seen | None) -> bool | None:
        if clip.frames is None or clip.label not in self.judge.labels:
            return None
        return self.judge.predict([clip])[0] == clip.label

    def record(self) -> dict[str, Any]:
        record = self.judge.record()
        held = record["held_out"] or "how it does on people it never saw: the originals' row"
        return {"name": record["name"], "version": self.version, "labels": record["labels"], "held_out": held}


def recogniser_of(real: Store, looker: Looker, networks: Networks, progress: Progress) -> FaceLabels | Actions:
    """The recogniser of a real store's labels, which is given what `looker` sees. InputError: fewer than two labels to learn from, or
    points that nobody finds."""
    from limner.evaluation.judges.action import ActionJudge

    faces, detections = looker.faces, looker.detections
    if not faces and networks.judge is not None:
        return Actions(ActionJudge.load(Path(networks.judge)), Path(networks.judge))
    pixels = not faces or detections is not None
    rows = real.select(split="train", where=lambda row: row["label"] is not None and (row["encoding"] != "none" or not pixels))
    labels = sorted({real.row(row)["label"] for row in rows})
    if len(labels) < 2:
        raise InputError(f"store {real.path.name} has {len(labels)} labels among its training clips; a judge learns from two or more")
    if faces and detections is None and not looker.stored_points:
        raise InputError("that needs points in the frames, which the detector finds")
    most = (MOST_CLIPS if detections is None else MOST_SEEN) // len(labels)
    rows = [row for label in labels for row in spread([row for row in rows if real.row(row)["label"] == label], most)]
    kept = _kept(real, rows, networks, "" if detections is None else detections.version)
    if faces:
        return _label_judge(real, rows, labels, kept, detections, progress)
    if not (kept / "config.json").exists():
        ActionJudge.train((real[row] for row in rows), out=kept / "training").save(kept)
    return Actions(ActionJudge.load(kept), kept)


def _label_judge(
    real: Store, rows: list[int], labels: list[str], kept: Path, detections: Detections | None, progress: Progress
) -> FaceLabels:
    from limner.evaluation.judges.label import LabelJudge

    points, told = [], []
    for number, row in enumerate(rows):
        seen = real.points(row) if detections is None else _seen(real, row, detections)
        if seen is not None:
            points.append(resample(seen.astype(np.float64), 32))
            told.append(real.row(row))
        progress("learning the labels", number + 1, len(rows))
    if len({row["label"] for row in told}) < 2:
        raise InputError(f"store {real.path.name}: the detector finds a face in clips of fewer than two labels")
    numbers = np.array([labels.index(row["label"]) for row in told])
    judge = LabelJudge(FACE, tuple(labels)).train(np.stack(points), numbers, out=kept)
    judge.net.eval()
    how = "their stored points" if detections is None else "points as the detector sees them"
    return FaceLabels(judge, len({row["subject"] for row in told}), len(told), kept.name, how)


def _seen(real: Store, row: int, detections: Detections) -> np.ndarray | None:
    """The points that the detector sees; None where it loses the face, or the clip cannot be read."""
    try:
        seen = detections.of(real[row])
    except InputError:
        return None
    return None if seen is None else seen.points


def _kept(real: Store, rows: list[int], networks: Networks, seen_by: str) -> Path:
    told = "|".join([seen_by, *(f"{real.row(row)['hash']} {real.row(row)['label']}" for row in rows)])
    return kept_in(networks.cache, "recognisers") / hashlib.sha256(told.encode()).hexdigest()[:24]
