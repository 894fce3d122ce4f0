"""GIFs, written frame by frame: memory stays flat however long they are (Pillow's own writer holds every frame).

The format: GIF89a, CompuServe 1990; one global palette, each frame cropped to what changed, LZW by Pillow.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import atomic_write
from limner.media.video import parse_fps
from limner.types import InputError

SAMPLES = 8  # ours: frames that the palette is fitted to
SAMPLE_PX = 160  # ours: made so small for that
LEAST_TICKS = 2  # browsers slow down what is shown for less than two hundredths of a second
COLOURS = 256


def sample_frames(num_frames: int) -> list[int]:
    """Which frames of a clip its palette is fitted to: at most SAMPLES, evenly spread, the first and the last among them."""
    return sorted({round(i * (num_frames - 1) / (SAMPLES - 1)) for i in range(SAMPLES)})


def write_gif(
    path: str | Path, frames: Iterable[np.ndarray], fps: Fraction, tags: dict[str, str] | None = None, *, samples: Sequence[np.ndarray]
) -> None:
    """Writes frames (H, W, 3) uint8 as a GIF that loops, with one palette for the whole clip and the true duration.

    samples: frames of the clip, any size, that the palette is fitted to (`sample_frames` says which). tags: written as its comment.
    A GIF's delays are whole hundredths of a second, and browsers slow down what is under two: delays alternate so that the sum stays true
    to `fps`, and above 50 frames a second frames are left out. The file appears whole or not at all. InputError where there is no frame.
    """
    from PIL import Image

    fps = parse_fps(fps)
    if not len(samples):
        raise InputError(f"no frames to write into {path}")
    palette = _palette(samples)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        size: tuple[int, int] | None = None
        shown: np.ndarray | None = None
        for frame, ticks in _timed(frames, fps):
            picture = Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
            if size is None:
                size = picture.size
                file.write(_head(size, bytes(picture.getpalette() or []), tags or {}))
            indices = np.asarray(picture)
            file.write(_frame(picture, _changed(shown, indices), ticks))
            shown = indices
        if size is None:
            raise InputError(f"no frames to write into {path}")
        file.write(b";")


def _timed(frames: Iterable[np.ndarray], fps: Fraction) -> Iterator[tuple[np.ndarray, int]]:
    """Frames -> those that are shown, each with its time in hundredths of a second."""
    ticks = lambda i: round(i * 100 / fps)  # noqa: E731
    kept: np.ndarray | None = None
    since = num = 0
    for frame in frames:
        if kept is None:
            kept = frame
        elif ticks(num) - since >= LEAST_TICKS:
            yield kept, ticks(num) - since
            kept, since = frame, ticks(num)
        num += 1
    if kept is not None:
        yield kept, max(LEAST_TICKS, ticks(num) - since)


def _changed(before: np.ndarray | None, now: np.ndarray) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of what differs from the frame before: all of the first frame, one pixel where nothing does."""
    if before is None:
        return 0, 0, now.shape[1], now.shape[0]
    differs = before != now
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if rows.size else (0, 0, 1, 1)


def _head(size: tuple[int, int], palette: bytes, tags: dict[str, str]) -> bytes:
    """The header: screen, palette, a loop without end (Netscape's extension), the tags as a comment."""
    comment = "\n".join(f"{key}: {value}" if key != "comment" else value for key, value in tags.items()).encode()
    blocks = b"".join(bytes([len(part)]) + part for part in (comment[i : i + 255] for i in range(0, len(comment), 255)))
    said = b"!\xfe" + blocks + b"\0" if comment else b""
    table = palette.ljust(3 * COLOURS, b"\0")[: 3 * COLOURS]
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 0) + b"\0"
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0b1111_0111, 0, 0) + table + loop + said


def _frame(picture: Any, box: tuple[int, int, int, int], ticks: int) -> bytes:
    """One frame, the part of it in the box, shown for so many hundredths of a second."""
    from PIL.GifImagePlugin import getdata

    control = b"!\xf9\x04" + struct.pack("<BHB", 0b0000_0100, min(ticks, 65535), 0) + b"\0"  # left in place; no transparent colour
    return control + b"".join(getdata(picture.crop(box), box[:2]))


def _palette(frames: Sequence[np.ndarray]) -> Any:
    """256 colours for a whole clip: median cut on its samples, made small, refined by k-means (ours)."""
    from PIL import Image

    step = max(1, math.ceil(max(frames[0].shape[:2]) / SAMPLE_PX))
    mosaic = np.concatenate([frame[::step, ::step] for frame in frames])
    return Image.fromarray(mosaic).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
