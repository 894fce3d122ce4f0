"""Where joints are in a made frame: as the detector reads them, three ways, and as the renderer itself put them.

The strict reading looks once, into one square. Beside it, never in its place: the same with right and left exchanged in frames where that
is nearer, which shows how much of the loss is confused sides; and the person nearest to where they should be among those seen in three
squares, as scores of pictures with several people pair them, which shows how much of it is somebody else. The renderer's own answer asks no
detector: where the photo's pixels of each joint came to lie.

Shapes: T frames, K = 18 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limner.detect.body import BodyDetector
from limner.guides.body import GUIDE, HIP_L, HIP_R, SHOULDER_L, SHOULDER_R
from limner.types import Body

WITHIN = 0.1  # issue 4: of the torso's length
SQUARES = (1.0, 0.7, 1.5)  # ours: sides of the squares looked at, of the strict one's
TORSO = [SHOULDER_R, SHOULDER_L, HIP_R, HIP_L]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """(K,) bool each, of one frame: joints within a tenth of the torso of where they should be. strict, exchanged, paired: as above."""

    strict: np.ndarray
    exchanged: np.ndarray
    paired: np.ndarray


def hits(detector: BodyDetector, frame: np.ndarray, points: np.ndarray, seen: np.ndarray, torso: float) -> Hits:
    """A frame read around where its joints (K, 2) should be; seen: (K,) which the photo shows; torso: pixels. Nobody found: no hit."""
    low, high = points[seen].min(0), points[seen].max(0)
    middle, half = (low + high) / 2, (high - low) / 2
    found = [detector.look(frame, _box(middle, side * half)) for side in SQUARES]
    strict = within(found[0], points, torso)
    swapped = np.zeros(len(points), bool) if found[0] is None else _near(found[0].points[list(GUIDE.mirror)], points, torso)
    exchanged = swapped if swapped[seen].sum() > strict[seen].sum() else strict
    people = [body for body in found if body is not None]
    nearest = min(people, key=lambda body: float(np.linalg.norm(body.points[TORSO] - points[TORSO], axis=1).mean()), default=None)
    return Hits(strict=strict, exchanged=exchanged, paired=within(nearest, points, torso))


def within(found: Body | None, points: np.ndarray, torso: float) -> np.ndarray:
    """(K,) bool: the joints found where they should be; none where nobody was found."""
    return np.zeros(len(points), bool) if found is None else _near(found.points, points, torso)


def placed(renderer: Any, points: np.ndarray, joints: Sequence[int], torso: float) -> dict[str, float | None]:
    """Without a detector, over (T, K, 2) points: the share of these joints whose own pixels of the photo come to lie within a tenth of the
    torso of them, and the share that is in sight there. None where a renderer knows of no such place, or there are no joints."""
    if not hasattr(renderer, "joints") or not len(joints):
        return {"placed": None, "in_sight": None}
    at, shown = renderer.joints(points)
    near = np.linalg.norm(at - points, axis=-1)[:, joints] <= WITHIN * torso  # NaN: off the person, no hit
    return {"placed": round(float(near.mean()), 4), "in_sight": round(float(shown[:, joints].mean()), 4)}


def _near(found: np.ndarray, points: np.ndarray, torso: float) -> np.ndarray:
    return np.linalg.norm(found - points, axis=-1) <= WITHIN * torso


def _box(middle: np.ndarray, half: np.ndarray) -> tuple[float, float, float, float]:
    return tuple(float(v) for v in (*(middle - half), *(middle + half)))  # type: ignore[return-value]
