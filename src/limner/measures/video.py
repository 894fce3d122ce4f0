"""How frames change: over time, and from one mode to another.

Shapes: T time, H W pixels, C channels, M modes. Values 0..255 unless said.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from limner.measures.arrays import as_float, same_shape


def frame_difference(frames: Any) -> float:
    """Mean absolute difference of neighbouring frames (T, H, W, C), in the frames' own values: 0 where nothing moves.

    Neither high nor low is good: a video should differ in time about as much as the real one. ValueError below 2 frames."""
    return _difference(frames, 1)


def flicker(frames: Any) -> float:
    """Mean absolute second difference in time of frames (T, H, W, C), in the frames' own values; lower is calmer.

    0 where each pixel changes at an even pace; a pixel that is off by d in every other frame gives 2 d. Judge it against that of the real
    frames, whose noise flickers too. ValueError below 3 frames."""
    return _difference(frames, 2)


def _difference(frames: Any, order: int) -> float:
    video = as_float(frames)
    if video.ndim != 4:
        raise ValueError(f"expected frames (T, H, W, C), got {video.shape}")
    if len(video) <= order:
        raise ValueError(f"a difference of order {order} needs more than {order} frames, got {len(video)}")
    return float(np.abs(np.diff(video, order, axis=0)).mean())


def mode_distance_px(modes: Sequence[Any], boxes: Sequence[tuple[int, int, int, int]] | None = None) -> float:
    """Mean absolute difference of M modes' frames (T, H, W, C), over all pairs, moments and pixels; 0 where they collapsed.

    boxes: T boxes x0, y0, x1, y1, the part of each moment that counts (`image.lip_box`, say); None: the whole frames. Lengths must agree:
    resample first. ValueError below two modes, where shapes differ, or where there are not T boxes.
    """
    if len(modes) < 2:
        raise ValueError("the distance between modes needs at least two")
    apart = []
    for one, other in itertools.combinations(modes, 2):
        a, b = same_shape(one, other)
        if a.ndim != 4 or (boxes is not None and len(boxes) != len(a)):
            raise ValueError(f"expected frames (T, H, W, C) and as many boxes, got {a.shape} and {None if boxes is None else len(boxes)}")
        cut = [slice(None)] * len(a) if boxes is None else [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in boxes]
        apart.append(np.mean([np.abs(x[part] - y[part]).mean() for x, y, part in zip(a, b, cut)]))
    return float(np.mean(apart))
