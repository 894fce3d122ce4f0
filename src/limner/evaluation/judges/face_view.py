"""What an identity judge is shown: the aligned inside of the face's outline, and nothing of clothes, hair at the side or background.

Shapes: N faces, H W pixels of a picture, S pixels of a view, K = 68 points.
"""

from __future__ import annotations

import numpy as np
import torch

from limner import geometry
from limner.guides.face import GUIDE

SIZE = 64  # ours: the least size of a clip
SQUARE_UNIT = (-0.86, -0.38, 1.72)  # ours: x0, y0, side of the view: from the forehead's foot to a dropped jaw
FOREHEAD_UNIT = 0.06  # ours: how far above the brows the outline goes; hair begins soon after
INSIDE = 0.97  # ours: the outline drawn in by so much, so that a point's error lets no background in
FINER = 4  # ours: the mask's edge is counted on a grid so many times finer
NEAR_PX = 6.0  # ours: sigma of the neighbourhood in which light is taken out; an eye is 10 pixels wide
FLAT = 0.3  # ours: of the whole face's spread; a neighbourhood that has less is not amplified


def face_view(picture: np.ndarray, points: np.ndarray, *, margin_px: int = 0) -> np.ndarray:
    """(H, W, 3) picture 0..255 and its face's (68, 2) points -> (4, S, S) float32: red, green, blue 0..255 and the mask of the face 0..1.

    The face is aligned on eyes and nose and sampled without aliasing, from a picture of any size. margin_px: so many pixels more on each
    side (for augmentation). ValueError where shapes are others or points are not finite.
    """
    points = np.asarray(points, np.float64)
    if picture.ndim != 3 or picture.shape[2] != 3 or points.shape != (GUIDE.num_points, 2) or not np.isfinite(points).all():
        raise ValueError(f"a view needs a picture (H, W, 3) and finite points (68, 2), not {picture.shape} and {points.shape}")
    x0, y0, side = SQUARE_UNIT
    scale = SIZE / side
    to_square = np.array([[scale, 0, margin_px - x0 * scale], [0, scale, margin_px - y0 * scale]])
    onto = geometry.compose_affine(geometry.to_unit(points, GUIDE), to_square)
    size = SIZE + 2 * margin_px
    return np.concatenate(
        [sample(picture, geometry.invert_affine(onto), size), inside_face(geometry.apply_affine(onto, points), (size, size))[None]]
    )


def sample(picture: np.ndarray, into: np.ndarray, size: int) -> np.ndarray:
    """(H, W, C) picture -> (C, S, S) float32 view of it; `into` (2, 3) takes the view's pixels to the picture's. Edge pixels go on outside.

    Where the view is smaller than what it shows, a Gaussian first takes out what it could not carry; then bilinear."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    centres = np.arange(size) + 0.5
    at = geometry.apply_affine(into, np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2))
    shrink = float(geometry.scale_of(into))
    reach = int(np.ceil(3 * shrink)) + 2
    low = np.clip(np.floor(at.min(0)).astype(int) - reach, 0, np.array(picture.shape[1::-1]) - 1)
    high = np.clip(np.ceil(at.max(0)).astype(int) + reach, low + 1, picture.shape[1::-1])
    part = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if shrink > 1:
        sigma = 0.5 * float(np.sqrt(shrink**2 - 1))
        part = gaussian_filter(part, (sigma, sigma, 0), mode="nearest")
    x, y = (at - low - 0.5).T
    channels = [map_coordinates(part[..., c], [y, x], order=1, mode="nearest") for c in range(picture.shape[2])]
    return np.stack(channels).reshape(picture.shape[2], size, size)


def inside_face(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(68, 2) pixel points -> (H, W) float32: 1 inside the outline of jaw and forehead's foot, 0 outside, in between at its edge."""
    height, width = shape
    brows = points[26:16:-1] - np.array([0.0, FOREHEAD_UNIT * float(geometry.unit_length(points, GUIDE))])
    outline = np.concatenate([points[:17], brows])
    outline = outline.mean(0) + INSIDE * (outline - outline.mean(0))
    fine = filled(outline * FINER - 0.5, (height * FINER, width * FINER))
    return fine.reshape(height, FINER, width, FINER).astype(np.float32).mean(3).mean(1)


def filled(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(n, 2) corners x, y -> (H, W) bool: whole numbers x, y inside (even-odd). As skimage.draw.polygon2mask, but faster."""
    height, width = shape
    (x, y), (next_x, next_y) = outline.T, np.roll(outline, -1, 0).T
    rows = np.arange(height)[:, None]
    row, edge = np.nonzero((y <= rows) != (next_y <= rows))
    crossed = x[edge] + (row - y[edge]) * (next_x - x)[edge] / (next_y - y)[edge]
    flips = np.zeros((height, width + 1), np.int16)
    np.add.at(flips, (row, np.ceil(crossed).clip(0, width).astype(int)), 1)
    return flips[:, :width].cumsum(1) % 2 == 1


def even_light(views_N4HW: torch.Tensor) -> torch.Tensor:
    """(N, 4, S, S) views -> (N, 3, S, S): `light_free`, and each place over mean and spread of its neighbourhood inside the mask.

    Light that changes slowly over the face (a lamp from one side) is gone too; so are its broad tones. Jarrett et al. 2009, section 2.1.
    """
    mask = views_N4HW[:, 3:]
    size = mask.shape[-1]
    at = torch.arange(float(size))
    near = torch.exp(-0.5 * ((at - at[:, None]) / NEAR_PX) ** 2)
    share = (near @ mask @ near).clamp_min(1e-3)
    centred = light_free(views_N4HW)
    centred = mask * (centred - near @ (mask * centred) @ near / share)
    spread = (near @ (mask * centred.square()) @ near / share).sqrt()
    return centred / (spread + FLAT)


def light_free(views_N4HW: torch.Tensor) -> torch.Tensor:
    """(N, 4, S, S) views -> (N, 3, S, S): each channel of mean 0 and spread 1 inside the mask, 0 outside: exposure and tint are gone."""
    colours, mask = views_N4HW[:, :3], views_N4HW[:, 3:]
    share = mask / mask.sum((2, 3), keepdim=True).clamp_min(1.0)
    centred = colours - (share * colours).sum((2, 3), keepdim=True)
    spread = (share * centred.square()).sum((2, 3), keepdim=True).sqrt()
    return mask * centred / spread.clamp_min(1.0)
