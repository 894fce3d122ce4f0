"""A person's bones: lengths, rotations, limbs laid by angles or reaching for a place.

Metres; x right in the picture, y down, z away from the viewer. A person stands on y = 0 and faces the viewer (-z), so their right is -x.
Sides come in the order right, left. Shapes: T time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from limner.guides import body

SIDES = np.array([-1.0, 1.0])  # x of the person's right and left
REACH = 0.998  # ours: of a limb's length; an elbow or knee never quite locks

SOFT_M = 0.006  # ours: over which the pelvis begins to sink


@dataclass(frozen=True, kw_only=True)
class Build:
    """A person's stature in metres, and each part's length beside the mean person's.

    Lengths are fractions of the stature: Drillis & Contini 1966, as in Winter, Biomechanics and Motor Control. Widths: guides.body.
    """

    stature_m: float = 1.72  # ours: about the mean of adults
    legs: float = 1.0
    arms: float = 1.0
    trunk: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    head: float = 1.0

    @staticmethod
    def random(rng: np.random.Generator) -> Build:
        """A person as people differ. ours: 4 % spread of lengths, 7 % of widths, adults of 1.5 to 1.95 m."""
        long, wide = rng.normal(1, 0.04, 4).clip(0.9, 1.1), rng.normal(1, 0.07, 2).clip(0.85, 1.2)
        return Build(
            stature_m=float(np.clip(rng.normal(1.72, 0.09), 1.5, 1.95)),
            legs=float(long[0]),
            arms=float(long[1]),
            trunk=float(long[2]),
            head=float(long[3]),
            shoulders=float(wide[0]),
            hips=float(wide[1]),
        )

    def of(self, fraction: float, part: float = 1.0) -> float:
        return fraction * part * self.stature_m

    @property
    def thigh(self) -> float:
        return self.of(0.245, self.legs)

    @property
    def shin(self) -> float:
        return self.of(0.246, self.legs)

    @property
    def ankle(self) -> float:
        """Height of the ankle over the sole."""
        return self.of(0.039)

    @property
    def heel(self) -> float:
        """How far the heel lies behind the ankle. ours, with `toe`: the foot's 0.152 shared out, its tip's thickness left aside."""
        return self.of(0.035)

    @property
    def toe(self) -> float:
        return self.of(0.100)

    @property
    def upper_arm(self) -> float:
        return self.of(0.186, self.arms)

    @property
    def forearm(self) -> float:
        return self.of(0.146, self.arms)

    @property
    def hand(self) -> float:
        return self.of(0.108, self.arms)

    @property
    def torso(self) -> float:
        """Middle of the hips to the neck."""
        return self.of(0.288, self.trunk)

    @property
    def half_shoulders(self) -> float:
        return self.of(0.0907, self.shoulders)

    @property
    def half_hips(self) -> float:
        return self.of(0.0691, self.hips)


# Head from the neck, fractions of the stature (x of the left side, y, z): heights as guides.body; depths ours
NOSE, EYE, EAR, CROWN = (0.0, -0.099, -0.065), (0.018, -0.118, -0.052), (0.0432, -0.109, -0.005), (0.0, -0.182, -0.01)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A person in motion, metres: joints (T, 18, 3) in the body guide's order, and what the guide leaves out.

    hands: (T, 2, 3) finger tips. heels, toes: (T, 2, 3), on the sole. crown: (T, 3). Right before left.
    """

    joints: np.ndarray
    hands: np.ndarray
    heels: np.ndarray
    toes: np.ndarray
    crown: np.ndarray

    def moved(self, offset_T3: np.ndarray) -> Figure:
        """The same, carried along."""
        each = offset_T3[:, None]
        return Figure(
            joints=self.joints + each, hands=self.hands + each, heels=self.heels + each, toes=self.toes + each, crown=self.crown + offset_T3
        )

    def turned(self, yaw_deg: float) -> Figure:
        """The same, turned about the vertical through the origin: 90 faces the picture's right, 180 away."""
        spin = turn(1, -yaw_deg)
        return replace(self, **{name: value @ spin.T for name, value in vars(self).items()})


def turn(axis: int, degrees: np.ndarray | float) -> np.ndarray:
    """Rotation by an angle (...) about an axis (0 x, 1 y, 2 z); -> (..., 3, 3)."""
    angle = np.radians(np.asarray(degrees, np.float64))
    cos, sin, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    rows = {
        0: ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos)),
        1: ((cos, zero, sin), (zero, one, zero), (-sin, zero, cos)),
        2: ((cos, -sin, zero), (sin, cos, zero), (zero, zero, one)),
    }[axis]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def apply(rotation: np.ndarray, vector: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """(..., 3, 3), (..., 3) -> (..., 3)."""
    return (rotation @ np.asarray(vector, np.float64)[..., None])[..., 0]


def hang(
    root_T3: np.ndarray, frame: np.ndarray, side: float, flexion: np.ndarray, abduction: np.ndarray | float, bend: np.ndarray, build: Build
) -> tuple[np.ndarray, np.ndarray]:
    """An arm by its angles in degrees, all 0 where it hangs: flexion forward, abduction to its side, elbow bent forward.

    -> (elbow (T, 3), wrist (T, 3))."""
    upper = frame @ turn(2, -side * np.asarray(abduction)) @ turn(0, -flexion)
    elbow = root_T3 + apply(upper, (0, build.upper_arm, 0))
    return elbow, elbow + apply(upper @ turn(0, -bend), (0, build.forearm, 0))


def reach(root_T3: np.ndarray, target_T3: np.ndarray, upper: float, lower: float, pole_T3: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A limb of two bones that reaches for a place, its joint bent towards `pole` (a direction); -> (joint (T, 3), end (T, 3)).

    The end falls short of a target out of reach."""
    line = target_T3 - root_T3
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    line = line / np.maximum(distance, 1e-9)
    length = distance.clip(abs(upper - lower) + 1e-6, REACH * (upper + lower))
    along = (length**2 + upper**2 - lower**2) / (2 * length)  # law of cosines
    out = pole_T3 - (pole_T3 * line).sum(-1, keepdims=True) * line
    out = out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-9)
    joint = root_T3 + along * line + np.sqrt(np.maximum(upper**2 - along**2, 0)) * out
    return joint, root_T3 + length * line


def sink(build: Build, hips: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """By how much (T,) the pelvis must sink so that both legs (T, 2, 3) reach their ankles: softly, so that it never jerks."""
    flat = np.hypot(*np.moveaxis((ankles - hips)[..., [0, 2]], -1, 0))
    length = REACH * (build.thigh + build.shin)
    short = (ankles - hips)[..., 1] - np.sqrt(np.maximum(length**2 - flat**2, 0))
    return SOFT_M * np.logaddexp(0, short.max(1) / SOFT_M)


def foot(build: Build, sole_T3: np.ndarray, pitch_T: np.ndarray, turn_out: np.ndarray | float = 0.0) -> tuple[np.ndarray, ...]:
    """A foot whose flat place is `sole` (under the ankle, on the ground or above it), pitched: toes up > 0 about its heel, heel up < 0
    about its toes, so that one of both always stays on the sole's height. -> (ankle, heel, toe), each (T, 3)."""
    rotation = turn(1, turn_out) @ turn(0, -np.asarray(pitch_T))
    pivot = np.where(np.asarray(pitch_T)[:, None] > 0, [0.0, 0.0, build.heel], [0.0, 0.0, -build.toe])
    rest = ((0.0, -build.ankle, 0.0), (0.0, 0.0, build.heel), (0.0, 0.0, -build.toe))
    return tuple(sole_T3 + apply(turn(1, turn_out), pivot) + apply(rotation, np.asarray(place) - pivot) for place in rest)


def torso(build: Build, pelvis_T3: np.ndarray, pelvis: np.ndarray, chest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """-> hips (T, 2, 3), neck (T, 3), shoulders (T, 2, 3): the lower half of the back turns with the pelvis, the upper with the chest."""
    hips = np.stack([pelvis_T3 + apply(pelvis, (side * build.half_hips, 0, 0)) for side in SIDES], 1)
    neck = pelvis_T3 + apply(pelvis, (0, -build.torso / 2, 0)) + apply(chest, (0, -build.torso / 2, 0))
    shoulders = np.stack([neck + apply(chest, (side * build.half_shoulders, 0, 0)) for side in SIDES], 1)
    return hips, neck, shoulders


@dataclass(frozen=True, kw_only=True)
class Limbs:
    """Both limbs of a kind, each array (T, 2, 3), right before left: knees and ankles, or elbows and wrists."""

    joints: np.ndarray
    ends: np.ndarray


def both(limbs: list[tuple[np.ndarray, np.ndarray]]) -> Limbs:
    return Limbs(joints=np.stack([joint for joint, _ in limbs], 1), ends=np.stack([end for _, end in limbs], 1))


def figure(
    build: Build,
    hips: np.ndarray,
    neck: np.ndarray,
    shoulders: np.ndarray,
    head: np.ndarray,
    arms: Limbs,
    legs: Limbs,
    heels: np.ndarray,
    toes: np.ndarray,
) -> Figure:
    """Puts the parts together; head: (T, 3, 3) its rotation about the neck."""

    def of_head(place: tuple[float, float, float], side: float = 1.0) -> np.ndarray:
        x, y, z = (build.of(part, build.head) for part in place)
        return neck + apply(head, (side * x, y, z))

    joints = np.empty((len(neck), 18, 3))
    joints[:, body.NOSE], joints[:, body.NECK] = of_head(NOSE), neck
    for index, side in enumerate(SIDES):
        shoulder, hip = (body.SHOULDER_R, body.HIP_R) if index == 0 else (body.SHOULDER_L, body.HIP_L)
        for start, root, limbs in ((shoulder, shoulders, arms), (hip, hips, legs)):
            joints[:, start], joints[:, start + 1], joints[:, start + 2] = root[:, index], limbs.joints[:, index], limbs.ends[:, index]
        joints[:, body.EYE_R + index], joints[:, body.EAR_R + index] = of_head(EYE, side), of_head(EAR, side)
    forearms = (arms.ends - arms.joints) / build.forearm
    return Figure(joints=joints, hands=arms.ends + build.hand * forearms, heels=heels, toes=toes, crown=of_head(CROWN))
