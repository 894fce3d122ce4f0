"""Points -> maps: lines and dots drawn in plain torch, batched, on any device.

Shapes: N batch, K points, L lines, S segments, H W pixels. Pixel centres lie at integers + 0.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from limner.types import Guide

SEGMENTS_AT_ONCE = 16  # ours: bounds memory at N * 16 * H * W floats
WIDTH_AT_256 = 4.0  # ours: pixels of a coloured line in a map of 256; OpenPose draws about as thick
AWAY_PX = -1e4  # where lines go that are not drawn: far outside any picture


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
    dots: a disc at each point the lines name, in place of segments. ValueError: points of another shape, a line that names a point that is
    not there, an unknown edge or style.
    """
    if points_NK2.ndim != 3 or points_NK2.shape[-1] != 2:
        raise ValueError(f"expected points (N, K, 2), got {tuple(points_NK2.shape)}")
    if edge not in ("hard", "soft") or style not in ("lines", "dots"):
        raise ValueError(f"edge is 'hard' or 'soft' and style 'lines' or 'dots', got {edge!r} and {style!r}")
    top = max(max(line) for line in lines.values())
    if top >= points_NK2.shape[1]:
        raise ValueError(f"the lines name point {top}, but there are only {points_NK2.shape[1]} points")
    height, width = (size, size) if isinstance(size, int) else size
    groups = [_segments(line, style) for line in lines.values()]
    if merge:
        groups = [[pair for group in groups for pair in group]]
    if edge == "hard":
        return torch.stack([_near(points_NK2, ends, height, width, width_px) for ends in groups], 1)
    return torch.stack([_nearest(points_NK2, ends, height, width, width_px, edge) for ends in groups], 1)


def draw_coloured(
    points_NK2: torch.Tensor,
    guide: Guide,
    size: int | tuple[int, int],
    *,
    confidence_NK: torch.Tensor | None = None,
    width_px: float | None = None,
    edge: Literal["hard", "soft"] = "hard",
) -> torch.Tensor:
    """(N, K, 2) pixel points of a guide that has colours -> (N, 3, H, W) RGB in [0, 1], black where nothing is drawn.

    Lines are painted in the guide's order, later ones over earlier ones. A line with an end that is missing (confidence 0, or NaN) is not
    drawn. width_px: of the lines; left out, 4 px at 256 and in proportion, at least 1. ValueError: as `draw`, or a guide without colours.
    """
    if points_NK2.ndim != 3 or points_NK2.shape[1:] != (guide.num_points, 2):
        raise ValueError(f"expected points (N, {guide.num_points}, 2), got {tuple(points_NK2.shape)}")
    if not guide.colours:
        raise ValueError(f"the guide {guide.name!r} has no colours")
    pairs = [(colour, pair) for name, colour in guide.colours.items() for pair in _segments(guide.lines[name], "lines")]
    ends_NS22 = points_NK2[:, [list(pair) for _, pair in pairs]]
    known_NK = torch.isfinite(points_NK2).all(-1)
    if confidence_NK is not None:
        known_NK = known_NK & (confidence_NK > 0)
    known_NS = known_NK[:, [list(pair) for _, pair in pairs]].all(-1)
    ends_NS22 = torch.where(known_NS[..., None, None], ends_NS22, torch.full_like(ends_NS22, AWAY_PX))
    height, width = (size, size) if isinstance(size, int) else size
    width_px = max(1.0, WIDTH_AT_256 * max(height, width) / 256) if width_px is None else width_px
    lines = {str(s): (2 * s, 2 * s + 1) for s in range(len(pairs))}
    maps_NSHW = draw(ends_NS22.flatten(1, 2), lines, size, width_px=width_px, edge=edge, merge=False)
    picture_N3HW = points_NK2.new_zeros(len(points_NK2), 3, height, width)
    for s, (colour, _) in enumerate(pairs):
        paint_3 = points_NK2.new_tensor(colour)[:, None, None] / 255
        picture_N3HW = torch.lerp(picture_N3HW, paint_3, maps_NSHW[:, s : s + 1])
    return picture_N3HW


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
        distance2_NHW = _distance2(x_W - a_NS2[..., 0, None], y_H - a_NS2[..., 1, None], b_NS2 - a_NS2).amin(1)
        best_NHW = distance2_NHW if best_NHW is None else torch.minimum(best_NHW, distance2_NHW)
    assert best_NHW is not None
    half = width_px / 2
    if edge == "soft":
        return torch.exp(-best_NHW / (2 * half * half))
    return (best_NHW <= half * half).to(points_NK2.dtype)


def _distance2(dx_NSW: torch.Tensor, dy_NSH: torch.Tensor, ab_NS2: torch.Tensor) -> torch.Tensor:
    """Squared distance (N, S, H, W) of the pixels that lie (dx, dy) from a segment's start to that segment, which goes on by `ab`."""
    length2_NS = (ab_NS2 * ab_NS2).sum(-1).clamp_min(1e-12)
    # Foot of the perpendicular, kept within the segment: u = clamp((p - a) . (b - a) / |b - a|^2, 0, 1)
    u = ((dx_NSW * ab_NS2[..., 0, None])[:, :, None, :] + (dy_NSH * ab_NS2[..., 1, None])[:, :, :, None]) / length2_NS[..., None, None]
    u = u.clamp(0, 1)
    ex = dx_NSW[:, :, None, :] - u * ab_NS2[..., 0, None, None]
    ey = dy_NSH[:, :, :, None] - u * ab_NS2[..., 1, None, None]
    return ex * ex + ey * ey


def _near(points_NK2: torch.Tensor, ends: list[tuple[int, int]], height: int, width: int, width_px: float) -> torch.Tensor:
    """What `_nearest` draws with hard edges, looking only at the pixels around each segment: the same bits, many times faster at 64 px."""
    a_NS2, b_NS2 = points_NK2[:, [i for i, _ in ends]], points_NK2[:, [j for _, j in ends]]
    half = width_px / 2
    first_NS2 = (torch.minimum(a_NS2, b_NS2) - half - 0.5).floor()
    if not torch.isfinite(first_NS2).all():
        return _nearest(points_NK2, ends, height, width, width_px, "hard")
    side = int((torch.maximum(a_NS2, b_NS2) + half + 0.5 - first_NS2).amax()) + 1
    if side * 2 > min(height, width):
        return _nearest(points_NK2, ends, height, width, width_px, "hard")
    steps = torch.arange(side, device=points_NK2.device, dtype=points_NK2.dtype)
    x_NSW, y_NSH = first_NS2[..., 0, None] + steps, first_NS2[..., 1, None] + steps
    distance2 = _distance2(x_NSW + 0.5 - a_NS2[..., 0, None], y_NSH + 0.5 - a_NS2[..., 1, None], b_NS2 - a_NS2)
    inside = ((x_NSW >= 0) & (x_NSW < width))[:, :, None, :] & ((y_NSH >= 0) & (y_NSH < height))[:, :, :, None]
    n, s, j, i = ((distance2 <= half * half) & inside).nonzero(as_tuple=True)
    maps_NHW = points_NK2.new_zeros(len(points_NK2), height, width)
    maps_NHW[n, y_NSH[n, s, j].long(), x_NSW[n, s, i].long()] = 1
    return maps_NHW
