"""People in motion, without pixels: joints in metres of nine actions, by forward kinematics and feet that do not slide.

    figure(action, num_frames, fps, build=, manner=, travel=) -> Figure     all of a body
    joints(...)                                               -> (T, 18, 3) metres, the body guide's joints; x right, y down, z away
    project(joints, yaw_deg, down_deg)                        -> (T, 18, 2) metres, seen from the front of a turned person

`walking`, `jogging` and `running` come from published gait curves (gait.py), the others from what people do in KTH and Weizmann (acts.py);
KTH's hand waving is `two-hand-waving` here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from limner.data.sources.kinematics.acts import ACTS, PERIOD_S
from limner.data.sources.kinematics.gait import GAITS, stride_m, walk
from limner.data.sources.kinematics.skeleton import Build, Figure, turn
from limner.types import InputError

__all__ = ["ACTIONS", "Build", "Figure", "Manner", "figure", "joints", "period_s", "project"]

ACTIONS = (*GAITS, *ACTS)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How one person does it: beside the mean, how fast and how large; where in its phase it begins; lean in degrees, of a gait."""

    tempo: float = 1.0
    size: float = 1.0
    start: float = 0.0
    lean: float = 0.0

    @staticmethod
    def random(rng: np.random.Generator) -> Manner:
        """ours: 7 % spread of tempo, 8 % of size, 2 degrees of lean; any phase."""
        return Manner(
            tempo=float(np.clip(rng.normal(1, 0.07), 0.8, 1.25)),
            size=float(np.clip(rng.normal(1, 0.08), 0.8, 1.15)),
            start=float(rng.uniform()),
            lean=float(np.clip(rng.normal(0, 2), -3, 4)),
        )


MEAN_BUILD, PLAIN = Build(), Manner()


def period_s(action: str, manner: Manner = PLAIN) -> float:
    """Seconds from a moment to the same moment again: a stride (two steps), a wave, a jack. InputError if there is no such action."""
    if action not in ACTIONS:
        raise InputError(f"no action {action!r}; there are: {', '.join(ACTIONS)}")
    return (120 / GAITS[action].steps_a_minute if action in GAITS else PERIOD_S[action]) / manner.tempo


def figure(
    action: str,
    num_frames: int,
    fps: float | Fraction,
    *,
    build: Build = MEAN_BUILD,
    manner: Manner = PLAIN,
    travel: bool = False,
) -> Figure:
    """A person who does it, from the first frame on at `fps`; facing the viewer, standing on y = 0 about x = z = 0.

    travel: a gait goes on over the ground, which stands, passing z = 0 half-way through; otherwise the person stays and the ground goes
    back under the feet. InputError if there is no such action."""
    phase = manner.start + np.arange(num_frames) / (float(fps) * period_s(action, manner))
    if action not in GAITS:
        return ACTS[action](phase, build, manner.size)
    gait = GAITS[action]
    walked = walk(gait, phase, build, manner.size, manner.lean)
    if not travel:
        return walked
    gone = np.zeros((num_frames, 3))
    gone[:, 2] = -stride_m(gait, build) * manner.size * (phase - (phase[0] + phase[-1]) / 2)
    return walked.moved(gone)


def joints(
    action: str,
    num_frames: int,
    fps: float | Fraction,
    *,
    build: Build = MEAN_BUILD,
    manner: Manner = PLAIN,
    travel: bool = False,
) -> np.ndarray:
    """(T, 18, 3) metres, the body guide's joints of `figure`: x right, y down, z away."""
    return figure(action, num_frames, fps, build=build, manner=manner, travel=travel).joints


def project(points: np.ndarray, yaw_deg: float = 0.0, down_deg: float = 0.0) -> np.ndarray:
    """(..., 3) metres -> (..., 2) metres as a far camera sees a person turned by `yaw_deg` (0 faces it, 90 faces the picture's right).

    down_deg: how far the camera looks down: what is nearer to it is lower in the picture."""
    x, y, z = np.moveaxis(points @ turn(1, -yaw_deg).T, -1, 0)
    down = np.radians(down_deg)
    return np.stack([x, np.cos(down) * y - np.sin(down) * z], -1)
