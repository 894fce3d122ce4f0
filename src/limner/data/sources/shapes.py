"""Whose face it is and how a smile moves it: the fitted numbers, people drawn from them, and points posed by activations.

All in units of the canonical face frame: x right, y down, outer eye corners 1 apart. The numbers are smile_shapes.safetensors
(its card says how they were fitted). Shapes: T time, K = 68 points, C components.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SHAPES_FILE = Path(__file__).with_name("smile_shapes.safetensors")
UPPER_LIDS, LOWER_LIDS = [37, 38, 43, 44], [41, 40, 47, 46]
INNER_UPPER, INNER_LOWER = [61, 62, 63], [67, 66, 65]
OUTER_UPPER, OUTER_LOWER = [50, 51, 52], [58, 57, 56]
MEAN_EYE_OPENING = 0.095  # measured: mean vertical lid distance of the 66 neutral training faces, units (across the eye's axis: 0.094)
SIDE_WIDTH = 0.07  # ours: over how many units left turns into right at the middle of the mouth
LID_CLOSED = 0.94  # ours: the share of the opening that a full blink closes (the mesh keeps a sliver)
LIP_SOFT = 0.002  # ours: rounding of the lips' contact, units: no corner in the motion when they part


@functools.cache
def load_shapes() -> dict[str, np.ndarray]:
    """The fitted tensors by name, float64; their meaning is in smile_shapes.md."""
    from safetensors.numpy import load_file

    return {name: value.astype(np.float64) for name, value in load_file(SHAPES_FILE).items()}


@dataclass(frozen=True, kw_only=True)
class Person:
    """One procedural person: a neutral face and the habits that make her smiles hers.

    neutral: (K, 2). style: (C,) personal part of the smile's direction, in standard deviations. lopsided: habitual
    (left - right) / (left + right) of posed smiles. shows_teeth: 0..1. teeth_gap: lip gap per smile strength, units.
    narrows: shift of AU6 at the apex. quick: factor on durations. lively: factor on head motion.
    """

    subject: str
    neutral: np.ndarray
    style: np.ndarray
    lopsided: float
    shows_teeth: float
    teeth_gap: float
    narrows: float
    quick: float
    lively: float


@dataclass(frozen=True, kw_only=True)
class Activations:
    """What the face does, frame by frame. smile, au6: (T, 2) person's right and left, smile as strength 0..1 (AU12 / 5), au6 0..5.

    gap: lips parted by the smile, units. jaw: jaw drop 0..1. blink: 0..1. brow: raise 0..1, negative lowers. style: (C,) of this clip.
    rest: (K, 2) how the resting face differs today, units. wander: (T, K, 2) a tracker's smooth noise, units, 0 in the first frame.
    """

    smile: np.ndarray
    au6: np.ndarray
    gap: np.ndarray
    jaw: np.ndarray
    blink: np.ndarray
    brow: np.ndarray
    style: np.ndarray
    rest: np.ndarray
    wander: np.ndarray


def draw_person(rng: np.random.Generator, subject: str) -> Person:
    """A new person from the fitted statistics. Every draw comes from `rng`, so the person depends on nothing else."""
    shapes = load_shapes()
    code = np.clip(rng.normal(size=len(shapes["neutral_std"])) * 1.1, -2.3, 2.3)  # ours: a little wider than the 66, for faces unlike them
    neutral = shapes["neutral_mean"] + np.tensordot(code * shapes["neutral_std"], shapes["neutral_components"], 1)
    _, gap, gap_std = shapes["open_gap"]
    return Person(
        subject=subject,
        neutral=_sane(neutral),
        style=np.clip(rng.normal(size=len(shapes["style_std"])) * 0.8, -1.8, 1.8),  # ours: with the clips' 0.6, all of London's variance
        lopsided=float(rng.normal(0, 0.09)),  # ours: most faces have a stronger side
        shows_teeth=float(rng.beta(1.6, 1.2)),  # ours; 0.67 of London's smiles open the mouth
        teeth_gap=float(np.clip(rng.normal(gap, gap_std), 0.05, 0.22)),
        narrows=float(rng.normal(0, 0.45)),  # ours
        quick=float(np.exp(rng.normal(0, 0.15))),  # ours
        lively=float(np.exp(rng.normal(0, 0.4))),  # ours
    )


def draw_rest(rng: np.random.Generator) -> np.ndarray:
    """(K, 2) how a resting face differs from one day to the next: a small sample of the same components."""
    shapes = load_shapes()
    code = np.clip(rng.normal(size=len(shapes["neutral_std"])), -2, 2) * 0.06  # ours
    return np.tensordot(code * shapes["neutral_std"], shapes["neutral_components"], 1)


def pose(person: Person, act: Activations) -> np.ndarray:
    """The person's points under the activations, (T, K, 2) units, head still. Lips never cross and eyes never invert.

    The sides of a face blend into one another over SIDE_WIDTH, so that a lopsided smile has no seam. What wide eyes do, they do more of.
    """
    shapes = load_shapes()
    neutral = person.neutral + act.rest
    left_K = 1 / (1 + np.exp(-shapes["neutral_mean"][:, 0] / SIDE_WIDTH))  # the person's left is the picture's right
    smile_TK = act.smile[:, :1] * (1 - left_K) + act.smile[:, 1:] * left_K
    au6_TK = act.au6[:, :1] * (1 - left_K) + act.au6[:, 1:] * left_K
    direction = shapes["smile"] + np.tensordot(act.style * shapes["style_std"], shapes["style_components"], 1)
    opening = _eye_opening(neutral) / MEAN_EYE_OPENING
    points = neutral + smile_TK[..., None] * direction
    points = points + act.gap[:, None, None] * shapes["opening"] + act.jaw[:, None, None] * shapes["jaw_open"]
    points = points + opening * au6_TK[..., None] * shapes["cheek_raise"] + act.brow[:, None, None] * shapes["brow_up"]
    points = _sane(points + act.wander)
    lids = points[:, LOWER_LIDS] - points[:, UPPER_LIDS]
    points[:, UPPER_LIDS] += LID_CLOSED * act.blink[:, None, None] * lids
    return points


def turn(points: np.ndarray, yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray, shift: np.ndarray, grow: np.ndarray) -> np.ndarray:
    """Small head motion: (T, K, 2) units -> the same seen from the front of a turned head.

    yaw, pitch, roll: (T,) radians; shift: (T, 2) units; grow: (T,) relative size. The depth of the points is the ICT face's. Orthographic.
    """
    depth = load_shapes()["depth"]
    x = points[..., 0] * np.cos(yaw)[:, None] + depth * np.sin(yaw)[:, None]
    y = points[..., 1] * np.cos(pitch)[:, None] + depth * np.sin(pitch)[:, None]
    c, s = np.cos(roll)[:, None] * (1 + grow[:, None]), np.sin(roll)[:, None] * (1 + grow[:, None])
    return np.stack([c * x - s * y, s * x + c * y], -1) + shift[:, None, :]


def _eye_opening(points: np.ndarray) -> np.ndarray:
    """(..., K, 2) -> (...,) mean vertical distance of the lids, units."""
    return (points[..., LOWER_LIDS, 1] - points[..., UPPER_LIDS, 1]).mean(-1)


def _sane(points: np.ndarray) -> np.ndarray:
    """Lips part or touch but never cross; each lid stays on its side; a lip keeps some thickness."""
    points = points.copy()
    gap = points[..., INNER_LOWER, 1] - points[..., INNER_UPPER, 1]
    parted = (gap + np.sqrt(gap * gap + LIP_SOFT * LIP_SOFT)) / 2
    points[..., INNER_UPPER, 1] -= (parted - gap) / 2
    points[..., INNER_LOWER, 1] += (parted - gap) / 2
    least = 0.02  # ours: the thinnest lip and the narrowest open eye, units
    points[..., OUTER_UPPER, 1] = np.minimum(points[..., OUTER_UPPER, 1], points[..., INNER_UPPER, 1] - least)
    points[..., OUTER_LOWER, 1] = np.maximum(points[..., OUTER_LOWER, 1], points[..., INNER_LOWER, 1] + least)
    short = np.maximum(least - (points[..., LOWER_LIDS, 1] - points[..., UPPER_LIDS, 1]), 0)
    points[..., UPPER_LIDS, 1] -= short / 2
    points[..., LOWER_LIDS, 1] += short / 2
    return points
