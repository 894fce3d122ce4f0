"""The small records that stages hand to one another.

Shapes: T time, K points, H W pixels, A action units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np


class InputError(ValueError):
    """An input that limner refuses; the message is the one line the user sees (exit code 2)."""


class DependencyError(InputError):
    """A package or model file that is not there; the message says how to get it (exit code 2)."""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What is tracked in a picture: named points and the lines that join them.

    lines: line name -> indices of the points it joins, in order; a closed line repeats its first index.
    mirror: index of the point that each point becomes when the picture is flipped left to right.
    rigid: points that expression moves least; clips are aligned on them.
    unit_ends: the two places whose distance is one unit, each the mean of the points named (the face: the outer eye corners, the
    inter-ocular distance of 300-W; the body: neck and middle of the hips, its torso).
    canonical: (K, 2) float32 mean shape in units: x right, y down, origin midway between the unit's ends.
    crop_unit: (x0, y0, side) of the square, in units of the canonical frame, that a map shows.
    colours: line name -> RGB, 0..255, of a guide whose maps are coloured; empty where they are not.
    flesh: name of a line from joint to joint -> how far what moves with it reaches across it and beyond its end, in units; later ones lie
    over earlier ones. Empty where no such thing is known.
    """

    name: str
    point_names: tuple[str, ...]
    lines: dict[str, tuple[int, ...]]
    mirror: tuple[int, ...]
    rigid: tuple[int, ...]
    unit_ends: tuple[tuple[int, ...], tuple[int, ...]]
    canonical: np.ndarray
    crop_unit: tuple[float, float, float]
    colours: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    flesh: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def num_points(self) -> int:
        return len(self.point_names)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Points over time: what a motion file holds.

    points: (T, K, 2) float32, pixels of a picture of `size`; x right, y down, pixel centres at integers + 0.5.
    confidence: (T, K) float32 in [0, 1]; 0 means not seen.
    size: (width, height) in pixels. fps: frames a second, exact.
    label, mode, seed: of an imagined motion. provenance: where it comes from, as JSON can hold it.
    """

    guide: str
    points: np.ndarray
    confidence: np.ndarray
    fps: Fraction
    size: tuple[int, int]
    label: str | None = None
    mode: int | None = None
    seed: int | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def num_frames(self) -> int:
        return len(self.points)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip of a store: its points, and its frames where it has pixels.

    points: (T, K, 2) float32 pixels of a picture of `size` (width, height). confidence: (T, K).
    frames: (T, H, W, 3) uint8 sRGB, or None for a clip of points alone.
    au: (T, A) float32 action-unit intensities 0..5, columns named by `au_names`; None where unknown.
    split: "train", "val" or "test", the same for all clips of a subject. kind: what it shows, such as "transition" (neutral to apex).
    fps: of the stored frames. duration_s: how long the motion truly took (clips are resampled to a fixed T).
    """

    id: str
    source: str
    subject: str
    split: str
    points: np.ndarray
    confidence: np.ndarray
    fps: Fraction
    duration_s: float
    size: tuple[int, int]
    label: str | None = None
    kind: str = "transition"
    frames: np.ndarray | None = None
    au: np.ndarray | None = None
    au_names: tuple[str, ...] = ("AU06", "AU12")

    @property
    def num_frames(self) -> int:
        return len(self.points)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as read: (H, W, 3) uint8 sRGB pixels, upright, and what was done to it on the way in."""

    pixels: np.ndarray
    name: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face found in a picture.

    points: (68, 2) float32 pixels, iBUG order. dense: (478, 2) the detector's own points, or None where it has only 68.
    box: x0, y0, x1, y1 of the points, pixels. confidence: that it is a whole, plain face, 0..1. warnings: what the caller should tell the
    user. yaw_deg: by about how much the head is turned to a side, 0 frontal; the sign says to which.
    """

    points: np.ndarray
    box: tuple[float, float, float, float]
    confidence: float
    dense: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    yaw_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Body:
    """A person found in a picture.

    points: (18, 2) float32 pixels, the body guide's order. confidence: (18,) float32 in 0..1; 0 means not seen (hidden, or outside the
    picture), and its point is then the detector's guess. box: x0, y0, x1, y1 of the seen points, pixels. mask: (H, W) float32 in 0..1, how
    much of each pixel of the picture is this person; None where it was not asked for. warnings: what the caller should tell the user.
    hands: (2, 2) float32 pixels, the knuckles of the right and left hand, as sure as their wrists; None where the detector knows no hands.
    """

    points: np.ndarray
    confidence: np.ndarray
    box: tuple[float, float, float, float]
    mask: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    hands: np.ndarray | None = None
