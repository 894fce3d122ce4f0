"""One motion for another picture: scaled when it is the same picture at another size, transferred when it is another person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limner import geometry
from limner.guides.face import GUIDE
from limner.types import InputError, Motion

# A face is known by its frame: nose, eye corners, brows and the jaw beside the ears. Found in one photo at 300 to 1,000 px these points lie
# 0.004 apart at most; of two people photographed alike (the London neutral photos, 6,642 pairs) 0.024 at least. In units; ours.
SAME_FACE_UNIT = 0.015
FRAME = (*GUIDE.rigid, 0, 1, 2, 14, 15, 16, *range(17, 27))


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


def transfer(motion_points: np.ndarray, reference_points: np.ndarray) -> np.ndarray:
    """Another person's motion (T, 68, 2) on the reference's points (68, 2), any pixels -> (T, 68, 2) in the reference's pixels.

    Each point moves as the same point of the other person did, relative to that person's first frame, in inter-ocular units of that
    frame and turned by the angle between the two faces. Frame 0 is the reference's own points. InputError where a frame is no face.
    """
    motion_points, reference_points = np.asarray(motion_points, np.float64), np.asarray(reference_points, np.float64)
    first = motion_points[0]
    if not geometry.unit_length(first, GUIDE) > 0:
        raise InputError("the motion's first frame has both eye corners in one place; a motion must start with a face")
    spread = np.ptp(motion_points[:, list(GUIDE.rigid)], axis=1).max(-1)
    if (spread == 0).any():
        raise InputError(
            f"frame {int((spread == 0).argmax())} of the motion has its points on one another; a motion is a face in each frame"
        )
    between = geometry.fit_similarity(first[list(GUIDE.rigid)], reference_points[list(GUIDE.rigid)])
    ratio = geometry.unit_length(reference_points, GUIDE) / geometry.unit_length(first, GUIDE)
    linear = between[:, :2] * (ratio / geometry.scale_of(between))
    return (reference_points + (motion_points - first) @ linear.T).astype(np.float32)
