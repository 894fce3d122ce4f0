"""One recording, a video or a folder of frames, watched once: the face in it followed and cleaned, every frame with its time.

No frame is kept: who needs pixels reads the recording again (`frames_of`), so memory stays flat however long it is.

Shapes: T time, K = 68 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from limner.data.sources.raw import frame_files
from limner.data.tracks import Track, clean
from limner.guides.face import GUIDE
from limner.media.pictures import read_picture
from limner.media.video import read_timed
from limner.types import InputError, Motion

MOST_STRETCH = 4  # ours: a file whose times last longer than this many times its frames at its rate states wrong ones


class Follower(Protocol):
    """What follows a face: detect.face.FaceDetector."""

    def track(self, frames: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, kw_only=True)
class Film:
    """track: the face, in pixels of the upright frames of `size` (width, height). seen: (T,) bool, where the detector saw it.

    fps: as the recording states. times_s: (T,) float64, rising: when each frame is shown, from the first on. counted: they were counted at
    `fps`, because the file's own (which may be of a variable rate) do not rise, or cannot be.
    """

    track: Track
    seen: np.ndarray
    fps: Fraction
    size: tuple[int, int]
    times_s: np.ndarray
    counted: bool

    @property
    def num_frames(self) -> int:
        return len(self.times_s)


class NoFace(InputError):
    """A recording that can be read, and shows no face."""


def frames_of(path: Path, fps: Fraction | None = None) -> tuple[Fraction, Iterator[tuple[float | None, np.ndarray]]]:
    """A video, or a folder of frames at `fps` -> (its rate, its frames one by one with their times, (H, W, 3) uint8, upright).

    InputError: what cannot be read; a frame of another size than the first (both also while the frames are being read)."""
    if path.is_dir():
        if fps is None:
            raise InputError(f"{path}: a folder of frames needs a rate, frames a second")
        pictures = frame_files(path)
        return fps, _of_one_size(path, ((t / float(fps), read_picture(picture).pixels) for t, picture in enumerate(pictures)))
    info, frames = read_timed(path)
    return info.fps, _of_one_size(path, frames)


def watch(path: Path, detector: Follower, fps: Fraction | None = None) -> Film:
    """Reads a recording to its end and follows the largest face in it. NoFace (an InputError) if it shows none, InputError if damaged."""
    rate, frames = frames_of(path, fps)
    stated: list[float | None] = []
    size = (0, 0)

    def noting() -> Iterator[np.ndarray]:
        nonlocal size
        for time_s, pixels in frames:
            stated.append(time_s)
            size = (pixels.shape[1], pixels.shape[0])
            yield pixels

    try:
        points, confidence, _ = detector.track(noting())
    except InputError as error:
        if str(error).startswith("no frame"):
            raise NoFace(f"{path}: none of the {len(stated)} frames shows a face") from error
        raise
    track = clean(points, confidence, float(rate))
    times = np.array([np.nan if time_s is None else time_s for time_s in stated], np.float64)
    counted = not (np.isfinite(times).all() and (np.diff(times) > 0).all() and times[-1] - times[0] < MOST_STRETCH * len(times) / rate)
    return Film(
        track=track,
        seen=(track.confidence > 0) & ~track.filled,
        fps=rate,
        size=size,
        times_s=np.arange(len(times)) / float(rate) if counted else times - times[0],
        counted=counted,
    )


def motion_of(path: Path, detector: Follower) -> tuple[Motion, int]:
    """The motion of the largest face of a video, cleaned, in the video's own pixels; and in how many of its frames the face was not seen.

    A frame of the motion is one of the video; where the video's rate varies, the motion is at its mean rate, true in time.
    Short gaps are filled, with half the confidence; in longer ones the points stand where they were last, with confidence 0.
    """
    film = watch(path, detector)
    sure = steady(film.track.confidence, film.times_s, float(film.fps))
    seen = steady(film.seen.astype(np.float32), film.times_s, float(film.fps)) >= 0.5
    motion = Motion(
        guide=GUIDE.name,
        points=steady(film.track.points, film.times_s, float(film.fps)),
        confidence=np.repeat(sure[:, None], GUIDE.num_points, 1),
        fps=film.fps,
        size=film.size,
        provenance={"made_by": "limner motion extract", "video": path.name},
    )
    return motion, int((~seen).sum())


def steady(values: np.ndarray, times_s: np.ndarray, fps: float) -> np.ndarray:
    """(T, ...) values at rising times from 0 on -> at `fps`, linear between them; unchanged where none is off by over half a frame."""
    if np.abs(times_s - np.arange(len(times_s)) / fps).max() <= 0.5 / fps:
        return values
    at = np.arange(int(times_s[-1] * fps + 1e-6) + 1) / fps
    columns = [np.interp(at, times_s, column) for column in values.reshape(len(values), -1).T]
    return np.stack(columns, -1).reshape(len(at), *values.shape[1:]).astype(values.dtype)


def _of_one_size(path: Path, frames: Iterator[tuple[float | None, np.ndarray]]) -> Iterator[tuple[float | None, np.ndarray]]:
    first: tuple[int, ...] | None = None
    for number, (time_s, pixels) in enumerate(frames):
        first = first or pixels.shape
        if pixels.shape != first:
            raise InputError(f"{path}: frame {number} is {pixels.shape[1]} x {pixels.shape[0]} pixels, the first {first[1]} x {first[0]}")
        yield time_s, pixels
