"""Faces in pictures and videos: 68 points of each, and whether they are fit to be animated.

Shapes: T time, K = 68 points, 478 dense points of MediaPipe's mesh. All places in pixels of the picture, pixel centres at integers + 0.5.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from limner.detect.backends import NUM_DENSE, Backend, Tasks, open_backend
from limner.detect.search import candidates, cut, overlap
from limner.geometry import apply_affine
from limner.guides.face import FROM_MEDIAPIPE
from limner.types import DependencyError, Face, InputError

CROP_SIDE = 320  # ours: pixels of the crop the mesh reads; its own input is 192
FIRST_LOOK = 2.0  # ours: side of the first crop, in sides of the detection's box
CROP_FACES = 2.0  # ours: side of the refined crop, in face sizes
MAX_FACES = 16  # ours: more are not read
MIN_FACE_PX = 64  # the issue: a smaller face is refused
CUT_SHARE = 0.02  # ours: points may lie this share of the face outside the picture (the mesh guesses the jaw that far anyway)
YAW_WARN_DEG, YAW_REFUSE_DEG = 28.0, 50.0  # ours
UNSURE = 0.6  # ours: below, the user is told
RIGHT_EYE, LEFT_EYE, FOREHEAD, CHIN, RIGHT_CHEEK, LEFT_CHEEK = (33, 133), (362, 263), 10, 152, 234, 454  # of the mesh


class FaceDetector:
    """Finds faces and their points. Reusable; opens its models on first use.

    model: a MediaPipe `face_landmarker.task`; by default the environment variable LIMNER_FACE_MODEL, or the models inside mediapipe.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._model = model
        self._opened: Backend | None = None

    @property
    def backend(self) -> Backend:
        """The models, opened. DependencyError where there are none."""
        if self._opened is None:
            self._opened = open_backend(self._model)
        return self._opened

    def faces(self, pixels: np.ndarray) -> list[Face]:
        """(H, W, 3) uint8 -> the faces in it, largest first."""
        found: list[Face] = []
        for item in sorted(candidates(self.backend, pixels), key=lambda d: d.box[0] - d.box[2])[:MAX_FACES]:
            x0, y0, x1, y1 = item.box
            across = item.eyes[1] - item.eyes[0]
            angle = math.degrees(math.atan2(across[1], across[0]))
            centre, side = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, y1 - y0)
            dense = next(filter(_is_points, (self._mesh(pixels, centre, side * wide, angle) for wide in (FIRST_LOOK, 1.4, 3.0))), None)
            face = self._refined(pixels, dense) if dense is not None else None
            if face is not None and all(overlap(face.box, other.box) < 0.6 for other in found):
                found.append(face)
        return sorted(found, key=lambda face: -size_of(face))

    def track(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames (H, W, 3) uint8 -> points (T, 68, 2), confidence (T,), dense (T, 478, 2), float32, of the largest face, followed.

        Where no face is seen the confidence is 0 and the points are the last known ones (before the first: the first). InputError if no
        frame shows a face.
        """
        dense: list[np.ndarray | None] = []
        confidence: list[float] = []
        last: np.ndarray | None = None
        for pixels in frames:
            face = self._refined(pixels, last) if last is not None else None
            if face is None:
                face = next(iter(self.faces(pixels)), None)
            last = None if face is None else self._last
            dense.append(None if face is None else face.dense)
            confidence.append(0.0 if face is None else face.confidence)
        known = [t for t, points in enumerate(dense) if points is not None]
        if not known:
            raise InputError("no frame of the video shows a face")
        filled = np.stack([dense[max((k for k in known if k <= t), default=known[0])] for t in range(len(dense))])  # type: ignore[misc]
        return filled[:, list(FROM_MEDIAPIPE)], np.array(confidence, np.float32), filled

    def blendshapes(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
        """Frames -> (strengths (T, 52) float32 in 0..1, NaN where no face is seen; their names). Needs the Tasks model: DependencyError."""
        backend = self.backend
        if not isinstance(backend, Tasks):
            raise DependencyError(
                "blendshapes need the Tasks model: give FaceDetector(model=...) or LIMNER_FACE_MODEL a face_landmarker.task"
            )
        rows: list[dict[str, float] | None] = []
        for pixels in frames:
            face = next(iter(self.faces(pixels)), None)
            rows.append(None if face is None else backend.blendshapes(_canonical_crop(pixels, self._last)[0]))
        names = next((tuple(row) for row in rows if row), ())
        return np.array([[row[name] for name in names] if row else [np.nan] * len(names) for row in rows], np.float32), names

    def _mesh(self, pixels: np.ndarray, centre: np.ndarray, side: float, angle_deg: float) -> np.ndarray | None:
        """The mesh of the face in a turned square, (478, 3) in picture pixels."""
        crop, matrix = cut(pixels, centre, side, angle_deg, CROP_SIDE)
        return _to_picture(self.backend.mesh(crop), matrix)

    def _refined(self, pixels: np.ndarray, dense: np.ndarray) -> Face | None:
        """A face read again from a crop laid by its own points, so that the result hardly depends on how it was found."""
        crop, matrix = _canonical_crop(pixels, dense)
        better = _to_picture(self.backend.mesh(crop), matrix)
        if better is None:
            return None
        self._last = better
        scores = [d.score for d in self.backend.score(crop) if overlap(d.box, (80, 80, 240, 240)) > 0.5]
        points = better[list(FROM_MEDIAPIPE), :2].astype(np.float32)
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        yaw = yaw_of(better)
        certainty = max(scores, default=0.25) * _plainness(yaw)
        return Face(
            points=points,
            box=(float(x0), float(y0), float(x1), float(y1)),
            confidence=float(certainty),
            dense=better[:, :2].astype(np.float32),
            warnings=_warnings(yaw, certainty),
        )


def _canonical_crop(pixels: np.ndarray, dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upright crop of a face that its own points define."""
    flat = dense[:, :2]
    across = flat[list(LEFT_EYE)].mean(0) - flat[list(RIGHT_EYE)].mean(0)
    angle = math.degrees(math.atan2(across[1], across[0]))
    turn = np.array(
        [[math.cos(math.radians(angle)), math.sin(math.radians(angle))], [-math.sin(math.radians(angle)), math.cos(math.radians(angle))]]
    )
    upright = flat @ turn.T
    low, high = upright.min(0), upright.max(0)
    return cut(pixels, turn.T @ ((low + high) / 2), float((high - low).max()) * CROP_FACES, angle, CROP_SIDE)


def _to_picture(dense: np.ndarray | None, matrix: np.ndarray) -> np.ndarray | None:
    if dense is None:
        return None
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    return np.concatenate([apply_affine(matrix, dense[:, :2]), dense[:, 2:] * scale], 1)


def _is_points(dense: Any) -> bool:
    return dense is not None and dense.shape == (NUM_DENSE, 3)


def size_of(face: Face) -> float:
    """The longer side of a face's box, in pixels."""
    return max(face.box[2] - face.box[0], face.box[3] - face.box[1])


def yaw_of(dense: np.ndarray) -> float:
    """(478, 3) mesh -> by how many degrees the head is turned to a side: 0 frontal, 90 profile; the sign says to which."""
    across = dense[LEFT_CHEEK] - dense[RIGHT_CHEEK]
    return math.degrees(math.atan2(across[2], math.hypot(across[0], across[1])))


def _plainness(yaw_deg: float) -> float:
    """What is left of the confidence in a face turned away: all of it up to 20 degrees, 0.4 of it from 60 on (ours)."""
    return float(np.interp(abs(yaw_deg), [20, 60], [1.0, 0.4]))


def _warnings(yaw_deg: float, confidence: float) -> tuple[str, ...]:
    said = []
    if abs(yaw_deg) > YAW_WARN_DEG:
        said.append(f"the head is turned by about {abs(yaw_deg):.0f} degrees; a face seen from the front works better")
    elif confidence < UNSURE:
        said.append(f"not sure this is a plain face (confidence {confidence:.2f}): a drawing, a statue, or partly hidden?")
    return tuple(said)


def pick_face(faces: list[Face], picture_shape: tuple[int, ...], index: int | None = None) -> Face:
    """The face to animate: the largest, or the `index`-th, counted from 1 and the largest. Its warnings say what the user should know.

    picture_shape: (H, W, ...). InputError: no face, no such face, one under 64 px, cut by the border, or seen from the side.
    """
    if not faces:
        raise InputError("no face found; limner needs a face seen from the front, larger than 64 pixels")
    if index is not None and not 1 <= index <= len(faces):
        raise InputError(
            f"there is no face {index}; {len(faces)} {'faces were' if len(faces) > 1 else 'face was'} found (1 is the largest)"
        )
    face = faces[(index or 1) - 1]
    size = size_of(face)
    if size < MIN_FACE_PX:
        raise InputError(f"the face is only {size:.0f} pixels large; it must have at least {MIN_FACE_PX}")
    height, width = picture_shape[:2]
    x0, y0, x1, y1 = face.box
    outside = max(-x0, -y0, x1 - width, y1 - height)
    if outside > CUT_SHARE * size:
        side = ("left", "top", "right", "bottom")[int(np.argmax([-x0, -y0, x1 - width, y1 - height]))]
        raise InputError(f"the face is cut by the picture's {side} border; the whole face must be visible")
    warnings = list(face.warnings)
    if index is None and len(faces) > 1:
        warnings.append(f"{len(faces)} faces found; the largest is taken (--face 2 takes the next)")
    return dataclasses.replace(face, warnings=tuple(warnings))
