"""Points -> maps: lines and dots drawn in plain torch, batched, on any device.

Shapes: N batch, K points, L lines, S segments, H W pixels. Pixel centres lie at integers + 0.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

import torch

SEGMENTS_AT_ONCE = 16  # ours: bounds memory at N * 16 * H * W floats


def draw(
    points_NK2: torch.Tensor,
    lines: Mapping[str, Sequence[int]],
    size: int | tuple[int, int],
    *,
    width_px: float = 1.0,
    edge: Literal["hard", "soft"] = "hard",
    style: Literal["lines", "dots"] = "lines",
    merge: bool = True,
) -> torch.Tensor:
    """(N, K, 2) pixel points -> (N, 1, H, W) map in [0, 1], or (N, L, H, W), a channel a line, with merge=False.

    size: H = W, or (H, W). hard: 1 where a pixel's centre lies within width/2 of a segment, else 0 (the papers' drawing: binary, no
    anti-aliasing, never a gap). soft: exp(-d^2 / (2 (width/2)^2)) of the distance d, differentiable in the points.
    dots: a disc at each point the lines name, in place of segments. ValueError if a line names a point that is not there.
    """
    if points_NK2.ndim != 3 or points_NK2.shape[-1] != 2:
        raise ValueError(f"expected points (N, K, 2), got {tuple(points_NK2.shape)}")
    top = max(max(line) for line in lines.values())
    if top >= points_NK2.shape[1]:
        raise ValueError(f"the lines name point {top}, but there are only {points_NK2.shape[1]} points")
    height, width = (size, size) if isinstance(size, int) else size
    groups = list(lines.values())
    if merge:
        ends = [pair for line in groups for pair in _segments(line, style)]
        return _nearest(points_NK2, ends, height, width, width_px, edge)[:, None]
    return torch.stack([_nearest(points_NK2, _segments(line, style), height, width, width_px, edge) for line in groups], 1)


def _segments(line: Sequence[int], style: str) -> list[tuple[int, int]]:
    return [(i, i) for i in dict.fromkeys(line)] if style == "dots" or len(line) == 1 else list(itertools.pairwise(line))


def _nearest(points_NK2: torch.Tensor, ends: list[tuple[int, int]], height: int, width: int, width_px: float, edge: str) -> torch.Tensor:
    """Intensity from the squared distance of every pixel centre to the nearest segment; -> (N, H, W)."""
    x_W = torch.arange(width, device=points_NK2.device, dtype=points_NK2.dtype) + 0.5
    y_H = torch.arange(height, device=points_NK2.device, dtype=points_NK2.dtype) + 0.5
    best_NHW = None
    for start in range(0, len(ends), SEGMENTS_AT_ONCE):
        part = ends[start : start + SEGMENTS_AT_ONCE]
        a_NS2, b_NS2 = points_NK2[:, [i for i, _ in part]], points_NK2[:, [j for _, j in part]]
        ab_NS2 = b_NS2 - a_NS2
        length2_NS = (ab_NS2 * ab_NS2).sum(-1).clamp_min(1e-12)
        dx_NSW = x_W - a_NS2[..., 0, None]
        dy_NSH = y_H - a_NS2[..., 1, None]
        # Foot of the perpendicular, kept within the segment: u = clamp((p - a) . (b - a) / |b - a|^2, 0, 1)
        u = ((dx_NSW * ab_NS2[..., 0, None])[:, :, None, :] + (dy_NSH * ab_NS2[..., 1, None])[:, :, :, None]) / length2_NS[..., None, None]
        u = u.clamp(0, 1)
        ex = dx_NSW[:, :, None, :] - u * ab_NS2[..., 0, None, None]
        ey = dy_NSH[:, :, :, None] - u * ab_NS2[..., 1, None, None]
        distance2_NHW = (ex * ex + ey * ey).amin(1)
        best_NHW = distance2_NHW if best_NHW is None else torch.minimum(best_NHW, distance2_NHW)
    assert best_NHW is not None
    half = width_px / 2
    if edge == "soft":
        return torch.exp(-best_NHW / (2 * half * half))
    return (best_NHW <= half * half).to(points_NK2.dtype)
