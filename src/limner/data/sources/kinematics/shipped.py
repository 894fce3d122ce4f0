"""The motions that ship: by name, made when asked for, so they weigh nothing. Each closes on itself: its first frame follows its last."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.data.sources.kinematics import ACTIONS, Manner, figure, period_s, project
from limner.data.sources.kinematics.gait import GAITS
from limner.guides.body import GUIDE
from limner.media.motion import read_motion
from limner.types import InputError, Motion

SECONDS = 3.0  # ours: about how long each lasts, in whole turns
SIDE_PX, STATURE_PX, GROUND = 512, 330.0, 0.88  # ours: the picture's side, a person in it, and where they stand, of the side
STATURE_M = 1.72
SIDE_YAW = 90.0
GAIT_DOWN = (
    12.0  # ours: degrees; a camera at a standing viewer's eyes, some 5 m off, looks so far down on knees and feet. Level, no stride shows
)

# name -> (action, yaw in degrees, what it shows)
MOTIONS: dict[str, tuple[str, float, str]] = {
    "walking": ("walking", 0.0, "walks towards the viewer, in place"),
    "walking-side": ("walking", SIDE_YAW, "walks to the right, in place"),
    "jogging": ("jogging", 0.0, "jogs towards the viewer, in place"),
    "jogging-side": ("jogging", SIDE_YAW, "jogs to the right, in place"),
    "running": ("running", 0.0, "runs towards the viewer, in place"),
    "running-side": ("running", SIDE_YAW, "runs to the right, in place"),
    "hand-waving": ("hand-waving", 0.0, "waves the right hand over the shoulder"),
    "two-hand-waving": ("two-hand-waving", 0.0, "lifts both arms over the sides, and lowers them"),
    "jumping-jack": ("jumping-jack", 0.0, "jumping jacks"),
    "bow": ("bow", 0.0, "bows towards the viewer"),
    "bow-side": ("bow", SIDE_YAW, "bows to the right"),
    "boxing": ("boxing", 0.0, "punches towards the viewer, right and left"),
    "boxing-side": ("boxing", SIDE_YAW, "punches to the right"),
    "hand-clapping": ("hand-clapping", 0.0, "claps before the chest"),
}
assert {action for action, _, _ in MOTIONS.values()} == set(ACTIONS)


def names() -> list[str]:
    return list(MOTIONS)


def load(
    name: str, *, fps: Fraction = Fraction(25), seconds: float = SECONDS, yaw_deg: float | None = None, travel: bool = False
) -> Motion:
    """The motion of that name, as a far camera sees a person of mean build; at least one whole turn, no longer than `seconds` otherwise.

    yaw_deg: another view than the name's. travel: a gait goes on over the ground. InputError if there is none of that name."""
    if name not in MOTIONS:
        raise InputError(f"no motion {name!r}; there are: {', '.join(MOTIONS)}")
    action, yaw, words = MOTIONS[name]
    turns = max(1, round(seconds / period_s(action)))
    num = max(1, round(turns * period_s(action) * fps))
    manner = Manner(tempo=float(turns * period_s(action) * fps / num))  # so that a whole number of frames holds them
    seen_from = yaw if yaw_deg is None else yaw_deg
    down = GAIT_DOWN if action in GAITS and seen_from == 0 and not travel else 0.0
    points = project(figure(action, num, fps, manner=manner, travel=travel).joints, seen_from, down)
    pixels = points * (STATURE_PX / STATURE_M) + (SIDE_PX / 2, GROUND * SIDE_PX)
    return Motion(
        guide=GUIDE.name,
        points=pixels.astype(np.float32),
        confidence=np.ones(pixels.shape[:2], np.float32),
        fps=fps,
        size=(SIDE_PX, SIDE_PX),
        label=action,
        provenance={"made_by": "limner", "motion": name, "shows": words, "loops": not travel},
    )


def motion_named(name: str | Path) -> Motion:
    """A body's motion by what the user calls it: a motion file, or a name that ships, unless a file of that very name is there.

    InputError: neither, or a motion of another guide."""
    path = Path(name)
    if str(name) in MOTIONS and not path.is_file():
        return load(str(name))
    if not path.exists() and path.suffix.lower() != ".json":
        raise InputError(f"{name} is neither a motion file nor a motion that ships: {', '.join(MOTIONS)}")
    return read_motion(path, guide=GUIDE.name)
