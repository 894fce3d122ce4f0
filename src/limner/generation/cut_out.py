"""The person of a photo taken apart: which pixel belongs to the torso, the head, or a bone of a limb, and how far each is from what.

Every part grows from its bone through the person's mask at the pace of its thickness; a pixel belongs to the first that reaches it. So an
arm beside the torso is the arm's although the torso is near, and a hand goes with its forearm.

Shapes: H W pixels of the person's box. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.generation import limbs
from limner.generation.limbs import LIMBS
from limner.guides.body import NECK

# ours: half the thickness of each part as a share of the stature, clothes included
THICK = {"upper_arm": 0.040, "forearm": 0.030, "thigh": 0.058, "shin": 0.042, "head": 0.065, "torso": 0.050}
WORK_PX = 320  # ours: the longest side at which parts grow; their edges are laid on the photo smoothly
SURE, MAYBE = 0.75, 0.25  # ours: of the detector's mask: above is the person, below is not; between, the photo's colours decide
BAND = 0.022  # ours: statures round the mask's edge in which the colours decide
NECK_SHARE = 0.35  # ours: of the way from neck to head at which the head begins
LOOSE = 1.7  # ours: cloth farther than so many thicknesses from the thigh hangs from the hips, as a skirt does
FAR = 1e6


@dataclass(frozen=True, kw_only=True)
class Parts:
    """names: of the parts, in order. near: (P, H, W) float32, distance from each part's bone in its thicknesses; owner: (H, W) index into
    names, -1 outside the person. alpha: (H, W) float32 share of the person. stature: pixels."""

    names: tuple[str, ...]
    near: np.ndarray
    owner: np.ndarray
    alpha: np.ndarray
    stature: float

    def of(self, *names: str) -> np.ndarray:
        """(H, W) bool: what belongs to these parts."""
        return np.isin(self.owner, [self.names.index(name) for name in names if name in self.names])


def seeds_of(photo: np.ndarray, seen: np.ndarray, stature: float) -> dict[str, list[np.ndarray]]:
    """Complex places (K,) -> part -> its polylines, each an array of complex places; the torso's is an area."""
    found: dict[str, list[np.ndarray]] = {}
    shoulders = [photo[k] for k in limbs.SHOULDERS if seen[k]]
    hips = [photo[k] for k in limbs.HIPS if seen[k]]
    if not hips:  # a half figure: the torso goes straight down
        hips = [s + 1j * limbs.SHARE_TORSO * stature for s in shoulders]
    outline = np.array([*shoulders, *hips[::-1]])
    found["torso"] = [outline + 0.12 * (outline.mean() - outline)]  # ours: drawn in, so that the limbs' roots lie outside
    head = [photo[k] for k in limbs.HEAD if seen[k]]
    if head:
        top = np.mean(head)
        found["head"] = [np.array([photo[NECK] + NECK_SHARE * (top - photo[NECK]), top]), np.array([top, *head])]
    for name, (root, mid, end) in LIMBS.items():
        if seen[root] and seen[mid]:
            found[f"{name}/0"] = [np.array([photo[root], photo[mid]])]
            if seen[end]:
                found[f"{name}/1"] = [np.array([photo[mid], photo[end]])]
    return found


def thickness(part: str, stature: float) -> float:
    """Half the thickness of a part in pixels."""
    if "/" not in part:
        return THICK[part] * stature
    arm = part.startswith("arm")
    return stature * THICK[("upper_arm" if arm else "thigh") if part.endswith("0") else ("forearm" if arm else "shin")]


def take_apart(pixels: np.ndarray, mask: np.ndarray, photo: np.ndarray, seen: np.ndarray, stature: float) -> Parts:
    """A person's box (H, W, 3) uint8, the detector's mask (H, W) in 0..1, the places (K,) in the box -> Parts."""
    import cv2

    alpha = matte(pixels, mask, photo, seen, stature)
    height, width = mask.shape
    scale = min(1.0, WORK_PX / max(height, width))
    small = max(2, round(width * scale)), max(2, round(height * scale))
    inside = cv2.resize((alpha > 0.3).astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.4
    seeds = seeds_of(photo * scale, seen, stature * scale)
    names = tuple(seeds)
    near = np.stack([grown(inside, seeds[name], name == "torso") / thickness(name, stature * scale) for name in names])
    torso = names.index("torso")
    for name in names:  # in front of the torso a limb is what lies within its own thickness
        if "/" in name:
            near[torso] = np.where((near[names.index(name)] < 1) & (near[torso] <= 0), 1.0, near[torso])
    near = np.stack([cv2.resize(one.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) for one in near])
    owner = near.argmin(0)
    for leg in limbs.LEGS:
        if f"{leg}/0" in names:
            k = names.index(f"{leg}/0")
            owner = np.where((owner == k) & (near[k] > LOOSE), torso, owner)
    owner = np.where(alpha > 0.02, owner, -1)
    return Parts(names=names, near=near, owner=owner, alpha=alpha, stature=stature)


def grown(inside: np.ndarray, lines: list[np.ndarray], area: bool) -> np.ndarray:
    """(H, W) bool and polylines -> (H, W) distance in pixels to them along ways within the mask; a little farther than all outside."""
    import cv2
    from skimage.graph import MCP_Geometric

    height, width = inside.shape
    seed = np.zeros((height, width), np.uint8)
    for line in lines:
        corners = np.round(limbs.as_points(line)).astype(np.int32)
        if area and len(corners) > 2:
            cv2.fillPoly(seed, [corners], 1)
        cv2.polylines(seed, [corners], False, 1)
    cost = np.where(inside | (seed > 0), 1.0, 30.0)  # outside the mask ways are dear, so that a gap does not cut a hand off
    starts = np.argwhere(seed)
    if not len(starts):
        return np.full((height, width), FAR, np.float32)
    return MCP_Geometric(cost).find_costs(starts)[0].astype(np.float32)


def matte(pixels: np.ndarray, mask: np.ndarray, photo: np.ndarray, seen: np.ndarray, stature: float) -> np.ndarray:
    """The person's share in each pixel of the box, (H, W) float32 in 0..1: GrabCut in a band round the mask's edge, then a guided filter.

    Rother, Kolmogorov, Blake 2004; He, Sun, Tang 2010. What lies close to a bone is the person although the mask may miss it.
    """
    import cv2

    band = max(2, round(BAND * stature))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1,) * 2)
    bones = np.zeros(mask.shape, np.uint8)
    for start, end in limbs.BONES:
        if seen[start] and seen[end]:
            corners = np.round(limbs.as_points(np.array([photo[start], photo[end]]))).astype(np.int32)
            cv2.polylines(bones, [corners], False, 1, thickness=max(1, round(0.03 * stature)))
    core = cv2.erode((mask > SURE).astype(np.uint8), disc)
    reach = cv2.dilate(((mask > MAYBE) | (bones > 0)).astype(np.uint8), disc)
    label = np.where(reach > 0, np.where(mask > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD), cv2.GC_BGD).astype(np.uint8)
    label[(core > 0) | ((bones > 0) & (mask > 0.1))] = cv2.GC_FGD
    if (label == cv2.GC_BGD).sum() > 50 and (label == cv2.GC_FGD).sum() > 50:
        cv2.setRNGSeed(0)
        cv2.grabCut(np.ascontiguousarray(pixels[..., ::-1]), label, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    hard = np.isin(label, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    hard = cv2.morphologyEx(hard, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    hard = largest(np.maximum(hard, core))
    soft = guided(pixels, hard.astype(np.float32), max(2, band // 2))
    return np.clip((soft - 0.1) / 0.8, 0, 1) * (cv2.dilate(hard, disc) > 0)


def largest(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask as large as a tenth of its largest, holes of the size of speckles closed."""
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
