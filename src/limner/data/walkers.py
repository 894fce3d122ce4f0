"""The body of one person in a recording, followed from frame to frame, both ways, and cleaned: a motion of the body guide.

Each frame is looked at where the person was in the frame before. Where they are lost, the whole picture is searched; stretches that stay
unseen are looked at once more from their other end. Then, joint by joint: short gaps are filled, longer ones stay unseen (confidence 0),
and what is seen is smoothed by the filter of data.tracks, which does not lag.

Shapes: T time, K = 18 points, H W pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from limner.data.film import Followed, frames_of, steady
from limner.data.tracks import savitzky_golay
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.poses.imports import settle
from limner.types import Body, InputError, Motion


class Finder(Protocol):
    """What finds people: detect.body.BodyDetector."""

    def bodies(self, pixels: np.ndarray) -> list[Body]: ...

    def start(self, pixels: np.ndarray, body: Body) -> None: ...

    def see(self, pixels: np.ndarray) -> Body | None: ...


@dataclass(frozen=True, kw_only=True)
class WalkerConfig:
    """How a body is followed and cleaned. The papers are silent on all of it."""

    search_s: float = 0.5  # ours: a lost person is searched for in the whole picture so often; it takes as long as 30 other frames
    grow: float = 1.5  # ours: so is one who is larger or smaller by more
    false_s: float = 0.5  # ours: somebody who grows so within this time of being found was no person, but a part of one
    jump: float = 1.2  # ours: torsos by which the middle of the same person may move from one frame to the next
    gap_s: float = 0.4  # ours: longer gaps of a joint stay open: an arm goes up and down in 0.5 s
    gap_confidence: float = 0.5  # ours: a filled joint is trusted half as much as the less sure of those it lies between
    half_window_s: float = 0.08  # ours: 5 frames at 25 and 30 fps: a runner's shin turns back within 0.15 s
    swap: float = 0.5  # ours: left and right are changed over where that brings the limbs nearer than this share to where they were
    most_bytes: int = 2**28  # ours: of frames held while a stretch is looked at backwards


@dataclass(kw_only=True)
class _Noted:
    """What is written down of each frame."""

    points: list[np.ndarray | None] = field(default_factory=list)
    confidence: list[np.ndarray | None] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    most: int = 0

    def put(self, t: int, body: Body) -> None:
        self.points[t], self.confidence[t] = body.points.astype(np.float64), body.confidence.astype(np.float64)

    def forget(self, start: int) -> None:
        for t in range(start, len(self.points)):
            self.points[t] = self.confidence[t] = None

    def body(self, t: int) -> Body:
        points, confidence = self.points[t], self.confidence[t]
        assert points is not None
        assert confidence is not None
        low, high = points[confidence > 0].min(0), points[confidence > 0].max(0)
        return Body(points=points, confidence=confidence, box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def motion_of_body(path: Path, detector: Finder, person: int | None = None, config: WalkerConfig | None = None) -> Followed:
    """The motion of one person of a video: the largest where anybody is first seen, or the `person`-th there.

    A joint that is not seen has confidence 0. Where the video's rate varies, the motion is at its mean rate, true in time. InputError: the
    video cannot be read, nobody is in it, or no such person."""
    config = config or WalkerConfig()
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video")
    fps, frames, _ = frames_of(path)
    noted = _forwards(path, frames, detector, person, float(fps), config)
    _backwards(path, detector, noted, config)
    seen = np.array([points is not None for points in noted.points])
    points = np.stack([np.full((GUIDE.num_points, 2), np.nan) if row is None else row for row in noted.points])
    sure = np.stack([np.zeros(GUIDE.num_points) if row is None else row for row in noted.confidence])
    points, sure = clean(points, sure, float(fps), config)
    times = np.array(noted.times_s, np.float64)
    if np.isfinite(times).all() and len(times) > 1 and (np.diff(times) > 0).all():
        points, sure = steady(points, times - times[0], float(fps)), steady(sure, times - times[0], float(fps))
    notes = _notes(seen, sure, noted.most, person, float(fps))
    motion = Motion(
        guide=GUIDE.name,
        points=points.astype(np.float32),
        confidence=sure.astype(np.float32),
        fps=fps,
        size=noted.size,
        provenance={"made_by": "limner motion extract", "video": path.name, **({"notes": list(notes)} if notes else {})},
    )
    return Followed(motion=motion, unseen=int((~seen).sum()), notes=notes)


def _forwards(
    path: Path, frames: Iterator[tuple[float | None, np.ndarray]], detector: Finder, person: int | None, fps: float, config: WalkerConfig
) -> _Noted:
    noted, last, lost, since = _Noted(), None, 0, 0
    for t, (time_s, pixels) in enumerate(frames):
        noted.points.append(None)
        noted.confidence.append(None)
        noted.times_s.append(np.nan if time_s is None else time_s)
        noted.size = (pixels.shape[1], pixels.shape[0])
        sighted = None if last is None or lost else detector.see(pixels)
        body = None if last is None else _same(sighted, last, config)
        if sighted is not None and body is None and last is not None and t - since < config.false_s * fps and _holds(sighted, last, config):
            noted.forget(since)
            body, since = sighted, t
        if body is None and lost % max(1, round(config.search_s * fps)) == 0:
            found = detector.bodies(pixels)
            noted.most = max(noted.most, len(found))
            if last is None and found and person is not None and not 1 <= person <= len(found):
                raise InputError(f"{path}: there is no person {person}; frame {t} shows {len(found)} (1 is the largest)")
            body = found[(person or 1) - 1] if last is None and found else _again(found, last, lost)
            if body is not None:
                detector.start(pixels, body)
                since = t
        lost = 0 if body is not None else lost + 1
        if body is not None:
            noted.put(t, body)
            last = body
    if last is None:
        num = len(noted.points)
        raise InputError(f"{path}: none of the {num} frames shows a person" if num != 1 else f"{path}: its only frame shows no person")
    return noted


def _backwards(path: Path, detector: Finder, noted: _Noted, config: WalkerConfig) -> None:
    """Looks at the unseen stretches that end in a seen frame from there back."""
    seen = [points is not None for points in noted.points]
    ends = [t for t in range(1, len(seen)) if seen[t] and not seen[t - 1]]
    if not ends:
        return
    held: list[tuple[int, np.ndarray]] = []
    for t, (_, pixels) in enumerate(frames_of(path)[1]):
        if t < len(seen) and not seen[t]:
            held.append((t, pixels))
            while sum(frame.nbytes for _, frame in held) > config.most_bytes:
                held.pop(0)
        elif t in ends:
            last = noted.body(t)
            detector.start(pixels, last)
            for at, frame in reversed(held):
                body = _same(detector.see(frame), last, config)
                if body is None:
                    break
                noted.put(at, body)
                last = body
            held.clear()
        if t >= ends[-1]:
            break


def _holds(body: Body, last: Body, config: WalkerConfig) -> bool:
    """Whether what was followed so far is a part of this larger body."""
    inside = (body.box[0] <= last.points[:, 0]) & (last.points[:, 0] <= body.box[2]) & (body.box[1] <= last.points[:, 1])
    inside &= last.points[:, 1] <= body.box[3]
    return bool(_span(body) > config.grow * _span(last) and inside[last.confidence > 0].mean() > 0.7)


def _same(body: Body | None, last: Body, config: WalkerConfig) -> Body | None:
    """The body if it can be the one of the frame before."""
    if body is None:
        return None
    moved, larger = np.linalg.norm(_middle(body) - _middle(last)), _span(body) / _span(last)
    if not 1 / config.grow < larger < config.grow:
        return None
    return body if moved < config.jump * float(unit_length(last.points, GUIDE)) else None


def _again(found: list[Body], last: Body | None, lost: int) -> Body | None:
    """Of the people found, the one that was lost: the nearest to where they were, and not farther than somebody walks meanwhile."""
    if last is None:
        return None
    torso = float(unit_length(last.points, GUIDE))
    best = min(found, key=lambda body: float(np.linalg.norm(_middle(body) - _middle(last))), default=None)
    return best if best is not None and np.linalg.norm(_middle(best) - _middle(last)) < torso * (1 + 0.3 * lost) else None


def _span(body: Body) -> float:
    """The longer side of the box of the seen joints, pixels."""
    return max(body.box[2] - body.box[0], body.box[3] - body.box[1], 1.0)


def _middle(body: Body) -> np.ndarray:
    return body.points[[1, 8, 11]].mean(0)


def clean(points: np.ndarray, confidence: np.ndarray, fps: float, config: WalkerConfig | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(T, K, 2) and (T, K) as detected -> the same, sides put right, short gaps filled, smoothed; all finite, unseen of confidence 0."""
    config = config or WalkerConfig()
    points, sure = _sides_kept(np.array(points, np.float64), np.array(confidence, np.float64), config)
    half = int(np.floor(config.half_window_s * fps + 0.5))
    for k in range(points.shape[1]):
        known = np.flatnonzero(sure[:, k] > 0)
        runs: list[list[int]] = [[int(known[0])]] if len(known) else []
        for before, after in itertools.pairwise(known.tolist()):
            missing = after - before - 1
            if missing > config.gap_s * fps:
                runs[-1].append(before + 1)
                runs.append([after])
            elif missing:
                part = (np.arange(1, missing + 1) / (missing + 1))[:, None]
                points[before + 1 : after, k] = points[before, k] * (1 - part) + points[after, k] * part
                sure[before + 1 : after, k] = config.gap_confidence * min(sure[before, k], sure[after, k])
        if runs:
            runs[-1].append(int(known[-1]) + 1)
        for start, stop in runs:
            points[start:stop, k] = savitzky_golay(points[start:stop, k], half)
    return settle(points, sure), sure


def _sides_kept(points: np.ndarray, sure: np.ndarray, config: WalkerConfig) -> tuple[np.ndarray, np.ndarray]:
    """Changes left and right over where the detector did: in a frame whose limbs lie much nearer to where the other side's were."""
    limbs, mirror = list(range(2, 14)), list(GUIDE.mirror)
    last: int | None = None
    for t in range(len(points)):
        if not (sure[t, limbs] > 0).any():
            continue
        if last is not None:
            torso = max(float(unit_length(points[last], GUIDE)), 1.0)
            both = [k for k in limbs if sure[t, k] > 0 and sure[last, k] > 0]
            crossed = [k for k in limbs if sure[t, mirror[k]] > 0 and sure[last, k] > 0]
            if both and len(crossed) >= len(both):
                plain = np.linalg.norm(points[t, both] - points[last, both], axis=1).mean()
                over = points[t, [mirror[k] for k in crossed]]
                other = np.linalg.norm(over - points[last, crossed], axis=1).mean()
                if other < config.swap * plain and plain > 0.1 * torso:
                    points[t], sure[t] = points[t, mirror].copy(), sure[t, mirror].copy()
        last = t
    return points, sure


def _notes(seen: np.ndarray, sure: np.ndarray, most: int, person: int | None, fps: float) -> tuple[str, ...]:
    notes = []
    if most > 1:
        notes.append(f"{most} people are seen at once; followed is the {'largest' if person is None else f'{person}. by size'}")
    never = [name for name, known in zip(GUIDE.point_names, np.atleast_1d((sure > 0).any(0))) if not known]
    if never:
        notes.append(f"never seen: {', '.join(never)}")
    if not seen.all() and seen.any():
        edges = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(int))).reshape(-1, 2) / fps
        shown = ", ".join(f"{start:.1f} to {stop:.1f} s" for start, stop in edges[:6]) + (
            f" and {len(edges) - 6} more" if len(edges) > 6 else ""
        )
        notes.append(f"nobody is seen at {shown}")
    if len(seen) == 1:
        notes.append("it has a single frame: nothing moves")
    return tuple(notes)
