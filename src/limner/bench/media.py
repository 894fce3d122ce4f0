"""What reading, finding faces and writing cost, and how true they are: colours of the first frame, places of the points.

limner bench media ../shared
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.bench.speed import FRAMES, SIZE, Figure, portrait
from limner.detect.face import FaceDetector
from limner.geometry import unit_length
from limner.guides.face import FROM_MEDIAPIPE, GUIDE
from limner.media.pictures import read_picture, resize
from limner.media.video import VideoWriter, read_video
from limner.types import InputError

# Fully saturated colours, greys and skin, as flat patches: what 8-bit BT.709 loses most on.
PATCHES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 255, 255), (0, 0, 0)]
PATCHES += [(128, 128, 128), (200, 150, 120), (90, 60, 40), (10, 200, 30), (250, 10, 90), (33, 77, 201), (180, 180, 20), (1, 2, 3)]
REPEATS = 5


def run(shared: Path) -> dict[str, float]:
    """Measures everything, prints a line each, returns the figures by name. InputError if `shared` is not the folder of real data."""
    faces = Path(shared) / "data" / "faces"
    if not (faces / "london_points.npz").is_file():
        raise InputError(f"{shared} has no data/faces/london_points.npz; name the folder of real data")
    figures = [*videos(faces), *detection(faces), *backends(faces, Path(shared) / "models" / "face_landmarker.task")]
    for figure in figures:
        print(figure.line())
    return {figure.name: figure.value for figure in figures}


def videos(faces: Path) -> list[Figure]:
    """Encoding speed, and what the first frame decodes to."""
    photo, smile = (resize(read_picture(faces / "london" / f"001_{kind}.jpg").pixels, (SIZE, SIZE)) for kind in ("neutral", "smiling"))
    parts = np.linspace(0, 1, FRAMES)
    frames = [((1 - part) * photo + part * smile).astype(np.uint8) for part in parts]
    flat = np.repeat(np.repeat(np.array(PATCHES, np.uint8).reshape(4, 4, 3), SIZE // 4, 0), SIZE // 4, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        seconds = _median(lambda: _write(path, frames))
        off = next(read_video(path)[1]).astype(float) - photo
        _write(path, [flat] * 3)
        tiles = np.abs(next(read_video(path)[1]).astype(float) - flat).reshape(4, SIZE // 4, 4, SIZE // 4, 3)
    inside = slice(16, SIZE // 4 - 16)  # away from the edges, where half the colour resolution blends neighbours
    return [
        Figure(name=f"encoding, {SIZE} px", value=seconds / FRAMES * 1000, unit="ms a frame", target=10),
        Figure(name="first frame, mean error of a channel", value=np.abs(off.mean((0, 1))).max(), unit="of 255", target=2),
        Figure(name="first frame, mean absolute error", value=np.abs(off).mean(), unit="of 255", target=2),
        Figure(name="flat colours, largest error", value=tiles[:, inside, :, inside].max(), unit="of 255", target=2),
    ]


def detection(faces: Path) -> list[Figure]:
    """Time to find and read the faces of a 1 MP photo, and their places on all London photos against the reference points."""
    detector, photo = FaceDetector(), portrait()
    start = time.perf_counter()
    detector.faces(photo)
    first = time.perf_counter() - start
    warm = _median(lambda: detector.faces(photo))
    _, video = read_video(faces / "video" / "smile_single_face.mp4")
    clip = list(video)
    start = time.perf_counter()
    detector.track(clip)
    follow = (time.perf_counter() - start) / len(clip)
    off, sure = _against_reference(detector, faces)
    return [
        Figure(name="faces of a 1 MP photo, first call", value=first, unit="s"),
        Figure(name="faces of a 1 MP photo, warm", value=warm, unit="s", target=0.6),
        Figure(name="following a face in a video", value=follow * 1000, unit="ms a frame"),
        Figure(name="London: 68 points, mean error", value=off.mean(), unit="% of inter-ocular"),
        Figure(name="London: 68 points, worst photo", value=off.max(), unit="% of inter-ocular"),
        Figure(name="London: lowest confidence", value=sure, unit=""),
    ]


def backends(faces: Path, model: Path) -> list[Figure]:
    """How far the points of the two backends lie apart, on the neutral London photos."""
    photos = [read_picture(path).pixels for path in sorted((faces / "london").glob("*_neutral.jpg"))[::4]]
    ours, theirs = FaceDetector(), FaceDetector(model)
    apart = [_apart(ours.faces(photo)[0].points, theirs.faces(photo)[0].points) for photo in photos]
    return [Figure(name="solutions against Tasks, 68 points", value=float(np.mean(apart)), unit="% of inter-ocular")]


def _against_reference(detector: FaceDetector, faces: Path) -> tuple[np.ndarray, float]:
    """(errors of all photos in % of the inter-ocular distance, lowest confidence)."""
    table: Any = np.load(faces / "london_points.npz")
    off, sure = [], 1.0
    for kind in ("neutral", "smiling"):
        for person, wanted in zip(table["ids"], table[kind]):
            found = detector.faces(read_picture(faces / "london" / f"{person}_{kind}.jpg").pixels)[0]
            off.append(_apart(found.points, wanted[list(FROM_MEDIAPIPE)]))
            sure = min(sure, found.confidence)
    return np.array(off), sure


def _apart(points: np.ndarray, wanted: np.ndarray) -> float:
    return float(100 * np.linalg.norm(points - wanted, axis=1).mean() / unit_length(wanted, GUIDE))


def _write(path: Path, frames: list[np.ndarray]) -> None:
    with VideoWriter(path, fps=Fraction(25), size=(SIZE, SIZE)) as writer:
        for frame in frames:
            writer.write(frame)


def _median(call: Callable[[], Any]) -> float:
    """Median seconds of a call, after one that does not count."""
    call()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
