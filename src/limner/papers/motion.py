"""What every motion model of the papers gives: K motions for one neutral face, whatever network made them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from limner.models import frames
from limner.types import InputError

KINDS = ("transition", "smile")
# Lips and lids as (upper, lower) points, iBUG order: inner lips, the lids of both eyes.
PAIRS = ((61, 67), (62, 66), (63, 65), (37, 41), (38, 40), (43, 47), (44, 46))


@dataclass(frozen=True, kw_only=True)
class ModeMotion:
    """One way this face may move.

    points_unit: (T, 68, 2) float32 in the unit frame of its first frame, which is the neutral face exactly.
    duration_s: seconds from the first to the last frame. mode: from 0.
    """

    points_unit: np.ndarray
    duration_s: float
    mode: int


class MotionModel(Protocol):
    """A neutral face and a label -> K motions. max_modes: how many modes it was trained for."""

    label_names: tuple[str, ...]
    kinds: tuple[str, ...]

    @property
    def max_modes(self) -> int: ...

    def generate(
        self, neutral_unit: np.ndarray, *, label: str, modes: int | str = 3, seed: int = 0, kind: str = "transition"
    ) -> list[ModeMotion]: ...


def check_request(model: Any, label: str, modes: int | str, kind: str) -> int:
    """-> the number of modes asked for, 0 for "conditional". InputError where the model cannot give that."""
    if label not in model.label_names:
        raise InputError(f"no label {label!r}; there are: {', '.join(model.label_names)}")
    if kind not in model.kinds:
        raise InputError(f"this model makes no {kind!r}; it makes: {', '.join(model.kinds)}")
    if modes == "conditional":
        return 0
    if isinstance(modes, str) or modes < 1:
        raise InputError(f"modes is a number from 1 to {model.max_modes}, or conditional; not {modes!r}")
    if modes > model.max_modes:
        raise InputError(f"{modes} modes asked for, but {model.max_modes} were trained; ask for at most {model.max_modes}")
    return modes


def finish(features_TF: np.ndarray, neutral: np.ndarray, duration_s: float, *, mode: int) -> ModeMotion:
    """Frame features on a neutral face -> a motion: lips and lids never cross, the first frame is the neutral face exactly."""
    still = features_TF.copy()
    still[:, -frames.HEAD :] = 0
    aligned = frames.keep_order(frames.to_points(still, neutral), neutral, PAIRS)
    kept = features_TF.copy()
    kept[:, : -frames.HEAD] = (aligned - neutral).reshape(len(aligned), -1)
    points = frames.to_points(kept, neutral)
    points[0] = neutral
    return ModeMotion(points_unit=points, duration_s=float(duration_s), mode=mode)
