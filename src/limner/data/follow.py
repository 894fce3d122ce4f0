"""The one person of a short stretch of frames, followed both ways and, where a second detector is given, judged by two.

Small pictures are enlarged first. Each frame is looked at where the person was in the one before, from the front and from the back; of the
two readings the surer counts. The second detector looks at every frame by itself, and is weighed joint by joint.

Shapes: T time, K = 18 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from limner.data.walkers import Finder, clean
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.pictures import resize
from limner.types import Body

LIMBS = list(range(2, 14))
ENLARGED_PX = 384  # ours: pictures whose shorter side is less are enlarged to it: 64 px six times, KTH's 120 px 3.2 times
SEARCH_EVERY = 6  # ours: frames from one search of the whole picture to the next while nobody is seen
AGREE = 0.25  # ours: torsos; two detectors that are nearer to one another mean the same place
ALONE, DISPUTED = 0.7, 0.5  # ours: how far a joint is trusted that one detector sees alone; and the surer one of two that disagree
SECOND_SEEN = 0.2  # ours: MoveNet's own score from which a joint counts as seen; its demo uses 0.11 to 0.3
CROSSED = 0.6  # ours: left and right of the second are changed over where that brings it so much nearer to the first
SECOND_SURE = 0.35  # ours: its mean score of arms and legs from which it knows where the person is
ROOM = 1.5  # ours: side of the square that the second detector looks at, in sides of the person

Looks = Sequence[tuple[np.ndarray, np.ndarray]]  # points (18, 2) and confidence (18,) of each frame


class Second(Protocol):
    """A second opinion: detect.movenet.MoveNet."""

    def read(self, pixels: np.ndarray, centre: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, kw_only=True)
class Followed:
    """points: (T, 18, 2) float64 pixels, all finite. confidence: (T, 18), 0 where a joint is not seen. seen: (T,) bool, by a detector."""

    points: np.ndarray
    confidence: np.ndarray
    seen: np.ndarray


def follow(frames: Sequence[np.ndarray], finder: Finder, fps: float, second: Second | None = None) -> Followed:
    """Frames (H, W, 3) uint8 of one size -> where the person is in each."""
    height, width = frames[0].shape[:2]
    by = max(1.0, ENLARGED_PX / min(height, width))
    large = [resize(frame, (round(width * by), round(height * by))) if by > 1 else frame for frame in frames]
    looks = None if second is None else [second.read(frame, np.array(frame.shape[1::-1]) / 2, max(frame.shape[:2])) for frame in large]
    one, other = _one_way(large, finder, looks), _one_way(large[::-1], finder, None if looks is None else looks[::-1])
    points, confidence = one
    surer = other[1][::-1][:, LIMBS].mean(1) > confidence[:, LIMBS].mean(1)
    points, confidence = np.where(surer[:, None, None], other[0][::-1], points), np.where(surer[:, None], other[1][::-1], confidence)
    if second is not None and looks is not None:
        near = [
            second.read(frame, *where) if (where := _where(points[t], confidence[t], frame)) else looks[t] for t, frame in enumerate(large)
        ]
        pairs = [weigh(points[t], confidence[t], *look) for t, look in enumerate(near)]
        points, confidence = np.stack([p for p, _ in pairs]), np.stack([c for _, c in pairs])
    seen = (confidence[:, LIMBS] > 0).sum(1) >= len(LIMBS) / 2
    if not seen.any():
        return Followed(points=np.zeros_like(points), confidence=np.zeros_like(confidence), seen=seen)
    points, confidence = clean(points, confidence, fps)
    scale = np.array([width / large[0].shape[1], height / large[0].shape[0]])
    return Followed(points=points * scale, confidence=confidence, seen=seen)


def _one_way(frames: Sequence[np.ndarray], finder: Finder, looks: Looks | None) -> tuple[np.ndarray, np.ndarray]:
    """-> points (T, 18, 2), NaN where nobody is seen, and confidence (T, 18), of the largest person, followed from the first frame on.

    looks: the second detector's readings of the whole frames: where it is sure, it shows the first one where to begin."""
    points, confidence = np.full((len(frames), GUIDE.num_points, 2), np.nan), np.zeros((len(frames), GUIDE.num_points))
    lost, following = 0, False
    for t, frame in enumerate(frames):
        body: Body | None = finder.see(frame) if following else None
        if body is None and looks is not None and looks[t][1][LIMBS].mean() >= SECOND_SURE:
            finder.start(frame, _body(*looks[t]))
            body = finder.see(frame)
        elif body is None and lost % SEARCH_EVERY == 0:
            body = next(iter(finder.bodies(frame)), None)
            if body is not None:
                finder.start(frame, body)
        following, lost = body is not None, 0 if body is not None else lost + 1
        if body is not None:
            points[t], confidence[t] = body.points, body.confidence
    return points, confidence


def _body(points: np.ndarray, score: np.ndarray) -> Body:
    low, high = points[score >= SECOND_SEEN].min(0), points[score >= SECOND_SEEN].max(0)
    return Body(points=points, confidence=score, box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def _where(points: np.ndarray, confidence: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, float] | None:
    """(centre, side) of the square around the person; None where that is nearly the whole picture, or nobody was seen."""
    if (confidence > 0).sum() < 6:
        return None
    low, high = points[confidence > 0].min(0), points[confidence > 0].max(0)
    side = float(ROOM * (high - low).max())
    return ((low + high) / 2, side) if side < 0.8 * max(frame.shape[:2]) else None


def weigh(points: np.ndarray, confidence: np.ndarray, other: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two readings of a frame, points (18, 2) and confidence (18,) each -> one.

    Where they agree: their mean, as sure as the surer. Where one sees alone it is trusted ALONE times, where they differ the surer one
    DISPUTED times. A joint that neither sees keeps confidence 0."""
    sides = list(GUIDE.mirror)
    both = [k for k in LIMBS if np.isfinite(points[k]).all() and min(confidence[k], score[k], score[sides[k]]) > 0]
    apart, crossed = (np.linalg.norm(points[both] - where[both], axis=1).sum() for where in (other, other[sides]))
    if crossed < CROSSED * apart:  # the detectors differ in which way the person faces; the first one follows
        other, score = other[sides], score[sides]
    mine, theirs = confidence > 0, score >= SECOND_SEEN
    lengths = [float(unit_length(p, GUIDE)) for p in (points, other)]
    torso = next((length for length in lengths if np.isfinite(length) and length > 1), 1.0)
    near = mine & theirs & (np.linalg.norm(points - other, axis=1) < AGREE * torso)
    share = np.where(near, score / np.maximum(confidence + score, 1e-9), np.where(mine & (~theirs | (confidence >= score)), 0.0, 1.0))[
        :, None
    ]
    sure = np.where(near, np.maximum(confidence, score), np.where(mine & theirs, DISPUTED * np.maximum(confidence, score), ALONE))
    sure = np.where(mine & theirs, sure, np.where(mine, ALONE * confidence, np.where(theirs, ALONE * score, 0)))
    own = np.where(np.isfinite(points), points, other)
    return own * (1 - share) + other * share, sure
