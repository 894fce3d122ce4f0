"""What a user may ask of `limner smile`: one record, every field checked as it is made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from limner.media.video import QUALITY, parse_fps
from limner.types import InputError

MAX_FRAMES = 3000  # ours: two minutes at 25 frames a second; a smile lasts a few
MAX_SECONDS = 60.0  # ours
MIN_SIZE, MAX_SIZE = 64, 4096  # ours; 4096 is the widest picture H.264 level 5.1 plays
DEFAULT_SIZE = 1024  # ours: keeps a laptop within seconds; a smaller photo keeps its own size
LARGE_SIZE, FACE_PX = 1920, 200  # ours: up to Full HD where the face would otherwise be smaller than 200 pixels
MAX_INTENSITY = 2.0  # ours: beyond twice the learned motion faces stop looking human
MIN_FPS, MAX_FPS = 1, 120  # ours
CONDITIONAL = "conditional"
STARTS = ("neutral", "photo")


class SettingsError(InputError):
    """A refusal that no photo has to do with: what was asked for cannot be had of any."""


def parse_modes(text: str | int) -> int | str:
    """'3' -> 3, 'conditional' -> 'conditional'. InputError for anything else."""
    if text == CONDITIONAL:
        return CONDITIONAL
    try:
        return int(text)
    except (TypeError, ValueError):
        raise InputError(
            f"modes is {text!r}; give a whole number, or {CONDITIONAL!r} for the motion before it is split into modes"
        ) from None


def check_fps(value: str | float | Fraction) -> Fraction:
    """'25', '29.97', '30000/1001' or a number -> an exact fraction within MIN_FPS..MAX_FPS. InputError otherwise."""
    fps = parse_fps(value)
    if not MIN_FPS <= fps <= MAX_FPS:
        raise InputError(f"fps is {value}; it must lie between {MIN_FPS} and {MAX_FPS}")
    return fps


def parse_quality(value: str | int) -> str | int:
    """'low', 'medium', 'high', or '18' -> 18, a constant rate factor 0..51 (less is better). InputError otherwise."""
    if value in QUALITY:
        return value
    try:
        factor = int(value)
    except (TypeError, ValueError):
        factor = -1
    if not 0 <= factor <= 51:
        raise InputError(f"quality is {value!r}; give {', '.join(QUALITY)}, or a number from 0 (best) to 51 (smallest)")
    return factor


def _within(name: str, value: float | None, low: float, high: float, unit: str = "") -> None:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} is {value}; it must lie between {low:.6g} and {high:.6g}{unit}")


def check_size(size: int | None) -> None:
    """InputError unless `size` is None or a side, in pixels, that a video can have."""
    _within("size", size, MIN_SIZE, MAX_SIZE, " pixels")


def check_intensity(intensity: float) -> None:
    """InputError unless `intensity` lies between 0 and MAX_INTENSITY."""
    _within("intensity", intensity, 0, MAX_INTENSITY)


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """Which smiles, how many, how long and how strong.

    modes: how many different smiles, or "conditional" for the one sequence of the network before the modes part.
    frames: the motion resampled to exactly so many frames (hold and loop add theirs); else it lasts `duration` seconds, or as predicted.
    fps: an exact fraction; text such as "30000/1001" is understood.
    intensity: times the displacement from neutral, 0 to 2. start: "neutral", or "photo": from the photo's own expression.
    hold: seconds the last frame is held. returns: the whole smile: onset, peaks, offset. loop: plays on without a jump.
    seed: 0 is the model's mean; any other seed samples. model: a checkpoint folder; None is the one limner ships.
    InputError on making one out of range.
    """

    label: str = "spontaneous"
    modes: int | str = 3
    frames: int | None = None
    fps: Fraction = Fraction(25)
    duration: float | None = None
    intensity: float = 1.0
    start: str = "neutral"
    hold: float = 0.0
    returns: bool = False
    loop: bool = False
    seed: int = 0
    model: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "modes", parse_modes(self.modes))
        object.__setattr__(self, "fps", check_fps(self.fps))
        if isinstance(self.modes, int) and self.modes < 1:
            raise InputError(f"modes is {self.modes}; ask for at least 1")
        if self.frames is not None and self.duration is not None:
            raise InputError("frames and duration both say how long the motion is; give one of them, and fps for its speed")
        _within("frames", self.frames, 2, MAX_FRAMES)
        _within("duration", self.duration, 2 / float(self.fps), MAX_SECONDS, " seconds")
        check_intensity(self.intensity)
        _within("hold", self.hold, 0, MAX_SECONDS, " seconds")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; it must lie between 0 and 2^63 - 1")
        if self.start not in STARTS:
            raise InputError(f"start is {self.start!r}; it can be {' or '.join(STARTS)}")

    def record(self) -> dict[str, Any]:
        """The settings as JSON can hold them: what result.json keeps and a later run compares."""
        return {name: str(value) if isinstance(value, Fraction) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class SmileSettings(MotionSettings):
    """MotionSettings, and how the video is made from the points.

    renderer: what turns points into pixels: "warp", or a run of limner train; None: the default (generation.renderers).
    size: the longest side of the video in pixels; None: the photo's own, at most DEFAULT_SIZE (more for a small face). Sides are made even.
    face: which face, 1 the largest; None: the largest. quality: low, medium, high, or 0 (best) to 51.
    """

    renderer: str | None = None
    size: int | None = None
    face: int | None = None
    gif: bool = False
    quality: str | int = "high"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.size)
        object.__setattr__(self, "quality", parse_quality(self.quality))
        if self.face is not None and self.face < 1:
            raise InputError(f"face is {self.face}; faces are counted from 1, the largest first")
