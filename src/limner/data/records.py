"""A clip as the store keeps it: its row of the manifest, its arrays, its content hash.

Shapes: T time, K points, A action units, H W pixels.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from limner.types import Clip, InputError

SPLITS = ("train", "val", "test")
ENCODINGS = ("none", "raw", "png", "jpeg")
COLUMNS = (
    ("id", "string"), ("source", "string"), ("subject", "string"), ("label", "string"), ("kind", "string"), ("split", "string"),
    ("fps", "string"), ("duration_s", "float64"), ("num_frames", "int64"), ("num_points", "int64"), ("width", "int64"), ("height", "int64"),
    ("encoding", "string"), ("shard", "string"), ("au_names", "string"), ("au_mean", "string"), ("au_max", "string"), ("hash", "string"),
)  # fmt: skip


def clip_hash(clip: Clip) -> str:
    """SHA-256 of what the clip shows (points, confidence, AU, frames, fps, duration, size): one pixel or one point moves it."""
    size, names = tuple(int(side) for side in clip.size), tuple(clip.au_names) if clip.au is not None else ""
    digest = hashlib.sha256(f"{clip.fps}|{float(clip.duration_s)!r}|{size}|{names}".encode())
    for name in ("points", "confidence", "au", "frames"):
        value = getattr(clip, name)
        if value is not None:
            value = np.ascontiguousarray(value, np.uint8 if name == "frames" else np.float32)
            digest.update(f"|{name}{value.shape}|".encode())
            digest.update(value.data)
    return digest.hexdigest()


def check_clip(clip: Clip) -> None:
    """InputError where a clip's arrays do not fit together, or hold what is no number."""
    frames, points = clip.num_frames, clip.points.shape[1] if clip.points.ndim == 3 else -1
    wrong = None
    if clip.split not in SPLITS:
        wrong = f"split {clip.split!r} is none of {', '.join(SPLITS)}"
    elif clip.points.shape != (frames, points, 2) or frames < 1:
        wrong = f"points must be (T, K, 2), got {clip.points.shape}"
    elif not np.isfinite(clip.points).all():
        wrong = f"frame {int(np.argmin(np.isfinite(clip.points).all((1, 2))))} holds a point that is no number"
    elif clip.confidence.shape != (frames, points):
        wrong = f"confidence must be {(frames, points)}, got {clip.confidence.shape}"
    elif not (np.isfinite(clip.duration_s) and clip.duration_s >= 0 and clip.fps > 0):
        wrong = f"it lasts {clip.duration_s} s at {clip.fps} frames a second"
    elif not np.isfinite(clip.confidence).all() or (clip.au is not None and not np.isfinite(clip.au).all()):
        wrong = "confidence or au holds what is no number"
    elif clip.au is not None and clip.au.shape != (frames, len(clip.au_names)):
        wrong = f"au must be {(frames, len(clip.au_names))}, got {clip.au.shape}"
    elif clip.frames is not None and (clip.frames.shape != (frames, clip.size[1], clip.size[0], 3) or clip.frames.dtype != np.uint8):
        wrong = f"frames must be uint8 {(frames, clip.size[1], clip.size[0], 3)}, got {clip.frames.dtype} {clip.frames.shape}"
    if wrong:
        raise InputError(f"clip {clip.id!r}: {wrong}")


def manifest_row(clip: Clip, encoding: str, shard: str) -> dict[str, Any]:
    """The clip's row, a value for each of COLUMNS. shard: "<file>#<number of the clip in it>"."""
    au = clip.au
    return {
        **{name: getattr(clip, name) for name in ("id", "source", "subject", "label", "kind", "split", "duration_s", "num_frames")},
        "fps": str(clip.fps),
        "num_points": clip.points.shape[1],
        "width": clip.size[0],
        "height": clip.size[1],
        "encoding": encoding,
        "shard": shard,
        "au_names": ",".join(clip.au_names) if au is not None else "",
        "au_mean": "" if au is None else json.dumps([round(float(v), 4) for v in au.mean(0)]),
        "au_max": "" if au is None else json.dumps([round(float(v), 4) for v in au.max(0)]),
        "hash": clip_hash(clip),
    }


def clip_arrays(clip: Clip, encoding: str) -> dict[str, np.ndarray]:
    """What a shard keeps of a clip, by name; frames as they are, or as pictures in one buffer, the i-th from
    offsets[i] to offsets[i + 1]."""
    arrays: dict[str, np.ndarray] = {
        "points": np.ascontiguousarray(clip.points, np.float32),
        "confidence": np.ascontiguousarray(clip.confidence, np.float32),
    }
    if clip.au is not None:
        arrays["au"] = np.ascontiguousarray(clip.au, np.float32)
    if clip.frames is not None and encoding == "raw":
        arrays["frames"] = np.ascontiguousarray(clip.frames)
    elif clip.frames is not None:
        pictures = [_encode(frame, encoding) for frame in clip.frames]
        arrays["frames"] = np.frombuffer(b"".join(pictures), np.uint8)
        arrays["offsets"] = np.cumsum([0, *map(len, pictures)]).astype(np.int64)
    return arrays


def _encode(frame: np.ndarray, encoding: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if encoding == "jpeg" else {}
    Image.fromarray(frame).save(buffer, encoding.upper(), **options)
    return buffer.getvalue()


def decode_frames(array: Callable[[str], np.ndarray], row: dict[str, Any], frames: slice) -> np.ndarray:
    """The frames that the slice names, (T, H, W, 3) uint8, of a manifest's row; array: gives an array of the clip by its name.

    ValueError, OSError or what else a decoder raises where they are not what the row says."""
    stored, one = array("frames"), (row["height"], row["width"], 3)
    if row["encoding"] == "raw":
        if stored.shape != (row["num_frames"], *one):
            raise ValueError(f"frames of {stored.shape}")
        return np.array(stored[frames])
    from PIL import Image

    offsets = array("offsets")
    places = range(*frames.indices(row["num_frames"]))
    pictures = (io.BytesIO(stored[offsets[i] : offsets[i + 1]].tobytes()) for i in places)
    # Of the stated format only: Pillow would go as far as starting Ghostscript for bytes that say they are PostScript
    decoded = [np.asarray(Image.open(picture, formats=[row["encoding"].upper()]).convert("RGB")) for picture in pictures]
    if any(frame.shape != one for frame in decoded):
        raise ValueError("frames of another size")
    return np.stack(decoded) if decoded else np.zeros((0, *one), np.uint8)
