"""Lips without what they show: the photo's open mouth painted over with lip, so that lips which close have something to close with.

The detector's inner lip is a few pixels off and has no point near the corners; what it leaves of teeth and dark corners would otherwise
stay between closed lips. Lengths in units are inter-ocular distances.
"""

from __future__ import annotations

import numpy as np
import torch

from limner import geometry, warp
from limner.generation import person, slits, support
from limner.guides.face import GUIDE

MARGIN_UNIT = 0.12  # ours: round the outer lips
NEAR_UNIT = 0.05  # ours: how far beyond the detector's opening teeth and dark corners are looked for
GROW_UNIT = 0.012  # ours: edges of teeth are half lip
RING = 0.3  # ours: lip is what lies deeper between skin and opening than this share of the deepest
DARK, PALE = 0.55, 0.40  # ours: below that share of the lips' light it is the cavity, below that share of their redness it is a tooth
REACH_UNIT = 0.02  # ours: from how far the lip's colours are taken


def inside_of(photo: np.ndarray, points_K2: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """(H, W) bool over the box: the mouth's opening by the points, and the teeth and dark corners next to it by their colour."""
    from scipy.ndimage import distance_transform_edt

    unit = float(geometry.unit_length(points_K2, GUIDE))
    x0, y0, x1, y1 = box
    shape = slits.shape_of(slits.MOUTH, points_K2[None])
    u, v = shape.local(warp.nodes(box, 1)[None])
    opening = (slits.opening(shape, u, v, 1.0)[0] > 0.5).numpy()
    lips = person.face_mask(points_K2[48:60], box)
    ring = np.asarray(distance_transform_edt(lips)) * lips
    ring = lips & ~opening & (ring > RING * ring.max())
    if not ring.any() or not opening.any():
        return opening
    colour = photo[y0:y1, x0:x1].astype(np.float64)
    light = colour @ np.array([0.299, 0.587, 0.114])
    red = (colour[..., 0] - colour[..., 1]) / (colour.sum(-1) + 1)
    lip_light, lip_red = np.median(light[ring]), np.median(red[ring])
    other = (light < DARK * lip_light) | ((red < PALE * lip_red) & (light > lip_light))
    near = np.asarray(distance_transform_edt(~opening)) < NEAR_UNIT * unit
    found = opening | (other & near)
    return np.asarray(distance_transform_edt(~found)) < GROW_UNIT * unit


def closed_texture(photo: np.ndarray, points_K2: np.ndarray) -> tuple[torch.Tensor, tuple[float, float]] | None:
    """The mouth painted over: a `warp.sharp_texture` of 4 channels, colour 0..255 and where it counts 0..1, and its corner in the photo.

    None where the mouth is open by less than a pixel: there is nothing to paint over.
    """
    from scipy.ndimage import distance_transform_edt

    unit = float(geometry.unit_length(points_K2, GUIDE))
    box = support.box_round(points_K2[48:], MARGIN_UNIT * unit, photo.shape[:2])
    x0, y0, x1, y1 = box
    inside = inside_of(photo, points_K2, box)
    if not inside.any():
        return None
    colour = person.continued(photo[y0:y1, x0:x1].astype(np.float32), ~inside, REACH_UNIT * unit)
    weight = 1 - np.clip(np.asarray(distance_transform_edt(~inside)) / max(GROW_UNIT * unit, 1.5), 0, 1)
    stacked = torch.from_numpy(np.concatenate([colour, weight[..., None].astype(np.float32)], -1)).permute(2, 0, 1)
    texture = warp.sharp_texture(stacked)
    texture[3].clamp_(0, 1)  # half-way samples overshoot
    return texture, (float(x0), float(y0))
