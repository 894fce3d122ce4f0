"""Walking, jogging and running: joint angles over the stride as gait laboratories publish them, feet that stand where they stand.

The hip, knee and ankle curves give the way of a foot through its swing, and how the foot is pitched. In its stance a foot is fixed to the
ground, on its heel, flat, then on its toes; the pelvis goes on at a steady speed, and knees and hips follow the feet (two-bone inverse
kinematics), so the angles that come out differ a little from those that went in; tests hold them to the published ranges.

Angles in degrees over the phase of a leg: 0 where its foot meets the ground, 1 where it does so again. Shapes: T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.sources.kinematics.skeleton import SIDES, Build, Figure, both, figure, foot, hang, reach, sink, torso, turn

CLEARANCE_M = 0.02  # ours: a foot in swing is lifted by so much more, so that it never drags
Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Gait:
    """Numbers of a gait. hip, thigh forward; knee, bent; ankle, toes up: (phase, degrees) through which smooth curves go."""

    steps_a_minute: float
    speed_m_s: float  # of a person of 1.72 m; others in proportion to the length of their legs
    stance: float  # the part of the stride in which the foot is on the ground
    flat: tuple[float, float]  # the phases between which the whole foot is
    under: float  # the phase at which the ankle is under the hip
    hip: Keys
    knee: Keys
    ankle: Keys
    extension: float  # height of the hips over the ankles where they are highest, of the legs' length
    bob_m: float  # the pelvis rises and sinks by so much, and further where a leg would not reach the ground
    crest: float  # the phase at which it is highest
    lean: float  # of the trunk, forward
    pelvis_turn: float  # to each side, with the leg that steps forward
    chest_turn: float  # to each side, against it
    pelvis_list: float  # to each side: sinks over the leg in swing
    half_width: float  # of the track of the feet, of the hips' half width
    shoulder: tuple[float, float]  # (middle, swing to each side), forward
    elbow: tuple[float, float]  # (middle, swing to each side), bent


# Angles at the phases of Perry & Burnfield, Gait Analysis (2nd ed. 2010), chapters 3-5: initial contact 0, loading 0.12, mid stance 0.31,
# terminal stance 0.50, pre-swing 0.62, initial swing 0.75, mid swing 0.87; 113 steps a minute, 1.37 m/s, stance 62 %. Pelvis and bob: the
# same, chapter 6 (transverse 5 each side, list 4, vertical 4 cm, of which legs out of reach make 2). Arms: Murray, Sepic & Barnard 1967 (32
# degrees at the shoulder, 24 of them back; elbow 20 to 47).
WALKING = Gait(
    steps_a_minute=113,
    speed_m_s=1.37,
    stance=0.62,
    flat=(0.10, 0.36),
    under=0.26,  # ours
    hip=((0, 22), (0.12, 20), (0.31, 2), (0.50, -12), (0.62, -4), (0.75, 16), (0.87, 26)),
    knee=((0, 5), (0.12, 16), (0.31, 7), (0.40, 5), (0.50, 10), (0.62, 40), (0.72, 60), (0.87, 25), (0.97, 3)),
    ankle=((0, 0), (0.08, -6), (0.31, 5), (0.48, 10), (0.62, -16), (0.75, -5), (0.87, 0)),
    extension=0.992,
    bob_m=0.018,
    crest=0.31,
    lean=3,  # ours
    pelvis_turn=5,
    chest_turn=4,  # ours
    pelvis_list=4,
    half_width=0.55,  # ours: a step about 8 cm wide
    shoulder=(-6, 18),
    elbow=(30, 11),
)

# Novacheck, The biomechanics of running, Gait & Posture 7 (1998), figures 4-6: toe off at 36 to 39 % of the stride, knee 45 at mid stance,
# about 90 in swing, hip about 10 back to 50 forward; 3.2 m/s and faster. Steps a minute: Cavanagh & Williams 1982, 165 to 180.
RUNNING = Gait(
    steps_a_minute=172,
    speed_m_s=3.2,
    stance=0.37,
    flat=(0.05, 0.16),
    under=0.152,  # ours
    hip=((0, 38), (0.15, 24), (0.37, -10), (0.45, -9), (0.60, 16), (0.78, 52), (0.90, 48)),
    knee=((0, 18), (0.15, 44), (0.25, 35), (0.38, 16), (0.50, 50), (0.66, 96), (0.80, 65), (0.93, 20)),
    ankle=((0, 5), (0.17, 22), (0.38, -22), (0.55, -10), (0.75, 2)),
    extension=0.985,
    bob_m=0.075,
    crest=0.44,
    lean=9,
    pelvis_turn=7,
    chest_turn=12,  # ours
    pelvis_list=4,
    half_width=0.3,  # ours
    shoulder=(-14, 36),  # ours
    elbow=(92, 14),  # ours
)

# ours: between both, as measurements of slow running lie (2.2 to 2.5 m/s, stance 40 to 45 %)
JOGGING = Gait(
    steps_a_minute=158,
    speed_m_s=2.3,
    stance=0.42,
    flat=(0.06, 0.20),
    under=0.165,
    hip=((0, 30), (0.15, 22), (0.42, -8), (0.50, -5), (0.64, 16), (0.80, 40), (0.92, 36)),
    knee=((0, 15), (0.17, 38), (0.28, 30), (0.42, 18), (0.54, 48), (0.69, 80), (0.82, 54), (0.94, 17)),
    ankle=((0, 4), (0.20, 20), (0.42, -18), (0.58, -8), (0.78, 2)),
    extension=0.985,
    bob_m=0.07,
    crest=0.46,
    lean=6,
    pelvis_turn=6,
    chest_turn=10,
    pelvis_list=4,
    half_width=0.4,
    shoulder=(-12, 26),
    elbow=(85, 12),
)

GAITS = {"walking": WALKING, "jogging": JOGGING, "running": RUNNING}


def curve(keys: Keys, phase_T: np.ndarray | list[float]) -> np.ndarray:
    """The smooth periodic curve through (phase, degrees), which overshoots no key (monotone cubics)."""
    from scipy.interpolate import PchipInterpolator

    at = np.array([phase + turns for turns in (-1, 0, 1) for phase, _ in keys])
    return PchipInterpolator(at, np.array([value for _, value in keys] * 3))(np.asarray(phase_T) % 1)


def stride_m(gait: Gait, build: Build, tempo: float = 1.0) -> float:
    """Length of a stride (two steps): as `speed_m_s` gives it at the gait's own rate."""
    return gait.speed_m_s * 120 / gait.steps_a_minute * build.legs * build.stature_m / 1.72


def walk(gait: Gait, phase_T: np.ndarray, build: Build, size: float = 1.0, lean: float = 0.0) -> Figure:
    """The person at each phase (of the right leg), as if on a treadmill: the pelvis stays over x = z = 0, the ground goes back under it by
    `stride_m` * size a stride. size: of the arms' swing and of the stride."""
    num, stride = len(phase_T), stride_m(gait, build) * size
    wave = 2 * np.pi * phase_T
    pelvis = turn(1, -gait.pelvis_turn * np.cos(wave)) @ turn(2, gait.pelvis_list * np.sin(wave))
    chest = turn(1, gait.chest_turn * np.cos(wave)) @ turn(0, np.full(num, gait.lean + lean))
    height = _height(gait, build) + gait.bob_m * build.stature_m / 1.72 / 2 * (np.cos(2 * (wave - 2 * np.pi * gait.crest)) - 1)
    sway = -0.015 * np.sin(wave)  # ours: towards the leg that stands; m
    place = np.stack([sway, -height, np.zeros(num)], -1)
    feet = []
    for index, side in enumerate(SIDES):
        sole, pitch = _sole(gait, build, phase_T + 0.5 * index, stride)
        sole[:, 0] = side * gait.half_width * build.half_hips
        feet.append(foot(build, sole, pitch))
    place[:, 1] += sink(build, torso(build, place, pelvis, chest)[0], np.stack([ankle for ankle, _, _ in feet], 1))
    hips, neck, shoulders = torso(build, place, pelvis, chest)
    legs, arms = [], []
    for index, side in enumerate(SIDES):
        phase = phase_T + 0.5 * index
        forward = np.broadcast_to([0.0, 0.0, -1.0], place.shape)
        legs.append(reach(hips[:, index], feet[index][0], build.thigh, build.shin, forward))
        swing = -size * np.cos(2 * np.pi * phase)  # forward where the other leg is
        flexion, bend = gait.shoulder[0] + gait.shoulder[1] * swing, gait.elbow[0] + gait.elbow[1] * swing
        arms.append(hang(shoulders[:, index], chest, side, flexion, 7.0, bend, build))
    head = turn(0, np.full(num, 0.3 * (gait.lean + lean)))
    heels, toes = (np.stack([part[k] for part in feet], 1) for k in (1, 2))
    return figure(build, hips, neck, shoulders, head, both(arms), both(legs), heels, toes)


def _height(gait: Gait, build: Build) -> float:
    """Of the pelvis over the ground, at its highest."""
    return gait.extension * (build.thigh + build.shin) + build.ankle


def _sole(gait: Gait, build: Build, phase_T: np.ndarray, stride: float) -> tuple[np.ndarray, np.ndarray]:
    """The flat place of one foot (T, 3) relative to the pelvis' place on the ground, and its pitch (T,)."""
    phase = np.asarray(phase_T) % 1
    pitch = _pitch(gait, phase)
    standing = -stride * (gait.under - phase)  # z: forward is -z
    lift, swing = _free(gait, build, phase)
    ends = np.array([gait.stance, 1.0])
    lift_end, swing_end = _free(gait, build, ends)
    stand_end = -stride * (gait.under - np.array([gait.stance, 0.0]))
    part = ((phase - gait.stance) / (1 - gait.stance)).clip(0, 1)
    ease = part * part * (3 - 2 * part)
    off_z, off_y = stand_end - swing_end, -lift_end
    flying = phase > gait.stance
    z = np.where(flying, swing + off_z[0] + (off_z[1] - off_z[0]) * ease, standing)
    y = np.where(flying, np.minimum(0.0, -(lift + off_y[0] + (off_y[1] - off_y[0]) * ease)) - CLEARANCE_M * np.sin(np.pi * part), 0.0)
    return np.stack([np.zeros_like(z), y, z], -1), pitch


def _pitch(gait: Gait, phase_T: np.ndarray) -> np.ndarray:
    """Of the foot against the ground: thigh - knee + ankle, held flat while the whole foot stands."""
    free = [0.0, (gait.flat[1] + gait.stance) / 2, gait.stance, (gait.stance + 0.87) / 2, 0.87]
    angles = curve(gait.hip, free) - curve(gait.knee, free) + curve(gait.ankle, free)
    return curve((*zip(free[:1], angles[:1]), (gait.flat[0], 0.0), (gait.flat[1], 0.0), *zip(free[1:], angles[1:])), phase_T)


def _free(gait: Gait, build: Build, phase_T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the angles alone put the flat place of a foot: its height over the ground, and z, both relative to a pelvis at its height."""
    hip, knee = np.radians(curve(gait.hip, phase_T)), np.radians(curve(gait.knee, phase_T))
    down = build.thigh * np.cos(hip) + build.shin * np.cos(hip - knee)
    forward = build.thigh * np.sin(hip) + build.shin * np.sin(hip - knee)
    pitch = np.atleast_1d(_pitch(gait, phase_T))
    ankle = foot(build, np.zeros((len(pitch), 3)), pitch)[0]  # of a foot so pitched, from its flat place
    height = _height(gait, build) - gait.bob_m * build.stature_m / 1.72 / 2
    return height - down + ankle[:, 1], -forward - ankle[:, 2]
