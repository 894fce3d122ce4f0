"""What of a motion a photo can show. A limb that the photo does not show whole and clearly stays as it is, and it is said why.

Shapes: K = 18 points, B = 8 bones. Places are complex pixels (generation.limbs).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from limner.generation import limbs
from limner.generation.limbs import ARMS, LEGS, LIMBS
from limner.types import InputError

CLEAR = 0.55  # ours: of MediaPipe's visibility; below it elbows and wrists lie behind something more often than not
HAND = 0.05  # ours: statures beyond the wrist, half a hand; where that lies outside the picture there is no hand to move
TOGETHER = 0.1  # ours: statures between wrists: hands that hold each other, or one thing
BENT_RAD = np.radians(35.0)  # ours: arms that meet are bent; straighter ones hang side by side
SITS = 0.4  # ours: of a thigh's length; where no knee is so far below its hip, the person sits or squats


def drivable(
    moves: set[str], ever: np.ndarray, photo: np.ndarray, confidence: np.ndarray, bones: np.ndarray, size: tuple[int, int], notes: list[str]
) -> set[str]:
    """Which of the moving limbs, "torso" and "head" the photo can show; adds to the notes what stays and why.

    ever: (K,) joints that the motion sees. photo: (K,) places, with guesses where `confidence` (K,) is 0. bones: (B,) the person's own
    lengths. size: the picture's width and height. InputError where nothing is left, in words that say what is missing.
    """
    seen, stature = confidence >= limbs.SEEN, float(bones.sum() / limbs.SHARES.sum())
    stays = {name: why for name in LIMBS if (why := why_not(name, photo, confidence, stature, size))}
    shown = {name for name, (root, mid, _) in LIMBS.items() if seen[root] and seen[mid]} - set(stays)
    whole = seen[list(limbs.HIPS)].all() and any(seen[list(LIMBS[leg])].all() for leg in LEGS)
    sitting = bool(whole and sits(photo, seen, bones))
    walks = bool(moves & {*LEGS, "travel"})
    driven = moves & shown | ({"head"} if "head" in moves and seen[list(limbs.HEAD)].any() else set())
    lost = [f"the person's {spoken(name)} {stays[name]}" for name in sorted(moves & set(stays) - (set() if whole else set(LEGS)))]
    if whole and not sitting:
        driven |= moves & {"torso"}
        if walks and any(ever[list(LIMBS[leg])].all() for leg in LEGS):  # who walks stands upright on both, however the photo holds them
            driven |= {"torso"} | {leg for leg in LEGS if leg in shown and limbs.bones_seen(ever)[limbs.bones_of(leg)[0]]}
    else:
        driven -= set(LEGS)
        if walks or "torso" in moves:
            if not driven - {"head"}:
                raise InputError(_needs_legs(sitting, lost))
            notes.append(
                "the person sits, so legs and torso stay" if sitting else "the photo shows no legs, so only what is above the waist moves"
            )
    notes.extend(f"{one}, and stays" for one in lost)
    if not driven:
        because = f": {'; '.join(lost)}" if lost else ""
        raise InputError(f"the motion moves nothing of what the photo shows of the person{because}")
    return driven


def _needs_legs(sitting: bool, lost: list[str]) -> str:
    because = f" ({'; '.join(lost)})" if lost else ""
    if sitting:
        return f"the motion needs legs, and the person sits; take a photo of somebody standing, or a motion of the arms{because}"
    return f"the motion needs legs, and the photo shows none; take a photo of a whole person, or a motion of the arms{because}"


def spoken(name: str) -> str:
    """ "arm_left" -> "left arm"."""
    return " ".join(reversed(name.split("_")))


def why_not(name: str, photo: np.ndarray, confidence: np.ndarray, stature: float, size: tuple[int, int]) -> str:
    """Why a limb cannot be moved believably, in words that follow its name; empty: it can."""
    root, mid, end = LIMBS[name]
    if min(confidence[root], confidence[mid]) < limbs.SEEN:
        return "is not seen"
    if name in LEGS:
        return ""
    if min(confidence[mid], confidence[end]) < CLEAR:
        return "is not clearly seen"
    forearm = photo[end] - photo[mid]
    tip = photo[end] + forearm / max(abs(forearm), 1e-6) * HAND * stature
    if not (0 <= tip.real <= size[0] and 0 <= tip.imag <= size[1]):
        return "is cut off by the picture's edge"
    other = LIMBS[ARMS[1 - ARMS.index(name)]]
    bent = abs(np.angle(forearm * np.conj(photo[mid] - photo[root])))
    if abs(photo[end] - photo[other[2]]) < TOGETHER * stature and bent > BENT_RAD:
        return "holds on to the other one's hand or what it holds"
    return ""


def sits(photo: np.ndarray, seen: np.ndarray, bones: np.ndarray) -> bool:
    """Whether no thigh that is seen leads down."""
    drops = list(_drops(photo, seen, bones))
    return bool(drops) and max(drops) < SITS


def _drops(photo: np.ndarray, seen: np.ndarray, bones: np.ndarray) -> Iterator[float]:
    for leg in LEGS:
        hip, knee, _ = LIMBS[leg]
        if seen[hip] and seen[knee]:
            yield float((photo[knee] - photo[hip]).imag / bones[limbs.bones_of(leg)[0]])
