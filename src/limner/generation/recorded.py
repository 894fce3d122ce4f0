"""Motions that come from elsewhere, fitted to a photo: a motion file, or another person's recorded video.

Shapes: T time, K = 68 points. Units are inter-ocular distances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limner import geometry
from limner.generation.transfer import Shot, absolute, closed_properly, is_same_face, shots, to_picture, transfer
from limner.guides.face import GUIDE
from limner.types import InputError, Motion

if TYPE_CHECKING:
    from limner.data.film import Follower
    from limner.generation.reference import Reference

SAME_SHAPE = 0.03  # ours: even sides stretch a picture by up to 1 in 64
HEAD_BYTES = 64  # a motion file begins with a brace within so many


@dataclass(frozen=True, kw_only=True)
class Driver:
    """What moves a photo. sound: the video whose sound goes along. warnings: what is doubtful about it, a line each."""

    motion: Motion
    sound: Path | None = None
    warnings: tuple[str, ...] = ()


def open_driver(source: str | Path | Motion, detector: Follower, *, is_absolute: bool = False) -> Driver:
    """A motion, a motion file, or a video whose largest face is followed -> Driver.

    InputError: what cannot be read, or shows no face; a picture, unless its own expression is asked for (is_absolute).
    """
    if isinstance(source, Motion):
        return Driver(motion=source)
    path = Path(source)
    if is_motion_file(path):
        from limner.media.motion import read_motion

        return Driver(motion=read_motion(path, GUIDE.name))
    from limner.data.film import motion_of
    from limner.media.sound import has_sound

    followed = motion_of(path, detector)
    if followed.motion.num_frames == 1 and not is_absolute:
        raise InputError(f"{path} has a single frame, so nothing moves; --absolute takes its expression")
    return Driver(motion=followed.motion, sound=path if has_sound(path) else None, warnings=followed.notes)


def is_motion_file(path: Path) -> bool:
    """Whether a path is meant as a motion file: by its name, or because it begins as JSON does."""
    if path.suffix.lower() == ".json":
        return True
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    except OSError:
        return False


def recorded(motion: Motion, reference: Reference, *, is_absolute: bool = False, intensity: float = 1.0) -> tuple[Motion, str]:
    """A motion for the face of this photo, in its pixels, and a few words on how it was fitted.

    The motion is the photo's own where its provenance names the photo or its first frame lies where the photo's face lies; at another size
    of the picture it is scaled. Another person's is transferred onto the neutral points, shot by shot, relative to the neutral frame:
    of an imagined motion (one with a seed) its first, of a recorded one the first that is neutral (transfer.first_neutral). is_absolute:
    lips and lids take the driver's own shape (transfer.absolute). Where no face was seen the points go straight from the frame before to
    the one after, and stay at either end.
    intensity: times the displacement from the photo's neutral (its own motion: from its first frame).
    InputError for a motion of another guide, or one that shows nothing.
    """
    if motion.guide != GUIDE.name:
        raise InputError(f"the motion file is of the guide {motion.guide!r}; a photo of a face needs {GUIDE.name!r}")
    size, seen = reference.size, np.asarray((motion.confidence > 0).any(1))
    points = filled(motion).astype(np.float32)
    scaled = to_picture(replace(motion, points=points), size)
    stretch = (size[0] * motion.size[1]) / (size[1] * motion.size[0])
    named = motion.provenance.get("photo_sha256") == reference.sha256
    if named or (abs(stretch - 1) < SAME_SHAPE and is_same_face(scaled.points, reference.face.points)):
        resized = "" if tuple(motion.size) == tuple(size) else f", scaled from {motion.size[0]}x{motion.size[1]} to {size[0]}x{size[1]}"
        return _with(scaled, scaled.points, scaled.points[0], intensity), f"the photo's own motion{resized}"
    pieces = shots(points, seen, _cuts(motion)) if motion.seed is None else [Shot(start=0, stop=len(points), neutral=0)]
    neutral = reference.neutral.astype(np.float32)
    fit = absolute if is_absolute else transfer
    moved = np.concatenate([fit(points[shot.start : shot.stop], neutral, shot.neutral - shot.start) for shot in pieces])
    moved = bridged(closed_properly(moved, neutral), seen)
    return _with(scaled, moved, neutral, intensity), _how(pieces, is_absolute)


def _with(motion: Motion, points: np.ndarray, still: np.ndarray, intensity: float) -> Motion:
    """The motion with other points, their displacement from `still` (68, 2) times `intensity`."""
    stronger = points if intensity == 1 else still + intensity * (points - still)
    return replace(motion, points=stronger.astype(np.float32))


def _cuts(motion: Motion) -> list[int]:
    """The frames with which a new shot begins, as motion extract wrote them; a hand may have changed the file."""
    stated = motion.provenance.get("cuts")
    return [t for t in stated if type(t) is int and 0 < t < motion.num_frames] if isinstance(stated, list) else []


def _how(pieces: list[Shot], is_absolute: bool) -> str:
    if is_absolute:
        return "another face's motion, with its own shape of lips and lids"
    if len(pieces) > 1:
        return f"another face's motion in {len(pieces)} shots, each transferred relative to its first neutral frame in inter-ocular units"
    first = "first frame" if pieces[0].neutral == 0 else f"first neutral frame, {pieces[0].neutral},"
    return f"another face's motion, transferred relative to its {first} in inter-ocular units"


def bridged(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(T, ...) points, (T,) bool -> unseen frames lie on the straight way between the seen ones beside them; at the ends they stay."""
    if seen.all() or not seen.any():
        return points
    at, known = np.arange(len(points)), np.flatnonzero(seen)
    columns = [np.interp(at, known, column[known]) for column in points.reshape(len(points), -1).T]
    return np.stack(columns, -1).reshape(points.shape).astype(points.dtype)


def filled(motion: Motion) -> np.ndarray:
    """(T, 68, 2) points of a motion in which those not seen (confidence 0) are bridged in time.

    A point is led between the frames that saw it; one never seen moves as the first frame's shape does with the seen points.
    InputError where fewer than four points are ever seen: there is nothing to follow.
    """
    points, seen = motion.points.astype(np.float64), motion.confidence > 0
    ever = seen.any(0)
    if ever.sum() < 4:
        raise InputError(f"the motion file tracks {int(ever.sum())} points with confidence above 0; at least 4 are needed")
    frames = np.arange(len(points))
    for k in np.flatnonzero(ever & ~seen.all(0)):
        for axis in (0, 1):
            points[:, k, axis] = np.interp(frames, frames[seen[:, k]], points[seen[:, k], k, axis])
    if not ever.all():
        shape = geometry.fit_similarity(GUIDE.canonical[ever], points[:, ever])
        points[:, ~ever] = geometry.apply_affine(
            shape, np.broadcast_to(GUIDE.canonical[~ever].astype(np.float64), (len(points), int((~ever).sum()), 2))
        )
    return points
