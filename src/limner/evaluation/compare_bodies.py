"""Generated clips of bodies against the real ones they imitate: likeness, person, and whether they hold together over time.

As `compare`, whose Scores these are, but that nothing is detected: every figure is of the pixels. Shapes: T time, H W pixels, K points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from statistics import fmean as mean
from typing import TYPE_CHECKING

import numpy as np

from limner import measures
from limner.evaluation.compare import Scores, grouped
from limner.media.pictures import resize
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

MOST_DB = 100.0  # ours: PSNR of equal pictures, which would be infinite
MARGIN = 0.12  # ours: round the points, of the body's height: the box that is the person
Identity = Callable[[Clip], np.ndarray]  # a clip with frames -> (T, D) unit vectors


def compare_bodies(
    real: Store,
    fake: Store,
    *,
    identity: Identity | None = None,
    limit: int | None = None,
    flows: dict[str, measures.Flow] | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Scores:
    """All figures of one store of generated clips of bodies. limit: only of so many real clips. flows: of the real clips, shared between
    stores of one size. InputError where a store has no pixels."""
    scores, flows = Scores(), {} if flows is None else flows
    total = len({fake.row(i)["id"].rpartition("/")[0] for i in range(len(fake))})
    for number, (one, made) in enumerate(itertools.islice(grouped(real, fake), limit)):
        for clip in made:
            truth = _like(one, clip, real, fake)
            _pixels(scores, truth, clip)
            key = f"{one.id} {truth.size}"
            flows[key] = flows[key] if key in flows else measures.optical_flow(truth.frames)
            _time(scores, truth, clip, flows[key])
            if identity is not None:
                _person(scores, truth, clip, identity)
        progress("comparing", number + 1, min(total, limit or total))
    return scores


def person_box(points_K2: np.ndarray, confidence_K: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the square round a body's known points, within the frame of `size`; the whole frame where no point is known."""
    known = points_K2[confidence_K > 0]
    if not len(known):
        return 0, 0, *size
    low, high = known.min(0), known.max(0)
    middle, half = (low + high) / 2, (high - low).max() * (0.5 + MARGIN)
    x0, y0 = np.clip(np.floor(middle - half), 0, np.array(size) - 12).astype(int)  # 12: a window of SSIM fits in
    x1, y1 = np.clip(np.ceil(middle + half), (x0 + 12, y0 + 12), size).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _like(one: Clip, clip: Clip, real: Store, fake: Store) -> Clip:
    """The real clip at the generated one's size. InputError where one has no pixels, or they are of other lengths."""
    from dataclasses import replace

    for own, store in ((one, real), (clip, fake)):
        if own.frames is None:
            raise InputError(f"store {store.path} has no pixels: clip {own.id!r} is points alone")
    assert one.frames is not None
    if one.num_frames != clip.num_frames:
        raise InputError(f"clip {clip.id!r} has {clip.num_frames} frames, the real one {one.num_frames}")
    if one.size == clip.size:
        return one
    frames = np.stack([resize(frame, clip.size) for frame in one.frames])
    return replace(one, frames=frames, points=one.points * (clip.size[0] / one.size[0]), size=clip.size)


def _pixels(scores: Scores, one: Clip, made: Clip) -> None:
    """SSIM and PSNR of the later frames (the first was given), whole and in the square round the person."""
    assert one.frames is not None and made.frames is not None  # noqa: PT018
    later = range(1, one.num_frames)
    scores.add("ssim", mean([measures.ssim(made.frames[t], one.frames[t], window="gaussian") for t in later]), one.subject)
    scores.add("psnr", mean([min(MOST_DB, measures.psnr(made.frames[t], one.frames[t])) for t in later]), one.subject)
    inside = []
    for t in later:
        x0, y0, x1, y1 = person_box(one.points[t], one.confidence[t], one.size)
        cut = slice(y0, y1), slice(x0, x1)
        inside.append(measures.ssim(made.frames[t][cut], one.frames[t][cut], window="gaussian"))
    scores.add("body_ssim", mean(inside), one.subject)


def _time(scores: Scores, one: Clip, made: Clip, flow: measures.Flow) -> None:
    """How much changes from frame to frame beside the real clip, and how much of that the real motion does not explain."""
    for name, measure in (("frame_difference_ratio", measures.frame_difference), ("flicker_ratio", measures.flicker)):
        own = measure(one.frames)
        if own > 0:
            scores.add(name, measure(made.frames) / own, one.subject)
    scores.add("warping_error", measures.warping_error(made.frames, flow), one.subject)
    scores.add("warping_error_real", measures.warping_error(one.frames, flow), one.subject)


def _person(scores: Scores, one: Clip, made: Clip, identity: Identity) -> None:
    """1 - the mean cosine of the later frames with the real first one, of both clips."""
    own, other = identity(one), identity(made)
    scores.add("body_identity", 1 - float((other[1:] @ own[0]).mean()), one.subject)
    scores.add("body_identity_real", 1 - float((own[1:] @ own[0]).mean()), one.subject)
