"""Whether frames hold together over time, judged along the motion of the real video: optical flow and the warping error.

Shapes: T time, H W pixels, C channels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from limner.measures.arrays import as_float

LEAST_PX = 256  # ours: smaller frames are enlarged to that side before the flow is sought, which is finer than their pixels
SAME_PX = 1.0  # ours: there and back again must meet within so many pixels of the frame (Lai et al. 2018: a share of the flow)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Where each pixel of frame t + 1 was in frame t. back: (T - 1, H, W, 2) pixels, x then y. seen: (T - 1, H, W) bool: it was there."""

    back: np.ndarray
    seen: np.ndarray


def optical_flow(frames: Any) -> Flow:
    """The flow of frames (T, H, W, 3) uint8, by DIS (Kroeger et al. 2016). ValueError below 2 frames."""
    import cv2

    video = np.asarray(frames)
    if video.ndim != 4 or len(video) < 2:
        raise ValueError(f"a flow needs two frames or more (T, H, W, 3), got {video.shape}")
    height, width = video.shape[1:3]
    times = max(1, round(LEAST_PX / min(height, width)))
    grey = [cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (width * times, height * times), interpolation=cv2.INTER_CUBIC) for f in video]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, seen = [], []
    for before, after in itertools.pairwise(grey):
        there, again = (np.asarray(finder.calc(a, b, None)) for a, b in ((after, before), (before, after)))  # type: ignore[call-overload]
        apart = np.linalg.norm(there + _at(again, there), axis=-1)
        back.append(there.reshape(height, times, width, times, 2).mean((1, 3)) / times)
        seen.append(apart.reshape(height, times, width, times).mean((1, 3)) < SAME_PX * times)
    return Flow(back=np.stack(back), seen=np.stack(seen))


def warping_error(frames: Any, flow: Flow) -> float:
    """Mean absolute difference of each frame (T, H, W, C) from the one before it carried along the flow, over what was seen in both, in the
    frames' own values; lower is steadier (Lai et al. 2018). Judge it against that of the frames that the flow is of. ValueError: other
    shapes."""
    video = as_float(frames)
    if video.ndim != 4 or flow.back.shape[:3] != (len(video) - 1, *video.shape[1:3]):
        raise ValueError(f"frames of {video.shape} do not go with a flow of {flow.back.shape}")
    moments = zip(itertools.pairwise(video), flow.back, flow.seen)
    found = [np.abs(after - _at(before, back))[seen].mean() for (before, after), back, seen in moments if seen.any()]
    return float(np.mean(found)) if found else float("nan")


def _at(picture_HWC: np.ndarray, flow_HW2: np.ndarray) -> np.ndarray:
    """The picture read where the flow points to, linearly; beyond its border, the border."""
    import cv2

    y, x = np.mgrid[: flow_HW2.shape[0], : flow_HW2.shape[1]].astype(np.float32)
    at = (x + flow_HW2[..., 0]).astype(np.float32), (y + flow_HW2[..., 1]).astype(np.float32)
    return cv2.remap(picture_HWC.astype(np.float32), *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
