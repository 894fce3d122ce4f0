"""Slits: the openings between lids and between lips. Skin on either side moves apart; what lies behind them does not stretch with it.

A slit has its own frame: u runs from corner to corner (0..1), v across, in pixels, downwards. Its edges are curves v(u), tables of NODES
values. Shapes: T frames, H W pixels of a box, n = NODES. All lengths in pixels of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

HIDDEN, WIDEN = 0.5, 0.8  # ours: the step between two sheets takes half the opening, and grows so fast past the corners
NODES = 49  # ours: table length; a mouth of 200 px has a node every 4 px


@dataclass(frozen=True, kw_only=True)
class Slit:
    """Point indices, corner to corner (both corners included), of the upper and the lower edge."""

    name: str
    upper: tuple[int, ...]
    lower: tuple[int, ...]

    @property
    def inner(self) -> tuple[int, ...]:
        """All points of the slit."""
        return (*self.upper, *self.lower[1:-1])


MOUTH = Slit(name="mouth", upper=(60, 61, 62, 63, 64), lower=(60, 67, 66, 65, 64))
EYES = (
    Slit(name="eye_right", upper=(36, 37, 38, 39), lower=(36, 41, 40, 39)),
    Slit(name="eye_left", upper=(42, 43, 44, 45), lower=(42, 47, 46, 45)),
)


@dataclass(frozen=True)
class Shape:
    """A slit's place and edges in T frames: start (T, 2) its first corner, axis (T, 2) unit vector, length (T,), upper and lower (T, n)."""

    start: torch.Tensor
    axis: torch.Tensor
    length: torch.Tensor
    upper: torch.Tensor
    lower: torch.Tensor

    def gap(self) -> torch.Tensor:
        """(T,) mean opening in pixels over the middle half."""
        middle = slice(NODES // 4, NODES - NODES // 4)
        return (self.lower - self.upper)[:, middle].mean(1)

    def local(self, at_THW2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Places -> u (in lengths) and v (pixels), each (T, H, W)."""
        x, y = (at_THW2 - self.start[:, None, None]).unbind(-1)
        ax, ay = self.axis[:, 0, None, None], self.axis[:, 1, None, None]
        return (x * ax + y * ay) / self.length[:, None, None], y * ax - x * ay

    def place(self, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """u, v (T, H, W) -> places (T, H, W, 2)."""
        ax, ay = self.axis[:, 0, None, None], self.axis[:, 1, None, None]
        along = u * self.length[:, None, None]
        return torch.stack([self.start[:, 0, None, None] + along * ax - v * ay, self.start[:, 1, None, None] + along * ay + v * ax], -1)


def look_up(table_Tn: torch.Tensor, u_THW: torch.Tensor) -> torch.Tensor:
    """The curve at u (clamped to 0..1), linear between nodes; table (T, n) or (1, n)."""
    at = (u_THW.clamp(0, 1) * (NODES - 1)).flatten(1)
    low = at.long().clamp_max(NODES - 2)
    table = table_Tn.expand(len(at), NODES)
    left, right = table.gather(1, low), table.gather(1, low + 1)
    return (left + (right - left) * (at - low)).view_as(u_THW)


def shape_of(slit: Slit, points_TK2: np.ndarray) -> Shape:
    """(T, 68, 2) points -> the slit's shape in each frame. The lower edge never lies above the upper one: a closed slit has no opening."""
    points = np.asarray(points_TK2, np.float64)
    start, end = points[:, slit.upper[0]], points[:, slit.upper[-1]]
    length = np.maximum(np.linalg.norm(end - start, axis=-1), 1e-3)
    axis = (end - start) / length[:, None]
    edges = []
    for indices in (slit.upper, slit.lower):
        offset = points[:, list(indices)] - start[:, None]
        u = (offset * axis[:, None]).sum(-1) / length[:, None]
        v = offset[..., 1] * axis[:, None, 0] - offset[..., 0] * axis[:, None, 1]
        edges.append(hermite(u, v))
    upper, lower = edges
    middle = (upper + lower) / 2
    upper, lower = np.where(lower < upper, middle, upper), np.where(lower < upper, middle, lower)
    return Shape(*(torch.from_numpy(np.ascontiguousarray(a)).float() for a in (start, axis, length, upper, lower)))


def hermite(u_Tk: np.ndarray, v_Tk: np.ndarray) -> np.ndarray:
    """Smooth curves through k knots a frame, at NODES even places of 0..1; (T, NODES). Knots are pushed apart where they pass each other.

    Cubic Hermite pieces; a knot's slope is its two chords' slopes weighted by the other chord's length (a parabola through three knots).
    """
    u = u_Tk.copy()
    for k in range(1, u.shape[1]):
        u[:, k] = np.maximum(u[:, k], u[:, k - 1] + 1e-3)
    width = np.diff(u, axis=1)
    chord = np.diff(v_Tk, axis=1) / width
    inner = (chord[:, :-1] * width[:, 1:] + chord[:, 1:] * width[:, :-1]) / (width[:, 1:] + width[:, :-1])
    slope = np.concatenate([2 * chord[:, :1] - inner[:, :1], inner, 2 * chord[:, -1:] - inner[:, -1:]], 1)
    at = np.linspace(0, 1, NODES)
    piece = np.clip((at[None, :, None] >= u[:, None, :]).sum(-1) - 1, 0, u.shape[1] - 2)
    take = lambda a: np.take_along_axis(a, piece, 1)  # noqa: E731
    w = take(width)
    t = np.clip((at - take(u[:, :-1])) / w, 0, 1)
    left, right = take(v_Tk[:, :-1]), take(v_Tk[:, 1:])
    return (
        left * (1 + 2 * t) * (1 - t) ** 2
        + right * t * t * (3 - 2 * t)
        + w * (take(slope[:, :-1]) * t * (1 - t) ** 2 - take(slope[:, 1:]) * t * t * (1 - t))
    )


def opening(shape: Shape, u: torch.Tensor, v: torch.Tensor, soft_px: float) -> torch.Tensor:
    """How much of each pixel (T, H, W) lies in the opening, 0..1, with edges `soft_px` wide. A closed slit gives 0 everywhere."""
    upper, lower = look_up(shape.upper, u), look_up(shape.lower, u)
    gap = lower - upper
    depth = torch.minimum(v - upper, lower - v)  # how deep inside, px
    inside = (depth / soft_px + 0.5).clamp(0, 1)
    ends = (torch.minimum(u, 1 - u) * shape.length[:, None, None] / soft_px + 0.5).clamp(0, 1)
    return inside * ends * (gap / soft_px).clamp(0, 1)


def side(shape: Shape, u: torch.Tensor, v: torch.Tensor, least_px: float | torch.Tensor) -> torch.Tensor:
    """0 above the slit, 1 below (T, H, W). The step hides in the opening, is `least_px` wide where closed, and widens past the corners."""
    upper, lower = look_up(shape.upper, u), look_up(shape.lower, u)
    beyond = (u - u.clamp(0, 1)).abs() * shape.length[:, None, None]
    width = least_px + HIDDEN * (lower - upper) + WIDEN * beyond
    return smoothstep((v - (upper + lower) / 2) / width + 0.5)


def smoothstep(x: torch.Tensor) -> torch.Tensor:
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)
