"""The points of a smiling photo at rest: most photos smile, and a smile must start from somewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from limner import geometry
from limner.generation import support
from limner.guides.face import GUIDE

NUMBERS = Path(__file__).with_name("neutral_shape.safetensors")  # made by tools/fit_neutral_shape.py; its card lies beside it
LEAST, FULL = 0.3, 0.6  # ours: of the mean London smile; 80 % of the training people's neutral photos read below LEAST
OPEN_UNIT = 0.06  # ours: a lip gap as wide as this counts as strength 1; neutral photos reach 0.019
REST_GAP_UNIT = 0.006  # ours: closed lips, as the detector sees them (training people: median 0.002, 90 % below 0.008)
MOUTH = slice(48, 68)
UPPER, LOWER = [61, 62, 63], [67, 66, 65]


@cache
def numbers() -> dict[str, np.ndarray]:
    """mean (136,), slope (136, 136), offset (136,) of the regression and the mean smile (68, 2), float64."""
    from safetensors.numpy import load_file

    return {name: value.astype(np.float64) for name, value in load_file(NUMBERS).items()}


def lip_gap(points: np.ndarray) -> np.ndarray:
    """(..., 68, 2) points in units -> (...,) mean distance of the inner lips."""
    return (points[..., LOWER, 1] - points[..., UPPER, 1]).mean(-1)


def estimate_neutral(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(68, 2) points in any pixels -> the same person's points at rest (68, 2), float32, and how strongly the photo smiles.

    strength: 1 is the mean smile of the London people, or a mouth open by 0.06 inter-ocular units; below 0.3 the very same points come
    back. A ridge regression in the aligned frame (eyes and nose fixed), whatever the head's place, size and tilt; lips then close.
    """
    points = np.asarray(points, np.float64)
    to_unit = geometry.to_unit(points, GUIDE)
    unit = geometry.apply_affine(to_unit, points)
    n = numbers()
    back = ((unit.ravel() - n["mean"]) @ n["slope"] + n["offset"]).reshape(-1, 2)
    smile = n["smile"][MOUTH]
    strength = max(-float((back[MOUTH] * smile).sum() / (smile * smile).sum()), float(lip_gap(unit)) / OPEN_UNIT)
    part = float(support.smoothstep((strength - LEAST) / (FULL - LEAST)))
    if part == 0:
        return points.astype(np.float32), max(strength, 0.0)
    rest = _close_lips(unit + part * back, part)
    return geometry.apply_affine(geometry.invert_affine(to_unit), rest).astype(np.float32), strength


def _close_lips(unit: np.ndarray, part: float) -> np.ndarray:
    """Brings the inner lips to a gap between 0 and that of closed lips, both sides alike; the outer lips keep their distance to them."""
    unit = unit.copy()
    gap = unit[LOWER, 1] - unit[UPPER, 1]
    change = part * (np.clip(gap, 0, REST_GAP_UNIT) - gap) / 2
    unit[UPPER, 1] -= change
    unit[LOWER, 1] += change
    for outer, i in ((50, 0), (51, 1), (52, 2), (49, 0), (53, 2)):
        unit[outer, 1] -= change[i] * (1.0 if outer in (50, 51, 52) else 0.5)
    for outer, i in ((58, 0), (57, 1), (56, 2), (59, 0), (55, 2)):
        unit[outer, 1] += change[i] * (1.0 if outer in (56, 57, 58) else 0.5)
    return unit
