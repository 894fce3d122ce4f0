"""Generated clips against the real ones they imitate: two stores in, figures with intervals out. It knows clips, no generator.

A generated clip belongs to the real one whose id its own begins with: `anna_1/mode_2` to `anna_1`. Pixels are compared frame by frame
(spec A7: generated frame t with real frame t, both having begun at the same neutral frame). What the faces do is read from the pixels of
both alike, by a detector, so that a video is judged by what it shows rather than by the points it was made from.

Shapes: N clips, T time, K = 68 points, H W pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from limner import measures
from limner.evaluation.metrics.motion import interval
from limner.media.pictures import resize
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

DETECT_PX = 256  # spec A7: frames of 64 pixels are enlarged 4 times before a detector looks
PER_MODE, PER_CLIP = "mode", "clip"


class Follower(Protocol):
    """What follows a face: detect.face.FaceDetector."""

    def track(self, frames: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a detector sees in a clip. points: (T, 68, 2) pixels of the enlarged frames; au: (T, 2) relative to its own first frame."""

    points: np.ndarray
    au: np.ndarray


@dataclass(kw_only=True)
class Scores:
    """name -> a value for each real clip (its modes' mean, where modes differ), with the people they are of. lost: clips without a face."""

    values: dict[str, list[float]] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)
    curves: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"real": [], "fake": []})
    lost: int = 0

    def add(self, name: str, value: float, person: str) -> None:
        self.values.setdefault(name, []).append(float(value))
        self.people.setdefault(name, []).append(person)

    def table(self) -> dict[str, dict[str, float]]:
        """name -> mean, low and high of its 95 % bootstrap interval over people, n clips."""
        found = {}
        for name, values in self.values.items():
            people = np.array(self.people[name])
            each = np.array([np.mean(np.array(values)[people == person]) for person in np.unique(people)])
            low, high = interval(each)
            found[name] = {"mean": float(each.mean()), "low": low, "high": high, "n": len(values)}
        if self.curves["fake"]:
            apart = measures.au_curve_distance([c[:, 1:] for c in self.curves["fake"]], [c[:, 1:] for c in self.curves["real"]])
            found["au12_mean_curve"] = {"mean": apart, "low": np.nan, "high": np.nan, "n": len(self.curves["fake"])}
        return found


def seen_in(clip: Clip, detector: Follower) -> Seen | None:
    """What the detector reads from a clip's frames, enlarged to DETECT_PX; None where it sees no face in some frame."""
    assert clip.frames is not None
    frames = (resize(frame, (DETECT_PX, DETECT_PX)) if frame.shape[0] < DETECT_PX else frame for frame in clip.frames)
    try:
        points, confidence, _ = detector.track(frames)
    except InputError:
        return None
    if (confidence == 0).any():
        return None
    return Seen(points=points, au=measures.action_units(points, points[0]))


def grouped(real: Store, fake: Store) -> Iterator[tuple[Clip, list[Clip]]]:
    """Each real clip that was imitated, with its imitations. InputError where a generated clip is of no clip of the real store."""
    rows = {real.row(i)["id"]: i for i in range(len(real))}
    of: dict[str, list[int]] = {}
    for i in range(len(fake)):
        name = fake.row(i)["id"].rpartition("/")[0]
        if name not in rows:
            raise InputError(f"clip {fake.row(i)['id']!r} of store {fake.path} was made from no clip of {real.path}")
        of.setdefault(name, []).append(i)
    for name, members in of.items():
        yield real[rows[name]], [fake[i] for i in members]


def compare(
    real: Store,
    fake: Store,
    detector: Follower,
    *,
    identity: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    limit: int | None = None,
    cache: dict[str, Seen | None] | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Scores:
    """All figures of one store of generated clips.

    identity: frames (T, H, W, 3) and points (T, 68, 2) -> unit vectors (T, D). limit: only of so many real clips.
    cache: what was seen in the real clips, shared between stores. InputError where a store has no pixels, or their sizes differ.
    """
    scores, cache = Scores(), {} if cache is None else cache
    groups = itertools.islice(grouped(real, fake), limit)
    total = len({fake.row(i)["id"].rpartition("/")[0] for i in range(len(fake))})
    for number, (one, made) in enumerate(groups):
        _check(one, made, real, fake)
        if one.id not in cache:
            cache[one.id] = seen_in(one, detector)
        _pixels(scores, one, made)
        _faces(scores, one, made, cache[one.id], detector)
        if identity is not None:
            _identities(scores, one, made, identity)
        progress("comparing", number + 1, min(total, limit or total))
    return scores


def _check(one: Clip, made: list[Clip], real: Store, fake: Store) -> None:
    for clip, store in ((one, real), *((clip, fake) for clip in made)):
        if clip.frames is None:
            raise InputError(f"store {store.path} has no pixels: clip {clip.id!r} is points alone")
        if clip.frames.shape != one.frames.shape:  # type: ignore[union-attr]
            raise InputError(f"clip {clip.id!r} is {clip.frames.shape}, the real one {one.frames.shape}")  # type: ignore[union-attr]


def _pixels(scores: Scores, one: Clip, made: list[Clip]) -> None:
    """SSIM and mouth SSIM, mean and best of the modes; how far the modes' mouths lie apart; how the frames change in time."""
    assert one.frames is not None
    later = range(1, one.num_frames)  # the first frame was given
    whole = [np.mean([measures.ssim(clip.frames[t], one.frames[t], window="gaussian") for t in later]) for clip in made]  # type: ignore[index]
    mouth = [np.mean([measures.mouth_ssim(clip.frames[t], one.frames[t], one.points[t]) for t in later]) for clip in made]  # type: ignore[index]
    for name, values in (("ssim", whole), ("mouth_ssim", mouth)):
        scores.add(name, float(np.mean(values)), one.subject)
        if len(made) > 1:
            scores.add(f"{name}_best", float(np.max(values)), one.subject)
    own = measures.flicker(one.frames)
    if own > 0:
        scores.add("flicker_ratio", float(np.mean([measures.flicker(clip.frames) for clip in made])) / own, one.subject)
    if len(made) > 1:
        size = (one.size[0], one.size[1])
        boxes = [measures.lip_box(one.points[t], size) for t in range(one.num_frames)]
        scores.add("modes_apart_px", measures.mode_distance_px([clip.frames for clip in made], boxes), one.subject)


def _faces(scores: Scores, one: Clip, made: list[Clip], own: Seen | None, detector: Follower) -> None:
    """AU12 against the real clip's, landmark error, jitter, and how differently the modes move, all as the detector sees it."""
    found = [seen_in(clip, detector) for clip in made]
    seen = [item for item in found if item is not None]
    scores.lost += len(found) - len(seen) + (own is None)
    if own is None or not seen:
        return
    frames = one.num_frames
    apart = [measures.au_clip_distance(item.au[:, 1:], own.au[:, 1:], num=frames) / frames for item in seen]
    scores.add("au12_distance", float(np.mean(apart)), one.subject)
    scores.add("landmark_error_pct", 100 * float(np.mean([measures.landmark_error(item.points, own.points) for item in seen])), one.subject)
    scores.add("jitter", float(np.mean([measures.jitter(item.points) for item in seen])), one.subject)
    scores.add("jitter_real", measures.jitter(own.points), one.subject)
    scores.curves["real"].append(own.au)
    scores.curves["fake"] += [item.au for item in seen]
    if len(seen) > 1:
        scores.add("modes_apart", measures.mode_distance([item.points for item in seen]), one.subject)


def _identities(scores: Scores, one: Clip, made: list[Clip], identity: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """How much the face is still the one of the first frame: the mean cosine of all later frames with it."""
    assert one.frames is not None
    first = identity(one.frames[:1], one.points[:1])
    for name, clips in (("identity", made), ("identity_real", [one])):
        values = [float((identity(clip.frames[1:], clip.points[1:]) @ first[0]).mean()) for clip in clips]  # type: ignore[index]
        scores.add(name, float(np.mean(values)), one.subject)
