"""One motion for another picture: scaled when it is the same picture at another size, transferred when it is another person.

Two ways to transfer. Relative: each point moves as the same point of the driver did since the driver's neutral frame. Absolute: the lips
and lids take the driver's own shape, whatever the driver's face looks like at rest.

Shapes: T time, K = 68 points. Units are inter-ocular distances.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from limner import geometry
from limner.data.tracks import TrackConfig, jumps
from limner.data.transitions import TransitionConfig, find_neutral
from limner.generation.motion import keep_apart
from limner.guides.face import GUIDE
from limner.measures import action_units
from limner.types import InputError, Motion

# A face is known by its frame: nose, eye corners, brows and the jaw beside the ears. Found in one photo at 300 to 1,000 px these points lie
# 0.004 apart at most; of two people photographed alike (the London neutral photos, 6,642 pairs) 0.024 at least. In units; ours.
SAME_FACE_UNIT = 0.015
FRAME = (*GUIDE.rigid, 0, 1, 2, 14, 15, 16, *range(17, 27))
NEAR_UNIT = 0.03  # ours: faces at rest in real films stay below 0.02, a blink moves lids by 0.06 and more
EYES = ((36, 39, (37, 38, 40, 41)), (42, 45, (43, 44, 46, 47)))  # left and right corner, lids
# Which points of the lips' inner line an outer one goes with, so that lips keep their thickness
INNER = tuple(range(60, 68))
OUTER = {48: (60,), 49: (60, 61), 50: (61,), 51: (62,), 52: (63,), 53: (63, 64), 54: (64,), 55: (64, 65), 56: (65,), 57: (66,), 58: (67,)}
OUTER |= {59: (67, 60)}


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames start..stop (stop left out) of a recording that show one face without a jump, and the frame of them that is neutral."""

    start: int
    stop: int
    neutral: int


def to_picture(motion: Motion, size: tuple[int, int]) -> Motion:
    """The motion in the pixels of a picture of `size` (width, height): each axis scaled; the motion itself where the size is its own."""
    if motion.size == tuple(size):
        return motion
    scale = np.array(size, np.float64) / motion.size
    return replace(motion, points=(motion.points * scale).astype(np.float32), size=(int(size[0]), int(size[1])))


def is_same_face(motion_points: np.ndarray, reference_points: np.ndarray) -> bool:
    """Whether the motion's first frame lies where the reference's face lies: the mean distance of the points of its frame."""
    distance = np.linalg.norm(motion_points[0][FRAME, :] - reference_points[FRAME, :], axis=-1).mean()
    return bool(distance < SAME_FACE_UNIT * geometry.unit_length(reference_points, GUIDE))


def first_neutral(points: np.ndarray, known: np.ndarray) -> int:
    """(T, 68, 2) points of a recording, (T,) bool which frames show the face -> the first frame at which that face is neutral.

    Neutral: at rest against the recording's neutral face (data.transitions.find_neutral; AU06 and AU12 under 0.5), with no point of eyes or
    mouth farther than NEAR_UNIT from its place there, which leaves out blinks. Where no frame is, the one nearest to that face.
    """
    aligned = geometry.align(np.asarray(points, np.float64), GUIDE)
    neutral = find_neutral(aligned, known)
    distance = np.linalg.norm(aligned - neutral, axis=-1)[:, 36:].max(-1)
    at_rest = known & (action_units(aligned, neutral) < TransitionConfig.rest).all(-1) & (distance < NEAR_UNIT)
    return int(at_rest.argmax() if at_rest.any() else np.where(known, distance, np.inf).argmin())


def shots(points: np.ndarray, known: np.ndarray, cuts: Sequence[int] = ()) -> list[Shot]:
    """(T, 68, 2) points, (T,) bool which frames show the face, frames with which a new shot is known to begin -> the shots.

    A jump of the face (data.tracks.jumps) begins one too. Frames without a face belong to the shot before; a shot without any is none.
    """
    seen = [int(t) for t in np.flatnonzero(known)]
    config = TrackConfig()
    starts = [
        after
        for before, after in itertools.pairwise(seen)
        if any(before < t <= after for t in cuts) or jumps(points[before], points[after], config, GUIDE)
    ]
    edges = [0, *starts, len(points)]
    return [Shot(start=a, stop=b, neutral=a + first_neutral(points[a:b], known[a:b])) for a, b in itertools.pairwise(edges)]


def transfer(motion_points: np.ndarray, reference_points: np.ndarray, neutral: int = 0) -> np.ndarray:
    """Another person's motion (T, 68, 2) on the reference's points (68, 2), any pixels -> (T, 68, 2) in the reference's pixels.

    Each point moves as the same point of the other person did, relative to that person's frame `neutral`, in inter-ocular units of that
    frame and turned by the angle between the two faces. That frame is the reference's own points. InputError where a frame is no face.
    """
    motion_points, reference_points = np.asarray(motion_points, np.float64), np.asarray(reference_points, np.float64)
    _check(motion_points, neutral)
    still = motion_points[neutral]
    between = geometry.fit_similarity(still[list(GUIDE.rigid)], reference_points[list(GUIDE.rigid)])
    ratio = geometry.unit_length(reference_points, GUIDE) / geometry.unit_length(still, GUIDE)
    linear = between[:, :2] * (ratio / geometry.scale_of(between))
    return (reference_points + (motion_points - still) @ linear.T).astype(np.float32)


def absolute(motion_points: np.ndarray, reference_points: np.ndarray, neutral: int = 0) -> np.ndarray:
    """As `transfer`, but lips and lids take the driver's own shape in every frame, instead of adding the driver's change to the photo's.

    Lids: as open, for the eye's width, as the driver's. Lips: the line between them has the driver's shape and size in units, about the
    middle that the photo's mouth has (where the driver's has its own in frame `neutral`); the lips keep the photo's thickness.
    Head, jaw, brows and nose move as in `transfer`.
    """
    driver, reference = np.asarray(motion_points, np.float64), np.asarray(reference_points, np.float64)
    moved = transfer(driver, reference, neutral).astype(np.float64)
    head = geometry.to_unit(moved, GUIDE)
    face, shape = geometry.apply_affine(head, moved), geometry.align(driver, GUIDE)
    own = geometry.align(reference, GUIDE)
    for left, right, lids in EYES:
        onto = geometry.fit_similarity(shape[:, [left, right]], face[:, [left, right]])
        face[:, lids] = geometry.apply_affine(onto, shape[:, lids])
    inner = list(INNER)
    change = shape[:, inner] - shape[neutral, inner].mean(0) + own[inner].mean(0) - own[inner]
    face[:, inner] = own[inner] + change
    for k, beside in OUTER.items():
        face[:, k] = own[k] + change[:, [i - INNER[0] for i in beside]].mean(1)
    return geometry.apply_affine(geometry.invert_affine(head), face).astype(np.float32)


def closed_properly(points: np.ndarray, reference_points: np.ndarray) -> np.ndarray:
    """(T, 68, 2) transferred points -> the same; where lids or lips have passed one another, as a smaller eye's do, they meet instead."""
    head = geometry.to_unit(points.astype(np.float64), GUIDE)
    face = geometry.apply_affine(head, points.astype(np.float64))
    apart = keep_apart(face, geometry.align(reference_points.astype(np.float64), GUIDE))
    passed = (apart != face).any((1, 2))
    mended = points.copy()
    mended[passed] = geometry.apply_affine(geometry.invert_affine(head[passed]), apart[passed])
    return mended


def _check(points: np.ndarray, neutral: int) -> None:
    """InputError unless frame `neutral` has a size and every frame is a face."""
    if not geometry.unit_length(points[neutral], GUIDE) > 0:
        which = "first frame" if neutral == 0 else f"frame {neutral}"
        raise InputError(f"the motion's {which} has both eye corners in one place; a motion must start with a face")
    spread = np.ptp(points[:, list(GUIDE.rigid)], axis=1).max(-1)
    if (spread == 0).any():
        raise InputError(
            f"frame {int((spread == 0).argmax())} of the motion has its points on one another; a motion is a face in each frame"
        )
