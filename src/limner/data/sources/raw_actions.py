"""What every adapter of a raw data set of people in action gives, one record a clip: `index(root, ...) -> list[RawAction]`, as raw.RawClip.

Shapes: T time, K = 18 points of the body guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class RawAction:
    """One stretch of a recording, or all of it, that shows one person doing one action; not yet opened.

    id: unique in its source. path: a video, a folder of frames at `fps`, or where `strip_px` is set a picture of frames side by side.
    label: the action; None where nobody said. split: "train", "val" or "test", the same for all of a subject.
    span: (first, stop) frames, stop left out; None: all. It may go past the recording's end: what is there counts.
    joints: a file of the joints that the data set gives (sources.human36m.read_joints); None where they have to be found.
    masks: a file of the person's mask in each frame, where the background is to go. notes: what the report should say of it.
    """

    id: str
    source: str
    path: Path
    subject: str
    split: str
    label: str | None = None
    span: tuple[int, int] | None = None
    fps: Fraction | None = None
    strip_px: int | None = None
    joints: Path | None = None
    masks: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Joints:
    """Joints that a data set gives: points (T, 18, 2) float64 pixels of its frames, confidence (T, 18), 0 where it has none."""

    points: np.ndarray
    confidence: np.ndarray
