"""Whether the label shows: a judge trained on the real store's training people names each clip's label.

Faces: the label judge, on points, which an evaluation gives as detected; it learns from the stored points of the training clips. Bodies:
the action judge, on pixels. A trained one is kept beside the detections, by what it learned from, and found again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.evaluation.compare import Seen
from limner.evaluation.detections import kept_in
from limner.geometry import resample
from limner.guides.face import GUIDE as FACE
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store
    from limner.evaluation.evaluate import Networks

MOST_CLIPS = 1200  # ours: learned from


class FaceLabels:
    """right(clip, seen) -> whether the label of a face's motion is named; None where it has none the judge knows, or was not seen."""

    def __init__(self, judge: Any, people: int, clips: int):
        self.judge, self.people, self.clips = judge, people, clips

    def right(self, clip: Clip, seen: Seen | None) -> bool | None:
        if seen is None or clip.label not in self.judge.label_names:
            return None
        said = self.judge.predict(resample(seen.points.astype(np.float64), 32)[None])[0]
        return self.judge.label_names[int(said)] == clip.label

    def record(self) -> dict[str, Any]:
        what = "its accuracy on people it never saw is the originals' own row"
        return {
            "name": "limner label",
            "labels": list(self.judge.label_names),
            "people": self.people,
            "clips": self.clips,
            "held_out": what,
        }


class Actions:
    """As `FaceLabels`, of what bodies do."""

    def __init__(self, judge: Any):
        self.judge = judge

    def right(self, clip: Clip, seen: Seen | None) -> bool | None:
        if clip.frames is None or clip.label not in self.judge.labels:
            return None
        return self.judge.predict([clip])[0] == clip.label

    def record(self) -> dict[str, Any]:
        record = self.judge.record()
        return {key: record[key] for key in ("name", "labels", "held_out")}


def recogniser_of(real: Store, faces: bool, networks: Networks) -> FaceLabels | Actions:
    """The recogniser of a real store's labels. InputError: fewer than two labels, or no people, to learn from."""
    from limner.evaluation.judges.action import ActionJudge

    if not faces and networks.judge is not None:
        return Actions(ActionJudge.load(Path(networks.judge)))
    rows = real.select(split="train", where=lambda row: row["label"] is not None and (faces or row["encoding"] != "none"))[:MOST_CLIPS]
    labels = sorted({real.row(row)["label"] for row in rows})
    people = len({real.row(row)["subject"] for row in rows})
    if len(labels) < 2:
        raise InputError(f"store {real.path.name} has {len(labels)} labels among its training clips; a judge learns from two or more")
    kept = _kept(real, rows, networks)
    if faces:
        return _label_judge(real, rows, labels, people, kept)
    if (kept / "config.json").exists():
        return Actions(ActionJudge.load(kept))
    judge = ActionJudge.train((real[row] for row in rows), out=kept / "training")
    judge.save(kept)
    return Actions(judge)


def _label_judge(real: Store, rows: list[int], labels: list[str], people: int, kept: Path) -> FaceLabels:
    from limner.evaluation.judges.label import LabelJudge

    points = np.stack([resample(real.points(row).astype(np.float64), 32) for row in rows])
    numbers = np.array([labels.index(real.row(row)["label"]) for row in rows])
    judge = LabelJudge(FACE, tuple(labels)).train(points, numbers, out=kept)
    judge.net.eval()
    return FaceLabels(judge, people, len(rows))


def _kept(real: Store, rows: list[int], networks: Networks) -> Path:
    told = "|".join(real.row(row)["hash"] for row in rows)
    return kept_in(networks.cache, "recognisers") / hashlib.sha256(told.encode()).hexdigest()[:24]
