"""Surfaces as rings along a line, and the dots that cover them.

A part of a body is a stack of rings. In the part's own frame a dot keeps its place for ever (`offset`, along the ring's axes E1 to its
side, E2 to its front, E3 along the line), so whatever is painted on it moves with the limb; only the rings move. Metres.

Shapes: R rings, N dots, T time, J joints of a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

OVERLAP = 1.12  # ours: dots around a ring, beside what their spacing asks; a superellipse stretches them


@dataclass(frozen=True, kw_only=True)
class Dots:
    """ring: (N,) int. offset, normal: (N, 3) in the ring's axes. along: (N,) metres on the line. angle: (N,) radians, 0 at E1, pi/2 at E2.

    colour: (N, 3) sRGB 0..255, once painted."""

    ring: np.ndarray
    offset: np.ndarray
    normal: np.ndarray
    along: np.ndarray
    angle: np.ndarray
    colour: np.ndarray

    def where(self, mask: np.ndarray) -> Dots:
        return Dots(**{name: value[mask] for name, value in vars(self).items()})


def loft(profile: np.ndarray, spacing: float, power: float = 2.0) -> tuple[np.ndarray, Dots]:
    """Rows of (along, half width, half depth, shift to the front), along rising -> where the rings lie (R,), and the dots on them.

    Smooth between the rows (monotone cubics), dots at most `spacing` apart. power: 2 an ellipse, more is boxier."""
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(profile[:, 0], profile[:, 1:])
    fine = np.linspace(profile[0, 0], profile[-1, 0], 400)
    steps = np.abs(np.diff(curve(fine), axis=0))
    way = np.hypot(np.diff(fine), np.maximum(steps[:, 0], steps[:, 1] + steps[:, 2]))
    length = np.concatenate([[0], np.cumsum(way)])
    num = max(3, int(np.ceil(length[-1] / spacing)) + 1)
    along = np.interp(np.linspace(0, length[-1], num), length, fine)
    rings, slopes = curve(along), np.array(curve(along, 1))
    rings[:, :2] = np.maximum(rings[:, :2], 1e-5)
    a, b = rings[:, 0], rings[:, 1]
    around = np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))  # Ramanujan's perimeter of an ellipse
    counts = np.maximum(4, np.ceil(OVERLAP * around / spacing).astype(int))
    ring = np.repeat(np.arange(num), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    # Every second ring is turned by half a step, so that its dots lie between the others'
    angle = 2 * np.pi * (np.arange(len(ring)) - first[ring] + 0.5 * (ring % 2)) / counts[ring]
    offset, normal = _ellipses(rings[ring], slopes[ring], angle, power)
    return along, Dots(ring=ring, offset=offset, normal=normal, along=along[ring], angle=angle, colour=np.zeros((len(ring), 3)))


def _ellipses(rows: np.ndarray, slopes: np.ndarray, angle: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Places and normals (N, 3) on superellipses: half width, half depth and shift are `rows`, their change along the line `slopes`."""
    cos, sin = np.cos(angle), np.sin(angle)

    def bent(value: np.ndarray, exponent: float) -> np.ndarray:
        return np.sign(value) * np.abs(value) ** exponent

    width, depth, shift = rows.T
    x, y = width * bent(cos, 2 / power), depth * bent(sin, 2 / power)
    flat = np.stack([bent(cos, 2 - 2 / power) / width, bent(sin, 2 - 2 / power) / depth], -1)
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
    rise = slopes[:, 0] * x / width * flat[:, 0] + (slopes[:, 1] * y / depth + slopes[:, 2]) * flat[:, 1]
    return np.stack([x, y + shift, np.zeros_like(x)], -1), unit(np.concatenate([flat, -rise[:, None]], -1))


def line_weights(lengths: tuple[float, ...], along: np.ndarray, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rings of a jointed line lie and point: two (R, J) matrices that take the joints (J, 3) to centres and to tangents.

    lengths: of the J - 1 bones, metres. Within `soft` of a joint the line bends, a parabola; beyond its ends it goes straight on."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    place, tangent = np.zeros((len(along), len(ends))), np.zeros((len(along), len(ends)))

    def bone(k: int) -> np.ndarray:
        direction = np.zeros(len(ends))
        direction[k], direction[k + 1] = -1 / lengths[k], 1 / lengths[k]
        return direction

    for row, s in enumerate(along):
        near = int(np.argmin(np.abs(ends[1:-1] - s))) + 1 if len(ends) > 2 else 0
        if near and abs(s - ends[near]) < soft:
            u = (s - ends[near] + soft) / (2 * soft)
            before, after = bone(near - 1), bone(near)
            place[row, near] = 1
            place[row] += soft * (u * u * after - (1 - u) ** 2 * before)
            tangent[row] = (1 - u) * before + u * after
        else:
            k = int(np.clip(np.searchsorted(ends, s) - 1, 0, len(lengths) - 1))
            place[row, k] = 1
            place[row] += (s - ends[k]) * bone(k)
            tangent[row] = bone(k)
    return place, tangent


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) of length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def carried(vector: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """What is square to direction `start`, turned as little as brings that onto `stop`; all (..., 3), directions of length one."""
    both = start + stop
    share = (vector * stop).sum(-1, keepdims=True) / np.maximum(1 + (start * stop).sum(-1, keepdims=True), 1e-6)
    return vector - share * both


def axes(front: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Roughly the front, and the line's direction (..., 3) -> the rings' axes (..., 3, 3): rows E1, E2, E3."""
    third = unit(along)
    second = unit(front - (front * third).sum(-1, keepdims=True) * third)
    return np.stack([np.cross(third, second), second, third], -2)
