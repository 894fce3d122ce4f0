"""Which part of the photo moves: the face wholly, hair and neck less and less, the rest not at all.

Shapes: h w nodes of the coarse grid. Lengths in units are inter-ocular distances (outer eye corners).
"""

from __future__ import annotations

import numpy as np

from limner import geometry
from limner.guides.face import GUIDE

FOREHEAD_UNIT = 0.35  # ours: how far above the brows the forehead reaches
FULL_UNIT, FADE_UNIT = 0.18, 0.58  # ours: within the first of the face's hull the photo moves fully, beyond the second not at all
STEEPEST = 0.5  # ours: pixels of displacement for each pixel to the border of the support; 1 would fold the photo
LEAST_PX = 0.01  # ours: the bound on what a place may move is divided by; at the border itself the window is 0
BORDER_UNIT = 0.1  # ours: towards the photo's own border motion fades over this


def upright(points_K2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The face's own right (towards its left eye) and down, however the head is tilted: two unit vectors (2,)."""
    left, right = (points_K2[list(places)].mean(0) for places in GUIDE.unit_ends)
    axis = (right - left) / geometry.unit_length(points_K2, GUIDE)
    return axis, np.array([-axis[1], axis[0]])


def outline(points_K2: np.ndarray) -> np.ndarray:
    """The face's points and its forehead's, which the 68 leave out; (78, 2)."""
    _, down = upright(points_K2)
    return np.concatenate([points_K2, points_K2[17:27] - FOREHEAD_UNIT * geometry.unit_length(points_K2, GUIDE) * down])


def box_of(points_K2: np.ndarray, photo_hw: tuple[int, int], margin_unit: float = FADE_UNIT) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of all that lies within a margin of the face, cut to the photo; at least 2 pixels wide and high."""
    return box_round(outline(points_K2), float(margin_unit * geometry.unit_length(points_K2, GUIDE)), photo_hw)


def box_round(points_K2: np.ndarray, margin_px: float, photo_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of what lies within a margin of any points (K, 2), cut to the photo; at least 2 pixels wide and high."""
    height, width = photo_hw
    low = np.floor(points_K2.min(0) - margin_px).astype(int).clip(0, (width - 2, height - 2))
    high = np.ceil(points_K2.max(0) + margin_px).astype(int).clip(low + 2, (width, height))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def window(points_K2: np.ndarray, photo_hw: tuple[int, int], nodes_hw2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much the photo moves, two (h, w): 1 on the face, falling smoothly to exactly 0 at the border of the support and of the photo;
    and how many pixels a place may move at most, so that the fall folds nothing."""
    unit = float(geometry.unit_length(points_K2, GUIDE))
    distance = (distance_to_hull(outline(points_K2), nodes_hw2) + 1.0) / unit  # 1 px: the box's outermost pixels stay themselves
    height, width = photo_hw
    inside = np.minimum(nodes_hw2 - 0.5, (width - 0.5, height - 0.5) - nodes_hw2).min(-1) / unit
    part = smoothstep((FADE_UNIT - distance) / (FADE_UNIT - FULL_UNIT)) * smoothstep(inside / BORDER_UNIT)
    room = np.minimum(FADE_UNIT - distance, inside + BORDER_UNIT) * unit
    return part, np.maximum(STEEPEST * room, LEAST_PX)


def distance_to_hull(points_K2: np.ndarray, at_hw2: np.ndarray) -> np.ndarray:
    """Distance of each place to the convex hull of the points, 0 inside; pixels."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points_K2)
    corners = points_K2[hull.vertices]
    a, b = corners, np.roll(corners, -1, 0)
    along = ((at_hw2[..., None, :] - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)
    foot = a + along.clip(0, 1)[..., None] * (b - a)
    outside = (at_hw2 @ hull.equations[:, :2].T + hull.equations[:, 2]).max(-1) > 0
    return np.linalg.norm(at_hw2[..., None, :] - foot, axis=-1).min(-1) * outside


def smoothstep(x: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
