"""What a detector saw of one face, frame by frame, made whole: gaps filled, noise smoothed without lag, breaks found.

The filter is Savitzky & Golay's (1964): a parabola fitted to a short window centred on each frame. Its kernel is symmetric, so no
phase is shifted and nothing lags (a one-euro or Kalman filter looks back only, and a smile's onset would come late); a parabola keeps the
height of crests that a moving average of the same window would flatten; at the ends of a run the last window's parabola is read off.
Points are never smoothed or joined across a break: a face lost for long, or a cut to somewhere else.

Shapes: T time, K points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from limner.geometry import unit_length
from limner.guides.face import GUIDE
from limner.measures import jitter
from limner.types import Guide

PIECE = 1000  # ours: frames looked at at a time


@dataclass(frozen=True, kw_only=True)
class TrackConfig:
    """How a track is cleaned. The papers are silent on all of it."""

    seen: float = 0.2  # ours: confidence from which a frame counts as seen; detect.face looks anew for a face below it
    gap_s: float = 0.2  # ours: longer gaps stay open; a broad smile can leap up within 0.25 s, and a longer gap would hide that
    gap_confidence: float = 0.5  # ours: a filled frame is trusted half as much as the less sure of the two frames it lies between
    half_window_s: float = 0.1  # ours: 7 frames at 25 and 30 fps, 11 at 50: -3 dB at 4 to 5 Hz; jitter of real films falls to under half
    degree: int = 2  # ours: the least that keeps a crest's height
    jump_unit: float = 0.5  # ours: a face whose middle moves farther from one frame to the next is another one, or another shot
    jump_scale: float = 1.3  # ours: so is one that grows or shrinks by more


@dataclass(frozen=True, kw_only=True)
class Track:
    """One face followed and cleaned.

    points: (T, K, 2) float32, as they came where no run goes. confidence: (T,) float32, 0 outside the runs, lowered in filled frames.
    runs: (start, stop) frames, stop left out, of each stretch in which the face is known without a break. filled: (T,) bool.
    jitter_before, jitter_after: limner.measures.jitter over the runs, gaps filled, units / frame^2; NaN where every run is under 3 frames.
    """

    points: np.ndarray
    confidence: np.ndarray
    runs: tuple[tuple[int, int], ...]
    filled: np.ndarray
    jitter_before: float
    jitter_after: float


def clean(
    points: Any,
    confidence: Any,
    fps: float,
    config: TrackConfig | None = None,
    guide: Guide = GUIDE,
    cuts: tuple[int, ...] = (),
) -> Track:
    """(T, K, 2) points of any frame and (T,) confidence of a face followed at `fps` -> the track, cleaned.

    cuts: frames with which a new shot begins: no run goes on over one. Frames under `config.seen` count as unseen, whatever their points.
    Gaps at either end stay: nothing is made up beyond what was seen.
    ValueError where the shapes do not fit, fps is not above 0, or a point of a seen frame is no number.
    """
    config = config or TrackConfig()
    raw, sure = np.array(points, np.float64), np.asarray(confidence, np.float64)
    if raw.ndim != 3 or raw.shape[1:] != (guide.num_points, 2) or sure.shape != raw.shape[:1]:
        raise ValueError(f"expected points (T, {guide.num_points}, 2) and confidence (T,), got {raw.shape} and {sure.shape}")
    if not fps > 0:
        raise ValueError(f"{fps} frames a second: a rate is above 0")
    seen = sure >= config.seen
    if not np.isfinite(raw[seen]).all():
        raise ValueError(f"frame {int(np.flatnonzero(seen & ~np.isfinite(raw).all((1, 2)))[0])} holds a point that is no number")
    sure = np.where(seen, sure, 0.0)
    runs = _fill(raw, sure, seen, fps, config, guide, cuts)
    smooth = raw.astype(np.float32)
    for start, stop in runs:
        for k in range(raw.shape[1]):  # point by point: the memory of a long film
            smooth[start:stop, k] = savitzky_golay(raw[start:stop, k], half_window(fps, config), config.degree)
    return Track(
        points=smooth,
        confidence=sure.astype(np.float32),
        runs=runs,
        filled=(sure > 0) & ~seen,
        jitter_before=_jitter(raw, runs, guide),
        jitter_after=_jitter(smooth, runs, guide),
    )


def in_pieces(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """A function of single frames over (T, K, 2) points, some frames at a time: the memory of a long film."""
    return np.concatenate([function(points[at : at + PIECE]) for at in range(0, max(1, len(points)), PIECE)])


def half_window(fps: float, config: TrackConfig) -> int:
    """Frames on either side of the filter's centre: the nearest whole number, a half upward."""
    return int(np.floor(config.half_window_s * fps + 0.5))


def savitzky_golay(values: np.ndarray, half: int, degree: int = 2) -> np.ndarray:
    """(T, ...) -> the same, smoothed along time by a parabola (or `degree`) over 2 half + 1 frames, no lag.

    A shorter sequence gets a shorter window, and is left as it is where the polynomial would go through every frame anyway."""
    from scipy.signal import savgol_filter

    window = min(2 * half + 1, len(values) - (len(values) + 1) % 2)
    return np.array(values) if window <= degree + 1 else np.asarray(savgol_filter(values, window, degree, axis=0, mode="interp"))


def _fill(
    raw: np.ndarray, sure: np.ndarray, seen: np.ndarray, fps: float, config: TrackConfig, guide: Guide, cuts: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Fills the short gaps of points and confidence in place, straight from the frame before to the one after -> the runs that remain."""
    known = [int(t) for t in np.flatnonzero(seen)]
    if not known:
        return ()
    runs, start = [], known[0]
    for before, after in itertools.pairwise(known):
        missing = after - before - 1
        cut = any(before < t <= after for t in cuts)
        if cut or missing > config.gap_s * fps + 1e-9 or jumps(raw[before], raw[after], config, guide):
            runs.append((start, before + 1))
            start = after
        elif missing:
            part = (np.arange(1, missing + 1) / (missing + 1))[:, None, None]
            raw[before + 1 : after] = raw[before] * (1 - part) + raw[after] * part
            sure[before + 1 : after] = config.gap_confidence * min(sure[before], sure[after])
    return (*runs, (start, known[-1] + 1))


def jumps(before: np.ndarray, after: np.ndarray, config: TrackConfig, guide: Guide) -> bool:
    """Whether two frames of a track, (K, 2) each, cannot be of one face in one shot."""
    sizes = unit_length(np.stack([before, after]), guide)
    if not (sizes > 0).all():
        return True  # a face squeezed to nothing
    moved = np.linalg.norm(after.mean(0) - before.mean(0)) / sizes.max()
    return bool(moved > config.jump_unit or sizes.max() / sizes.min() > config.jump_scale)


def _jitter(points: np.ndarray, runs: tuple[tuple[int, int], ...], guide: Guide) -> float:
    """Mean jitter of the runs, each weighted by its second differences; in pieces, for the memory of a long film."""
    pieces = [(at, min(at + PIECE + 2, stop)) for start, stop in runs for at in range(start, stop - 2, PIECE)]
    if not pieces:
        return float("nan")
    return float(np.average([jitter(points[a:b], guide) for a, b in pieces], weights=[b - a - 2 for a, b in pieces]))
