"""Clips with pixels -> frames to learn from: any frame of a clip, a reference of the same clip (its first frame, or any), and its points.

Shapes: M frames of all clips, one clip after the other; N samples, K points, S the side of a frame in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from limner import geometry
from limner.data.store import Store
from limner.media.pictures import resize
from limner.types import Guide, InputError

KINDS = ("transition", "smile")  # those that begin with a neutral face
TRIPLET = 3  # frames of one clip that follow one another in a batch: anchor, positive, negative
IN_MEMORY = 1 << 31  # ours: up to so many bytes of frames are held as they are; above, each is read when it is drawn


class Frames:
    """The frames of a store's clips of one split, at one size; larger ones are brought down to it.

    points: (M, K, 2) float32 pixels of that size, confidence: (M, K). first, last: (M,) the rows of the first and the last frame of each
    frame's clip. subjects: (M,) str. picture(row) -> (S, S, 3) uint8. kinds: of the clips; None: all. least_confidence: the mean of its
    points' confidence that a frame must have to be drawn; `usable` are the rows of those that have it.
    InputError: no clip with frames, frames that are not square or smaller than `size`, another guide.
    """

    def __init__(
        self,
        store: Store,
        *,
        split: str,
        size: int,
        guide: Guide,
        kinds: Sequence[str] | None = KINDS,
        least_confidence: float = 0.0,
        in_memory: int = IN_MEMORY,
    ):
        self.store, self.size, self.guide = store, size, guide
        rows = check_frames(store, size=size, guide=guide, split=split, kinds=kinds)
        lengths = [store.row(i)["num_frames"] for i in rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        self.first, self.last = np.repeat(starts[:-1], lengths), np.repeat(starts[1:] - 1, lengths)
        self.clips = np.repeat(rows, lengths)
        self.subjects = np.repeat([store.row(i)["subject"] for i in rows], lengths)
        self.points = np.empty((starts[-1], guide.num_points, 2), np.float32)
        self.confidence = np.empty((starts[-1], guide.num_points), np.float32)
        held = int(starts[-1]) * size * size * 3 <= in_memory
        self.pixels = np.empty((starts[-1], size, size, 3), np.uint8) if held else None
        for row, start, stop in zip(rows, starts[:-1], starts[1:]):
            self.points[start:stop] = store.points(row) * (size / store.row(row)["width"])
            self.confidence[start:stop] = store.confidence(row)
            if self.pixels is not None:
                frames = store.read(row).frames
                assert frames is not None
                self.pixels[start:stop] = [_at_size(frame, size) for frame in frames]
        self.usable = np.flatnonzero(self.confidence.mean(1) >= least_confidence)
        if not len(self.usable):
            raise InputError(f"store {store.path}: no frame of split {split!r} has points of mean confidence {least_confidence:g} or more")

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
        """Samples drawn by a generator, each frame as likely as any other, beside the first frame of its clip.

        flip: half of them are mirrored, points and all. jitter: shifted by up to so many pixels each way, the border repeated. A sample's
        pictures are flipped and shifted alike. -> neutral, frames (N, 3, S, S) uint8, points (N, K, 2) float32 and confidence (N, K) of
        `frames`, own_points and own_confidence of `neutral`.
        """
        rows = self._any(num, generator)
        drawn = self._samples(self.first[rows], rows, generator, flip=flip, jitter=jitter)
        return {"neutral": drawn.pop("reference"), **drawn}

    def draw_pairs(self, num: int, generator: torch.Generator, *, flip: bool = False, jitter: int = 0) -> dict[str, torch.Tensor]:
        """As `draw`, but each frame stands beside any frame of its clip, `reference`."""
        rows = self._any(num, generator)
        return self._samples(self._of_clip(rows, generator), rows, generator, flip=flip, jitter=jitter)

    def draw_triplets(
        self, num: int, generator: torch.Generator, *, gap: int, flip: bool = False, jitter: int = 0
    ) -> dict[str, torch.Tensor]:
        """As `draw_pairs`, N = 3 num: of a clip any frame, the next one, and one at least `gap` frames away (where the clip has no such
        frame, its farthest). The three share reference, flip and shift."""
        anchor = self._any(num, generator)
        anchor = np.where(anchor == self.last[anchor], np.maximum(anchor - 1, self.first[anchor]), anchor)
        positive = np.minimum(anchor + 1, self.last[anchor])
        place = torch.rand(num, generator=generator).numpy()
        negative = np.array([self._distant(row, gap, part) for row, part in zip(anchor, place)])
        reference = np.repeat(self._of_clip(anchor, generator), TRIPLET)
        rows = np.stack([anchor, positive, negative], 1).reshape(-1)
        return self._samples(reference, rows, generator, flip=flip, jitter=jitter, alike=TRIPLET)

    def _any(self, num: int, generator: torch.Generator) -> np.ndarray:
        """(num,) rows, each usable one as likely as any other."""
        return self.usable[torch.randint(len(self.usable), (num,), generator=generator).numpy()]

    def _of_clip(self, rows: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """(N,) rows -> (N,) rows of any frames of the same clips."""
        lengths = self.last[rows] - self.first[rows] + 1
        return self.first[rows] + (torch.rand(len(rows), generator=generator).numpy() * lengths).astype(int)

    def _distant(self, row: int, gap: int, part: float) -> int:
        """A row of the same clip at least `gap` frames away, the `part` of the way through all such; else the farthest there is."""
        first, last = int(self.first[row]), int(self.last[row])
        far = [*range(first, row - gap + 1), *range(row + gap, last + 1)]
        return far[int(part * len(far))] if far else first if row - first > last - row else last

    def _samples(
        self, references: np.ndarray, rows: np.ndarray, generator: torch.Generator, *, flip: bool, jitter: int, alike: int = 1
    ) -> dict[str, torch.Tensor]:
        """The frames of `rows` beside those of `references`; each `alike` neighbours are flipped and shifted alike."""
        num = len(rows) // alike
        flips = (torch.rand(num, generator=generator).numpy() < 0.5 * flip).repeat(alike)
        shifts = torch.randint(-jitter, jitter + 1, (num, 2), generator=generator).numpy().repeat(alike, 0)
        pairs = np.stack([[self.picture(reference), self.picture(row)] for reference, row in zip(references, rows)])
        both = np.stack([references, rows], 1)
        points, confidence = self.points[both], self.confidence[both]
        pairs[flips] = pairs[flips][..., ::-1, :]
        points[flips] = geometry.mirror(points[flips], self.guide, self.size)
        confidence[flips] = confidence[flips][..., list(self.guide.mirror)]
        if jitter:
            pairs = np.stack([shifted(pair, shift) for pair, shift in zip(pairs, shifts)])
            points = points + shifts[:, None, None]
        pictures = torch.from_numpy(np.ascontiguousarray(pairs.transpose(1, 0, 4, 2, 3)))
        shown = {"reference": pictures[0], "frames": pictures[1]}
        for at, owner in enumerate(("own_", "")):
            shown[f"{owner}points"] = torch.from_numpy(points[:, at].astype(np.float32))
            shown[f"{owner}confidence"] = torch.from_numpy(confidence[:, at])
        return shown


def check_frames(store: Store, *, size: int, guide: Guide, split: str = "train", kinds: Sequence[str] | None = KINDS) -> list[int]:
    """The rows of a split's clips with frames that `size` can be made of. InputError that says what does not fit."""
    rows = _rows(store, split, kinds)
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


def held_out(store: Store, *, size: int, guide: Guide, kinds: Sequence[str] | None = KINDS) -> Frames | None:
    """The frames of the validation people, on whom a run is watched; None where the store has none. InputError as `check_frames`."""
    return Frames(store, split="val", size=size, guide=guide, kinds=kinds) if _rows(store, "val", kinds) else None


def _rows(store: Store, split: str, kinds: Sequence[str] | None) -> list[int]:
    return store.select(split=split, where=lambda row: has_frames(row) and (kinds is None or row["kind"] in kinds))


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
