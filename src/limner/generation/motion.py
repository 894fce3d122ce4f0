"""The motion of a reference, imagined by a model (`recorded` fits one that is not).

Shapes: T time, 68 points. The unit frame is the guide's canonical frame, fitted on the neutral points alone, so head motion stays in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limner import geometry, guides
from limner.generation.settings import MotionSettings
from limner.types import Motion

if TYPE_CHECKING:
    from limner.papers.motion import MotionModel

GUIDE = guides.load("face")
MOUTH = slice(48, 68)
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper, lower point of each pair
LIPS = ((61, 67), (62, 66), (63, 65))


def imagine(
    model: MotionModel, neutral_px: np.ndarray, photo_px: np.ndarray, size: tuple[int, int], settings: MotionSettings
) -> list[Motion]:
    """K motions of one face, in pixels of a picture of `size` (width, height).

    neutral_px: (68, 2) where the face's points are when neutral; photo_px: (68, 2) where they are in the photo.
    The first frame of every motion is exactly neutral_px, or photo_px with start="photo".
    InputError where the model knows no such label, has not so many modes, or makes no whole smiles.
    """
    kind = "smile" if settings.returns else "transition"
    to_unit = geometry.to_unit(neutral_px, GUIDE)
    neutral = geometry.apply_affine(to_unit, neutral_px.astype(np.float64))
    own = geometry.apply_affine(to_unit, photo_px.astype(np.float64)) - neutral if settings.start == "photo" else np.zeros_like(neutral)
    first_px = photo_px if settings.start == "photo" else neutral_px
    modes = model.generate(neutral.astype(np.float32), label=settings.label, modes=settings.modes, seed=settings.seed, kind=kind)
    motions = []
    for mode in modes:
        points = express(np.asarray(mode.points_unit, np.float64), neutral, own, settings.intensity)
        points = smooth_resample(points, num_frames(mode.duration_s, settings))
        points_px = geometry.apply_affine(geometry.invert_affine(to_unit), points)
        points_px[0] = first_px  # exactly, whatever the rounding
        points_px = extend(points_px, settings)
        motions.append(_motion(points_px.astype(np.float32), size, settings, mode.mode))
    return motions


def _motion(points: np.ndarray, size: tuple[int, int], settings: MotionSettings, mode: int) -> Motion:
    number = None if settings.modes == "conditional" else mode + 1
    return Motion(
        guide=GUIDE.name,
        points=points,
        confidence=np.ones(points.shape[:2], np.float32),
        fps=settings.fps,
        size=size,
        label=settings.label,
        mode=number,
        seed=settings.seed,
    )


def num_frames(duration_s: float, settings: MotionSettings) -> int:
    """How many frames a motion gets that takes `duration_s` from its first frame to its last: at least 2.

    settings.duration is that of the video: so many frames, each shown for 1 / fps.
    """
    if settings.frames is not None:
        return settings.frames
    if settings.duration is not None:
        return max(2, round(settings.duration * float(settings.fps)))
    return max(2, round(duration_s * float(settings.fps)) + 1)


def express(points: np.ndarray, neutral: np.ndarray, own: np.ndarray, intensity: float) -> np.ndarray:
    """(T, 68, 2) unit points -> the same motion at `intensity`, starting from the expression `neutral + own`.

    The motion is parted into head (a similarity of the rigid points) and expression (what is left); the expression is multiplied, the head
    never by more than 1. The photo's own expression `own` fades as the imagined one grows and comes back as it goes, so the first frame is
    neutral + own whatever the intensity. Lids and lips may meet, never cross.
    """
    rigid = list(GUIDE.rigid)
    head = geometry.fit_similarity(np.broadcast_to(neutral[rigid], points[:, rigid].shape), points[:, rigid])
    still = geometry.apply_affine(geometry.invert_affine(head), points)
    expression = still - neutral
    size = np.linalg.norm(expression[:, MOUTH], axis=(1, 2))
    fade = 1 - size / max(size.max(), 1e-9)
    face = neutral + intensity * expression + own * fade[:, None, None]
    face = keep_apart(face, neutral)
    identity = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return geometry.apply_affine(identity + min(intensity, 1.0) * (head - identity), face)


def keep_apart(face: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """(T, 68, 2) upright unit points: where a lid or lip has passed the one it meets, both go to their middle height."""
    face = face.copy()
    for upper, lower in (*LIDS, *LIPS):
        least = min(0.0, neutral[lower, 1] - neutral[upper, 1])  # a closed mouth's points may overlap a little by themselves
        excess = np.minimum(face[:, lower, 1] - face[:, upper, 1] - least, 0.0)
        face[:, upper, 1] += excess / 2
        face[:, lower, 1] -= excess / 2
    return face


def smooth_resample(values: np.ndarray, num: int) -> np.ndarray:
    """(T, ...) -> (num, ...) along a Catmull-Rom spline through the values; first and last kept, no corner at a sample."""
    if len(values) == num:
        return values
    at = np.linspace(0, len(values) - 1, num)
    low = np.clip(at.astype(int), 0, max(len(values) - 2, 0))
    u = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    p0, p1, p2, p3 = (values[np.clip(low + i, 0, len(values) - 1)] for i in (-1, 0, 1, 2))
    # Catmull & Rom 1974, uniform, tension 1/2
    return p1 + 0.5 * u * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0)))


def extend(points: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """(T, 68, 2) -> the motion with its hold and its way back.

    hold: the last frame stands for so many seconds. loop: forward and back, the two ends not doubled, so that it repeats without a jump; a
    motion that returns by itself is bent, over its last quarter, to end one frame before its first.
    """
    num_hold = round(settings.hold * float(settings.fps))
    held = np.repeat(points[-1:], num_hold, 0)
    if not settings.loop:
        return np.concatenate([points, held])
    if not settings.returns:
        return np.concatenate([points, held, points[-2:0:-1]])
    ramp = np.clip((np.arange(len(points)) / (len(points) - 1) - 0.75) * 4, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    closed = points + ramp[:, None, None] * (points[0] - points[-1])
    return np.concatenate([closed[:-1], np.repeat(closed[:1], num_hold, 0)])
