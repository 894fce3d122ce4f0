"""MediaPipe's mesh of 478 points: reading it well from a crop, and what it says of the head's pose.

Read twice, from an upright crop laid by the face's own points and from its mirror image, and averaged: so left and right are treated
alike, and how far the two readings differ tells whether the model sees the face or guesses it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from limner.detect.backends import MIN_DETECTION, Backend
from limner.detect.search import cut, overlap
from limner.geometry import apply_affine
from limner.guides.face import FROM_MEDIAPIPE

CROP_SIDE = 320  # ours: pixels of the crop; the mesh's own input is 192
CROP_FACES = 2.0  # ours: side of the crop, in face sizes
FACE_BOX = (80, 80, 240, 240)  # so the face lies here
NO_SCORE = MIN_DETECTION  # what the detector would not say at all counts as its lowest score
RIGHT_EYE, LEFT_EYE, RIGHT_CHEEK, LEFT_CHEEK = (33, 133), (362, 263), 234, 454
IBUG = list(FROM_MEDIAPIPE)
DEPTH = 1.45  # measured: see `yaw_of`
FACE_OF_EYES = 1.57  # width of a face in inter-ocular distances (guides.face.CANONICAL)

# The point each becomes in a mirrored picture: the assignment that fits 132 mirrored faces of the London set's training people best;
# it keeps 99.5 % of the mesh's own edges (the rest are diagonals that the mesh lays otherwise on the other side).
# fmt: off
MIRROR: tuple[int, ...] = (
    0, 1, 2, 248, 4, 5, 6, 249, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 250, 251, 252, 253, 254, 255, 256, 257, 258, 259, 260,
    261, 262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 272, 273, 274, 275, 276, 277, 278, 279, 280, 281, 282, 283, 284, 285, 286,
    287, 288, 289, 290, 291, 292, 293, 294, 295, 296, 297, 298, 299, 300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310, 311, 312,
    313, 314, 315, 316, 317, 318, 319, 320, 321, 322, 323, 94, 324, 325, 326, 327, 328, 329, 330, 331, 332, 333, 334, 335, 336, 337,
    338, 339, 340, 341, 342, 343, 344, 345, 346, 347, 348, 349, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 360, 361, 362, 363,
    364, 365, 366, 367, 368, 369, 370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 151, 152, 380, 381, 382, 383, 384, 385, 386, 387,
    388, 389, 390, 164, 391, 392, 393, 168, 394, 395, 396, 397, 398, 399, 175, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
    411, 412, 413, 414, 415, 416, 417, 418, 195, 419, 197, 420, 199, 200, 421, 422, 423, 424, 425, 426, 427, 428, 429, 430, 431, 432,
    433, 434, 435, 436, 437, 438, 439, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449, 450, 451, 452, 453, 454, 455, 456, 457, 458,
    459, 460, 461, 462, 463, 464, 465, 466, 467, 3, 7, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72,
    73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104,
    105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130,
    131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 153, 154, 155, 156, 157, 158,
    159, 160, 161, 162, 163, 165, 166, 167, 169, 170, 171, 172, 173, 174, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187,
    188, 189, 190, 191, 192, 193, 194, 196, 198, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216, 217,
    218, 219, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243,
    244, 245, 246, 247, 473, 476, 475, 474, 477, 468, 471, 470, 469, 472,
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A face read. dense: (478, 3) picture pixels, z in the same scale, larger is further away. confidence: 0..1. yaw_deg: see `yaw_of`."""

    dense: np.ndarray
    confidence: float
    yaw_deg: float

    @property
    def points(self) -> np.ndarray:
        """(68, 2) float32, iBUG order."""
        return self.dense[IBUG, :2].astype(np.float32)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Of the 68 points: x0, y0, x1, y1."""
        (x0, y0), (x1, y1) = self.points.min(0), self.points.max(0)
        return float(x0), float(y0), float(x1), float(y1)


def read(backend: Backend, pixels: np.ndarray, dense: np.ndarray, turn_deg: float = 0.0) -> Reading | None:
    """A face whose points are roughly known -> its points read well; None where none is seen. turn_deg: the crop turned by so much."""
    crop, matrix = upright_crop(pixels, dense, turn_deg)
    straight, mirrored = backend.mesh(crop), backend.mesh(np.ascontiguousarray(crop[:, ::-1]))
    if straight is None:
        return None
    apart = 1.0
    if mirrored is not None:
        back = mirrored[list(MIRROR)]
        back[:, 0] = CROP_SIDE - back[:, 0]
        low, high = straight[IBUG, :2].min(0), straight[IBUG, :2].max(0)
        apart = float(np.linalg.norm(straight[IBUG, :2] - back[IBUG, :2], axis=1).mean() / (high - low).max() * FACE_OF_EYES)
        straight = (straight + back) / 2
    score = max((d.score for d in backend.score(crop) if overlap(d.box, FACE_BOX) > 0.5), default=NO_SCORE)
    yaw_deg = yaw_of(straight)
    return Reading(dense=_to_picture(straight, matrix), confidence=certainty(score, apart, yaw_deg), yaw_deg=yaw_deg)


def look(backend: Backend, pixels: np.ndarray, centre: np.ndarray, side: float, angle_deg: float) -> np.ndarray | None:
    """The mesh of the face in a turned square of the picture, (478, 3) picture pixels, read once; None where the model sees no face."""
    crop, matrix = cut(pixels, centre, side, angle_deg, CROP_SIDE)
    dense = backend.mesh(crop)
    return None if dense is None else _to_picture(dense, matrix)


def upright_crop(pixels: np.ndarray, dense: np.ndarray, turn_deg: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The crop that a face's own points define: eyes level, the face in FACE_BOX; -> (crop, transform from crop to picture)."""
    flat = dense[:, :2]
    across = flat[list(LEFT_EYE)].mean(0) - flat[list(RIGHT_EYE)].mean(0)
    angle = math.atan2(across[1], across[0])
    cos, sin = math.cos(angle), math.sin(angle)
    level = flat @ np.array([[cos, -sin], [sin, cos]])
    low, high = level.min(0), level.max(0)
    centre = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return cut(pixels, centre, float((high - low).max()) * CROP_FACES, math.degrees(angle) + turn_deg, CROP_SIDE)


def yaw_of(dense: np.ndarray) -> float:
    """(478, 3) mesh -> by about how many degrees the head is turned to a side: 0 frontal; the sign says to which. Saturates near 60.

    The mesh's depth is too flat: DEPTH makes good for it, measured on three London faces turned about their own mesh by 15 to 65 degrees
    (their angle comes back within 5 degrees up to 45).
    """
    across = dense[LEFT_CHEEK] - dense[RIGHT_CHEEK]
    return DEPTH * math.degrees(math.atan2(across[2], math.hypot(across[0], across[1])))


def certainty(score: float, apart: float, yaw_deg: float) -> float:
    """How sure this is a whole, plain face seen from the front, 0..1. All three ramps are ours, set on the real pictures and videos.

    score: of the detector for near faces, which gives a plain face 0.92 or more, one half hidden 0.81 to 0.90. apart: mean distance of the
    two readings in inter-ocular units, 0.02 where the face is plain to see, 0.03 to 0.07 where hands or masks hide a part.
    """
    plain = np.interp(score, [0.82, 0.92], [0.6, 1.0])
    steady = np.interp(apart, [0.022, 0.06], [1.0, 0.4])
    frontal = np.interp(abs(yaw_deg), [30, 65], [1.0, 0.4])
    return float(np.clip(score / 0.95, 0, 1) * plain * steady * frontal)


def _to_picture(dense: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    return np.concatenate([apply_affine(matrix, dense[:, :2]), dense[:, 2:] * scale], 1)
