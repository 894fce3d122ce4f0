"""Which renderer turns a skeleton into pixels of a person: the warp, which needs no training, or a run that learned it.

A renderer is made for one photo and the person in it, and its `render` gives a frame for every skeleton, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from limner.types import Body, InputError

WARP, COPY = "warp", "copy"
CROP = 1.35  # ours: side of the square that a learned renderer sees, in the height of all places the person goes
FEATHER = 0.04  # ours: share of that square's side over which it passes into the photo
AT_ONCE = 16  # ours: frames of a run at once; bounds memory


class BodyRenderer(Protocol):
    """Skeletons -> pictures of one photo."""

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 18, 2) pixel points -> T frames (H, W, 3) uint8 sRGB, one by one."""
        ...


BodyMaker = Callable[[np.ndarray, Body], BodyRenderer]  # (photo (H, W, 3) uint8, body) -> a renderer of that photo


def open_body_renderer(source: str | None = None) -> BodyMaker:
    """What makes renderers of bodies. source: "warp" (None), "copy" (the photo itself, the floor of every comparison), or a run's folder.

    InputError where there is no such run, or it renders something else.
    """
    if source in (None, WARP):
        from limner.generation.body_warp import BodyWarp

        return BodyWarp
    if source == COPY:
        return Copy
    from limner.papers.load import load_renderer

    model = load_renderer(source)
    if not hasattr(model, "move"):
        raise InputError(f"{source} is a run that renders faces; to move a person give warp, or a run that moves bodies")
    return lambda photo, body: Learned(photo, body, model)


class Copy:
    """The photo itself, frame after frame."""

    def __init__(self, photo: np.ndarray, body: Body) -> None:
        self.photo = photo

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 18, 2) points -> T times the photo."""
        return (self.photo.copy() for _ in points_TK2)


class Learned:
    """A trained network at its own small size: a square of the photo round the person, moved by the network, and laid back.

    model: `move(points (T, K, 2), reference (S, S, 3) uint8, own=(K, 2), confidence=(T, K), own_confidence=(K,)) -> (T, S, S, 3) uint8`,
    and `settings.size`, its S.
    """

    def __init__(self, photo: np.ndarray, body: Body, model: Any) -> None:
        self.photo, self.body, self.model = photo, body, model

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 18, 2) pixel points -> T frames (H, W, 3) uint8."""
        from limner.media.pictures import resize

        points, size = np.asarray(points_TK2, np.float32), int(self.model.settings.size)
        x0, y0, side = square_of(np.concatenate([points, self.body.points[None]]), np.asarray(self.body.confidence) > 0)
        padded = _cut(self.photo, x0, y0, side)
        reference, scale = resize(padded, (size, size)), size / side
        own_known = np.asarray(self.body.confidence, np.float32)
        own, known = (self.body.points - (x0, y0)).astype(np.float32) * scale, np.tile(own_known, (len(points), 1))
        share = _feathered(side)
        for start in range(0, len(points), AT_ONCE):
            some = (points[start : start + AT_ONCE] - (x0, y0)).astype(np.float32) * scale
            told = {"own": own, "own_confidence": own_known, "confidence": known[start : start + AT_ONCE]}
            for frame in self.model.move(some, reference, **told):
                yield _laid(self.photo, resize(np.asarray(frame), (side, side)), share, x0, y0)


def square_of(points: np.ndarray, seen: np.ndarray) -> tuple[int, int, int]:
    """x0, y0, side of the square round all places (T, K, 2) of the joints that are seen; it may reach beyond the picture."""
    every = points[:, seen].reshape(-1, 2)
    low, high = every.min(0), every.max(0)
    side = max(8, round(CROP * float((high - low).max())))
    x0, y0 = np.round((low + high) / 2 - side / 2).astype(int)
    return int(x0), int(y0), side


def _cut(photo: np.ndarray, x0: int, y0: int, side: int) -> np.ndarray:
    """A square of the photo; beyond its border the border goes on."""
    rows = np.clip(np.arange(y0, y0 + side), 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(x0, x0 + side), 0, photo.shape[1] - 1)
    return np.ascontiguousarray(photo[np.ix_(rows, columns)])


def _feathered(side: int) -> np.ndarray:
    """(side, side, 1) float32: 1 within, falling to 0 at the border."""
    depth = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1
    ramp = np.clip(depth / max(1.0, FEATHER * side), 0, 1).astype(np.float32)
    return np.minimum(ramp[:, None], ramp[None])[..., None]


def _laid(photo: np.ndarray, square: np.ndarray, share: np.ndarray, x0: int, y0: int) -> np.ndarray:
    """The photo with a square laid on it, as far as it reaches into the picture."""
    height, width = photo.shape[:2]
    side = len(square)
    a0, b0, a1, b1 = max(x0, 0), max(y0, 0), min(x0 + side, width), min(y0 + side, height)
    out = photo.copy()
    if a1 > a0 and b1 > b0:
        inner = (slice(b0 - y0, b1 - y0), slice(a0 - x0, a1 - x0))
        under = photo[b0:b1, a0:a1].astype(np.float32)
        out[b0:b1, a0:a1] = (under + share[inner] * (square[inner] - under) + 0.5).astype(np.uint8)
    return out
