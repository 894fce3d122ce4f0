"""Changes to a motion, as the editor sends them: mixed with another, made stronger, dragged here and there, retimed; in that order.

static/editor.js shows the first three as they are made, by the same formulas; a test holds the two together.

Shapes: T time, K = 68 points.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from limner import geometry
from limner.guides.face import GUIDE
from limner.types import InputError, Motion

MOST_DRAGS = 400  # ours
MOST_STRENGTH = 2.0  # generation.settings.MAX_INTENSITY
SLOWEST, FASTEST = 0.25, 4.0  # ours
MOST_TEXT = 100_000  # ours: letters of what a page may send
FAR_PX = 5000.0  # ours: no picture here is larger


@dataclass(frozen=True, kw_only=True)
class Drag:
    """A point taken to another place at one frame; the points near it and the frames near it go along, less and less.

    dx, dy: pixels. reach: of the points, in inter-ocular distances; spread: of the frames; both as a Gaussian's standard deviation.
    """

    frame: int
    point: int
    dx: float
    dy: float
    reach: float = 0.12  # ours: half a mouth
    spread: float = 4.0  # ours: a fifth of a second, at 25 frames a second, to either side


@dataclass(frozen=True, kw_only=True)
class Edits:
    """mix: 0 the motion itself, 1 the other one. strength: times the displacement from the first frame. speed: 2 is twice as fast."""

    mix: float = 0.0
    other: int | None = None
    strength: float = 1.0
    speed: float = 1.0
    drags: tuple[Drag, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether they leave the motion as it is."""
        return not self.drags and self.strength == 1 and self.speed == 1 and (self.mix == 0 or self.other is None)


def parse_edits(text: str, num_points: int = GUIDE.num_points) -> Edits:
    """What a page sent -> Edits, every number checked. InputError for anything else."""
    try:
        if len(text) > MOST_TEXT:
            raise ValueError("too long")
        said = json.loads(text or "{}")
        drags = tuple(_drag(one, num_points) for one in said.get("drags", []))
        other = said.get("other")
        edits = Edits(
            mix=_number(said.get("mix", 0), 0, 1),
            other=None if other is None else int(_number(other, 0, 99)),
            strength=_number(said.get("strength", 1), 0, MOST_STRENGTH),
            speed=_number(said.get("speed", 1), SLOWEST, FASTEST),
            drags=drags,
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise InputError(f"the edits cannot be read ({error}); reset them") from error
    if len(drags) > MOST_DRAGS:
        raise InputError(f"{len(drags)} drags; at most {MOST_DRAGS} are taken: undo some, or render and go on from there")
    return edits


def _drag(one: dict[str, Any], num_points: int) -> Drag:
    return Drag(
        frame=int(_number(one["frame"], 0, 10**6)),
        point=int(_number(one["point"], 0, num_points - 1)),
        dx=_number(one["dx"], -FAR_PX, FAR_PX),
        dy=_number(one["dy"], -FAR_PX, FAR_PX),
        reach=_number(one.get("reach", 0.12), 0.001, 5),
        spread=_number(one.get("spread", 4), 0.1, 1000),
    )


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{str(value)[:20]} is no number from {low:g} to {high:g}")
    return float(value)


def apply_edits(motion: Motion, edits: Edits, other: Motion | None = None) -> Motion:
    """The changed motion. other: what it is mixed with, of the same picture; where it is longer or shorter it is stretched to this one."""
    points = motion.points.astype(np.float64)
    if other is not None and edits.mix > 0:
        scaled = other.points * (np.array(motion.size) / other.size)
        points = (1 - edits.mix) * points + edits.mix * stretched(scaled, len(points))
    points = points[0] + edits.strength * (points - points[0])
    rest, unit = points[0].copy(), float(geometry.unit_length(points[0], GUIDE))
    frames = np.arange(len(points))
    moved = points.copy()
    for drag in edits.drags:
        near = np.exp(-0.5 * (np.linalg.norm(rest - rest[drag.point], axis=-1) / (drag.reach * unit)) ** 2)
        then = np.exp(-0.5 * ((frames - drag.frame) / drag.spread) ** 2)
        moved += then[:, None, None] * near[None, :, None] * np.array([drag.dx, drag.dy])
    num = max(2, round((len(points) - 1) / edits.speed) + 1) if len(points) > 1 else 1
    moved, confidence = stretched(moved, num), stretched(motion.confidence[..., None].astype(np.float64), num)[..., 0]
    return replace(motion, points=moved.astype(np.float32), confidence=confidence.astype(np.float32))


def stretched(values: np.ndarray, num: int) -> np.ndarray:
    """(T, K, C) -> (num, K, C): first and last stay, straight lines between."""
    if len(values) == num:
        return values
    at = np.linspace(0, len(values) - 1, num)
    low = np.floor(at).astype(int).clip(0, max(0, len(values) - 2))
    share = (at - low)[:, None, None]
    return values[low] * (1 - share) + values[np.minimum(low + 1, len(values) - 1)] * share
