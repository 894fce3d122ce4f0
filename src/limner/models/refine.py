"""A warped face and what the points say, in a frame of fixed size, made ready for the network; and the network's answer laid on the warp.

The working frame is the guide's crop: the face upright, its size the same in every photo, however large that is.
Shapes: N frames, K = 68 points, H W pixels of the working frame, h w of a picture.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

from limner import geometry, warp
from limner.guides.face import GUIDE
from limner.nn.refine import Refined

FINE, SMOOTH = 5, 8  # channels of the inputs: warp 3, openings 2; lines 4, displacement 2, place 2
BETWEEN = 3  # ours: soft dots from point to point of a line, so near to one another that they draw it
LINE_UNIT = 0.018  # ours: their width (sigma), about the half-size pixel of a 192 px frame
SHOWN = 10.0  # ours: what displacements are multiplied by; the corner of a smiling mouth moves by about 0.1 units
NODES = 24  # ours: of the displacement's grid, a side
SMOOTHING = 1e-3  # ours, units^2: as the renderer's lips
# ours: root mean square of the points' displacement, units, from which on the network has its full say; half the smiles of the London
# training people are three times as strong, and a tracker's noise is a fifth of it
FULL_UNIT = 0.015
LOWER, UPPER = [*range(4, 13), *range(48, 68)], [*range(17, 27), *range(36, 48)]
BLEND_UNIT = (0.10, 0.40)  # ours: below the eyes' line, where the lids' say ends and the mouth's is whole
FADE_UNIT = 0.15  # ours: towards the frame's border all change ends over this
INNER = ((60, 61, 62, 63, 64), (60, 67, 66, 65, 64))  # the lips' inner edges, upper and lower, from right to left


def to_work(points_NK2: np.ndarray, size: int) -> np.ndarray:
    """Points of any pictures -> the similarity (N, 2, 3) from each picture's pixels to those of its working frame."""
    return geometry.compose_affine(geometry.to_unit(points_NK2, GUIDE), geometry.unit_to_map(GUIDE, size))


def grid_of(matrix_N23: np.ndarray, size_hw: tuple[int, int], source_hw: tuple[int, int]) -> torch.Tensor:
    """For a transform source -> target pixels: where each target pixel lies in the source, as `grid_sample` counts; (N, H, W, 2)."""
    back = torch.from_numpy(geometry.invert_affine(matrix_N23)).float()
    height, width = size_hw
    x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    scale = torch.tensor([2.0 / source_hw[1], 2.0 / source_hw[0]])
    linear, shift = back[:, :, :2] * scale[:, None], back[:, :, 2] * scale - 1
    return (x[None, None, :, None] * linear[:, None, None, :, 0] + y[None, :, None, None] * linear[:, None, None, :, 1]).add_(
        shift[:, None, None]
    )


def take(picture_NChw: torch.Tensor, matrix_N23: np.ndarray, size_hw: tuple[int, int], mode: str = "bilinear") -> torch.Tensor:
    """The pictures seen through transforms source -> target pixels; (N, C, H, W). Beyond a picture, its border's colour."""
    grid = grid_of(matrix_N23, size_hw, (picture_NChw.shape[-2], picture_NChw.shape[-1]))
    return F.grid_sample(picture_NChw.expand(len(grid), -1, -1, -1), grid, mode=mode, padding_mode="border", align_corners=False)


@cache
def _dots() -> tuple[torch.Tensor, torch.Tensor]:
    """(2, D, K): the weights that put dots along the lines; all lines but the inner lips', and these."""
    rows: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for name, line in GUIDE.lines.items():
        for i, j in itertools.pairwise(line):
            for part in np.arange(BETWEEN) / BETWEEN:
                row = np.zeros(GUIDE.num_points, np.float32)
                row[i] += 1 - part
                row[j] += part
                rows[name == "lip_inner"].append(row)
    return torch.from_numpy(np.stack(rows[0])), torch.from_numpy(np.stack(rows[1]))


def lines(points_unit_NK2: torch.Tensor, size: int) -> torch.Tensor:
    """Points in units -> (N, 2, size, size) soft lines, about 0..1: the face, and the inner lips. Smooth in the points."""
    x0, y0, side = GUIDE.crop_unit
    at = (torch.arange(size) + 0.5) * (side / size)
    maps = []
    for weights in _dots():
        dots = weights @ points_unit_NK2
        across = torch.exp(-0.5 * ((at + x0 - dots[..., :1]) / LINE_UNIT) ** 2)
        down = torch.exp(-0.5 * ((at + y0 - dots[..., 1:]) / LINE_UNIT) ** 2)
        maps.append(down.transpose(1, 2) @ across)
    return torch.stack(maps, 1)


def openings(points_unit_NK2: np.ndarray, size: int) -> torch.Tensor:
    """(N, 1, size, size) how much of each pixel lies between the inner lips, 0..1; the face is upright, so column by column."""
    x0, y0, side = GUIDE.crop_unit
    pixel = side / size
    at = (np.arange(size) + 0.5) * pixel
    upper, lower = (
        np.stack([np.interp(at + x0, np.maximum.accumulate(p[list(edge), 0]), p[list(edge), 1]) for p in points_unit_NK2]) for edge in INNER
    )
    ends = [np.clip(np.minimum(at + x0 - p[60, 0], p[64, 0] - at - x0) / (2 * pixel) + 0.5, 0, 1) for p in points_unit_NK2]
    upper, lower, ends = (torch.from_numpy(np.asarray(a, np.float32))[:, None, :] for a in (upper, lower, ends))
    y = torch.from_numpy((at + y0).astype(np.float32))[:, None]
    inside = (torch.minimum(y - upper, lower - y) / pixel + 0.5).clamp_(0, 1)
    return (inside * ends * ((lower - upper) / pixel).clamp(0, 1))[:, None]


def displacement(own_unit_NK2: np.ndarray, points_unit_NK2: np.ndarray, size: int) -> torch.Tensor:
    """(N, 2, size, size) from where in the photo each place comes, in units: a spline through the points, the head's motion left out."""
    x0, y0, side = GUIDE.crop_unit
    centres = torch.from_numpy(points_unit_NK2)
    coefficients = warp.fit_spline(centres, torch.from_numpy(own_unit_NK2 - points_unit_NK2), SMOOTHING)
    at = (torch.arange(NODES) + 0.5) * (side / NODES)
    places = torch.stack(torch.meshgrid(at + x0, at + y0, indexing="xy"), -1).reshape(-1, 2)
    field = warp.evaluate_spline(coefficients.float(), centres.float(), places)
    field = field.view(-1, NODES, NODES, 2).permute(0, 3, 1, 2)
    return F.interpolate(field, size=(size, size), mode="bilinear", align_corners=False)


@cache
def _place(size: int) -> torch.Tensor:
    at = torch.linspace(-1, 1, size)
    return torch.stack(torch.meshgrid(at, at, indexing="xy"))[None]


@cache
def _regions(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, 1, size, size): how far a place belongs to the mouth's half of the face, and how much may change there at all."""
    _, y0, side = GUIDE.crop_unit
    at = (torch.arange(size) + 0.5) * (side / size)
    low, high = BLEND_UNIT
    below = _smoothstep((at + y0 - low) / (high - low))[:, None].expand(size, size)
    edge = _smoothstep(torch.minimum(at, side - at) / FADE_UNIT)
    return below[None, None], (edge[:, None] * edge)[None, None]


def _smoothstep(x: torch.Tensor) -> torch.Tensor:
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def gate(own_unit_NK2: np.ndarray, points_unit_NK2: np.ndarray, size: int) -> torch.Tensor:
    """(N, 1, size, size): how much the network may change, 0..1: exactly nothing where the points stand as in the photo, smooth between.

    A mouth that moves opens the whole face to change, eyes and brows only their own half.
    """
    moved = ((points_unit_NK2 - own_unit_NK2) ** 2).sum(-1)
    say = [torch.from_numpy(np.sqrt(moved[:, part].mean(-1)) / FULL_UNIT).float().view(-1, 1, 1, 1) for part in (LOWER, UPPER)]
    lower, upper = _smoothstep(say[0]), _smoothstep(say[1])
    below, edge = _regions(size)
    return edge * torch.lerp(torch.maximum(lower, upper), lower, below)


def inputs(
    warped_NCHW: torch.Tensor, own_unit_NK2: np.ndarray, points_unit_NK2: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Warped faces in the working frame (0..1), both poses in units -> fine (N, 5, H, W), smooth (N, 8, H/2, W/2), gate (N, 1, H, W)."""
    size = warped_NCHW.shape[-1]
    own_unit_NK2 = np.broadcast_to(own_unit_NK2, points_unit_NK2.shape)
    still = len(own_unit_NK2) > 1 and bool((own_unit_NK2 == own_unit_NK2[:1]).all())
    own = own_unit_NK2[:1] if still else own_unit_NK2  # of one photo: drawn once
    wide = lambda maps: maps.expand(len(points_unit_NK2), -1, -1, -1)  # noqa: E731
    fine = [warped_NCHW * 2 - 1, openings(points_unit_NK2, size), wide(openings(own, size))]
    half = size // 2
    smooth = [
        lines(torch.from_numpy(points_unit_NK2).float(), half),
        wide(lines(torch.from_numpy(np.array(own)).float(), half)),
        SHOWN * displacement(own_unit_NK2, points_unit_NK2, half),
        wide(_place(half)),
    ]
    return torch.cat(fine, 1), torch.cat(smooth, 1), gate(own_unit_NK2, points_unit_NK2, size)


def gated(refined: Refined, gate_N1HW: torch.Tensor) -> torch.Tensor:
    """-> (N, 6, H, W): what is laid on the warp: added colour (3), how much of the warp goes (1), flow (2) in pixels of the frame.

    out = (1 - gone) * warp(at + flow) + added. All three are 0 where the gate is.
    """
    gone = gate_N1HW * refined.mask
    added = gate_N1HW * ((1 - gone) * refined.change) + gone * refined.colour
    flow = F.interpolate(refined.flow, size=gone.shape[-2:], mode="bilinear", align_corners=False) * gate_N1HW
    return torch.cat([added, gone, flow], 1)


def laid_on(warped_NCHW: torch.Tensor, layer_N6HW: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """The refined faces (N, 3, H, W) in the frame that warp and layer share, flow in its pixels."""
    height, width = warped_NCHW.shape[-2:]
    x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    at = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) + layer_N6HW[:, 4:].permute(0, 2, 3, 1)
    grid = at * torch.tensor([2.0 / width, 2.0 / height]) - 1
    moved = F.grid_sample(warped_NCHW, grid, mode=mode, padding_mode="border", align_corners=False)
    return moved * (1 - layer_N6HW[:, 3:4]) + layer_N6HW[:, :3]
