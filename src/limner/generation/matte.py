"""Where a person ends: the share of each pixel that is theirs, and the colours that are theirs alone.

The detector's mask is coarse. GrabCut (Rother, Kolmogorov, Blake 2004) finds the edge in a band round it; across that edge a pixel's share
is where its colour lies between those of the person and the background beside it, and where these two are alike, a guided filter's (He,
Sun, Tang 2010).

Shapes: H W pixels of the person's box. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from limner.generation import limbs
from limner.generation.limbs import smoothstep

SURE, MAYBE = 0.75, 0.25  # ours: of the detector's mask: above is the person, below is not; between, the photo's colours decide
BAND = 0.022  # ours: statures round the mask's edge in which the colours decide
EDGE = 0.006  # ours: statures to either side of the edge found that are mixed of person and background, two pixels at least
ALIKE, APART = 20.0, 60.0  # ours: distances in grey levels: person and background nearer than the first cannot be told apart by colour
TIGHT = (0.08, 0.96)  # ours: shares below and above these are 0 and 1: an edge a little within the person has no rim of background
BONE = 0.03  # ours: thickness of what is surely the person round a bone, in statures


def matte(pixels: np.ndarray, mask: np.ndarray, bones: Iterable[np.ndarray], hands: Iterable[np.ndarray], stature: float) -> np.ndarray:
    """The person's share in each pixel of the box, (H, W) float32 in 0..1.

    pixels: (H, W, 3) uint8; mask: (H, W) in 0..1, the detector's; bones: lines of places that are the person although the mask may miss
    them; hands: lines that may be.
    """
    import cv2

    band = max(2, round(BAND * stature))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1,) * 2)
    sure, maybe = (drawn(lines, mask.shape, max(1, round(BONE * stature))) for lines in (bones, hands))
    core = cv2.erode((mask > SURE).astype(np.uint8), disc)
    reach = cv2.dilate(((mask > MAYBE) | (sure > 0) | (maybe > 0)).astype(np.uint8), disc)
    label = np.where(reach > 0, np.where((mask > 0.5) | (maybe > 0), cv2.GC_PR_FGD, cv2.GC_PR_BGD), cv2.GC_BGD).astype(np.uint8)
    label[(core > 0) | ((sure > 0) & (mask > 0.1))] = cv2.GC_FGD
    if (label == cv2.GC_BGD).sum() > 50 and (label == cv2.GC_FGD).sum() > 50:
        cv2.setRNGSeed(0)
        cv2.grabCut(np.ascontiguousarray(pixels[..., ::-1]), label, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    hard = np.isin(label, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    hard = largest(np.maximum(cv2.morphologyEx(hard, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), core))
    soft = guided(pixels, hard.astype(np.float32), max(2, band // 2)).clip(0, 1)
    shares = np.where(cv2.dilate(hard, disc) > 0, _mixed(pixels, hard, soft, stature), 0)
    return ((shares - TIGHT[0]) / (TIGHT[1] - TIGHT[0])).clip(0, 1).astype(np.float32)


def _mixed(pixels: np.ndarray, hard: np.ndarray, soft: np.ndarray, stature: float) -> np.ndarray:
    """(H, W) shares: 0 and 1 away from the edge of `hard`; on it, by colour where the colours tell, else as `soft` has them."""
    import cv2

    width = max(2, round(EDGE * stature))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2)
    inner, outer = cv2.erode(hard, disc) > 0, cv2.dilate(hard, disc) == 0
    theirs, others = _spread(pixels, inner, width), _spread(pixels, outer, width)
    across = theirs - others
    apart = np.linalg.norm(across, axis=-1)
    by_colour = ((pixels - others) * across).sum(-1) / np.maximum(apart, 1.0) ** 2
    told = smoothstep((apart - ALIKE) / (APART - ALIKE))
    mixed = told * by_colour.clip(0, 1) + (1 - told) * soft
    return np.where(inner, 1.0, np.where(outer, 0.0, mixed))


def _spread(pixels: np.ndarray, known: np.ndarray, width: int) -> np.ndarray:
    """(H, W, 3) float32: the mean colour of the known pixels near each pixel, nearest ones first."""
    import cv2

    total, weight = np.zeros(pixels.shape, np.float32), np.zeros(known.shape, np.float32)
    colours = pixels * known[..., None].astype(np.float32)
    for sigma in (width, 3 * width, 12 * width):  # each wider one counts only where the one before found next to nothing
        share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), sigma)
        left = np.maximum(1e-3 - weight, 0) / 1e-3
        total += left[..., None] * cv2.GaussianBlur(colours, (0, 0), sigma)
        weight += left * share
    return total / np.maximum(weight, 1e-6)[..., None]


def pure_colours(pixels: np.ndarray, alpha: np.ndarray, stature: float) -> np.ndarray:
    """(H, W, 3) float32: the person's own colours; where the background shines through, without its part, near those just inside."""
    import cv2

    width = max(2, round(EDGE * stature))
    sure = cv2.erode((alpha > 0.98).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not sure.any():
        return pixels.astype(np.float32)
    theirs, others = _spread(pixels, sure, width), _spread(pixels, alpha < 0.02, width)
    share = alpha[..., None]
    without = (pixels - (1 - share) * others) / np.maximum(share, 0.2)
    trust = smoothstep((share - 0.4) / 0.5)  # of little of the person little can be told
    mixed = trust * without.clip(0, 255) + (1 - trust) * theirs
    return np.where(alpha[..., None] > 0.98, pixels, mixed).astype(np.float32)


def drawn(lines: Iterable[np.ndarray], shape: tuple[int, ...], thickness: int) -> np.ndarray:
    """(H, W) uint8: 1 on polylines of complex places."""
    import cv2

    out = np.zeros(shape, np.uint8)
    for line in lines:
        cv2.polylines(out, [np.round(limbs.as_points(line)).astype(np.int32)], False, 1, thickness=thickness)
    return out


def largest(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask as large as a tenth of its largest."""
    import cv2

    num, label, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if num < 2:
        return mask
    area = stats[:, cv2.CC_STAT_AREA].astype(float)
    area[0] = 0
    return np.isin(label, np.flatnonzero(area > 0.1 * area.max())).astype(np.uint8)


def guided(pixels: np.ndarray, values: np.ndarray, radius: int, eps: float = 1e-3) -> np.ndarray:
    """The guided filter (He et al. 2010) of (H, W) values by the picture's brightness; eps in units of its square, 0..1."""
    import cv2

    guide = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mean = lambda x: cv2.blur(x, (2 * radius + 1,) * 2)  # noqa: E731
    mean_g, mean_v = mean(guide), mean(values)
    a = (mean(guide * values) - mean_g * mean_v) / (mean(guide * guide) - mean_g**2 + eps)
    return mean(a) * guide + mean(mean_v - a * mean_g)
