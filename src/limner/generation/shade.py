"""The light that a smile changes: cheeks that rise and fold. A warp moves what is in the photo; folds were not in it.

The expression ratio image of Liu, Shan and Zhang 2001 ("Expressive expression mapping with ratio images"): where a smile of strength a
makes the skin exp(a r) times as bright. One map r for everybody, fitted on real pairs, laid onto the photo by its points and moved with it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from limner import geometry, warp
from limner.generation import neutral
from limner.guides.face import GUIDE

NUMBERS = Path(__file__).with_name("smile_shade.safetensors")  # made by tools/fit_smile_shade.py; its card lies beside it
MAP_SIZE = 128  # ours: pixels of the map, 58 a unit
MOST = 2.0  # ours: the strongest of the training people's smiles is 2.0 times their mean one
MOUTH = slice(48, 68)
NUM_RING, RING = 16, 0.7  # ours: places round the face that hold the map's border, and their distance from its middle in its sides
NODES_A_UNIT, SMOOTHING = 18, 1e-4  # ours: the spline is evaluated so densely; it goes through the points, nearly


@cache
def log_ratio() -> np.ndarray:
    """(MAP_SIZE, MAP_SIZE): log brightness ratio of the mean smile, in the frame of `geometry.unit_to_map(GUIDE, MAP_SIZE)`."""
    from safetensors.numpy import load_file

    return load_file(NUMBERS)["log_ratio"].astype(np.float32)


def to_map(points_K2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The face's points and a ring round them, in the photo and in the map; two (68 + NUM_RING, 2)."""
    onto = geometry.unit_to_map(GUIDE, MAP_SIZE)
    angle = np.arange(NUM_RING) * (2 * np.pi / NUM_RING)
    ring = MAP_SIZE * (0.5 + RING * np.stack([np.cos(angle), np.sin(angle)], -1))
    back = geometry.invert_affine(geometry.compose_affine(geometry.to_unit(points_K2, GUIDE), onto))
    in_map = np.concatenate([geometry.apply_affine(onto, GUIDE.canonical.astype(np.float64)), ring])
    return np.concatenate([points_K2, geometry.apply_affine(back, ring)]), in_map


def laid_on(points_K2: np.ndarray, box: tuple[int, int, int, int], unit: float) -> torch.Tensor:
    """The map over a pixel box of the photo with these points; (1, H, W) log ratio, 0 beyond the map."""
    photo, in_map = to_map(points_K2)
    step = max(1, round(unit / NODES_A_UNIT))
    centres = torch.from_numpy(photo / unit)[None]
    spline = warp.fit_spline(centres, torch.from_numpy(in_map)[None], SMOOTHING)
    nodes = warp.nodes(box, step)
    places = warp.evaluate_spline(spline.float(), centres.float(), nodes.reshape(-1, 2) / unit).view(1, *nodes.shape)
    x0, y0, x1, y1 = box
    places = warp.Upsampler((y1 - y0, x1 - x0), step)(places.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    ratio = torch.from_numpy(np.pad(log_ratio(), 1))[None, None]
    grid = (places + 1) * (2 / (MAP_SIZE + 2)) - 1
    return torch.nn.functional.grid_sample(ratio, grid, mode="bicubic", padding_mode="zeros", align_corners=False)[0]


def strength(points: np.ndarray, reference_K2: np.ndarray) -> np.ndarray:
    """(T, 68, 2) points and the photo's -> (T,) how much more they smile than it, in mean smiles; negative for less."""
    smile = neutral.numbers()["smile"][MOUTH]
    moved = (geometry.align(points, GUIDE) - geometry.align(reference_K2, GUIDE))[..., MOUTH, :]
    return np.clip((moved * smile).sum((-2, -1)) / (smile * smile).sum(), -MOST, MOST)
