"""A skeleton as bones: what retargeting and the body renderers share. Places are complex numbers, x + iy, so that turning is a product.

Shapes: T time, K = 18 points of the body guide, B = 8 bones of the limbs, two to a limb.
"""

from __future__ import annotations

import numpy as np

from limner.guides import body

SEEN = 0.3  # ours: below this confidence a joint of a photo is a guess
# Each limb as (root, middle, end) joints.
LIMBS: dict[str, tuple[int, int, int]] = {
    "arm_right": (body.SHOULDER_R, body.ELBOW_R, body.WRIST_R),
    "arm_left": (body.SHOULDER_L, body.ELBOW_L, body.WRIST_L),
    "leg_right": (body.HIP_R, body.KNEE_R, body.ANKLE_R),
    "leg_left": (body.HIP_L, body.KNEE_L, body.ANKLE_L),
}
ARMS, LEGS = ("arm_right", "arm_left"), ("leg_right", "leg_left")
BONES: tuple[tuple[int, int], ...] = tuple(pair for a, b, c in LIMBS.values() for pair in ((a, b), (b, c)))
HEAD = (body.NOSE, body.EYE_R, body.EYE_L, body.EAR_R, body.EAR_L)
TRUNK = (body.NECK, body.SHOULDER_R, body.SHOULDER_L, body.HIP_R, body.HIP_L)
HIPS, SHOULDERS = (body.HIP_R, body.HIP_L), (body.SHOULDER_R, body.SHOULDER_L)
# Lengths as shares of the stature: Drillis & Contini 1966 as in Winter, Biomechanics and Motor Control; the torso is neck to mid-hip
SHARE_UPPER_ARM, SHARE_FOREARM, SHARE_THIGH, SHARE_SHIN, SHARE_TORSO = 0.186, 0.146, 0.245, 0.246, 0.288
SHARE_SHOULDERS = 0.63 * SHARE_TORSO  # guides.body: median width of frontal people
SHARES = np.array([SHARE_UPPER_ARM, SHARE_FOREARM] * 2 + [SHARE_THIGH, SHARE_SHIN] * 2)
OTHER_SIDE = [2, 3, 0, 1, 6, 7, 4, 5]  # the bone of the other side
STATURE_QUANTILE = 0.6  # ours: of the statures that the parts speak for: bones seen from their end speak for too little


def bones_of(limb: str) -> tuple[int, int]:
    """The two bones of a limb, as indices into BONES."""
    first = 2 * list(LIMBS).index(limb)
    return first, first + 1


def as_complex(points: np.ndarray) -> np.ndarray:
    """(..., 2) -> (...) complex."""
    points = np.asarray(points, np.float64)
    return points[..., 0] + 1j * points[..., 1]


def as_points(places: np.ndarray) -> np.ndarray:
    """(...) complex -> (..., 2)."""
    return np.stack([np.real(places), np.imag(places)], -1)


def bone_vectors(places: np.ndarray) -> np.ndarray:
    """(..., K) complex places -> (..., B) complex vectors of the limbs' bones, from the body outward."""
    return np.stack([places[..., end] - places[..., start] for start, end in BONES], -1)


def bones_seen(seen: np.ndarray) -> np.ndarray:
    """(..., K) bool -> (..., B): both ends of the bone are seen."""
    return np.stack([seen[..., start] & seen[..., end] for start, end in BONES], -1)


def middle(places: np.ndarray, joints: tuple[int, ...], seen: np.ndarray) -> np.ndarray:
    """(..., K) complex places, (K,) seen -> (...) mean of those of the joints that are seen. ValueError where none is."""
    chosen = [k for k in joints if seen[k]]
    if not chosen:
        raise ValueError("none of these joints is seen")
    return places[..., chosen].mean(-1)


def stature(lengths_B: np.ndarray, seen_B: np.ndarray, torso: float | None, shoulders: float | None) -> float:
    """The stature in pixels that bone lengths and a torso speak for; shoulders: their distance, where nothing else is seen.

    ValueError where nothing is seen.
    """
    by_bones = lengths_B[seen_B] / SHARES[seen_B]
    every = [*by_bones, *([] if torso is None else [torso / SHARE_TORSO])]
    if every:
        return float(np.quantile(every, STATURE_QUANTILE))
    if shoulders is None:
        raise ValueError("no bone is seen")
    return shoulders / SHARE_SHOULDERS


def turned(start: np.ndarray, end: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Complex vectors between `start` (share 0) and `end` (1): the angle goes the short way, the length straight."""
    angle = np.angle(end * np.conj(start))
    length = (1 - share) * np.abs(start) + share * np.abs(end)
    return length * np.exp(1j * (np.angle(start) + share * angle))


def smoothstep(x: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
