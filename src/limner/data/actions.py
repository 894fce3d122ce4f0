"""One stretch of a recording of a person in action -> clips: windows of frames in which the joints are sure, cropped by one square each.

The square stands still within a clip, so the person moves and the camera does not. A frame counts as trainable where the joints of arms and
legs are surer than stated; clips hold such frames only, and the report says how many there were.

Shapes: T time, K = 18 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.clips import FAULT, Prepared
from limner.data.film import frames_of
from limner.data.follow import LIMBS, Followed, Second, follow
from limner.data.prepare import JPEG_FROM
from limner.data.sources.human36m import read_joints, read_masks
from limner.data.sources.raw_actions import Joints, RawAction
from limner.data.videos import Work
from limner.data.walkers import Finder, motion_of_body
from limner.media.pictures import read_picture, resize
from limner.types import Clip, InputError

KIND = "action"
STRIP_FPS = Fraction(25)
AROUND, ABOVE = 0.18, 0.10  # ours: room around all joints of a window, of their box's longer side, and more above for the head
LEAST_SEEN = 8  # ours: of twelve joints; many films cut people off at the ankles
PLAIN = 127  # ours, with synthetic_bodies: grey where the background is taken away


@dataclass(frozen=True, kw_only=True)
class ActionConfig:
    """size: side of the frames. num: frames of a clip; shorter runs of at least `least` make a shorter one. most: clips of a recording,
    evenly chosen. sure: mean confidence of the twelve joints of arms and legs from which a frame is trainable. rate: frames a second that
    faster recordings are brought down to, by leaving out. second: MoveNet's file, for a second opinion."""

    size: int = 256
    num: int = 32  # ours: as the faces' clips
    least: int = 16  # ours
    most: int = 8  # ours
    sure: float = 0.5  # ours
    rate: int = 25  # ours: KTH's
    second: Path | None = None


def prepare_action(raw: RawAction, finder: Finder, config: ActionConfig, second: Second | None = None) -> Prepared:
    """Every clip of a stretch. What is wrong with one is no error: the entry says it."""
    entry: dict[str, Any] = {
        "id": raw.id, "file": raw.path.name, "subject": raw.subject, "split": raw.split, "label": raw.label, "notes": list(raw.notes),
        "reason": None, "why": None, "kept": [], "rejected": [], "frames": 0, "frames_seen": 0, "frames_trainable": 0,
    }  # fmt: skip
    try:
        clips = tuple(_clips(raw, finder, config, second, entry))
    except InputError as error:
        return Prepared(clips=(), entry=entry | {"reason": "unreadable", "why": " ".join(str(error).split())})
    except Exception as error:  # a fault of ours at one recording must not cost the others
        return Prepared(clips=(), entry=entry | {"reason": FAULT, "why": f"{type(error).__name__}: {' '.join(str(error).split())}"})
    if not clips:
        few = (
            f"{entry['frames_trainable']} of {entry['frames']} frames show arms and legs surely enough; {config.least} in a row are needed"
        )
        entry |= {
            "reason": "not seen" if entry["frames"] else "no frames",
            "why": few if entry["frames"] else "it ends before this stretch",
        }
    return Prepared(clips=clips, entry=entry)


def _clips(raw: RawAction, finder: Finder, config: ActionConfig, second: Second | None, entry: dict[str, Any]) -> Iterator[Clip]:
    fps, frames = frames_of_action(raw)
    every = max(1, round(float(fps) / config.rate))
    fps = fps / every
    if raw.joints is not None:
        joints = read_joints(raw.joints)
        yield from _streamed(raw, frames, fps, every, joints, np.ones(len(joints.points), bool), config, entry)
        return
    if raw.span is None and raw.strip_px is None and raw.path.is_file():  # of any length: its frames are not held
        motion = motion_of_body(raw.path, finder).motion
        joints = Joints(points=motion.points.astype(np.float64), confidence=motion.confidence.astype(np.float64))
        yield from _streamed(raw, frames, fps, every, joints, trainable(joints.confidence, config.sure), config, entry)
        return
    held = [frame for t, frame in enumerate(frames) if t % every == 0]
    entry["frames"] = len(held)
    if not held:
        return
    found = follow(held, finder, float(fps), second)
    yield from _cut(raw, held, found, fps, config, entry)


def frames_of_action(raw: RawAction) -> tuple[Fraction, Iterator[np.ndarray]]:
    """-> frames a second, and the frames of the stretch, (H, W, 3) uint8. InputError: what cannot be read."""
    first, stop = raw.span or (0, None)
    if raw.strip_px is not None:
        pixels, side = read_picture(raw.path).pixels, raw.strip_px
        num = pixels.shape[1] // side
        return STRIP_FPS, iter([np.ascontiguousarray(pixels[:, t * side : (t + 1) * side]) for t in range(num)][first:stop])
    fps, frames, _ = frames_of(raw.path, raw.fps)

    def within() -> Iterator[np.ndarray]:
        for t, (_, pixels) in enumerate(frames):
            if stop is not None and t >= stop:
                return
            if t >= first:
                yield pixels

    return fps, within()


def _streamed(
    raw: RawAction,
    frames: Iterator[np.ndarray],
    fps: Fraction,
    every: int,
    joints: Joints,
    good: np.ndarray,
    config: ActionConfig,
    entry: dict[str, Any],
) -> Iterator[Clip]:
    """The clips of a recording whose joints are known: windows are chosen first, and only their frames are kept. good: (T,) bool."""
    num = len(joints.points[::every])
    starts = chosen(runs_of(good[::every], config), config.most)
    held: dict[int, np.ndarray] = {}
    wanted = {t for start, stop in starts for t in range(start, stop)}
    masks: Any = None
    seen = 0
    for t, pixels in enumerate(frames):
        if t // every >= num:
            break
        seen = t // every + 1 if t % every == 0 else seen
        if t % every or t // every not in wanted:
            continue
        if raw.masks is not None:
            masks = masks or read_masks(raw.masks, (pixels.shape[1], pixels.shape[0]))
            if t >= masks[0]:
                break
            pixels = np.where(masks[1](t)[..., None], pixels, np.uint8(PLAIN))
        held[t // every] = pixels
    known = (joints.confidence[::every][:seen, LIMBS] > 0).sum(1) >= len(LIMBS) / 2
    entry |= {"frames": min(num, seen), "frames_seen": int(known.sum()), "frames_trainable": int(good[::every][:seen].sum())}
    for number, (start, stop) in enumerate(starts):
        if all(t in held for t in range(start, stop)):
            points, confidence = (part[::every][start:stop] for part in (joints.points, joints.confidence))
            yield _clip(raw, [held[t] for t in range(start, stop)], points, confidence, fps, config, entry, number, start)
        else:
            entry["notes"].append(f"the recording ends before frame {stop * every}: {start * every} to {stop * every - 1} is left out")


def _cut(
    raw: RawAction, frames: list[np.ndarray], found: Followed, fps: Fraction, config: ActionConfig, entry: dict[str, Any]
) -> Iterator[Clip]:
    good = trainable(found.confidence, config.sure)
    entry |= {"frames_seen": int(found.seen.sum()), "frames_trainable": int(good.sum())}
    for number, (start, stop) in enumerate(chosen(runs_of(good, config), config.most)):
        yield _clip(raw, frames[start:stop], found.points[start:stop], found.confidence[start:stop], fps, config, entry, number, start)


def trainable(confidence: np.ndarray, sure: float) -> np.ndarray:
    """(T, 18) -> (T,) bool: LEAST_SEEN of the twelve joints of arms and legs are seen, and their mean confidence is `sure` or more."""
    return ((confidence[:, LIMBS] > 0).sum(1) >= LEAST_SEEN) & (confidence[:, LIMBS].mean(1) >= sure)


def runs_of(good: np.ndarray, config: ActionConfig) -> list[tuple[int, int]]:
    """(start, stop) of windows of `num` frames, side by side, in the runs of good frames; a shorter run of `least` or more is one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int))).reshape(-1, 2)
    windows = []
    for start, stop in edges.tolist():
        whole = (stop - start) // config.num
        windows += [(start + k * config.num, start + (k + 1) * config.num) for k in range(whole)]
        if not whole and stop - start >= config.least:
            windows.append((start, stop))
    return windows


def chosen(windows: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """At most so many of them, evenly from the first to the last."""
    if len(windows) <= most:
        return windows
    return [windows[k] for k in np.linspace(0, len(windows) - 1, most).round().astype(int)]


def _clip(
    raw: RawAction,
    frames: list[np.ndarray],
    points: np.ndarray,
    confidence: np.ndarray,
    fps: Fraction,
    config: ActionConfig,
    entry: dict[str, Any],
    number: int,
    start: int,
) -> Clip:
    height, width = frames[0].shape[:2]
    corner, side = square(points, confidence, (width, height)) if raw.strip_px is None else (np.zeros(2, int), height)
    pixels = np.stack([resize(cropped(frame, corner, side), (config.size, config.size)) for frame in frames])
    name = f"{raw.id}_{number}"
    entry["kept"].append({"id": name, "start": start, "stop": start + len(frames), "square": [*map(int, corner), int(side)]})
    return Clip(
        id=name, source=raw.source, subject=raw.subject, split=raw.split, label=raw.label, kind=KIND,
        points=((points - corner) * (config.size / side)).astype(np.float32), confidence=confidence.clip(0, 1).astype(np.float32),
        frames=pixels, fps=fps, duration_s=float((len(frames) - 1) / fps), size=(config.size, config.size),
    )  # fmt: skip


def square(points: np.ndarray, confidence: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, int]:
    """The square that holds all seen joints of a window with room around them: its upper left corner (2,), whole pixels, and its side.

    Moved into the picture as far as it fits."""
    places = points[confidence > 0]
    low, high = places.min(0), places.max(0)
    long = float((high - low).max())
    low = low - (0, ABOVE * long)
    side = max(16, round(float((high - low).max()) * (1 + 2 * AROUND)))
    corner = np.round((low + high) / 2 - side / 2).astype(int)
    for axis in (0, 1):
        room = size[axis] - side
        corner[axis] = np.clip(corner[axis], 0, room) if room >= 0 else room // 2
    return corner, side


def cropped(frame: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3); the border's pixels go on where the square leaves the picture."""
    rows = np.arange(corner[1], corner[1] + side).clip(0, frame.shape[0] - 1)
    columns = np.arange(corner[0], corner[0] + side).clip(0, frame.shape[1] - 1)
    return np.ascontiguousarray(frame[rows[:, None], columns])


def work(config: ActionConfig) -> Work:
    """What videos.prepare_videos does with recordings of people in action. InputError: a number out of range."""
    if not 0 < config.sure <= 1:
        raise InputError(f"--sure {config.sure:g}: a confidence lies between 0 and 1")
    encoding = "jpeg" if config.size >= JPEG_FROM else "png"
    return Work(one=prepare_one, config=config, key=_key, files=_files, encoding=encoding, page=False)


def _key(raw: RawAction) -> tuple[Any, ...]:
    return raw.id, raw.subject, raw.split, raw.label, raw.fps, raw.span, raw.strip_px


def _files(raw: RawAction) -> list[Path]:
    return [path for path in (raw.path, raw.joints, raw.masks) if path is not None]


def coverage(report: Sequence[dict[str, Any]]) -> list[str]:
    """A line an action: in how many of its frames a person is seen, and how many are trainable."""
    lines = []
    for label in sorted({entry["label"] or "-" for entry in report}):
        rows = [entry for entry in report if (entry["label"] or "-") == label]
        frames, seen, good = (sum(entry[name] for entry in rows) for name in ("frames", "frames_seen", "frames_trainable"))
        if frames:
            lines.append(f"{label}: {frames} frames, a person seen in {seen / frames:.0%}, trainable {good / frames:.0%}")
    return lines


def prepare_one(raw: RawAction, config: ActionConfig) -> Prepared:
    """As prepare_action, with this process's own detectors."""
    return prepare_action(raw, _finder(), config, None if config.second is None else _second(config.second))


@cache
def _finder() -> Finder:
    from limner.detect.body import BodyDetector

    return BodyDetector()


@cache
def _second(model: Path) -> Second:
    from limner.detect.movenet import MoveNet

    return MoveNet(model)
