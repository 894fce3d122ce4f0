"""Clips with pixels -> frames to learn from: any frame of a clip, the clip's first (neutral) frame, and the points of both.

Shapes: M frames of all clips, one clip after the other; N samples, K points, S the side of a frame in pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from limner import geometry
from limner.data.store import Store
from limner.media.pictures import resize
from limner.types import Guide, InputError

KINDS = ("transition", "smile")  # those that begin with a neutral face
IN_MEMORY = 1 << 31  # ours: up to so many bytes of frames are held as they are; above, each is read when it is drawn


class Frames:
    """The frames of a store's clips of one split, at one size; larger ones are brought down to it.

    points: (M, K, 2) float32 pixels of that size. first: (M,) the row of the first frame of each frame's clip. subjects: (M,) str.
    picture(row) -> (S, S, 3) uint8. InputError: no clip with frames, frames that are not square or smaller than `size`, another guide.
    """

    def __init__(self, store: Store, *, split: str, size: int, guide: Guide, in_memory: int = IN_MEMORY):
        self.store, self.size, self.guide = store, size, guide
        rows = check_frames(store, size=size, guide=guide, split=split)
        lengths = [store.row(i)["num_frames"] for i in rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        self.first = np.repeat(starts[:-1], lengths)
        self.clips = np.repeat(rows, lengths)
        self.subjects = np.repeat([store.row(i)["subject"] for i in rows], lengths)
        self.points = np.empty((starts[-1], guide.num_points, 2), np.float32)
        held = int(starts[-1]) * size * size * 3 <= in_memory
        self.pixels = np.empty((starts[-1], size, size, 3), np.uint8) if held else None
        for row, start, stop in zip(rows, starts[:-1], starts[1:]):
            self.points[start:stop] = store.points(row) * (size / store.row(row)["width"])
            if self.pixels is not None:
                frames = store.read(row).frames
                assert frames is not None
                self.pixels[start:stop] = [_at_size(frame, size) for frame in frames]

    def __len__(self) -> int:
        return len(self.points)

    def picture(self, row: Any) -> np.ndarray:
        """(S, S, 3) uint8."""
        if self.pixels is not None:
            return self.pixels[row]
        at = int(row - self.first[row])
        frames = self.store.read(int(self.clips[row]), slice(at, at + 1)).frames
        assert frames is not None
        return _at_size(frames[0], self.size)

    def draw(self, num: int, generator: torch.Generator, *, flip: bool = False, jitter: int = 0) -> dict[str, torch.Tensor]:
        """Samples drawn by a generator, each frame as likely as any other.

        flip: half of them are mirrored, points and all. jitter: shifted by up to so many pixels each way, the border repeated. A sample's
        pictures are flipped and shifted alike. -> neutral, frames (N, 3, S, S) uint8, points (N, K, 2) float32 of `frames`.
        """
        rows = torch.randint(len(self), (num,), generator=generator).numpy()
        flips = torch.rand(num, generator=generator).numpy() < 0.5 * flip
        shifts = torch.randint(-jitter, jitter + 1, (num, 2), generator=generator).numpy()
        pairs = np.stack([[self.picture(self.first[row]), self.picture(row)] for row in rows])
        points = self.points[rows]
        pairs[flips] = pairs[flips][..., ::-1, :]
        points[flips] = geometry.mirror(points[flips], self.guide, self.size)
        if jitter:
            pairs = np.stack([shifted(pair, shift) for pair, shift in zip(pairs, shifts)])
            points = points + shifts[:, None]
        pictures = torch.from_numpy(np.ascontiguousarray(pairs.transpose(1, 0, 4, 2, 3)))
        return {"neutral": pictures[0], "frames": pictures[1], "points": torch.from_numpy(points.astype(np.float32))}


def check_frames(store: Store, *, size: int, guide: Guide, split: str = "train") -> list[int]:
    """The rows of a split's clips with frames that `size` can be made of. InputError that says what does not fit."""
    rows = store.select(split=split, kind=KINDS, where=has_frames)
    if not rows:
        raise InputError(f"store {store.path} has no clip with frames in split {split!r}; a translation learns from pixels")
    for row in (store.row(i) for i in rows):
        width, height, points = row["width"], row["height"], row["num_points"]
        if points != guide.num_points:
            raise InputError(f"store {store.path}: clip {row['id']!r} has {points} points; {guide.name!r} has {guide.num_points}")
        if width != height:
            raise InputError(
                f"store {store.path}: the frames of clip {row['id']!r} are {width}x{height}, not square; prepare the store again"
            )
        if width < size:
            raise InputError(
                f"store {store.path}: the frames of clip {row['id']!r} are {width} pixels large, the recipe asks for {size}; "
                f"prepare the store with --size {size}, or take a recipe of {width}"
            )
    return rows


def has_frames(row: dict) -> bool:
    """Whether a manifest's row is of a clip with pixels."""
    return row["encoding"] != "none"


def shifted(pictures: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(..., S, S, 3) moved by (x, y) whole pixels; the border is repeated."""
    height, width = pictures.shape[-3:-1]
    rows = (np.arange(height) - shift[1]).clip(0, height - 1)
    columns = (np.arange(width) - shift[0]).clip(0, width - 1)
    return pictures[..., rows[:, None], columns, :]


def _at_size(frame: np.ndarray, size: int) -> np.ndarray:
    return frame if frame.shape[0] == size else resize(frame, (size, size))
