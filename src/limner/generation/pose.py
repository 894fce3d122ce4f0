"""What a body does over time, apart from where it stands: blended, looped, and unfolded into joints that stand on the ground.

Shapes: T time, K = 18 points, B = 8 bones. Places and bones are complex pixels (generation.limbs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from limner.generation import limbs
from limner.generation.limbs import HIPS, LEGS, LIMBS, SHOULDERS, smoothstep, turned
from limner.guides.body import ANKLE_L, ANKLE_R, NECK

START_S = 0.6  # ours: seconds from the photo's own pose into the motion; a quarter of the motion at most
LOOP_S = 0.4  # ours: seconds over which the end of a loop becomes its beginning
STANDS = (0.03, 0.08)  # ours: leg lengths above the ground: up to the first a foot stands, from the second on it is in the air
NEAR_GROUND = 0.02  # ours: leg lengths over which the weight passes from one foot to the other
GROUND = 95.0  # ours: percentile of the lowest ankle's height in the picture that is the ground


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A motion of a person, frame by frame.

    bones: (T, B) complex, the limbs' bones in the photo's pixels; own: (B,) the photo's. torso: (T,) complex factor of the photo's torso:
    its turn, and its length along itself. head: (T,) radians, turned beyond the torso. lift: (T,) pixels that the lower foot is above the
    ground. weight: (T, 2) how much the right and left foot stand, both 0 in the air. foot_speed: (T, 2), body_speed: (T,) pixels a frame
    sideways, of the feet and of the hips in the motion, in the photo's scale.
    """

    bones: np.ndarray
    own: np.ndarray
    torso: np.ndarray
    head: np.ndarray
    lift: np.ndarray
    weight: np.ndarray
    foot_speed: np.ndarray
    body_speed: np.ndarray

    @staticmethod
    def of(
        places: np.ndarray,
        ever: np.ndarray,
        *,
        bones: np.ndarray,
        torso: np.ndarray,
        head: np.ndarray,
        scale: float,
        leg_px: float,
        own: np.ndarray,
    ) -> Pose:
        """From the places (T, K) of the motion's own body: how its feet stand. scale: photo's leg / the motion's, which is leg_px."""
        num = len(places)
        still = Pose(
            bones=bones,
            own=own,
            torso=torso,
            head=head,
            lift=np.zeros(num),
            weight=np.full((num, 2), 0.5),
            foot_speed=np.zeros((num, 2)),
            body_speed=np.zeros(num),
        )
        if not (ever[[ANKLE_R, ANKLE_L]].any() and ever[list(HIPS)].any()):
            return still
        feet = places[:, [ANKLE_R, ANKLE_L]]
        known = ever[[ANKLE_R, ANKLE_L]]
        low = np.where(known, np.imag(feet), -np.inf)
        height = (np.percentile(low.max(1), GROUND) - low) / leg_px  # of each foot, in leg lengths
        lowest = np.maximum(height.min(1), 0)
        stands = 1 - smoothstep((lowest - STANDS[0]) / (STANDS[1] - STANDS[0]))
        share = np.where(known, np.exp(-np.minimum(height - height.min(1, keepdims=True), 1) / NEAR_GROUND), 0)
        hips = limbs.middle(places, HIPS, ever)
        return replace(
            still,
            lift=np.maximum(lowest - STANDS[0], 0) * leg_px * scale,
            weight=share / share.sum(1, keepdims=True) * stands[:, None],
            foot_speed=np.where(known, np.gradient(np.real(feet), axis=0), 0) * scale,
            body_speed=np.gradient(np.real(hips)) * scale,
        )

    def __len__(self) -> int:
        return len(self.bones)


TURNING = ("bones", "torso")


def _mixed(first: Pose, second: Pose, share_T: np.ndarray) -> Pose:
    """first (share 0) to second (1), frame by frame; bones and torso turn, the rest is straight."""
    values = {}
    for field in fields(Pose):
        a, b = getattr(first, field.name), getattr(second, field.name)
        share = share_T.reshape(-1, *[1] * (np.ndim(a) - 1))
        if field.name == "own":
            values[field.name] = a
        else:
            values[field.name] = turned(a, b, share) if field.name in TURNING else (1 - share) * a + share * b
    return Pose(**values)


def _cut(pose: Pose, start: int, stop: int) -> Pose:
    """Frames start..stop."""
    return _each(lambda values: values[start:stop], pose)


def _each(change: Callable[..., np.ndarray], *poses: Pose) -> Pose:
    """Every series of the poses put through `change`; what is the photo's stays."""
    series = (field.name for field in fields(Pose) if field.name != "own")
    return replace(poses[0], **{name: change(*(getattr(pose, name) for pose in poses)) for name in series})


def started(pose: Pose, fps: float) -> Pose:
    """The same, beginning in the photo's own pose and easing into the motion."""
    num = len(pose)
    ease = int(np.clip(round(START_S * fps), 1, max(1, num // 4)))
    share = np.asarray(smoothstep(np.arange(num) / ease))
    still = replace(
        pose,
        bones=np.tile(pose.own, (num, 1)),
        torso=np.ones(num, complex),
        head=np.zeros(num),
        lift=np.zeros(num),
        foot_speed=np.zeros_like(pose.foot_speed),
        body_speed=np.zeros(num),
    )
    return _mixed(still, pose, share)


def joined(pose: Pose, fps: float) -> Pose:
    """The same cut where it comes nearest to its own beginning, its end blended into its start: the last frame leads to the first."""
    num = len(pose)
    ease = int(np.clip(round(LOOP_S * fps), 1, max(1, num // 4)))
    ends = range(max(num // 2, ease + 1), num - ease + 1)
    if not ends:
        return pose
    size = np.abs(pose.own) + 1e-6
    cost = [float((np.abs((pose.bones[end : end + ease] - pose.bones[:ease]) / size) ** 2).sum()) for end in ends]
    end = ends[int(np.argmin(cost))]
    share = np.asarray(smoothstep((np.arange(ease) + 0.5) / ease))
    first = _mixed(_cut(pose, end, end + ease), _cut(pose, 0, ease), share)
    return _each(lambda one, other: np.concatenate([one, other]), first, _cut(pose, ease, end))


def unfolded(pose: Pose, photo: np.ndarray, seen: np.ndarray, driven: set[str], *, spot: bool = False) -> np.ndarray:
    """A Pose and the photo's (K,) places -> (T, K) places. The torso is the photo's, turned and shortened; limbs hang from it.

    Where the legs are driven the lower foot stands on the photo's ground, or the pose's lift above it, and the body moves sideways so
    that a standing foot moves no more than in the motion; `spot`: the hips keep to their column, as on a treadmill. Else the hips stay.
    """
    num = len(pose)
    hips = photo[list(HIPS)].mean() if seen[list(HIPS)].all() else photo[NECK]
    axis = photo[NECK] - hips
    axis = axis / abs(axis) if abs(axis) > 1e-6 else -1j
    places = np.tile(photo, (num, 1))
    shape = (photo[None] - hips) * np.conj(axis)  # along the torso: real; across it: imaginary
    length = np.abs(pose.torso)[:, None]
    trunk = (shape.real * length + 1j * shape.imag) * axis * np.exp(1j * np.angle(pose.torso))[:, None]
    places[:, [NECK, *SHOULDERS, *HIPS]] = hips + trunk[:, [NECK, *SHOULDERS, *HIPS]]
    turn = np.exp(1j * (np.angle(pose.torso) + pose.head))
    for k in limbs.HEAD:
        places[:, k] = places[:, NECK] + (photo[k] - photo[NECK]) * turn
    for name, (root, mid, end) in LIMBS.items():
        first, second = limbs.bones_of(name)
        at_rest = name not in driven and name not in LEGS  # then it hangs from the torso
        rides = np.exp(1j * np.angle(pose.torso)) if at_rest else np.ones(num)
        places[:, mid] = places[:, root] + pose.bones[:, first] * rides
        places[:, end] = places[:, mid] + pose.bones[:, second] * rides
    if not driven & set(LEGS):
        return places
    return places + _stood(places, pose, photo, seen, spot)[:, None]


def _stood(places: np.ndarray, pose: Pose, photo: np.ndarray, seen: np.ndarray, spot: bool) -> np.ndarray:
    """(T,) complex: how far each frame's body is moved so that it stands."""
    ankles = [k for k in (ANKLE_R, ANKLE_L) if seen[k]]
    down = np.imag(photo[ankles]).max() - pose.lift - np.imag(places[:, ankles]).max(1)
    if spot:
        return 1j * down
    own_speed = np.gradient(np.real(places[:, [ANKLE_R, ANKLE_L]]), axis=0)
    weight = np.where(seen[[ANKLE_R, ANKLE_L]], pose.weight, 0)
    speed = (weight * (pose.foot_speed - own_speed)).sum(1) + (1 - weight.sum(1)) * pose.body_speed
    along = np.concatenate([[0], np.cumsum((speed[1:] + speed[:-1]) / 2)])
    return along + 1j * down
