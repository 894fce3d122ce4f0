"""Where a film is cut: a face before a cut and one after it are not one motion, however near to each other they stand.

Found on what each frame changes against the one before: the picture (a small grey one), and the lip corners. A film that goes on changes
little by little; a cut stands out from the frames around it. What looks like a cut and is none (a flash, a stutter) only costs a clip.

Shapes: T time, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 48  # ours: samples along the shorter side of the picture, single pixels: enough to tell one picture from another


@dataclass(frozen=True, kw_only=True)
class ShotConfig:
    """What counts as a cut. Measured on the real films of docs/results.md and on films cut together from them."""

    change: float = 3.0  # ours: of 255, mean over the picture; GRID's people, cut together before one wall, differ by 11 to 39
    ratio: float = 3.3  # ours: of the frames around it plus one grey level; real films reach 2.2, such cuts 4 to 19
    around: int = 8  # ours: frames on either side that it is compared with
    share: float = 0.8  # ours: quantile of those; frames shown twice, as where a rate was raised, do not count as calm
    mouth: float = 2.2  # ours: AU12's worth of lip pull from one frame to the next, and
    mouth_share: float = 0.62  # ours: of all that it does in the frames around; real smiles reach 2.5 and 0.57 together
    mouth_fps: float = 20.0  # ours: and may leap so far by themselves where frames are farther apart


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> a small grey picture, float32, of single pixels; the same places for pictures of one size."""
    step = max(1, min(pixels.shape[:2]) // GRID)
    return pixels[step // 2 :: step, step // 2 :: step].mean(-1, dtype=np.float32)


def cuts(change: np.ndarray, pull: np.ndarray, fps: float, config: ShotConfig | None = None) -> tuple[int, ...]:
    """The frames with which a new shot begins, the first frame left out.

    change: (T,) mean difference of each frame's thumbnail to the one before, of 255, any value at 0. pull: (T,) lip pull on AU12's scale,
    NaN where the face is not seen (transitions.lip_pull)."""
    config = config or ShotConfig()
    found = set()
    for t in np.flatnonzero(change >= config.change).tolist():
        beside = np.concatenate([change[max(1, t - config.around) : t], change[t + 1 : t + 1 + config.around]])
        calm = float(np.quantile(beside, config.share)) if len(beside) else 0.0
        if t and change[t] >= config.ratio * (calm + 1):
            found.add(t)
    if fps >= config.mouth_fps:
        found |= _leaps(pull, config)
    return tuple(sorted(found))


def _leaps(pull: np.ndarray, config: ShotConfig) -> set[int]:
    """Frames in which the mouth does at once most of what it does in the frames around."""
    steps = np.abs(np.diff(pull))
    found = set()
    for t in np.flatnonzero(np.where(np.isfinite(steps), steps, 0) >= config.mouth).tolist():
        around = pull[max(0, t + 1 - config.around) : t + 1 + config.around]
        if steps[t] >= config.mouth_share * float(np.nanmax(around) - np.nanmin(around)):
            found.add(t + 1)
    return found
