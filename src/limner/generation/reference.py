"""The photo that is to move, made ready: read, brought to the video's size, its face found, its neutral points known."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.generation.settings import DEFAULT_SIZE, FACE_PX, LARGE_SIZE, MIN_SIZE
from limner.media.pictures import read_picture, resize
from limner.types import Face, InputError, Picture

if TYPE_CHECKING:
    from PIL import Image

    from limner.detect.face import FaceDetector


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A photo at the video's size, with its face.

    pixels: (H, W, 3) uint8, both sides even. face: in those pixels. neutral: (68, 2) its points when it does not smile; its own where it
    does not. strength: of the photo's own smile, 1 is a common one. photo_size: (width, height) of the photo itself. sha256: of the photo's
    pixels as read. notes: what was done. warnings: what is doubtful.
    """

    name: str
    pixels: np.ndarray
    face: Face
    neutral: np.ndarray
    strength: float
    photo_size: tuple[int, int]
    sha256: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the video."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_photo(source: str | Path | Image.Image | np.ndarray | Picture) -> Picture:
    """Any picture -> Picture; one that is already read passes. InputError as media.pictures.read_picture."""
    return source if isinstance(source, Picture) else read_picture(source)


def fingerprint(picture: Picture) -> str:
    """sha256 of the pixels and their shape: the same photo in another file or format (lossless) has the same."""
    digest = hashlib.sha256(str(picture.pixels.shape).encode())
    digest.update(np.ascontiguousarray(picture.pixels).data)
    return digest.hexdigest()


def even_size(photo_size: tuple[int, int], longest: int | None, face_px: float = math.inf) -> tuple[int, int]:
    """(width, height) of the video for a photo: its longest side `longest`; both sides even, as H.264 asks.

    Without `longest` the photo's own size up to DEFAULT_SIZE, or up to LARGE_SIZE as far as a face of face_px pixels (in the photo) needs
    it to be FACE_PX large. InputError where the shorter side would fall under 16 pixels.
    """
    top = max(photo_size)
    scale = (longest or min(top, LARGE_SIZE, max(DEFAULT_SIZE, top * FACE_PX / face_px))) / top
    width, height = (int(side * scale + 1e-6) // 2 * 2 for side in photo_size)
    if min(width, height) < 16:
        raise InputError(f"the picture is {photo_size[0]}x{photo_size[1]}: too narrow for a video; crop it round the face")
    return width, height


def fit(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photo at `size`: where it is larger by a single row or column that one is left out, else it is resized."""
    width, height = size
    if 0 <= pixels.shape[1] - width <= 1 and 0 <= pixels.shape[0] - height <= 1:
        return np.ascontiguousarray(pixels[:height, :width])
    return resize(pixels, size)


def open_reference(picture: Picture, detector: FaceDetector, *, size: int | None = None, face: int | None = None) -> Reference:
    """A read photo -> Reference. InputError: no face, one too small, cut by the border, or turned away (see detect.face.pick_face)."""
    from limner.detect.face import pick_face
    from limner.generation.neutral import estimate_neutral

    height, width = picture.pixels.shape[:2]
    if min(width, height) < MIN_SIZE:
        raise InputError(f"{picture.name} is {width}x{height} pixels; a face needs at least {MIN_SIZE}")
    found = pick_face(detector.faces(picture.pixels), picture.pixels.shape, face)
    video = even_size((width, height), size, max(found.box[2] - found.box[0], found.box[3] - found.box[1]))
    pixels = fit(picture.pixels, video)
    cropped = 0 <= width - video[0] <= 1 and 0 <= height - video[1] <= 1
    scale = np.ones(2) if cropped else np.array(video) / (width, height)
    moved = scale_face(found, scale)
    neutral, strength = estimate_neutral(moved.points)
    return Reference(
        name=picture.name,
        pixels=pixels,
        face=moved,
        neutral=neutral,
        strength=float(strength),
        photo_size=(width, height),
        sha256=fingerprint(picture),
        notes=picture.notes,
        warnings=found.warnings,
    )


def scale_face(face: Face, scale: np.ndarray) -> Face:
    """The face in the pixels of the picture resized by `scale` (x, y)."""
    x0, y0, x1, y1 = face.box
    return Face(
        points=(face.points * scale).astype(np.float32),
        box=(float(x0 * scale[0]), float(y0 * scale[1]), float(x1 * scale[0]), float(y1 * scale[1])),
        confidence=face.confidence,
        dense=None if face.dense is None else (face.dense * scale).astype(np.float32),
        warnings=face.warnings,
    )


def summary(reference: Reference) -> dict[str, Any]:
    """What result.json says of the photo."""
    return {
        "name": reference.name,
        "sha256": reference.sha256,
        "size": list(reference.photo_size),
        "face_box_px": [round(float(v), 1) for v in reference.face.box],
        "own_smile": round(reference.strength, 2),
        "face_confidence": round(float(reference.face.confidence), 3),
        "notes": list(reference.notes),
        "warnings": list(reference.warnings),
    }
