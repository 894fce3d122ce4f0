"""A file of another tool -> a Motion of the body guide: one person of it, at a rate, in a picture of a size.

Shapes: T time, K = 18 points.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.geometry import apply_affine, fit_similarity, resample
from limner.guides.body import GUIDE, HIP_L, HIP_R, NECK
from limner.media.poses import files
from limner.media.poses.bvh import body_of, read_bvh
from limner.media.video import parse_fps
from limner.types import InputError, Motion

DEFAULT_FPS = Fraction(25)  # ours: of files that state no rate
DRAWN_PX, MARGIN = 512, 0.08  # ours: side of the picture that a BVH's person is put into, and the room round them
FOLLOW = 1.0  # ours: torsos by which a followed person may move from one frame to the next
KINDS = ".bvh, .json (OpenPose or COCO), .mat (Penn Action), .csv, or a folder of OpenPose's .json files"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """notes: what the user should know."""

    motion: Motion
    notes: tuple[str, ...]


def import_motion(
    path: Path,
    *,
    fps: Fraction | None = None,
    size: tuple[int, int] | None = None,
    person: int | None = None,
    yaw_deg: float = 0.0,
) -> Imported:
    """A file of KINDS -> the motion of one person in it.

    fps: of a file that states none (25 if left out); a BVH is brought to it. size: (width, height) of the picture the points lie in, where
    the file does not say. person: of the people in the first frame that shows any, counted from 1 and the largest; then followed.
    yaw_deg: how far the person of a BVH is turned from the viewer, 90 to the picture's right. InputError, one line, on anything wrong.
    """
    if path.suffix.lower() == ".bvh":
        return _of_bvh(path, fps, yaw_deg)
    if yaw_deg:
        raise InputError(f"{path} holds points of a picture; only the person of a .bvh can be turned (--yaw)")
    frames = _frames(path)
    points, confidence, num = _followed(path, frames.people, person)
    notes = list(frames.notes)
    if num > 1:
        notes.append(f"{num} people at once; followed is the {'largest' if person is None else f'{person}. by size'}")
    size = size or frames.size or _size_of(points)
    return _motion(path, points, confidence, fps or DEFAULT_FPS, size, notes, fps is None)


def _of_bvh(path: Path, fps: Fraction | None, yaw_deg: float) -> Imported:
    try:
        bvh = read_bvh(files.read_bytes(path).decode("utf-8", errors="replace"))
        points, confidence, missing = body_of(bvh)
    except InputError as error:
        raise error if str(error).startswith(("cannot", str(path))) else InputError(f"{path}: {error}") from error
    notes = [f"its hierarchy lacks {', '.join(missing)}"] if missing else []
    cos, sin = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    flat = np.stack([points[..., 0] * cos - points[..., 2] * sin, points[..., 1]], -1)  # seen from far away
    if fps is not None:
        num = max(1, round(len(flat) * float(fps / bvh.fps)))
        flat, confidence = resample(flat, num), resample(confidence, num)
    low, high = np.nanmin(flat, (0, 1)), np.nanmax(flat, (0, 1))
    if not (high - low).max() > 0:
        raise InputError(f"{path}: all joints lie in one place")
    scale = DRAWN_PX * (1 - 2 * MARGIN) / (high - low).max()
    flat = (flat - (low + high) / 2) * scale + DRAWN_PX / 2
    return _motion(path, flat, confidence, fps or bvh.fps, (DRAWN_PX, DRAWN_PX), notes, False)


def _frames(path: Path) -> files.Frames:
    if path.is_dir():
        return files.openpose_folder(path)
    kind = path.suffix.lower()
    if kind == ".mat":
        return files.penn(path)
    if kind == ".csv":
        return files.table(path)
    if kind != ".json":
        raise InputError(f"{path}: motions are imported from {KINDS}")
    document = files.read_json(path)
    if isinstance(document, dict) and "annotations" in document:
        return files.coco(path, document)
    if isinstance(document, dict) and "people" in document:
        return files.Frames(people=[files.openpose_frame(path, document)])
    if isinstance(document, dict) and "frames" in document:
        raise InputError(f"{path} is a motion file already")
    raise InputError(f"{path} is neither OpenPose's JSON ('people') nor COCO's ('images', 'annotations')")


def _followed(path: Path, people: list[list[files.Person]], person: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """One person through the frames: points (T, 18, 2), confidence (T, 18); and the most people seen at once."""
    if not people:
        raise InputError(f"{path} has no frames")
    first = next((t for t, found in enumerate(people) if found), None)
    if first is None:
        raise InputError(f"{path}: no frame shows a person")
    ranked = sorted(people[first], key=lambda p: -_span(p))
    if person is not None and not 1 <= person <= len(ranked):
        raise InputError(f"{path}: there is no person {person}; its first frame with people shows {len(ranked)} (1 is the largest)")
    points, confidence = np.full((len(people), GUIDE.num_points, 2), np.nan), np.zeros((len(people), GUIDE.num_points))
    last: files.Person | None = None
    for t in range(first, len(people)):
        found = ranked[(person or 1) - 1] if t == first else _nearest(people[t], last)
        if found is not None:
            points[t], confidence[t] = found
            last = found
    return points, confidence, max(map(len, people))


def _nearest(people: list[files.Person], last: files.Person | None) -> files.Person | None:
    """The one whose joints lie nearest to where they were; None if all are too far away to be the same."""
    if last is None:
        return None

    def apart(person: files.Person) -> float:
        both = (person[1] > 0) & (last[1] > 0)
        return float(np.linalg.norm(person[0][both] - last[0][both], axis=1).mean() / max(_span(last) / 4, 1)) if both.any() else np.inf

    best = min(people, key=apart, default=None)
    return best if best is not None and apart(best) < FOLLOW else None


def _span(person: files.Person) -> float:
    seen = person[0][person[1] > 0]
    return float(np.ptp(seen, axis=0).max()) if len(seen) else 0.0


def _size_of(points: np.ndarray) -> tuple[int, int]:
    """A picture that holds all points, where nobody says how large it was."""
    width, height = (
        (max(1, int(np.ceil(side * (1 + MARGIN)))) for side in np.nanmax(points, (0, 1))) if np.isfinite(points).any() else (1, 1)
    )
    return width, height


def _motion(
    path: Path, points: np.ndarray, confidence: np.ndarray, fps: Fraction, size: tuple[int, int], notes: list[str], guessed: bool
) -> Imported:
    never = [name for name, seen in zip(GUIDE.point_names, np.atleast_1d((confidence > 0).any(0))) if not seen]
    if len(never) > GUIDE.num_points - 3:
        raise InputError(f"{path}: hardly a joint is ever seen")
    if never:
        notes.append(f"never seen: {', '.join(never)}")
    if guessed:
        notes.append(f"no rate is stated; taken for {float(fps):g} frames a second (--fps)")
    if len(points) == 1:
        notes.append("it has a single frame: nothing moves")
    motion = Motion(
        guide=GUIDE.name,
        points=settle(points, confidence).astype(np.float32),
        confidence=confidence.astype(np.float32),
        fps=parse_fps(fps),
        size=size,
        provenance={"made_by": "limner motion import", "file": path.name, **({"notes": notes} if notes else {})},
    )
    return Imported(motion=motion, notes=tuple(notes))


def settle(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(T, 18, 2) with missing joints of any value -> the same, finite: those stand where they go between the frames that show them, and
    those never seen where the canonical body, laid on what is seen, has them. Their confidence stays 0: they are no observation."""
    points, num = np.array(points, np.float64), np.arange(len(points))
    seen = (confidence > 0) & np.isfinite(points).all(-1)
    for k in np.flatnonzero(seen.any(0)):
        for axis in range(2):
            points[:, k, axis] = np.interp(num, num[seen[:, k]], points[seen[:, k], k, axis])
    ever = np.atleast_1d(seen.any(0))
    if ever.all():
        return points
    canonical = GUIDE.canonical.astype(np.float64)
    ends = [NECK, HIP_R, HIP_L] if ever[[NECK, HIP_R, HIP_L]].all() else list(np.flatnonzero(ever))
    for t in num:
        try:
            laid = apply_affine(fit_similarity(canonical[ends], points[t, ends]), canonical)
        except ValueError:
            laid = np.broadcast_to(points[t, ends].mean(0), canonical.shape)
        points[t, ~ever] = laid[~ever]
    return points
