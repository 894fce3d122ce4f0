"""A face's frame as a vector: what the face did since its neutral frame, and how the head moved. Exact both ways.

Shapes: N sequences, T time, P points, F = 2 P + 4 features. All in the unit frame of each sequence's own first frame.
Features: the displacement of every point from the first frame after alignment (2 P), then the head's similarity: shift x, shift y
(units), log scale, angle (radians).
"""

from __future__ import annotations

import numpy as np

from limner import geometry
from limner.types import Guide

HEAD = 4


def from_points(points_NTP2: np.ndarray, guide: Guide) -> np.ndarray:
    """(..., T, P, 2) points -> (..., T, F) float32 features; the first frame's are 0."""
    to_first = geometry.to_unit(points_NTP2[..., :1, :, :].astype(np.float64), guide)
    own = geometry.apply_affine(to_first, points_NTP2.astype(np.float64))
    still = geometry.to_unit(own, guide)
    aligned = geometry.apply_affine(still, own)
    moved = (aligned - aligned[..., :1, :, :]).reshape(*aligned.shape[:-2], -1)
    back = geometry.invert_affine(still)
    scale, angle = np.log(geometry.scale_of(back)), np.arctan2(back[..., 1, 0], back[..., 0, 0])
    head = np.concatenate([back[..., 2], scale[..., None], angle[..., None]], -1)
    head = head - head[..., :1, :]  # the first frame lies in its own frame: exactly the identity
    return np.concatenate([moved, head], -1).astype(np.float32)


def to_points(features_TF: np.ndarray, neutral_P2: np.ndarray) -> np.ndarray:
    """(..., T, F) features of someone's motion on (P, 2) neutral points in the unit frame -> (..., T, P, 2) points."""
    moved, head = features_TF[..., :-HEAD].astype(np.float64), features_TF[..., -HEAD:].astype(np.float64)
    points = moved.reshape(*moved.shape[:-1], -1, 2) + neutral_P2
    scale = np.exp(head[..., 2])
    cos, sin = scale * np.cos(head[..., 3]), scale * np.sin(head[..., 3])
    matrix = np.stack([np.stack([cos, -sin, head[..., 0]], -1), np.stack([sin, cos, head[..., 1]], -1)], -2)
    return geometry.apply_affine(matrix, points).astype(np.float32)


def keep_order(aligned_TP2: np.ndarray, neutral_P2: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Lips and lids may touch, never cross: where a pair (upper, lower) came nearer than touching, both meet halfway.

    The gap is measured downwards; a pair that overlaps already in the neutral frame may overlap as much as there.
    """
    points = aligned_TP2.copy()
    for upper, lower in pairs:
        least = np.minimum(neutral_P2[lower, 1] - neutral_P2[upper, 1], 0.0)
        lack = np.maximum(least - (points[..., lower, 1] - points[..., upper, 1]), 0.0)
        points[..., upper, 1] -= lack / 2
        points[..., lower, 1] += lack / 2
    return points
