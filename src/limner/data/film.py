"""One recording, a video or a folder of frames, watched once: the face in it followed and cleaned, every frame with its time.

No frame is kept: who needs pixels reads the recording again (`frames_of`), so memory stays flat however long it is.

Shapes: T time, K = 68 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from limner.data.shots import cuts, thumbnail
from limner.data.sources.raw import frame_files
from limner.data.tracks import Track, clean, in_pieces
from limner.data.transitions import lip_pull
from limner.detect.face import Sighting
from limner.guides.face import GUIDE
from limner.media.pictures import read_picture, resize
from limner.media.video import read_timed
from limner.types import InputError, Motion

MOMENTS, MOMENT_PX = 8, 90  # ours: small pictures kept for the report, each of that width
COUNT_EVERY_S = 1.0  # ours: so often the picture is searched for further faces; a thirtieth of the time
MOST_SHOWN = 6  # ours: cuts named in a note
MOST_MISSING = 0.1  # ours: of what a file says it lasts; containers round, and sound may last a little longer
MOST_STRETCH = 4  # ours: a file whose times last longer than this many times its frames at its rate states wrong ones


class Follower(Protocol):
    """What follows a face: detect.face.FaceDetector."""

    def follow(self, frames: Iterable[np.ndarray], count_every: int = 0) -> Iterator[Sighting]: ...


@dataclass(frozen=True, kw_only=True)
class Film:
    """track: the face, in pixels of the upright frames of `size` (width, height). seen: (T,) bool, where the detector saw it.

    fps: as the recording states. times_s: (T,) float64, rising: when each frame is shown, from the first on. counted: they were counted at
    `fps`, because the file's own (which may be of a variable rate) do not rise, or cannot be.
    cuts: the frames with which a new shot begins. num_faces: the most that were seen at once. notes: what the user should know.
    """

    track: Track
    seen: np.ndarray
    fps: Fraction
    size: tuple[int, int]
    times_s: np.ndarray
    counted: bool
    cuts: tuple[int, ...] = ()
    num_faces: int = 1
    notes: tuple[str, ...] = ()
    moments: tuple[np.ndarray, ...] = ()  # a few small pictures (H, W, 3) of one size, evenly through it

    @property
    def num_frames(self) -> int:
        return len(self.times_s)

    @property
    def shots(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each shot, stop left out."""
        starts = (0, *self.cuts)
        return tuple(zip(starts, (*self.cuts, self.num_frames), strict=True))


class NoFace(InputError):
    """A recording that can be read, and shows no face. moments, notes: as of a Film."""

    def __init__(self, words: str, moments: tuple[np.ndarray, ...] = (), notes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.moments, self.notes = moments, notes


def frames_of(path: Path, fps: Fraction | None = None) -> tuple[Fraction, Iterator[tuple[float | None, np.ndarray]], float]:
    """A video, or a folder of frames at `fps` -> (its rate, its frames one by one with their times, (H, W, 3) uint8, upright; how long it
    says it lasts, s).

    InputError: what cannot be read; a frame of another size than the first (both also while the frames are being read)."""
    if path.is_dir():
        if fps is None:
            raise InputError(f"{path}: a folder of frames needs a rate, frames a second")
        pictures = frame_files(path)
        frames = ((t / float(fps), read_picture(picture).pixels) for t, picture in enumerate(pictures))
        return fps, _of_one_size(path, frames), len(pictures) / float(fps)
    info, frames = read_timed(path)
    return info.fps, _of_one_size(path, frames), info.duration_s


@dataclass(kw_only=True)
class _Noted:
    """What is written down of each frame while it passes: some 700 bytes; the frame itself goes."""

    times_s: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    points: list[np.ndarray | None] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    faces: list[int] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    moments: list[np.ndarray] = field(default_factory=list)
    every: int = 1  # frames from one moment to the next

    def passing(self, frames: Iterable[tuple[float | None, np.ndarray]]) -> Iterator[np.ndarray]:
        before: np.ndarray | None = None
        for time_s, pixels in frames:
            small = thumbnail(pixels)
            self.change.append(0.0 if before is None else float(np.abs(small - before).mean()))
            self.times_s.append(np.nan if time_s is None else time_s)
            self.size, before = (pixels.shape[1], pixels.shape[0]), small
            self.keep(pixels)
            yield pixels

    def keep(self, pixels: np.ndarray) -> None:
        """Notes the moments: of a film whose length nobody knows, every frame, then every second, every fourth ..."""
        if (len(self.times_s) - 1) % self.every == 0:
            height, width = pixels.shape[:2]
            self.moments.append(resize(pixels, (MOMENT_PX, max(1, round(height * MOMENT_PX / width)))))
        if len(self.moments) > 2 * MOMENTS:
            self.moments, self.every = self.moments[::2], 2 * self.every

    def add(self, sighting: Sighting) -> None:
        self.points.append(sighting.points)
        self.confidence.append(sighting.confidence)
        if sighting.num_faces is not None:
            self.faces.append(sighting.num_faces)

    def held(self) -> np.ndarray:
        """(T, 68, 2): where the face is not seen, as it was last; before it was seen, as it is then."""
        place = next(points for points in self.points if points is not None)
        rows = np.empty((len(self.points), *place.shape), np.float32)
        for t, points in enumerate(self.points):
            place = rows[t] = place if points is None else points
        return rows


def watch(path: Path, detector: Follower, fps: Fraction | None = None) -> Film:
    """Reads a recording to its end and follows one face in it, the largest where a face is first seen.

    NoFace (an InputError) if it shows none, InputError if it is damaged."""
    rate, frames, stated_s = frames_of(path, fps)
    noted = _Noted()
    for sighting in detector.follow(noted.passing(frames), max(1, round(COUNT_EVERY_S * rate))):
        noted.add(sighting)
    num = len(noted.points)
    if num == 0:
        raise InputError(f"{path} holds no frames")
    times = np.array(noted.times_s, np.float64)
    short = _cut_short(stated_s, stated_s - float(times[-1] - times[0]) - 1 / rate)
    if not any(points is not None for points in noted.points):
        words = f"none of the {num} frames shows a face" if num > 1 else "its only frame shows no face"
        raise NoFace(f"{path}: {words}", tuple(noted.moments[:: -(-len(noted.moments) // MOMENTS)]), short)
    points, confidence = noted.held(), np.array(noted.confidence)
    first = next(t for t, seen in enumerate(noted.points) if seen is not None)
    noted.points.clear()
    pull = np.where(confidence > 0, in_pieces(lip_pull, points), np.nan)
    shot = cuts(np.array(noted.change), pull, float(rate))
    track = clean(points, confidence, float(rate), cuts=shot)
    counted = not (np.isfinite(times).all() and (np.diff(times) > 0).all() and times[-1] - times[0] < MOST_STRETCH * num / rate)
    return Film(
        track=track,
        seen=(track.confidence > 0) & ~track.filled,
        fps=rate,
        size=noted.size,
        times_s=np.arange(num) / float(rate) if counted else times - times[0],
        counted=counted,
        cuts=shot,
        moments=tuple(noted.moments[i] for i in np.linspace(0, len(noted.moments) - 1, MOMENTS).round().astype(int)),
        num_faces=max(noted.faces, default=1),
        notes=(*_notes(shot, noted.faces, first, points[first].mean(0)), *short),
    )


def _cut_short(stated_s: float, missing_s: float) -> tuple[str, ...]:
    """The note on a file that ends before it says it does, if it does."""
    return (f"cut short: of {stated_s:.1f} s the last {missing_s:.1f} s are missing",) if missing_s > MOST_MISSING * stated_s else ()


def _notes(shot: tuple[int, ...], faces: list[int], first: int, place: np.ndarray) -> tuple[str, ...]:
    """What the report says of cuts and of several faces."""
    notes = []
    if shot:
        shown = ", ".join(map(str, shot[:MOST_SHOWN])) + (f" and {len(shot) - MOST_SHOWN} more" if len(shot) > MOST_SHOWN else "")
        notes.append(f"the picture leaps at frame {shown}: a cut, and nothing is carried across it")
    if max(faces, default=1) > 1:
        looks = f"in {sum(num > 1 for num in faces)} of {len(faces)} looks"
        where = f"the one that was largest in frame {first}, at {place[0]:.0f}, {place[1]:.0f}, and no other"
        notes.append(f"{max(faces)} faces are seen at once ({looks}); followed is {where}")
    return tuple(notes)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """motion: in the video's own pixels. unseen: in how many of its frames the face was not seen. notes: what the user should know."""

    motion: Motion
    unseen: int
    notes: tuple[str, ...]


def motion_of(path: Path, detector: Follower) -> Followed:
    """The motion of one face of a video, cleaned.

    The face: the largest where a face is first seen; the notes say whether there are others, where the film is cut, and where no face is.
    A frame of the motion is one of the video; where the video's rate varies, the motion is at its mean rate, true in time.
    Short gaps are filled, with half the confidence; in longer ones the points stand where they were last, with confidence 0. The
    provenance holds the notes, and the frames with which a new shot begins as `cuts`.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video")
    film = watch(path, detector)
    fps = float(film.fps)
    sure = steady(film.track.confidence, film.times_s, fps)
    seen = steady(film.seen.astype(np.float32), film.times_s, fps) >= 0.5
    # Which frames come from which shot: a shot's number, drawn out as the points are
    shot = np.searchsorted(film.cuts, np.arange(film.num_frames), side="right").astype(np.float64)
    cut_at = np.flatnonzero(np.diff(np.round(steady(shot, film.times_s, fps)))) + 1
    notes = (*film.notes, *_lost(sure > 0, fps), *(("it has a single frame: nothing moves",) if film.num_frames == 1 else ()))
    said = {"notes": list(notes)} if notes else {}
    motion = Motion(
        guide=GUIDE.name,
        points=steady(film.track.points, film.times_s, fps),
        confidence=np.repeat(sure[:, None], GUIDE.num_points, 1),
        fps=film.fps,
        size=film.size,
        provenance={"made_by": "limner motion extract", "video": path.name, **said, **({"cuts": cut_at.tolist()} if len(cut_at) else {})},
    )
    return Followed(motion=motion, unseen=int((~seen).sum()), notes=notes)


def _lost(known: np.ndarray, fps: float) -> tuple[str, ...]:
    """A note on the stretches in which no face is known, if there are."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int))).reshape(-1, 2) / fps
    if not len(edges):
        return ()
    shown = ", ".join(f"{start:.1f} to {stop:.1f} s" for start, stop in edges[:MOST_SHOWN])
    more = f" and {len(edges) - MOST_SHOWN} more" if len(edges) > MOST_SHOWN else ""
    return (f"no face is seen at {shown}{more}; what was seen before and after is held and bridged there",)


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
