"""Other skeletons -> the 18 points of the body guide: where each of them stands in another order of joints.

A point that a layout lacks, or whose joints are not all seen, is missing: confidence 0 and NaN for its place. A point made of several
joints is their mean, as sure as the least sure. The neck, where a layout has none, is the middle of the shoulders, as OpenPose made it of
COCO's.
"""

from __future__ import annotations

import numpy as np

from limner.guides.body import GUIDE
from limner.types import InputError

Where = dict[str, tuple[int, ...]]

FACE = ("nose", "eye_right", "eye_left", "ear_right", "ear_left")
LIMBS = tuple(name for name in GUIDE.point_names if name not in (*FACE, "neck"))


def _table(**places: int | tuple[int, ...]) -> Where:
    return {name: place if isinstance(place, tuple) else (place,) for name, place in places.items()}


def _sides(left: tuple[int, ...], right: tuple[int, ...]) -> dict[str, int]:
    """Shoulder, elbow, wrist, hip, knee, ankle (and eye, ear) of each side."""
    parts = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear")
    return {f"{part}_{side}": at for side, row in (("left", left), ("right", right)) for part, at in zip(parts, row)}


# Orders as their own documentation gives them; `nose`, where there is only a head, is the joint nearest to it (ours).
LAYOUTS: dict[str, tuple[int, Where]] = {
    "openpose-18": (18, {name: (k,) for k, name in enumerate(GUIDE.point_names)}),
    "body-25": (25, _table(nose=0, neck=1, **_sides(right=(2, 3, 4, 9, 10, 11, 15, 17), left=(5, 6, 7, 12, 13, 14, 16, 18)))),
    "coco-17": (17, _table(nose=0, neck=(5, 6), **_sides(left=(5, 7, 9, 11, 13, 15, 1, 3), right=(6, 8, 10, 12, 14, 16, 2, 4)))),
    "mediapipe-33": (
        33,
        _table(nose=0, neck=(11, 12), **_sides(left=(11, 13, 15, 23, 25, 27, 2, 7), right=(12, 14, 16, 24, 26, 28, 5, 8))),
    ),
    # MPII: 7 thorax, 8 upper neck, 9 top of the head
    "mpii-16": (16, _table(nose=(8, 9), neck=7, **_sides(right=(12, 11, 10, 2, 1, 0), left=(13, 14, 15, 3, 4, 5)))),
    # Penn Action: 0 head, then left and right in turn from the shoulders down
    "penn-13": (13, _table(nose=0, neck=(1, 2), **_sides(left=(1, 3, 5, 7, 9, 11), right=(2, 4, 6, 8, 10, 12)))),
    # Human3.6M: 13 thorax, 14 nose, 15 top of the head
    "human36m-32": (32, _table(nose=14, neck=13, **_sides(right=(25, 26, 27, 1, 2, 3), left=(17, 18, 19, 6, 7, 8)))),
    # its usual 17: hips, right leg, left leg, spine, thorax, nose, head, left arm, right arm
    "human36m-17": (17, _table(nose=9, neck=8, **_sides(right=(14, 15, 16, 1, 2, 3), left=(11, 12, 13, 4, 5, 6)))),
}


def convert(layout: str, points: np.ndarray, confidence: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(..., J, D) joints in a layout's order, (..., J) confidence or None where all are sure -> (..., 18, D), (..., 18), float64.

    Joints that are NaN are not seen. InputError if there is no such layout, or it has another number of joints."""
    if layout not in LAYOUTS:
        raise InputError(f"no skeleton {layout!r}; there are: {', '.join(LAYOUTS)}")
    num, where = LAYOUTS[layout]
    points = np.asarray(points, np.float64)
    if points.ndim < 2 or points.shape[-2] != num:
        raise InputError(f"a {layout} skeleton has {num} joints, not {points.shape[-2] if points.ndim > 1 else points.shape}")
    sure = np.ones(points.shape[:-1]) if confidence is None else np.asarray(confidence, np.float64)
    return gather(where, points, sure)


def gather(where: Where, points: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The body guide's points from joints (..., J, D) and confidence (..., J), by a table of which stands where."""
    sure = np.where(np.isfinite(points).all(-1), confidence, 0.0)
    out = np.full((*points.shape[:-2], GUIDE.num_points, points.shape[-1]), np.nan)
    known = np.zeros(out.shape[:-1])
    for k, name in enumerate(GUIDE.point_names):
        if name in where:
            known[..., k] = sure[..., list(where[name])].min(-1)
            out[..., k, :] = points[..., list(where[name]), :].mean(-2)
    out[known <= 0] = np.nan
    return out, np.maximum(known, 0)
