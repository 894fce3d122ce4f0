"""Pairs of frames of one face: one is warped to where the points of the other lie, the other is the truth. What a refiner learns from.

The warp is handed in: which renderer does it is not this layer's business. All warps are made once and kept as bytes.
Shapes: P pairs, K points, H W pixels (each pair's own).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from limner.data.store import Store
from limner.geometry import unit_length
from limner.guides.face import GUIDE
from limner.types import Clip, InputError

Warp = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # frame (H, W, 3), its points, points (T, 68, 2) -> (T, H, W, 3) uint8


@dataclass(frozen=True, kw_only=True)
class Pair:
    """own: (68, 2) points of the frame that was warped; points: those it was warped to, near the truth's. warped, truth: (H, W, 3) uint8.

    forward: whether it goes from the clip's first frame onward. All in pixels of the frames."""

    own: np.ndarray
    points: np.ndarray
    warped: np.ndarray
    truth: np.ndarray
    forward: bool


def load_pairs(
    store: Store, warp: Warp, *, split: str, targets: int, jitter_unit: float, copies: int, rng: np.random.Generator
) -> list[Pair]:
    """The pairs of a split's clips: from each first frame to `targets` later ones, and back from the last to as many before it.

    copies: of each pair so many more whose target points are moved a little, by jitter_unit inter-ocular distances, as a tracker or a
    transferred motion would put them. InputError where no clip has frames, or one has points of another guide.
    """
    pairs = [
        pair
        for row in store.select(split=split)
        if store.row(row)["encoding"] != "none" and store.row(row)["num_frames"] > 1
        for pair in _of_clip(store[row], warp, targets, jitter_unit, copies, rng)
    ]
    if not pairs:
        raise InputError(f"store {store.path} has no clip of split {split!r} with two frames or more")
    return pairs


def held_out_pairs(store: Store, warp: Warp, *, split: str = "val", most: int = 6) -> list[tuple[np.ndarray, Pair]]:
    """Of at most `most` people of a split one clip each: its first frame (H, W, 3), and the pair from that to its last; [] of no clip."""
    rows: dict[str, int] = {}
    for row in store.select(split=split, where=lambda row: row["encoding"] != "none" and row["num_frames"] > 1):
        rows.setdefault(store.row(row)["subject"], row)
    shown = []
    for row in list(rows.values())[:most]:
        clip = store[row]
        assert clip.frames is not None
        own, points = clip.points[0].astype(np.float64), clip.points[-1].astype(np.float64)
        (warped,) = warp(clip.frames[0], own, points[None])
        shown.append((clip.frames[0], Pair(own=own, points=points, warped=warped, truth=clip.frames[-1], forward=True)))
    return shown


def _of_clip(clip: Clip, warp: Warp, targets: int, jitter_unit: float, copies: int, rng: np.random.Generator) -> Iterator[Pair]:
    assert clip.frames is not None
    if clip.points.shape[1] != GUIDE.num_points:
        raise InputError(f"clip {clip.id!r} has {clip.points.shape[1]} points; {GUIDE.name!r} has {GUIDE.num_points}")
    last = clip.num_frames - 1
    steps = np.unique(np.linspace(1, last, min(targets, last)).round().astype(int))
    unit = float(unit_length(clip.points[0], GUIDE))
    for start, goals, forward in ((0, steps, True), (last, last - steps, False)):
        own = clip.points[start].astype(np.float64)
        at = np.repeat(goals, 1 + copies)
        points = clip.points[at].astype(np.float64)
        moved = np.arange(len(at)) % (1 + copies) > 0
        points[moved] += rng.normal(0, jitter_unit * unit, points[moved].shape)
        for goal, target, picture in zip(at, points, warp(clip.frames[start], own, points)):
            yield Pair(own=own, points=target, warped=picture, truth=clip.frames[goal], forward=forward)
