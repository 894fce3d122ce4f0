"""The motion file `*.motion.json`: points over time, open and hand-editable. Format 1.

One frame a line:

    {"format": "limner-motion", "version": 1, "guide": "face", "fps": "30000/1001", "size": [640, 480],
     "label": "spontaneous", "mode": 1, "seed": 0, "provenance": {...}, "point_names": ["jaw_0", ...],
     "frames": [
      [[312.5, 80.25], ...],
      ...
     ],
     "confidence": 1}

Points are pixels of a picture of `size`. `confidence`, 1 if left out, is one number, or one entry a frame: a number or one a point.
Other keys are left aside, and a comma before a closing bracket is forgiven: taking out the last frame by hand leaves one.
"""

from __future__ import annotations

import json
import reprlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner import guides
from limner.media.files import atomic_write, reason_of
from limner.media.motion_text import MAX_FRAMES, confidences_of, kind_of, parse
from limner.media.video import parse_fps
from limner.types import Guide, InputError, Motion

FORMAT, VERSION = "limner-motion", 1
MAX_BYTES = 256 * 2**20  # ours: MAX_FRAMES frames of 68 points need about 120 MB
MAX_SIDE = 100_000  # ours: pixels of a side of the stated picture
FAR = 10  # ours: points further away than this many picture sides are a mistake, not a motion
DECIMALS = 3  # of a pixel: what is written differs from what was meant by at most 0.0005 px
REQUIRED = ("guide", "fps", "size", "frames")


def write_motion(path: str | Path, motion: Motion) -> None:
    """Writes the motion file, whole or not at all.

    ValueError (InputError among them) if `read_motion` would refuse it: no frames, NaN, shapes that disagree, an odd rate, a provenance
    that JSON cannot hold. InputError if it cannot be written.
    """
    guide = guides.load(motion.guide)
    points, confidence = np.asarray(motion.points, np.float64), np.asarray(motion.confidence, np.float64)
    if points.shape != (motion.num_frames, guide.num_points, 2) or confidence.shape != points.shape[:2]:
        raise ValueError(
            f"a {guide.name} motion needs points (T, {guide.num_points}, 2), got {points.shape} and confidence {confidence.shape}"
        )
    if not np.isfinite(points).all() or not np.isfinite(confidence).all():
        raise ValueError("a motion with NaN or infinite points cannot be written")
    head = {
        "format": FORMAT,
        "version": VERSION,
        "guide": motion.guide,
        "fps": str(Fraction(motion.fps)),
        "size": [int(side) for side in motion.size],
        "label": motion.label,
        "mode": motion.mode,
        "seed": motion.seed,
        "provenance": motion.provenance,
        "point_names": list(guide.point_names),
    }
    try:
        _check(head | {"frames": list(points)}, None)
    except InputError as error:
        raise InputError(f"cannot write {path}: the motion could not be read again ({error})") from error
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)},\n" for key, value in head.items()]
    # backslashreplace: what a file name holds that is no UTF-8 becomes the very escape that JSON has for it
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write("{\n" + "".join(lines))
        file.write(' "frames": [\n')
        for t, frame in enumerate(points):
            row = ", ".join(f"[{_short(x)}, {_short(y)}]" for x, y in np.round(frame, DECIMALS).tolist())
            file.write((",\n" if t else "") + f"  [{row}]")
        file.write('\n ],\n "confidence": ' + _confidence_text(np.round(confidence.clip(0, 1), DECIMALS)) + "\n}\n")


def read_motion(path: str | Path, guide: str | None = None) -> Motion:
    """A motion file -> Motion, everything checked. guide: the guide it must be of, where the caller needs one.

    InputError, one line that names the file and what is wrong where (key, frame and point, counted from 0): not a file, too large, no JSON;
    another format, version or guide; a missing key or one of a wrong kind; too many frames; a point too few, too many, not finite, or far
    outside the picture.
    """
    path = Path(path)
    text = _read_text(path)
    try:
        fields = parse(text)
        return _check(fields, guide)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply to be a motion file") from error
    except ValueError as error:  # json's own, with line and column
        raise InputError(f"{path}: is not valid JSON, or cut short: {error}") from error


def _short(value: float) -> str:
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def _confidence_text(confidence: np.ndarray) -> str:
    """(T, K) -> one number where all agree, else one entry a line: a number where a frame's points agree, else one a point."""
    if np.all(confidence == confidence[0, 0]):
        return _short(float(confidence[0, 0]))
    rows = [_short(row[0]) if min(row) == max(row) else "[" + ", ".join(map(_short, row)) + "]" for row in confidence.tolist()]
    return "[\n  " + ",\n  ".join(rows) + "\n ]"


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a motion file")
        size = path.stat().st_size
        if size == 0:
            raise InputError(f"{path} is empty")
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size / 2**20:.0f} MB; a motion file may have {MAX_FRAMES:,} frames and {MAX_BYTES // 2**20} MB")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file, so not a motion file") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error


def _check(fields: dict[str, Any], wanted: str | None) -> Motion:
    """Parsed fields -> Motion. InputError on the first that is wrong."""
    if fields.get("format", FORMAT) != FORMAT:
        raise InputError(f"is of format {reprlib.repr(fields['format'])}, not {FORMAT!r}")
    if type(fields.get("version", VERSION)) is not int or fields.get("version", VERSION) != VERSION:
        raise InputError(f"is of version {reprlib.repr(fields['version'])}; this limner reads version {VERSION}")
    if missing := [key for key in REQUIRED if key not in fields]:
        raise InputError(f"lacks {', '.join(map(repr, missing))}")
    if fields["guide"] not in guides.names():
        raise InputError(f"has the guide {reprlib.repr(fields['guide'])}; there are: {', '.join(guides.names())}")
    if wanted is not None and fields["guide"] != wanted:
        raise InputError(f"is a motion of the guide {fields['guide']!r}; a {wanted!r} motion is needed")
    guide = guides.load(fields["guide"])
    _check_names(fields.get("point_names"), guide)
    size = _check_size(fields["size"])
    points = _check_points(fields["frames"], guide, size)
    try:
        fps = parse_fps(fields["fps"])
    except InputError as error:
        raise InputError(f"fps: {error}") from error
    label, provenance = fields.get("label"), fields.get("provenance") or {}
    if not (label is None or isinstance(label, str)):
        raise InputError(f"label is {kind_of(label)}; expected text")
    if not isinstance(provenance, dict):
        raise InputError(f"provenance is {kind_of(provenance)}; expected an object")
    for key in ("mode", "seed"):
        if fields.get(key) is not None and type(fields[key]) is not int:
            raise InputError(f"{key} is {kind_of(fields[key])}; expected a whole number")
    confidence = _check_confidence(fields.get("confidence", 1), points.shape[:2])
    return Motion(
        guide=guide.name,
        points=points,
        confidence=confidence,
        fps=fps,
        size=size,
        label=label,
        mode=fields.get("mode"),
        seed=fields.get("seed"),
        provenance=provenance,
    )


def _check_names(names: Any, guide: Guide) -> None:
    if names is None or names == list(guide.point_names):
        return
    if not isinstance(names, list) or len(names) != guide.num_points:
        num = f"{len(names)} entries" if isinstance(names, list) else kind_of(names)
        raise InputError(f"point_names is {num}; the guide {guide.name!r} has {guide.num_points} points")
    k = next(k for k, name in enumerate(names) if name != guide.point_names[k])
    raise InputError(f"point_names: point {k} is {reprlib.repr(names[k])}; in the guide {guide.name!r} it is {guide.point_names[k]!r}")


def _check_size(size: Any) -> tuple[int, int]:
    if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int and 1 <= side <= MAX_SIDE for side in size)):
        raise InputError(f"size is {json.dumps(size)[:60]}; expected [width, height] in whole pixels, 1..{MAX_SIDE}")
    return size[0], size[1]


def _check_points(frames: Any, guide: Guide, size: tuple[int, int]) -> np.ndarray:
    """Frames as parsed -> (T, K, 2) float32."""
    if not isinstance(frames, list):
        raise InputError(f"frames is {kind_of(frames)}; expected a list of frames")
    if not frames:
        raise InputError("has no frames")
    if len(frames) > MAX_FRAMES:
        raise InputError(f"has more than {MAX_FRAMES:,} frames")
    for t, frame in enumerate(frames):
        if len(frame) != guide.num_points:
            raise InputError(f"frame {t} has {len(frame)} points; the guide {guide.name!r} has {guide.num_points}")
    points = np.stack(frames)
    far = np.abs(points) > FAR * max(size)
    if far.any():
        t, k, _ = np.argwhere(far)[0]
        x, y = points[t, k]
        raise InputError(f"frame {t}, point {k} lies at ({x:g}, {y:g}), far outside the picture of {size[0]} x {size[1]}")
    return points


def _check_confidence(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`confidence` as parsed -> (T, K) float32."""
    if not isinstance(value, list):
        return np.full(shape, confidences_of(value, 0)[0], np.float32)
    if len(value) != shape[0]:
        raise InputError(f"confidence has {len(value)} entries for {shape[0]} frames")
    for t, row in enumerate(value):
        if len(row) not in (1, shape[1]):
            raise InputError(f"confidence of frame {t} has {len(row)} numbers for {shape[1]} points")
    return np.stack([np.broadcast_to(row, shape[1:]) for row in value]).astype(np.float32)
