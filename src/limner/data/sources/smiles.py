"""Procedural people and their smiles: clips of points alone, two labels (posed, spontaneous), two kinds.

A "transition" runs from the neutral face to the apex (AU12 from 0 to its peak); a "smile" goes there, stays, with one peak or several, and
comes back. Faces and directions are drawn from fitted numbers (shapes.py), time courses from the literature (timing.py).
Person i, and each of her clips, depends on the seed alone, not on how many people are made or by how many workers.

Shapes: T time, K = 68 points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from limner.data.sources.shapes import Activations, Person, draw_person, draw_rest, pose, turn
from limner.data.sources.timing import HABITS, Ease, Habits, beta_ease, blink_curve, draw_ease, draw_swells, smooth_walk
from limner.geometry import apply_affine, unit_to_map
from limner.guides.face import GUIDE
from limner.types import Clip

LABELS = ("posed", "spontaneous")
TRANSITIONS, SMILES = 4, 2  # ours: clips of each kind per person and label
FPS = 25
SIZE = 256
AU12_BOUNDS = (2.0, 5.0)  # ours: well above the apex that a transition needs (spec A6: 1.5), at most the scale's end
NOISE_UNIT = 0.0006  # ours: a tracker's smooth wander, 0.1 px on a face of 256 px


def generate(people: int, seed: int) -> Iterator[Clip]:
    """All clips of `people` people, person after person; split by subject: 8 of 10 train, 1 val, 1 test."""
    for index in range(people):
        yield from person_clips(index, seed)


def clips_per_person() -> int:
    """How many clips `person_clips` makes."""
    return len(LABELS) * (TRANSITIONS + SMILES)


def person_clips(index: int, seed: int) -> Iterator[Clip]:
    """Every clip of person `index`: the same whatever else is made."""
    subject = f"p{index:05d}"
    person = draw_person(np.random.default_rng([seed, index]), subject)
    split = {8: "val", 9: "test"}.get(index % 10, "train")
    for label_index, label in enumerate(LABELS):
        for number in range(TRANSITIONS + SMILES):
            kind = "transition" if number < TRANSITIONS else "smile"
            rng = np.random.default_rng([seed, index, label_index, number])
            points, au = draw_smile(rng, person, HABITS[label], label, kind)
            pixels = apply_affine(unit_to_map(GUIDE, SIZE), points).astype(np.float32)
            yield Clip(
                id=f"{subject}_{label}_{kind}_{number}",
                source="limner.smiles",
                subject=subject,
                split=split,
                points=pixels,
                confidence=np.ones(pixels.shape[:2], np.float32),
                fps=Fraction(FPS),
                duration_s=(len(points) - 1) / FPS,
                size=(SIZE, SIZE),
                label=label,
                kind=kind,
                au=au.astype(np.float32),
            )


def draw_smile(rng: np.random.Generator, person: Person, habits: Habits, label: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """One smile of a person: (T, K, 2) points in units with head motion, and (T, 2) its AU06 and AU12, at FPS.

    Every draw comes from `rng`, in this order: a draw more or less, or in another place, makes another corpus (prepare.SMILES_FORMAT).
    """
    low, high = AU12_BOUNDS
    drawn = rng.normal(*habits.peak)
    peak = float(np.clip(high - abs(high - low - abs(drawn - low)), low, high))  # reflected at the bounds, so that none piles up there
    onset_s, apex_s, offset_s, rest_s = _phases(rng, person, habits, peak, kind)
    num = max(8, round((onset_s + apex_s + offset_s + rest_s) * FPS) + 1)
    t = np.arange(num) / FPS
    if kind == "transition":
        onset_s = float(t[-1])
    left_over = rng.uniform(0.0, 0.06)  # ours: what lingers after a smile, of its peak
    swells = draw_swells(rng, habits, onset_s, apex_s)
    ease, fall = draw_ease(rng, habits), beta_ease(rng.uniform(*habits.fall[0]), rng.uniform(*habits.fall[1]))

    def envelope(ease: Ease, lag: float, swell: float) -> np.ndarray:
        """0 -> 1 -> left over, starting `lag` onsets after the smile. swell: how far it follows the apex's swells."""
        rise = ease((t / onset_s - lag) / (1 - lag)) if lag > 0 else ease(t / onset_s / (1 + lag))
        if kind == "transition":
            return rise
        down = fall((t - onset_s - apex_s) / offset_s)
        return rise * (1 - (1 - left_over) * down) * (1 - swell * (1 - swells(t)))

    main = envelope(ease, 0.0, 1.0)
    smile, lopsided = _two_sides(rng, person, habits, label, peak, main, lambda lag: envelope(ease, lag, 1.0))
    au6_peak = _au6_peak(rng, person, habits, peak)
    au6 = au6_peak * envelope(beta_ease(rng.uniform(1.8, 2.6), rng.uniform(1.8, 2.6)), rng.uniform(*habits.au6_lag), rng.uniform(0.3, 1.0))
    gap, jaw = _mouth(rng, person, habits, peak, envelope)
    act = Activations(
        smile=smile / 5,
        au6=np.clip(au6[:, None] * (1 + np.array([-1, 1]) * 0.5 * lopsided), 0, 5),
        gap=gap,
        jaw=jaw,
        blink=_blinks(rng, habits, t, onset_s),
        brow=rng.normal(0, habits.brow) * envelope(beta_ease(2, 2), rng.uniform(0, 0.3), 0.5),
        style=person.style + np.clip(rng.normal(size=len(person.style)) * 0.6, -1.3, 1.3),  # ours: no two smiles of a person are alike
        rest=draw_rest(rng),
        wander=_wander(rng, (num, *person.neutral.shape)),
    )
    points = turn(pose(person, act), *_head(rng, person, habits, t))
    au = np.stack([act.au6.mean(1), smile.mean(1)], 1)
    return points, au


def _phases(rng: np.random.Generator, person: Person, habits: Habits, peak: float, kind: str) -> tuple[float, float, float, float]:
    """How long onset, apex, offset and the rest after it last, s; a transition has an onset alone."""
    slower = (peak / 3.3) ** 0.35  # ours: larger smiles take a little longer, so that speed still grows with amplitude (Schmidt 2003)
    onset_s = float(np.clip(person.quick * slower * habits.onset_s[0] * np.exp(rng.normal(0, habits.onset_s[1])), 0.28, 2.5))  # ours
    if kind == "transition":
        return onset_s, 0.0, 0.0, 0.0
    apex_s = float(rng.uniform(*habits.apex_s))
    offset_s = float(np.clip(person.quick * habits.offset_s[0] * np.exp(rng.normal(0, habits.offset_s[1])), 0.4, 3.5))  # ours
    return onset_s, apex_s, offset_s, 0.2  # ours


def _two_sides(
    rng: np.random.Generator, person: Person, habits: Habits, label: str, peak: float, main: np.ndarray, late: Callable[[float], np.ndarray]
) -> tuple[np.ndarray, float]:
    """AU12 of the person's right and left side, (T, 2), whose mean peaks at `peak`; and how lopsided it is, > 0 to the left.

    main: (T,) course of the stronger side. late: lag in onsets -> the same course, that much later.
    """
    lopsided = rng.normal(0, habits.lopsided) + (
        person.lopsided if label == "posed" else 0.3 * person.lopsided
    )  # ours: emotion is more even
    share, low, high = habits.one_sided
    if rng.random() < share:
        lopsided = np.sign(lopsided) * rng.uniform(low, high)
    lopsided = float(np.clip(lopsided, -0.45, 0.45))
    follows = late(rng.uniform(*habits.side_lag))  # the weaker side starts later
    sides = [follows, main] if lopsided > 0 else [main, follows]
    smile = peak * np.stack(sides, 1) * (1 + np.array([-1, 1]) * lopsided)
    return np.clip(smile, 0, 6.0), lopsided


def _au6_peak(rng: np.random.Generator, person: Person, habits: Habits, peak: float) -> float:
    """AU6 at the apex: with the Duchenne marker it grows with the smile, without it the eyes stay nearly still."""
    if rng.random() < habits.duchenne:
        return float(np.clip(rng.normal(*habits.au6) + 0.4 * (peak - 3.3) + person.narrows, 0.5, 5.0))  # ours
    return float(rng.uniform(0.0, 0.4))  # ours


def _mouth(
    rng: np.random.Generator, person: Person, habits: Habits, peak: float, envelope: Callable[[Ease, float, float], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """How the lips part, (T,) units, and how the jaw drops, (T,) 0..1: lips closed, teeth shown, or a laugh."""
    ease = beta_ease(rng.uniform(1.8, 2.6), rng.uniform(1.8, 2.6))
    lips = envelope(ease, rng.uniform(0.05, 0.4), 1.0)  # ours: lips part after the corners start
    still = np.zeros_like(lips)
    choice = rng.random()
    if choice < habits.laugh:
        return peak / 5 * person.teeth_gap * lips, rng.uniform(0.15, 0.45) * peak / 5 * envelope(ease, rng.uniform(0.2, 0.45), 1.0)
    closed = 2 * habits.closed * (1 - person.shows_teeth)  # ours: habit times the label's tendency
    if rng.random() < np.clip(closed, 0.08, 0.92):
        return still, still
    return peak / 5 * person.teeth_gap * rng.uniform(0.75, 1.25) * lips, rng.uniform(0, 0.04) * lips


def _blinks(rng: np.random.Generator, habits: Habits, t: np.ndarray, onset_s: float) -> np.ndarray:
    """(T,) lid closure: perhaps one blink during the onset (whole, if it fits), and every few seconds later."""
    blink = np.zeros_like(t)
    length = rng.uniform(0.24, 0.4)  # ours: a blink lasts 0.1 to 0.4 s; at 25 fps the shorter ones would be single frames
    start, chance = float(rng.uniform(0.05, 0.9) * onset_s), rng.random()
    if chance < habits.blink and start + length < t[-1] - 0.04:
        blink = np.maximum(blink, blink_curve(t, start, length))
    at = onset_s + rng.exponential(2.5)  # ours
    while at + length < t[-1] - 0.04:
        blink = np.maximum(blink, blink_curve(t, at, length))
        at += 0.6 + rng.exponential(2.5)
    return blink * rng.uniform(0.85, 1.0)


def _head(
    rng: np.random.Generator, person: Person, habits: Habits, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch, roll in radians, shift in units, growth: all (T, ...) and 0 at the start."""
    spread = np.deg2rad(habits.head_deg) * person.lively
    yaw, pitch, roll = (smooth_walk(rng, t, spread * share) for share in (0.8, 1.0, 0.8))
    shift = np.stack([smooth_walk(rng, t, 0.7 * spread), smooth_walk(rng, t, 0.7 * spread)], 1)
    return yaw, pitch, roll, shift, smooth_walk(rng, t, 0.3 * spread)


def _wander(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A tracker's smooth noise, 0 in the first frame."""
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)  # ours: as smooth as a tracker's own filter
    raw = rng.normal(size=(shape[0] + 8, *shape[1:]))
    smooth = np.stack([np.tensordot(kernel, raw[i : i + 9], 1) for i in range(shape[0])])
    smooth *= NOISE_UNIT / np.sqrt((kernel**2).sum())
    return smooth - smooth[:1]
