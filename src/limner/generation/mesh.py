"""Triangles that move: for each pixel they come to cover, where in the photo it was. Plain numpy, many triangles at once.

Shapes: V vertices, F triangles, H W pixels. Positions are (x, y) pixels, pixel centres at integers + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EDGE = 1e-3  # a pixel's centre on the edge of two triangles belongs to both, whatever rounding makes of it
LEAST_AREA = 1e-6  # square pixels, doubled: a triangle squeezed flatter covers no pixel


@dataclass(frozen=True)
class Mesh:
    """A grid over a part of the photo. vertices: (V, 2) pixels; triangles: (F, 3) indices."""

    vertices: np.ndarray
    triangles: np.ndarray


def grid_over(mask: np.ndarray, step: int) -> Mesh:
    """(H, W) bool -> a grid of squares of `step` pixels, each two triangles, over every pixel of the mask."""
    height, width = mask.shape
    rows, columns = -(-height // step), -(-width // step)
    padded = np.zeros((rows * step, columns * step), bool)
    padded[:height, :width] = mask
    cells = padded.reshape(rows, step, columns, step).any((1, 3))
    y, x = np.nonzero(cells)
    corner = lambda dy, dx: (y + dy) * (columns + 1) + x + dx  # noqa: E731
    triangles = np.concatenate(
        [np.stack([corner(0, 0), corner(0, 1), corner(1, 0)], 1), np.stack([corner(1, 1), corner(1, 0), corner(0, 1)], 1)]
    )
    used, numbered = np.unique(triangles, return_inverse=True)
    vertices = np.stack([used % (columns + 1), used // (columns + 1)], 1).astype(np.float64) * step
    return Mesh(vertices, numbered.reshape(triangles.shape))


def backward_map(mesh: Mesh, moved: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Moved vertices (V, 2) -> (H, W, 2) float32 of a pixel box x0 y0 x1 y1: where in the photo each pixel's centre was; NaN: nowhere.

    Where triangles come to lie on one another those count that are not turned over, and of these the later one.
    """
    x0, y0, x1, y1 = box
    out = np.full((y1 - y0, x1 - x0, 2), np.nan, np.float32)
    corners = moved[mesh.triangles] - (x0 + 0.5, y0 + 0.5)  # (F, 3, 2), pixel centres at integers
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    low = np.maximum(np.ceil(corners.min(1) - EDGE), 0).astype(int)
    high = np.minimum(np.floor(corners.max(1) + EDGE), (x1 - x0 - 1, y1 - y0 - 1)).astype(int)
    size = np.maximum(high - low + 1, 0)
    keep = np.flatnonzero((size.prod(1) > 0) & (np.abs(area) > LEAST_AREA))
    if not len(keep):
        return out
    keep = keep[np.argsort(area[keep] > 0, kind="stable")]  # turned over, where the mesh folds, area is below 0
    num = size[keep].prod(1)
    which = np.repeat(keep, num)
    index = np.arange(len(which)) - np.repeat(np.cumsum(num) - num, num)
    width = size[which, 0]
    x, y = low[which, 0] + index % width, low[which, 1] + index // width
    dx, dy = x - a[which, 0], y - a[which, 1]
    u = (dx * ac[which, 1] - dy * ac[which, 0]) / area[which]
    v = (dy * ab[which, 0] - dx * ab[which, 1]) / area[which]
    inside = (u >= -EDGE) & (v >= -EDGE) & (u + v <= 1 + EDGE)
    which, u, v = which[inside], u[inside, None], v[inside, None]
    source = mesh.vertices[mesh.triangles[which]]
    out[y[inside], x[inside]] = source[:, 0] + u * (source[:, 1] - source[:, 0]) + v * (source[:, 2] - source[:, 0])
    return out


def carried(mesh: Mesh, moved: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Where a place (2,) of the photo comes to lie when the vertices move to `moved` (V, 2); NaN off the mesh."""
    corners = mesh.vertices[mesh.triangles]
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area, away = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0], place - a
    u = (away[:, 0] * ac[:, 1] - away[:, 1] * ac[:, 0]) / area
    v = (away[:, 1] * ab[:, 0] - away[:, 0] * ab[:, 1]) / area
    inside = np.flatnonzero((u >= -EDGE) & (v >= -EDGE) & (u + v <= 1 + EDGE))
    if not len(inside):
        return np.full(2, np.nan)
    i = inside[0]
    one, two, three = moved[mesh.triangles[i]]
    return one + u[i] * (two - one) + v[i] * (three - one)
