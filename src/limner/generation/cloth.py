"""Cloth between the parts of a person: what hangs from arm and trunk alike stretches between them, and a skirt follows both legs.

A sleeve or a shirt below a lifted arm is neither the arm's nor the trunk's. About the shoulder it lies like a fan from the trunk's side to
the arm; every place turns by its share of that angle, so the fan opens and closes and nothing is torn off.

Shapes: H W pixels of the person's box. Places are complex pixels of that box (generation.limbs).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from limner.generation import limbs
from limner.generation.cut_out import Parts, thickness
from limner.generation.limbs import ARMS, LEGS, LIMBS, smoothstep
from limner.guides.body import HIP_L, HIP_R

SIDE = 0.03  # ours: statures that a trunk reaches beyond the line from shoulder to hip
REACH = 0.28  # ours: statures from the shoulder at which cloth no longer follows the arm; it does so less from half of that on
OPEN_RAD = np.radians(60.0)  # ours: an arm nearer to the trunk carries its sleeve along; beyond that, cloth between them is a fan
CAP_RAD = np.radians(60.0)  # ours: beyond the arm, over the shoulder, the trunk follows it less and less
SLEEVE, HANGS = 3.0, 0.2  # ours: thicknesses from the arm, and statures from the shoulder, that what hangs from it reaches
CONTESTED = 2.0  # ours: what is nearer to the trunk than to the arm by more than so many times is the trunk's
STRIP = 0.012  # ours: statures; half the width of strips that stay the trunk's own edge
BEND = 1.2  # ours: thicknesses to either side of a joint over which the limb bends
# ours: thicknesses from the thigh that trousers do not reach, and the share of cloth beyond from which it is a skirt (seen: of trousers
# 0.07 to 0.13, of a shirt tied round the waist 0.22)
WIDE_CLOTH, SKIRT = 1.25, 0.17
# ours: of the thigh, where a skirt still joins the legs; the share of the way between them that it covers (seen: trousers 0.88 at most);
# and thicknesses that the legs must be apart there, since trousers touch
HEM, JOINED, APART = 0.9, 0.95, 2.4


def grid(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) complex places of the pixels' centres."""
    return np.arange(shape[1])[None] + 0.5 + 1j * (np.arange(shape[0])[:, None] + 0.5)


def ahead_of(at: np.ndarray, start: complex, towards: complex) -> np.ndarray:
    """How far places lie along the way from start towards another place, pixels; behind it less than 0."""
    return np.real((at - start) * np.conj((towards - start) / max(abs(towards - start), 1e-6)))


def root_share(name: str, parts: Parts, photo: np.ndarray) -> np.ndarray:
    """(H, W) in 0..1: by how much places turn with a limb's first bone rather than with the torso, as far along it as they lie."""
    start, mid, _ = (photo[k] for k in LIMBS[name])
    return smoothstep(0.5 + ahead_of(grid(parts.owner.shape), start, mid) / thickness(f"{name}/0", parts.stature) / (2 * BEND))


@dataclass(frozen=True)
class _Fan:
    """Round a shoulder, (H, W) each: angle from the trunk's line, below 0 within it; trunk and edge: those of the trunk's side and of the
    arm's, which depend on how far, in statures, a place is. opening: from the trunk's line to the arm's, all in radians."""

    angle: np.ndarray
    trunk: np.ndarray
    edge: np.ndarray
    far: np.ndarray
    opening: float


def _fan(arm: str, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> _Fan:
    start, mid, _ = (photo[k] for k in LIMBS[arm])
    hip = {"arm_right": HIP_R, "arm_left": HIP_L}[arm]
    down = photo[hip] - start if seen[hip] and abs(photo[hip] - start) > 1e-6 else 1j
    from_shoulder = grid(parts.owner.shape) - start
    between = float(np.angle((mid - start) * np.conj(down)))  # either way round
    far = np.maximum(np.abs(from_shoulder) / parts.stature, 1e-6)
    edge = abs(between) - 0.6 * np.arcsin(np.minimum(thickness(f"{arm}/0", parts.stature) / parts.stature / far, 1))
    angle = np.angle(from_shoulder * np.conj(down)) * np.sign(between)
    return _Fan(angle, np.arcsin(np.minimum(SIDE / far, 1)), edge, far, abs(between))


def sleeve_share(arm: str, parts: Parts, photo: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """(H, W) in 0..1: by how much the trunk's own places turn with an arm: 0 at the trunk's side, at the arm as the arm itself.

    None where the arm is near the trunk, so that its sleeve goes with it."""
    fan = _fan(arm, parts, photo, seen)
    if fan.opening < OPEN_RAD:
        return None
    gap = np.maximum(fan.edge - fan.trunk, 1e-3)
    share = smoothstep((fan.angle - fan.trunk) / gap) * smoothstep((REACH - fan.far) / (REACH / 3))
    share *= smoothstep((fan.opening + CAP_RAD - fan.angle) / CAP_RAD)
    return share * root_share(arm, parts, photo)


def sleeved(parts: Parts, photo: np.ndarray, seen: np.ndarray) -> Parts:
    """The parts with what hangs from an arm close to the trunk, and was taken for the trunk's, given to the arm."""
    import cv2

    near, torso = parts.near.copy(), parts.names.index("torso")
    for arm in (arm for arm in ARMS if f"{arm}/0" in parts.names):
        fan = _fan(arm, parts, photo, seen)
        if fan.opening >= OPEN_RAD:
            continue
        own = near[parts.names.index(f"{arm}/0")]
        hangs = (
            parts.of("torso")
            & (fan.angle > fan.trunk)
            & (fan.far > SIDE)
            & (fan.far < HANGS)
            & (own < np.minimum(SLEEVE, CONTESTED * near[torso]))
        )
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(STRIP * parts.stature) + 1,) * 2)
        whole = (hangs | parts.of(f"{arm}/0", f"{arm}/1")).astype(np.uint8)
        hangs &= cv2.morphologyEx(whole, cv2.MORPH_OPEN, disc) > 0
        pieces = cv2.connectedComponents(hangs.astype(np.uint8))[1]
        at_edge = cv2.dilate((parts.owner < 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        hangs &= np.isin(pieces, np.unique(pieces[at_edge & hangs]))  # what lies amid the trunk hangs from nothing
        near[torso] = np.where(hangs, np.maximum(near[torso], own + 0.5), near[torso])
    owner = np.where(parts.owner == torso, near.argmin(0), parts.owner)
    return replace(parts, near=near, owner=owner)


def skirted(parts: Parts, photo: np.ndarray) -> bool:
    """Whether the cloth about the thighs is too wide for trousers, or leads from one to the other above knees that stand apart: a skirt."""
    thighs = [f"{leg}/0" for leg in LEGS]
    if not set(thighs) <= set(parts.names):
        return False
    wide = [parts.near[parts.names.index(name)][parts.of(name)] > WIDE_CLOTH for name in thighs]
    if all(len(one) > 0 and float(one.mean()) > SKIRT for one in wide):
        return True
    (hip_r, knee_r, _), (hip_l, knee_l, _) = (LIMBS[leg] for leg in LEGS)
    right, left = ((1 - HEM) * photo[hip] + HEM * photo[knee] for hip, knee in ((hip_r, knee_r), (hip_l, knee_l)))
    x, y = limbs.as_points(right + (left - right) * np.linspace(0.3, 0.7, 25)).astype(int).T
    height, width = parts.alpha.shape
    joined = parts.alpha[y.clip(0, height - 1), x.clip(0, width - 1)] > 0.5
    return bool(joined.mean() > JOINED and abs(left - right) > APART * thickness(thighs[0], parts.stature))


def between_legs(parts: Parts, photo: np.ndarray) -> np.ndarray:
    """(H, W) in 0..1: where places lie from the right thigh's line, 0, to the left one's, 1."""
    at, lines = grid(parts.owner.shape), [(photo[LIMBS[leg][0]], photo[LIMBS[leg][1]]) for leg in LEGS]
    middle = np.mean([(hip + knee) / 2 for hip, knee in lines])
    inward = []
    for hip, knee in lines:
        across = 1j * (knee - hip) / max(abs(knee - hip), 1e-6)
        sign = np.sign(np.real((middle - hip) * np.conj(across))) or 1.0
        inward.append(sign * np.real((at - hip) * np.conj(across)))
    return smoothstep(inward[0] / np.maximum(inward[0] + inward[1], 0.02 * parts.stature))
