"""Where in a picture faces may be: the detectors asked at several scales, then with a margin, then with the picture turned."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from limner.detect.backends import Backend, Detection
from limner.geometry import apply_affine

WORK_SIDE = 1024  # ours: the whole picture is looked at with this longer side; the models see 192 or 128 pixels
TILE_SIDE = 448  # ours: in tiles of this side, a face of 48 px is an eighth of the side, which the far detector finds
MAX_TILES = 80  # ours: bounds the time on very large pictures to about a second
SURE = 0.5  # the score from which a detection counts (MediaPipe's own default)
BIG = 0.2  # ours: with a face of this share of the picture's shorter side found, faces too small for the first look do not matter
TURNS_DEG = (45, -45, 90, -90, 180, 135, -135)  # ours: the detectors bear about 30 degrees by themselves
SAME = 0.7  # ours: boxes that overlap by this share of the smaller one are one face
GROUND = (127, 127, 127)  # ours: mid grey


def cut(pixels: np.ndarray, centre: np.ndarray, side: float, angle_deg: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A turned square of a picture -> (crop (size, size, 3), the transform (2, 3) from crop to picture pixels).

    angle_deg: by how much the square is turned in the picture, clockwise as seen (y down). Outside the picture: grey. Antialiased.
    """
    scale, angle = side / size, math.radians(angle_deg)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = np.asarray(centre) - matrix[:, :2] @ np.array([size / 2, size / 2])
    corners = apply_affine(matrix, np.array([[0.0, 0], [size, 0], [size, size], [0, size]]))
    low = np.floor(corners.min(0)).astype(int) - 2
    high = np.ceil(corners.max(0)).astype(int) + 2
    clipped_low, clipped_high = np.maximum(low, 0), np.minimum(high, [pixels.shape[1], pixels.shape[0]])
    if np.any(clipped_high <= clipped_low):
        return np.full((size, size, 3), GROUND, np.uint8), matrix
    region = Image.fromarray(pixels[clipped_low[1] : clipped_high[1], clipped_low[0] : clipped_high[0]])
    factor = max(1, int(scale))
    if factor > 1:
        region = region.reduce(factor)
    to_region = np.array(matrix)
    to_region[:, 2] -= clipped_low
    to_region /= factor
    crop = region.transform((size, size), Image.Transform.AFFINE, to_region.ravel().tolist(), Image.Resampling.BILINEAR, fillcolor=GROUND)
    return np.asarray(crop), matrix


def candidates(backend: Backend, pixels: np.ndarray, thorough: bool = True) -> list[Detection]:
    """Detections over the whole picture, one a face, best score first; unsure ones only where there is no sure one.

    thorough: look on, in tiles, with a margin and turned, where the first look finds no face that is sure and large.
    """
    height, width = pixels.shape[:2]
    found = _whole(backend, pixels)
    if not thorough:
        return _sure(found)
    if not _has_big(found, min(height, width)):
        found = _distinct(found + _tiles(backend, pixels))
    if not _sure(found):
        found = _distinct(found + _turned(backend, pixels, 0.0, 1.8))  # faces that fill the picture: see them with a margin
    if not _sure(found):
        for angle in TURNS_DEG:
            found = _distinct(found + _turned(backend, pixels, angle, 1.0 if angle % 90 == 0 else 1.25))
            if _sure(found):
                break
    return _sure(found) or found[:3]


def moved(detection: Detection, matrix: np.ndarray) -> Detection:
    """A detection of a crop, in the pixels of the picture: the box stays square to the picture, of the same area and centre."""
    x0, y0, x1, y1 = detection.box
    centre = apply_affine(matrix, np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]))[0]
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    half_w, half_h = (x1 - x0) / 2 * scale, (y1 - y0) / 2 * scale
    box = (centre[0] - half_w, centre[1] - half_h, centre[0] + half_w, centre[1] + half_h)
    return Detection(box=box, eyes=apply_affine(matrix, detection.eyes), score=detection.score)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """How much two boxes are one: the intersection over the smaller box."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / max(1e-9, min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])))


def _whole(backend: Backend, pixels: np.ndarray) -> list[Detection]:
    height, width = pixels.shape[:2]
    factor = max(1.0, max(height, width) / WORK_SIDE)
    small = pixels
    if factor > 1:
        picture = Image.fromarray(pixels)
        picture = picture.resize((max(1, round(width / factor)), max(1, round(height / factor))), Image.Resampling.BOX, reducing_gap=2.0)
        small = np.asarray(picture)
    scale_x, scale_y = width / small.shape[1], height / small.shape[0]
    return _distinct([moved(d, np.array([[scale_x, 0, 0], [0, scale_y, 0]])) for d in backend.detect(small)])


def _tiles(backend: Backend, pixels: np.ndarray) -> list[Detection]:
    """Detections in overlapping square tiles, each level half as large as the one before, down to TILE_SIDE / 2.

    After a level that shows a face comes one more, for the smaller face beside it.
    """
    height, width = pixels.shape[:2]
    found: list[Detection] = []
    side, num, shown = min(height, width) * 0.75, 0, False
    while side >= TILE_SIDE / 2:
        step = side * 0.6
        columns, rows = max(1, math.ceil((width - side) / step) + 1), max(1, math.ceil((height - side) / step) + 1)
        num += columns * rows
        if num > MAX_TILES:
            break
        for y in np.linspace(0, max(0, height - side), rows).astype(int):
            for x in np.linspace(0, max(0, width - side), columns).astype(int):
                size = min(int(side), WORK_SIDE // 2)
                crop, matrix = cut(pixels, np.array([x + side / 2, y + side / 2]), side, 0.0, size)
                found += [moved(d, matrix) for d in backend.detect(crop)]
        side /= 2
        if shown:
            break
        shown = bool(_sure(found))
    return found


def _turned(backend: Backend, pixels: np.ndarray, angle_deg: float, margin: float) -> list[Detection]:
    height, width = pixels.shape[:2]
    centre, side = np.array([width / 2, height / 2]), max(height, width) * margin
    crop, matrix = cut(pixels, centre, side, angle_deg, min(WORK_SIDE, max(256, round(side))))
    return [moved(d, matrix) for d in backend.detect(crop)]


def _distinct(found: list[Detection]) -> list[Detection]:
    """One detection a face: the surest of those that overlap."""
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda d: -d.score):
        if all(overlap(detection.box, other.box) < SAME for other in kept):
            kept.append(detection)
    return kept


def _sure(found: list[Detection]) -> list[Detection]:
    return [d for d in found if d.score >= SURE]


def _has_big(found: list[Detection], side: int) -> bool:
    return any(d.box[2] - d.box[0] >= BIG * side for d in _sure(found))
