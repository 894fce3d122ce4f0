"""Skin as three sheets (brow, cheek, chin) that part along lids and lips: where, in the texture, each pixel of a posed face lies.

One smooth field over an opening mouth would stretch the lips over it. So each sheet follows only its own side of a slit; at the corners
of eyes and mouth they agree, and beyond them they blend. Thin-plate splines (limner.warp) on a coarse grid, brought to the pixels.

Shapes: T frames, K = 68 + 11 points (the guide's, then the forehead's), H W pixels of the output, M places.
"""

from __future__ import annotations

import numpy as np
import torch

from limner import warp
from limner.geometry import apply_affine, to_unit, unit_length
from limner.guides.face import GUIDE

# The forehead's outline in MediaPipe's mesh, from the person's left temple over the top to the right; mean of the 66 training faces, units
FOREHEAD_DENSE = (251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21)
# fmt: off
FOREHEAD = np.array([
    (0.747, -0.265), (0.679, -0.407), (0.567, -0.521), (0.397, -0.601), (0.214, -0.640), (0.0, -0.647),
    (-0.214, -0.640), (-0.397, -0.601), (-0.567, -0.521), (-0.679, -0.407), (-0.747, -0.265),
])  # measured: made symmetric
# fmt: on
UPPER_LIDS, LOWER_LIDS = (37, 38, 43, 44), (40, 41, 46, 47)
UPPER_LIP, LOWER_LIP = (49, 50, 51, 52, 53, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)
LEFT_OUT = (LOWER_LIDS, UPPER_LIDS + LOWER_LIP, UPPER_LIP)  # of the brow, cheek and chin sheet
SMOOTHING = 2e-4  # ours, units^2: the detector's jitter in the fit, and no creases where points crowd
EYE_LINE = ((0,), (36,), (37, 41), (38, 40), (39,), (28,), (42,), (43, 47), (44, 46), (45,), (16,))  # means of these, right to left
MOUTH_LINE = ((4,), (48, 60), (61, 67), (62, 66), (63, 65), (54, 64), (12,))
INSIDE_UNIT, SEAM_UNIT = 0.006, 0.09  # ours: half width of the sheets' blend at a slit, and away from it
GRID_UNIT = 0.09  # ours: spacing of the coarse grid


def with_forehead(points: np.ndarray) -> np.ndarray:
    """(T, 68, 2) points of any frame -> (T, 79, 2): the forehead's outline follows the head (its eyes and nose) and no expression.

    Its width is that of the temples, jaw_0 and jaw_16."""
    back = np.linalg.inv(_square(to_unit(points, GUIDE)))[:, :2]
    widths = np.abs(apply_affine(to_unit(points[:1], GUIDE), points[:1])[0, [0, 16], 0])
    forehead = FOREHEAD * (widths.mean() / np.abs(GUIDE.canonical[[0, 16], 0]).mean(), 1.0)
    return np.concatenate([points, apply_affine(back, np.broadcast_to(forehead, (len(points), *forehead.shape)))], 1)


def _square(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([matrix, np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(matrix), 1, 3))], 1)


def locate(points: np.ndarray, sources: np.ndarray, size_hw: tuple[int, int]) -> torch.Tensor:
    """(T, K, 2) points in the output, pixels, and where they lie in the source, (K, 2) or (T, K, 2) -> (T, H, W, 2) float32 places.

    Each of the output's pixels gets the place of the source, in the source's own frame, whose colour belongs there."""
    unit = float(unit_length(points[0], GUIDE))
    height, width = size_hw
    step = max(1, round(GRID_UNIT * unit))
    centres = torch.from_numpy(points / unit).float()
    places = torch.from_numpy(np.broadcast_to(sources, points.shape).copy()).float()
    nodes = warp.nodes((0, 0, width, height), step) / unit
    up = warp.Upsampler(size_hw, step)
    sheets = []
    for left_out in LEFT_OUT:
        chosen = [k for k in range(points.shape[1]) if k not in left_out]
        fitted = warp.fit_spline(centres[:, chosen], places[:, chosen], SMOOTHING)
        coarse = warp.evaluate_spline(fitted, centres[:, chosen], nodes.reshape(-1, 2))
        sheets.append(up(coarse.view(len(points), *nodes.shape).permute(0, 3, 1, 2)))
    brow, cheek, chin = sheets
    under_eyes = _under(points, EYE_LINE, ((36, 39), (42, 45)), unit, size_hw)
    under_lips = _under(points, MOUTH_LINE, ((48, 54),), unit, size_hw)
    upper = brow + (cheek - brow) * under_eyes
    return (upper + (chin - upper) * under_lips).permute(0, 2, 3, 1)


def _under(
    points: np.ndarray, line: tuple[tuple[int, ...], ...], slits: tuple[tuple[int, int], ...], unit: float, size_hw: tuple[int, int]
) -> torch.Tensor:
    """(T, 1, H, W): 0 above a line of points, 1 below, sharp within the slits (first, last point) and soft away from them."""
    height, width = size_hw
    x = np.arange(width) + 0.5
    knots = np.stack([points[:, list(which)].mean(1) for which in line], 1)
    y_line = np.stack([np.interp(x, knot[:, 0], knot[:, 1]) for knot in knots])
    outside = np.min([np.maximum(points[:, a, :1] - x, x - points[:, b, :1]) for a, b in slits], 0).clip(0)
    soft = (INSIDE_UNIT * unit + outside * 0.6).clip(0.35, SEAM_UNIT * unit)
    y = torch.arange(height, dtype=torch.float32) + 0.5
    at = (y[None, :, None] - torch.from_numpy(y_line).float()[:, None]) / torch.from_numpy(soft).float()[:, None]
    return torch.sigmoid(2 * at)[:, None]
