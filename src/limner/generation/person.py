"""The person as a layer over the background, so that nothing behind a moving head bends.

Where the segmenter finds the person, the photo is taken apart: the person moves, the background stands still, and where the person uncovers
some of it, it is continued from beside. Without a segmenter nobody knows what is background; then places may move the less, the nearer they
lie to what may be background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from limner import geometry, warp
from limner.detect.backends import quiet
from limner.generation import support
from limner.guides.face import GUIDE

CROP_UNIT = 1.6  # ours: how much round the face the segmenter sees
# ours: the layer reaches so far beyond the mask: a rim of background moves along, none of the face stays behind
RIM_UNIT, RIM_PX = 0.02, 2.0
SOFT_UNIT = 0.03  # ours: the edge of the layer: wide enough that loose hair fades over rather than breaks
CONTINUE_UNIT = 0.03  # ours: how far beside itself the uncovered background looks for its colours
REACHES, TRUSTED = (1, 3, 9), 0.05  # ours: widths of those means, in reaches, and the share of known pixels from which one is trusted
NECK_UNIT = 0.2  # ours: without a segmenter, the neck begins so far above the chin
LEAST_PX, SLOPE = 0.5, 0.4  # ours, without a segmenter: on background; more for each pixel within the person (1 would fold the photo)


@dataclass(frozen=True)
class Layers:
    """A box of the photo taken apart. alpha: (1, H, W) share of the person, 0..1; plate: (3, H, W) the background, continued behind it."""

    alpha: torch.Tensor
    plate: torch.Tensor


def find_person(photo: np.ndarray, points_K2: np.ndarray) -> np.ndarray | None:
    """(H, W) bool, True on the person, by MediaPipe's selfie segmentation (its model is in the wheel); None where that is not installed.

    Only the surroundings of the face are looked at; beyond them all is False.
    """
    try:
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation
    except ImportError:  # mediapipe without mp.solutions (Python 3.13)
        return None
    x0, y0, x1, y1 = support.box_of(points_K2, photo.shape[:2], CROP_UNIT)
    with quiet(), SelfieSegmentation(model_selection=0) as segmenter:
        result: Any = segmenter.process(np.ascontiguousarray(photo[y0:y1, x0:x1]))
    person = np.zeros(photo.shape[:2], bool)
    person[y0:y1, x0:x1] = result.segmentation_mask > 0.5
    return person


def take_apart(photo: np.ndarray, person: np.ndarray, points_K2: np.ndarray, box: tuple[int, int, int, int]) -> Layers | None:
    """The layers of a pixel box of the photo; None where all of it is the person. person: (H, W) bool."""
    from scipy.ndimage import distance_transform_edt

    unit = float(geometry.unit_length(points_K2, GUIDE))
    x0, y0, x1, y1 = box
    inside = person[y0:y1, x0:x1] | face_mask(points_K2, box)
    if inside.all():
        return None
    beyond = np.asarray(distance_transform_edt(~inside))
    alpha = (1 - (beyond - RIM_UNIT * unit - RIM_PX) / max(SOFT_UNIT * unit, 1.0)).clip(0, 1)
    covered = alpha >= 1
    if covered.all():
        return None
    picture = photo[y0:y1, x0:x1].astype(np.float32)
    plate = np.where(
        covered[..., None], continued(picture, beyond > RIM_UNIT * unit + RIM_PX + SOFT_UNIT * unit, CONTINUE_UNIT * unit), picture
    )
    return Layers(torch.from_numpy(alpha[None].astype(np.float32)), torch.from_numpy(np.ascontiguousarray(plate.transpose(2, 0, 1))))


def continued(picture: np.ndarray, known: np.ndarray, reach_px: float) -> np.ndarray:
    """(H, W, 3) float picture -> what is known of it, spread smoothly over the rest: means at `reach_px`, wider ones farther away."""
    from scipy.ndimage import gaussian_filter

    height, width = known.shape
    coarse = max(1, min(int(reach_px / 2), min(height, width) // 4))  # smooth means need no full resolution
    stacked = torch.from_numpy(np.concatenate([picture * known[..., None], known[..., None]], -1).astype(np.float32)).permute(2, 0, 1)
    small = torch.nn.functional.avg_pool2d(stacked[None], coarse, ceil_mode=True)[0].numpy()
    colour, weight = small[:3], small[3:]
    out, trust = np.zeros_like(colour), np.zeros_like(weight)
    for reach in (times * reach_px / coarse for times in REACHES):
        near = gaussian_filter(weight, (0, reach, reach))
        part = (1 - trust) * np.clip(near / TRUSTED, 0, 1)
        out, trust = out + part * gaussian_filter(colour, (0, reach, reach)) / np.maximum(near, 1e-6), trust + part
    rest = picture[known].mean(0) if known.any() else picture.mean((0, 1))
    out = torch.from_numpy((out + (1 - trust) * rest[:, None, None]).astype(np.float32))
    spread = torch.nn.functional.interpolate(out[None], scale_factor=coarse, mode="bilinear", align_corners=False)[0, :, :height, :width]
    return spread.permute(1, 2, 0).numpy()


def face_mask(points_K2: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """(H, W) bool: the convex hull of the face's points, within a pixel box."""
    from PIL import Image, ImageDraw
    from scipy.spatial import ConvexHull

    x0, y0, x1, y1 = box
    mask = Image.new("1", (x1 - x0, y1 - y0))
    ImageDraw.Draw(mask).polygon([(float(x) - x0, float(y) - y0) for x, y in points_K2[ConvexHull(points_K2).vertices]], fill=1)
    return np.asarray(mask)


def assumed_person(points_K2: np.ndarray, at_hw2: np.ndarray) -> np.ndarray:
    """(h, w) bool: what is the person for certain, the hull of the face's points, and the neck below the jaw."""
    unit = float(geometry.unit_length(points_K2, GUIDE))
    face = support.distance_to_hull(points_K2, at_hw2) <= 0
    axis, down = support.upright(points_K2)
    jaw = points_K2[[5, 11]]
    along, below = at_hw2 @ axis, at_hw2 @ down
    return face | ((along > (jaw @ axis).min()) & (along < (jaw @ axis).max()) & (below > (points_K2[8] @ down) - NECK_UNIT * unit))


def may_move(points_K2: np.ndarray, box: tuple[int, int, int, int], step: int) -> np.ndarray:
    """How many pixels each node of `warp.nodes(box, step)` may move where nobody knows what is background; (h, w)."""
    from scipy.ndimage import distance_transform_edt

    inside = assumed_person(points_K2, warp.nodes(box, 1).numpy())
    if inside.all():
        return np.full(warp.nodes(box, step).shape[:2], np.inf)
    distance = np.asarray(distance_transform_edt(inside))
    x0, y0, x1, y1 = box
    nodes = warp.nodes(box, step).numpy()
    column = np.clip((nodes[0, :, 0] - x0).astype(int), 0, x1 - x0 - 1)
    row = np.clip((nodes[:, 0, 1] - y0).astype(int), 0, y1 - y0 - 1)
    return LEAST_PX + SLOPE * distance[np.ix_(row, column)]
