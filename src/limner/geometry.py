"""Points -> points: similarities, alignment, units. Plain numpy, batched over leading dimensions.

A transform is a (..., 2, 3) matrix M that takes a column point p to M[:, :2] p + M[:, 2].
"""

from __future__ import annotations

import numpy as np

from limner.types import Guide


def fit_similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Least-squares rotation, scale and shift that bring `source` onto `target`, both (..., K, 2); -> (..., 2, 3).

    weights: (K,) or (..., K), >= 0. Source: Umeyama 1991, in closed form for the plane (a complex regression); never a reflection.
    ValueError if the source points coincide, as far as float64 can tell, or are no numbers.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    w = np.ones(source.shape[:-1]) if weights is None else np.broadcast_to(weights, source.shape[:-1])
    w = (w / w.sum(-1, keepdims=True))[..., None]
    mean_s, mean_t = (w * source).sum(-2), (w * target).sum(-2)
    s, t = source - mean_s[..., None, :], target - mean_t[..., None, :]
    power = (w * s * s).sum((-2, -1))
    least = (1e-14 * np.abs(source).max((-2, -1))) ** 2  # what rounding alone leaves of points that coincide far from the origin
    if not np.all(power > least):
        raise ValueError("cannot align points that all coincide, or are not finite")
    a = (w * s * t).sum((-2, -1)) / power
    b = (w[..., 0] * (s[..., 0] * t[..., 1] - s[..., 1] * t[..., 0])).sum(-1) / power
    linear = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], -2)
    shift = mean_t - (linear @ mean_s[..., None])[..., 0]
    return np.concatenate([linear, shift[..., None]], -1)


def apply_affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., 2, 3) transform, (..., K, 2) points -> (..., K, 2) points, in the points' own float type."""
    moved = points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
    return moved.astype(np.asarray(points).dtype, copy=False)


def compose_affine(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """The transform (..., 2, 3) that applies `first`, then `then`."""
    linear = then[..., :2] @ first[..., :2]
    shift = (then[..., :2] @ first[..., 2:])[..., 0] + then[..., 2]
    return np.concatenate([linear, shift[..., None]], -1)


def invert_affine(matrix: np.ndarray) -> np.ndarray:
    """The transform (..., 2, 3) that undoes `matrix`. LinAlgError if it squeezes the plane flat."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -(linear @ matrix[..., 2:])], -1)


def scale_of(similarity: np.ndarray) -> np.ndarray:
    """(..., 2, 3) similarity -> (...,) its scale."""
    return np.hypot(similarity[..., 0, 0], similarity[..., 1, 0])


def unit_length(points: np.ndarray, guide: Guide) -> np.ndarray:
    """(..., K, 2) points -> (...,) distance of the guide's unit ends (face: inter-ocular, outer eye corners as in 300-W; body: torso)."""
    start, end = (points[..., list(places), :].mean(-2) for places in guide.unit_ends)
    return np.linalg.norm(end - start, axis=-1)


def to_unit(points: np.ndarray, guide: Guide) -> np.ndarray:
    """(..., K, 2) points of any frame -> the similarity (..., 2, 3) that brings their rigid points onto the guide's canonical shape."""
    rigid = list(guide.rigid)
    return fit_similarity(points[..., rigid, :], np.broadcast_to(guide.canonical[rigid], points[..., rigid, :].shape))


def align(points: np.ndarray, guide: Guide) -> np.ndarray:
    """(..., K, 2) points -> the same in units of the guide's canonical frame, aligned on its rigid points (a face: eyes and nose)."""
    return apply_affine(to_unit(points, guide), points)


def unit_to_map(guide: Guide, size: int) -> np.ndarray:
    """The transform (2, 3) from the canonical frame (units) to the pixels of a size x size map."""
    x0, y0, side = guide.crop_unit
    scale = size / side
    return np.array([[scale, 0.0, -x0 * scale], [0.0, scale, -y0 * scale]])


def mirror(points: np.ndarray, guide: Guide, width: float = 0.0) -> np.ndarray:
    """Points of the picture flipped left to right: x -> width - x, left points become right ones. Units: width = 0."""
    flipped = points[..., list(guide.mirror), :].copy()
    flipped[..., 0] = width - flipped[..., 0]
    return flipped


def resample(values: np.ndarray, num: int) -> np.ndarray:
    """(T, ...) -> (num, ...), linear in time, first and last kept (num = 1: the first), in the values' own type."""
    values = np.asarray(values)
    if len(values) == num:
        return values
    at = np.linspace(0, len(values) - 1, num)
    low = np.minimum(at.astype(int), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    part = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    return (values[low] * (1 - part) + values[high] * part).astype(values.dtype)
