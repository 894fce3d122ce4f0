"""The face: 68 points in the order of iBUG / 300-W (dlib), and the lines that draw a landmark image."""

from __future__ import annotations

import numpy as np

from limner.types import Guide

LINES: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "brow_right": tuple(range(17, 22)),  # the person's right, the picture's left
    "brow_left": tuple(range(22, 27)),
    "nose_bridge": tuple(range(27, 31)),
    "nostrils": tuple(range(31, 36)),
    "eye_right": (*range(36, 42), 36),
    "eye_left": (*range(42, 48), 42),
    "lip_outer": (*range(48, 60), 48),
    "lip_inner": (*range(60, 68), 60),
}

# fmt: off
MIRROR: tuple[int, ...] = (
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
    27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)

# Mean of the neutral faces of the 66 training people of the Face Research Lab London Set (CC BY 4.0, DeBruine & Jones 2017),
# aligned on RIGID, made symmetric; units of the distance between the outer eye corners.
CANONICAL = (
    (-0.7838, -0.1110), (-0.7931, +0.2431), (-0.7769, +0.4173), (-0.6931, +0.7947), (-0.6225, +0.9432), (-0.5413, +1.0477),
    (-0.3467, +1.2025), (-0.1398, +1.2951), (+0.0000, +1.3059), (+0.1398, +1.2951), (+0.3467, +1.2025), (+0.5413, +1.0477),
    (+0.6225, +0.9432), (+0.6931, +0.7947), (+0.7769, +0.4173), (+0.7931, +0.2431), (+0.7838, -0.1110), (-0.7032, -0.2151),
    (-0.5832, -0.2409), (-0.4716, -0.2827), (-0.3261, -0.2777), (-0.1628, -0.2553), (+0.1628, -0.2553), (+0.3261, -0.2777),
    (+0.4716, -0.2827), (+0.5832, -0.2409), (+0.7032, -0.2151), (+0.0000, -0.0647), (+0.0000, +0.0921), (+0.0000, +0.2354),
    (+0.0000, +0.3281), (-0.1303, +0.4546), (-0.0787, +0.4907), (+0.0000, +0.4919), (+0.0787, +0.4907), (+0.1303, +0.4546),
    (-0.5000, +0.0000), (-0.4306, -0.0520), (-0.3169, -0.0585), (-0.1898, +0.0221), (-0.3051, +0.0389), (-0.4181, +0.0410),
    (+0.1898, +0.0221), (+0.3169, -0.0585), (+0.4306, -0.0520), (+0.5000, +0.0000), (+0.4181, +0.0410), (+0.3051, +0.0389),
    (-0.2813, +0.7580), (-0.1609, +0.6717), (-0.0795, +0.6417), (+0.0000, +0.6575), (+0.0795, +0.6417), (+0.1609, +0.6717),
    (+0.2813, +0.7580), (+0.1520, +0.8314), (+0.0795, +0.8494), (+0.0000, +0.8554), (-0.0795, +0.8494), (-0.1520, +0.8314),
    (-0.2569, +0.7546), (-0.0656, +0.7379), (+0.0000, +0.7396), (+0.0656, +0.7379), (+0.2569, +0.7546), (+0.0659, +0.7404),
    (+0.0000, +0.7427), (-0.0659, +0.7404),
)
# fmt: on

# MediaPipe's 478-point mesh -> 68. ours: the mesh vertices nearest to the iBUG definitions, as in the protocol for real faces.
# fmt: off
FROM_MEDIAPIPE: tuple[int, ...] = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on

GUIDE = Guide(
    name="face",
    point_names=tuple(f"{part}_{i}" for part, num in (("jaw", 17), ("brow_right", 5), ("brow_left", 5), ("nose", 9)) for i in range(num))
    + tuple(f"{part}_{i}" for part, num in (("eye_right", 6), ("eye_left", 6), ("lip_outer", 12), ("lip_inner", 8)) for i in range(num)),
    lines=LINES,
    mirror=MIRROR,
    rigid=(27, 28, 29, 30, 33, 36, 39, 42, 45),  # nose and eye corners: what a smile moves least
    unit_ends=((36,), (45,)),
    canonical=np.array(CANONICAL, np.float32),
    crop_unit=(-1.1, -0.6, 2.2),  # ours: leaves room for a dropped jaw
)
