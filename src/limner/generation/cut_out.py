"""The person of a photo taken apart: which pixel belongs to the torso, the head, or a bone of a limb, and how far each is from what.

Every part grows from its bone through the person's mask at the pace of its thickness; a pixel belongs to the first that reaches it. So an
arm beside the torso is the arm's although the torso is near, and a hand goes with its forearm.

Shapes: H W pixels of the person's box. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from limner.generation import limbs
from limner.generation.limbs import LIMBS
from limner.generation.matte import matte
from limner.guides.body import NECK

# ours: half the thickness of each part as a share of the stature, clothes included
THICK = {"upper_arm": 0.040, "forearm": 0.030, "thigh": 0.058, "shin": 0.042, "head": 0.065, "torso": 0.050}
HAND, HAND_MOST = 0.08, 0.108  # statures from the wrist to the bent fingers, ours; and to those stretched out (Drillis & Contini)
FIST = 0.025  # ours: statures; half a hand's width, however it is turned
RING = np.exp(1j * np.linspace(0, 2 * np.pi, 13))
FINGERS = 1.8  # ours: hands per way from the wrist to the knuckles
WORK_PX = 320  # ours: the longest side at which parts grow; their edges are laid on the photo smoothly
NECK_SHARE = 0.35  # ours: of the way from neck to head at which the head begins
LOOSE = 1.7  # ours: cloth farther than so many thicknesses from the thigh hangs from the hips, as a skirt does
FAR = 1e6
LOST = 1.0  # ours: thicknesses beyond the next part at which what is cut off from torso or head stands


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


def seeds_of(photo: np.ndarray, seen: np.ndarray, stature: float, tips: dict[str, complex] | None = None) -> dict[str, list[np.ndarray]]:
    """Complex places (K,) -> part -> its polylines, each an array of complex places; the torso's is an area.

    tips: arm -> where its hand ends."""
    found: dict[str, list[np.ndarray]] = {}
    tips = tips or {}
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
                found[f"{name}/1"] = [np.array([photo[mid], photo[end], tips.get(name, photo[end])])]
                if name in tips:
                    found[f"{name}/1"].append(tips[name] + (photo[end] - tips[name]) / 2 + FIST * stature * RING)
    return found


def hand_tips(photo: np.ndarray, seen: np.ndarray, stature: float, knuckles: np.ndarray | None = None) -> dict[str, complex]:
    """Arm -> where its hand ends: beyond the knuckles (2,) of the right and left hand, or as far as its forearm goes on.

    Without knuckles a forearm that points at the viewer gives half a hand."""
    tips = {}
    for side, arm in enumerate(limbs.ARMS):
        _, mid, end = LIMBS[arm]
        if not (seen[mid] and seen[end]):
            continue
        if knuckles is None:
            along = photo[end] - photo[mid]
            share = min(1.0, abs(along) / (limbs.SHARE_FOREARM * stature))
            tips[arm] = photo[end] + along / max(abs(along), 1e-6) * HAND * stature * max(0.5, share)
        else:
            along = FINGERS * (knuckles[side] - photo[end])
            tips[arm] = photo[end] + along * min(1.0, HAND_MOST * stature / max(abs(along), 1e-6))
    return tips


def thickness(part: str, stature: float) -> float:
    """Half the thickness of a part in pixels."""
    if "/" not in part:
        return THICK[part] * stature
    arm = part.startswith("arm")
    return stature * THICK[("upper_arm" if arm else "thigh") if part.endswith("0") else ("forearm" if arm else "shin")]


def take_apart(
    pixels: np.ndarray, mask: np.ndarray, photo: np.ndarray, seen: np.ndarray, stature: float, knuckles: np.ndarray | None = None
) -> Parts:
    """A person's box (H, W, 3) uint8, the detector's mask (H, W) in 0..1, places (K,) and knuckles (2,) in the box -> Parts."""
    import cv2

    tips = hand_tips(photo, seen, stature, knuckles)
    bones = [photo[[start, end]] for start, end in limbs.BONES if seen[start] and seen[end]]
    alpha = matte(pixels, mask, bones, [np.array([photo[LIMBS[arm][2]], tip]) for arm, tip in tips.items()], stature)
    height, width = mask.shape
    scale = min(1.0, WORK_PX / max(height, width))
    small = max(2, round(width * scale)), max(2, round(height * scale))
    inside = cv2.resize((alpha > 0.3).astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.4
    seeds = seeds_of(photo * scale, seen, stature * scale, {arm: tip * scale for arm, tip in tips.items()})
    names = tuple(seeds)
    near = np.stack([grown(inside, seeds[name], name == "torso") / thickness(name, stature * scale) for name in names])
    torso = names.index("torso")
    for name in names:  # in front of the torso a limb is what lies within its own thickness
        if "/" in name:
            near[torso] = np.where((near[names.index(name)] < 1) & (near[torso] <= 0), 1.0, near[torso])
    for k, name in enumerate(names):
        if "/" not in name:
            others = np.delete(near, k, 0).min(0)
            near[k] = np.where(lost(near.argmin(0) == k, seeds[name]), np.maximum(near[k], others + LOST), near[k])
    near = np.stack([cv2.resize(one.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) for one in near])
    owner = near.argmin(0)
    for leg in limbs.LEGS:
        if f"{leg}/0" in names:
            k = names.index(f"{leg}/0")
            owner = np.where((owner == k) & (near[k] > LOOSE), torso, owner)
    owner = np.where(alpha > 0.02, owner, -1)
    return Parts(names=names, near=near, owner=owner, alpha=alpha, stature=stature)


def lost(own: np.ndarray, lines: list[np.ndarray]) -> np.ndarray:
    """(H, W) bool: pieces of a part that none of its lines touches, which another part cut off: they are some other part's."""
    from skimage.measure import label

    pieces = np.asarray(label(own, connectivity=1))
    columns, rows = limbs.as_points(np.concatenate([_along(line) for line in lines])).astype(int).T
    touched = np.unique(pieces[rows.clip(0, own.shape[0] - 1), columns.clip(0, own.shape[1] - 1)])
    return own & ~np.isin(pieces, touched) if (touched > 0).any() else np.zeros(own.shape, bool)


def _along(line: np.ndarray) -> np.ndarray:
    """Complex corners -> places on the way, a pixel or less apart."""
    legs = [a + (b - a) * np.linspace(0, 1, int(abs(b - a)) + 2) for a, b in pairwise(line)]
    return np.concatenate(legs) if legs else line


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
