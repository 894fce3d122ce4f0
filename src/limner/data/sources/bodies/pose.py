"""Where the rings of every part lie in each frame: centres and axes from a figure's joints.

Axes are carried along limbs with as little turning as brings one bone's direction onto the next, so that nothing painted spins about it.
Shapes: T time, R rings.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.bodies.loft import axes, carried, unit
from limner.data.sources.bodies.parts import EAR_UP, Part
from limner.data.sources.faces.noise import smooth
from limner.data.sources.kinematics import Build, Figure
from limner.guides import body

PALM_DEG = 75.0  # ours: a hanging hand turns its palm to the thigh


def place_parts(figure: Figure, parts: dict[str, Part], build: Build) -> tuple[np.ndarray, np.ndarray]:
    """-> centres (T, R, 3) and axes (T, R, 3, 3) of all rings, part after part; metres, as the figure's."""
    joints = figure.joints
    hips_left = unit(joints[:, body.HIP_L] - joints[:, body.HIP_R])
    chest_left = unit(joints[:, body.SHOULDER_L] - joints[:, body.SHOULDER_R])
    middle = joints[:, [body.HIP_R, body.HIP_L]].mean(1)
    up = unit(joints[:, body.NECK] - middle)
    placed = []
    for name, part in parts.items():
        kind, _, side = name.partition("_")
        index = 0 if side == "right" else 1
        if kind == "trunk":
            share = (part.along / build.torso).clip(0, 1)[:, None]
            left = unit(hips_left[:, None] * (1 - share) + chest_left[:, None] * share)
            line, front = np.stack([middle, joints[:, body.NECK]], 1), np.cross(left, up[:, None])
        elif kind in ("head", "hair", "tail"):
            line, front = _head_line(figure, build)
            front = front[:, None]
        elif kind == "arm":
            start = body.SHOULDER_R if index == 0 else body.SHOULDER_L
            line = np.concatenate([joints[:, start : start + 3], figure.hands[:, index, None]], 1)
            front = _arm_front(line, part, build, np.cross(chest_left, up), chest_left * (-1 if index == 0 else 1), index)
        elif kind == "leg":
            start = body.HIP_R if index == 0 else body.HIP_L
            line = joints[:, start : start + 3]
            front = np.cross(hips_left[:, None], -unit(np.einsum("rj,tjk->trk", part.tangent, line)))
        else:
            line = np.stack([figure.heels[:, index], figure.toes[:, index]], 1)
            ankle = body.ANKLE_R if index == 0 else body.ANKLE_L
            front = (joints[:, ankle] - figure.heels[:, index])[:, None]
        along = np.einsum("rj,tjk->trk", part.tangent, line)
        placed.append((np.einsum("rj,tjk->trk", part.place, line), axes(np.broadcast_to(front, along.shape), along)))
    return np.concatenate([c for c, _ in placed], 1), np.concatenate([a for _, a in placed], 1)


def _head_line(figure: Figure, build: Build) -> tuple[np.ndarray, np.ndarray]:
    """The line of the head, from under the ears upwards, a stature long (T, 2, 3); and its front (T, 3)."""
    joints = figure.joints
    ears = joints[:, [body.EAR_R, body.EAR_L]]
    left, middle = unit(ears[:, 1] - ears[:, 0]), ears.mean(1)
    ahead = unit(joints[:, body.NOSE] - middle)
    up = figure.crown - middle
    up = unit(up - (up * left).sum(-1, keepdims=True) * left)
    # The crown lies a little behind the ears' plumb line: straight up is square to the way from crown to nose only nearly
    tilt = np.arctan2(0.005, 0.073)
    up = unit(up * np.cos(tilt) + np.cross(left, up) * np.sin(tilt) * -1)
    front = unit(np.cross(left, up))
    assert (front * ahead).sum(-1).min() > 0
    low = middle - up * EAR_UP * build.stature_m * build.head
    return np.stack([low, low + up * build.stature_m], 1), front


def _arm_front(line: np.ndarray, part: Part, build: Build, front: np.ndarray, out: np.ndarray, index: int) -> np.ndarray:
    """(T, R, 3): the front of an arm's rings, from the chest's front where the arm is stretched out to its side."""
    upper, fore = unit(line[:, 1] - line[:, 0]), unit(line[:, 2] - line[:, 1])
    of_upper = unit(carried(front, out, upper))
    of_fore = unit(carried(of_upper, upper, fore))
    side = np.cross(fore, of_fore) * (1 if index == 0 else -1)
    hanging = np.radians(PALM_DEG) * smooth((fore[:, 1] - 0.2) / 0.7)[:, None, None]
    turn = hanging * smooth((part.along - build.upper_arm) / build.forearm)[None, :, None]
    share = smooth((part.along - build.upper_arm) / build.of(0.052) + 0.5)[None, :, None]
    mixed = of_upper[:, None] * (1 - share) + of_fore[:, None] * share
    return mixed * np.cos(turn) + side[:, None] * np.sin(turn)
