"""Faces in pictures and videos: 68 points of each, and whether they are fit to be animated.

Shapes: T time, K = 68 points, 478 dense points of MediaPipe's mesh. All places in pixels of the picture, pixel centres at integers + 0.5.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import numpy as np

from limner.detect.backends import MODEL_NAME, MODEL_VARIABLE, Backend, Detection, Tasks, open_backend
from limner.detect.mesh import IBUG, Reading, look, read, upright_crop
from limner.detect.search import candidates, overlap
from limner.types import DependencyError, Face, InputError

# Thresholds "ours": set by eye on the pictures and videos of docs/results.md ("Reading, finding faces, writing").
FIRST_LOOKS = (2.0, 1.4, 3.0)  # ours: sides of the first crops tried, in sides of the detection's box
MAX_FACES = 16  # ours: more are not read
MIN_FACE_PX = 64  # the issue: a smaller face is refused
CUT_SHARE = 0.02  # ours: points may lie this share of the face outside the picture (the mesh guesses the jaw that far anyway)
YAW_WARN_DEG, YAW_REFUSE_DEG = 32.0, 51.0  # ours: the mesh guesses the far half of the face from there on
UNSURE = 0.75  # ours: below, the user is told
NO_FACE = 0.08  # ours: below, it is none
LOST = 0.2  # ours: below, a followed face is looked for anew
SAME_FACE = 0.6  # ours: readings whose boxes overlap by this share of the smaller one are of one face
NEAR = 0.3  # ours: amid several faces the followed one is where its box overlaps by this share with where it was last


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sighting:
    """What a frame shows of a followed face: points (68, 2) float32 pixels, None where it is not seen; confidence 0..1.

    num_faces: how many faces the whole picture shows; None where it was not searched."""

    points: np.ndarray | None
    confidence: float
    num_faces: int | None


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
        return [_face(reading) for reading in self._readings(pixels)]

    def track(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames (H, W, 3) uint8 -> points (T, 68, 2), confidence (T,), dense (T, 478, 2), float32, of the largest face, followed.

        Where no face is seen the confidence is 0 and the points are the last known ones (before the first: the first). InputError if no
        frame shows a face.
        """
        rows = [(None, 0.0) if r is None else (r.dense[:, :2].astype(np.float32), r.confidence) for r, _ in self._follow(frames)]
        known = [t for t, (dense, _) in enumerate(rows) if dense is not None]
        if not known:
            raise InputError("no frame of the video shows a face")
        held = np.maximum.accumulate([t if dense is not None else 0 for t, (dense, _) in enumerate(rows)])
        dense = np.stack([cast(np.ndarray, rows[max(t, known[0])][0]) for t in held])
        return dense[:, IBUG], np.array([confidence for _, confidence in rows], np.float32), dense

    def follow(self, frames: Iterable[np.ndarray], count_every: int = 0) -> Iterator[Sighting]:
        """Frames (H, W, 3) uint8 -> what each shows of one face, one by one: the largest where a face is first seen, and no other.

        Where the picture has shown several faces, a lost one is taken up again only near where it was. Every `count_every`-th frame, and
        wherever the face is looked for, all faces are counted; 0: only there."""
        for reading, num in self._follow(frames, count_every):
            seen = reading is not None
            yield Sighting(points=reading.points if seen else None, confidence=reading.confidence if seen else 0.0, num_faces=num)

    def blendshapes(self, frames: Iterable[np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
        """Frames -> (strengths (T, 52) float32 in 0..1, NaN where no face is seen; their names), of the largest face, followed.

        DependencyError without the Tasks model, InputError if no frame shows a face.
        """
        backend = self.backend
        if not isinstance(backend, Tasks):
            raise DependencyError(f"blendshapes need the Tasks model: FaceDetector(model=...) or {MODEL_VARIABLE} must name a {MODEL_NAME}")
        rows: list[dict[str, float] | None] = []
        frames, again = itertools.tee(frames)
        for pixels, (reading, _) in zip(frames, self._follow(again)):
            rows.append(None if reading is None else backend.blendshapes(upright_crop(pixels, reading.dense)[0]))
        names = next((tuple(row) for row in rows if row), None)
        if names is None:
            raise InputError("no frame of the video shows a face")
        return np.array([[row[name] for name in names] if row else [np.nan] * len(names) for row in rows], np.float32), names

    def _follow(self, frames: Iterable[np.ndarray], count_every: int = 0) -> Iterator[tuple[Reading | None, int | None]]:
        """Each frame's reading of one face, from where it was in the frame before, or found anew where it was lost; and how many faces the
        frame shows, where they were counted."""
        last: Reading | None = None
        place: tuple[float, float, float, float] | None = None  # where it was last
        several = False
        for t, pixels in enumerate(frames):
            if last is not None:
                last = read(self.backend, pixels, last.dense)
            lost = last is None or last.confidence < LOST or (several and place is not None and overlap(last.box, place) < NEAR)
            num: int | None = None
            if lost or (count_every and t % count_every == 0):
                found = [reading for reading in self._readings(pixels, thorough=t == 0) if reading.confidence >= LOST]
                num = len(found)
                several |= num > 1
                if lost:
                    last = _again(found, place if several else None)
            place = last.box if last is not None else place
            yield last, num

    def _readings(self, pixels: np.ndarray, thorough: bool = True) -> list[Reading]:
        """Every face of a picture, read; largest first."""
        found: list[Reading] = []
        for item in sorted(candidates(self.backend, pixels, thorough), key=lambda d: d.box[0] - d.box[2])[:MAX_FACES]:
            reading = self._read_candidate(pixels, item)
            if reading is None or reading.confidence < NO_FACE:
                continue
            if all(overlap(reading.box, other.box) < SAME_FACE for other in found):
                found.append(reading)
        return sorted(found, key=lambda reading: -_longer_side(reading.box))

    def _read_candidate(self, pixels: np.ndarray, item: Detection) -> Reading | None:
        """A detection -> the face read, also where the detector took it upside down or sideways."""
        x0, y0, x1, y1 = item.box
        across = item.eyes[1] - item.eyes[0]
        angle = math.degrees(math.atan2(across[1], across[0]))
        centre, side = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, y1 - y0)
        looks = (look(self.backend, pixels, centre, side * wide, angle) for wide in FIRST_LOOKS)
        dense = next((found for found in looks if found is not None), None)
        if dense is None:
            return None
        best = read(self.backend, pixels, dense)
        if best is not None and best.confidence >= UNSURE:
            return best
        for turn_deg in (180, 90, -90):
            other = read(self.backend, pixels, dense, turn_deg)
            if other is not None:
                other = read(self.backend, pixels, other.dense)
            if other is not None and (best is None or other.confidence > best.confidence + 0.1):
                best = other
        return best


def _again(found: list[Reading], place: tuple[float, float, float, float] | None) -> Reading | None:
    """Of the faces found, largest first, the followed one: the largest, or where it has been lost amid others, the one at its place."""
    if place is None:
        return next(iter(found), None)
    best = max(found, key=lambda reading: overlap(reading.box, place), default=None)
    return best if best is not None and overlap(best.box, place) >= NEAR else None


def size_of(face: Face) -> float:
    """The longer side of a face's box, in pixels."""
    return _longer_side(face.box)


def _longer_side(box: tuple[float, float, float, float]) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _face(reading: Reading) -> Face:
    return Face(
        points=reading.points,
        box=reading.box,
        confidence=reading.confidence,
        dense=reading.dense[:, :2].astype(np.float32),
        warnings=_warnings(reading.yaw_deg, reading.confidence),
        yaw_deg=reading.yaw_deg,
    )


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
    if abs(face.yaw_deg) > YAW_REFUSE_DEG:
        raise InputError(
            f"the face is seen from the side (turned by about {abs(face.yaw_deg):.0f} degrees); it must be seen from the front"
        )
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
