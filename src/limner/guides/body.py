"""The body: 18 points in the order of OpenPose's COCO model, its 17 limbs and their colours.

Right and left are the person's own. A joint that is not seen has confidence 0; where its point stands then means nothing.
"""

from __future__ import annotations

import numpy as np

from limner.types import Guide

# fmt: off
POINTS: tuple[str, ...] = (
    "nose", "neck", "shoulder_right", "elbow_right", "wrist_right", "shoulder_left", "elbow_left", "wrist_left",
    "hip_right", "knee_right", "ankle_right", "hip_left", "knee_left", "ankle_left", "eye_right", "eye_left", "ear_right", "ear_left",
)
MIRROR: tuple[int, ...] = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
# fmt: on
NOSE, NECK = 0, 1
SHOULDER_R, ELBOW_R, WRIST_R, SHOULDER_L, ELBOW_L, WRIST_L = range(2, 8)
HIP_R, KNEE_R, ANKLE_R, HIP_L, KNEE_L, ANKLE_L = range(8, 14)
EYE_R, EYE_L, EAR_R, EAR_L = range(14, 18)

# Limbs in OpenPose's drawing order (POSE_COCO_PAIRS_RENDER); later ones are drawn over earlier ones.
LINES: dict[str, tuple[int, ...]] = {
    "collar_right": (NECK, SHOULDER_R),
    "collar_left": (NECK, SHOULDER_L),
    "upper_arm_right": (SHOULDER_R, ELBOW_R),
    "forearm_right": (ELBOW_R, WRIST_R),
    "upper_arm_left": (SHOULDER_L, ELBOW_L),
    "forearm_left": (ELBOW_L, WRIST_L),
    "trunk_right": (NECK, HIP_R),
    "thigh_right": (HIP_R, KNEE_R),
    "shin_right": (KNEE_R, ANKLE_R),
    "trunk_left": (NECK, HIP_L),
    "thigh_left": (HIP_L, KNEE_L),
    "shin_left": (KNEE_L, ANKLE_L),
    "head": (NECK, NOSE),
    "cheek_right": (NOSE, EYE_R),
    "temple_right": (EYE_R, EAR_R),
    "cheek_left": (NOSE, EYE_L),
    "temple_left": (EYE_L, EAR_L),
}

# A limb has the colour of the joint it ends in (OpenPose, POSE_COCO_COLORS_RENDER), as its renderer does.
# fmt: off
JOINT_COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 0, 85), (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (255, 0, 170), (170, 0, 255), (255, 0, 255), (85, 0, 255),
)
# fmt: on

# Standing, arms hanging, seen from the front; units of the torso, neck to mid-hip, which is 0.288 of the stature. Heights and lengths:
# Drillis & Contini 1966 as in Winter, Biomechanics and Motor Control (shoulder 0.818, hip 0.530, knee 0.285, ankle 0.039, eye 0.936,
# upper arm 0.186, forearm 0.146 of the stature). Widths of shoulders and hips: median of 99 frontal jumping jacks of Penn Action (0.63,
# 0.48 torsos). ours: face points, arms 8 degrees off the vertical, feet 0.6 of the hips' width.
CANONICAL = (
    *((0.0, -0.8438), (0.0, -0.5)),
    *((-0.3150, -0.5), (-0.4049, +0.1395), (-0.4755, +0.6415)),
    *((+0.3150, -0.5), (+0.4049, +0.1395), (+0.4755, +0.6415)),
    *((-0.2400, +0.5), (-0.1920, +1.3507), (-0.1440, +2.2049)),
    *((+0.2400, +0.5), (+0.1920, +1.3507), (+0.1440, +2.2049)),
    *((-0.0625, -0.9097), (+0.0625, -0.9097), (-0.1500, -0.8785), (+0.1500, -0.8785)),
)

# How far a limb's flesh reaches across its bone and beyond its end, torsos; ours: what brought synthetic training people nearest
# to themselves in another pose (SSIM). The hand beyond the wrist is less than Drillis & Contini's (0.108 of the stature, 0.375), a fist's.
FLESH: dict[str, tuple[float, float]] = {
    "trunk_right": (0.27, 0.08),
    "trunk_left": (0.27, 0.08),
    "thigh_right": (0.2, 0.0),
    "thigh_left": (0.2, 0.0),
    "shin_right": (0.19, 0.12),
    "shin_left": (0.19, 0.12),
    "head": (0.36, 0.12),
    "upper_arm_right": (0.12, 0.0),
    "upper_arm_left": (0.12, 0.0),
    "forearm_right": (0.09, 0.27),
    "forearm_left": (0.09, 0.27),
}

GUIDE = Guide(
    name="body",
    point_names=POINTS,
    lines=LINES,
    mirror=MIRROR,
    rigid=(NECK, SHOULDER_R, SHOULDER_L, HIP_R, HIP_L),  # the torso: what limbs move least
    unit_ends=((NECK,), (HIP_R, HIP_L)),
    canonical=np.array(CANONICAL, np.float32),
    crop_unit=(-2.4, -2.1, 4.8),  # ours: room for arms stretched up or to the sides, and for a stride
    colours={name: JOINT_COLOURS[line[-1]] for name, line in LINES.items()},
    flesh=FLESH,
)
