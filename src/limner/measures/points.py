"""Distances between points, motions and curves.

Shapes: T time, K points, A action units, M modes. A motion is (T, K, 2) points of any frame; sizes come out in units of the guide
(the face: of the inter-ocular distance), so that pixels and face size do not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from limner.geometry import align, resample, unit_length
from limner.guides.face import GUIDE
from limner.measures.arrays import as_float, same_shape
from limner.types import Guide


def landmark_error(points: Any, truth: Any, guide: Guide = GUIDE) -> float:
    """Mean distance of (..., K, 2) points from the true ones, in the same frame, in units of the truth's own size (300-W: inter-ocular)."""
    found, true = same_shape(points, truth)
    distance = np.linalg.norm(found - true, axis=-1).mean(-1)
    return float((distance / unit_length(true, guide)).mean())


def jitter(points: Any, guide: Guide = GUIDE) -> float:
    """Mean size of the second difference in time of a motion (T, K, 2), units / frame^2: 0 if uniform. ValueError below 3 frames."""
    return _difference(points, 2, guide)


def jerk(points: Any, guide: Guide = GUIDE) -> float:
    """Mean size of the third difference in time of a motion (T, K, 2), units / frame^3: 0 if the acceleration is uniform.

    ValueError below 4 frames."""
    return _difference(points, 3, guide)


def _difference(points: Any, order: int, guide: Guide) -> float:
    motion = _one_motion(points)
    if len(motion) <= order:
        raise ValueError(f"a difference of order {order} needs more than {order} frames, got {len(motion)}")
    steps = np.linalg.norm(np.diff(motion, order, axis=0), axis=-1)
    return float(steps.mean() / unit_length(motion, guide).mean())


def _one_motion(points: Any) -> np.ndarray:
    """(T, K, 2) as float64; ValueError for a batch, whose first axis would pass for time."""
    motion = as_float(points)
    if motion.ndim != 3 or motion.shape[-1] != 2:
        raise ValueError(f"expected one motion (T, K, 2), got {motion.shape}")
    return motion


def displacements(points: Any, guide: Guide = GUIDE) -> np.ndarray:
    """(..., T, K, 2) points of any frame -> how they moved since the first frame, in units, head motion and face size taken out."""
    aligned = align(as_float(points), guide)
    return aligned - aligned[..., :1, :, :]


def sequence_distance(a: Any, b: Any, guide: Guide = GUIDE) -> float:
    """How differently two motions (T, K, 2) move: mean over time and points of the distance of their displacements, in units.

    Each motion is aligned frame by frame on the guide's rigid points and taken relative to its own first frame, so neither the face nor
    the head's motion counts. Motions of different length are resampled to the longer one's.
    """
    first, second = _one_motion(a), _one_motion(b)
    num = max(len(first), len(second))
    moved = displacements(resample(first, num), guide) - displacements(resample(second, num), guide)
    return float(np.linalg.norm(moved, axis=-1).mean())


def mode_distance(modes: Sequence[Any], guide: Guide = GUIDE) -> float:
    """Mean sequence_distance over all pairs of M modes, each (T, K, 2), in units: 0 where they collapsed. ValueError below two modes."""
    if len(modes) < 2:
        raise ValueError("the distance between modes needs at least two")
    return float(np.mean([sequence_distance(a, b, guide) for a, b in itertools.combinations(modes, 2)]))


def au_curve_distance(curves: Any, originals: Any, *, num: int = 32) -> float:
    """Distance between the AU curves of a method and of the originals (spec A7): L1 of the two mean curves, summed over time and units.

    curves, originals: sequences of (T, A) curves, or (N, T, A); each is resampled to `num` frames (32, as in the paper). Two constant
    curves that differ by 0.1 in one unit are 3.2 apart.
    """
    first, second = _mean_curve(curves, num), _mean_curve(originals, num)
    first, second = same_shape(first, second)
    return float(np.abs(first - second).sum())


def au_clip_distance(curve: Any, original: Any, *, num: int = 32) -> float:
    """As `au_curve_distance`, of one clip's (T, A) curve to its own original's: L1 summed over `num` moments and units; 0 is best."""
    return au_curve_distance([curve], [original], num=num)


def au_clip_dtw(curve: Any, original: Any, *, num: int = 32) -> float:
    """The same after the best stretching of time (dynamic time warping, Sakoe & Chiba 1978): least L1 sum along a monotone path; 0 is best.

    A smile of the right height that comes late is near its original here, and far from it by `au_clip_distance`. ValueError where the
    curves have other units.
    """
    a, b = (resample(as_float(one), num) for one in (curve, original))
    if a.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"cannot compare curves of shapes {a.shape} and {b.shape}")
    cost = np.abs(a[:, None] - b[None]).sum(-1)
    path = np.full((num + 1, num + 1), np.inf)
    path[0, 0] = 0
    for i in range(num):
        for j in range(num):
            path[i + 1, j + 1] = cost[i, j] + min(path[i, j], path[i, j + 1], path[i + 1, j])
    return float(path[num, num])


def _mean_curve(curves: Any, num: int) -> np.ndarray:
    if len(curves) == 0:
        raise ValueError("no curves to compare")
    return np.mean([resample(as_float(curve), num) for curve in curves], axis=0)
