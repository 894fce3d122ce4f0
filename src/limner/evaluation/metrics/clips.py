"""The measures of clips as accumulating metrics, in torchmetrics' form: `metric.update(...)` by batches of clips, then `metric.compute()`.

Each is the mean over clips of a pure function of `limner.measures`, so that the size of the batches does not matter; several processes add
up. Every update takes N clips, as arrays, tensors or lists of them (whose lengths may differ).

Shapes: N clips, T time, H W pixels, K = 68 points, A action units, M modes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchmetrics import Metric

from limner import measures
from limner.geometry import resample
from limner.measures.arrays import as_float


class ClipMean(Metric):
    """The mean over clips of `measure`, a function of one clip's arrays. compute(): ValueError before the first clip."""

    full_state_update = False
    total: torch.Tensor
    number: torch.Tensor
    measure: Callable[..., float]

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("number", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, *batches: Any) -> None:
        """As many clips in each argument. ValueError where their numbers differ or a clip cannot be measured."""
        if len({len(batch) for batch in batches}) != 1:
            raise ValueError(f"as many clips are needed in each argument, got {[len(batch) for batch in batches]}")
        for clip in zip(*batches):
            value = float(self.measure(*clip))
            if value != value:
                raise ValueError("a clip gave no number (a frame or point that is NaN?)")
            self.total += value
            self.number += 1

    def compute(self) -> float:
        if not self.number:
            raise ValueError("nothing to measure: no clip was given to update()")
        return float(self.total / self.number)


def _over_frames(measure: Callable[..., float], *clip: Any) -> float:
    arrays = [as_float(one) for one in clip]
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"as many frames are needed of each, got {[len(array) for array in arrays]}")
    return float(np.mean([measure(*moment) for moment in zip(*arrays)]))


class FrameSSIM(ClipMean):
    """SSIM of frames (N, T, H, W, 3) with the true ones, 0..255, mean over t and clips (spec A7); in [-1, 1], higher is better.

    window: "uniform" (7 x 7, the protocol for real faces) or "gaussian" (11 x 11, Wang et al. 2004, the paper's); not comparable.
    """

    higher_is_better = True

    def __init__(self, window: str = "uniform", **settings: Any):
        super().__init__(**settings)
        self.window = window

    def measure(self, frames: Any, truth: Any) -> float:  # type: ignore[override]
        return _over_frames(lambda x, y: measures.ssim(x, y, window=self.window), frames, truth)  # type: ignore[arg-type]


class MouthSSIM(ClipMean):
    """SSIM (7 x 7) inside the lip box: frames, true frames (N, T, H, W, 3), true points (N, T, 68, 2); in [-1, 1], higher is better."""

    higher_is_better = True

    def measure(self, frames: Any, truth: Any, points: Any) -> float:  # type: ignore[override]
        return _over_frames(measures.mouth_ssim, frames, truth, points)


class LandmarkError(ClipMean):
    """Mean distance of points (N, T, 68, 2) from the true ones, in per cent of the inter-ocular distance (300-W); >= 0, lower is better."""

    higher_is_better = False

    def measure(self, points: Any, truth: Any) -> float:  # type: ignore[override]
        return 100 * measures.landmark_error(points, truth)


class Jitter(ClipMean):
    """Mean second difference in time of points (N, T, 68, 2), inter-ocular units / frame^2; >= 0, best as the real one's."""

    measure = staticmethod(measures.jitter)


class Flicker(ClipMean):
    """Mean absolute second difference in time of frames (N, T, H, W, 3), of 255; >= 0, best as the real frames'."""

    measure = staticmethod(measures.flicker)


class FrameDifference(ClipMean):
    """Mean absolute difference of neighbouring frames (N, T, H, W, 3), of 255; >= 0, best as the real frames'."""

    measure = staticmethod(measures.frame_difference)


class RecognitionAccuracy(ClipMean):
    """Share of the clips whose label a judge names: update(names told, true labels), each N; in 0..1, higher is better.

    Chance is 1 / labels; read it beside the judge's accuracy on real clips of people it never saw. Source: Yan et al. 2017, Table III."""

    higher_is_better = True

    def measure(self, told: Any, label: Any) -> float:  # type: ignore[override]
        if told is None or label is None:
            raise ValueError("a clip without a label cannot be recognised; leave it out")
        return float(told == label)


class ModeDistance(ClipMean):
    """Mean distance of how the M modes of a face move, (N, M, T, 68, 2) points, inter-ocular units; 0 where they collapsed."""

    higher_is_better = True
    measure = staticmethod(measures.mode_distance)


class ModeDistancePx(ClipMean):
    """Mean absolute difference of the M modes' frames (N, M, T, H, W, 3), of 255; 0 where they collapsed."""

    higher_is_better = True
    measure = staticmethod(measures.mode_distance_px)


class AUClipDistance(ClipMean):
    """Mean over clips of the L1 distance of a clip's AU curves (N, T, A) to its own original's, over 32 moments and units; 0 best."""

    higher_is_better = False
    measure = staticmethod(measures.au_clip_distance)


class AUClipDTW(ClipMean):
    """The same after the best stretching of time (spec A7: per-clip DTW); >= 0, lower is better."""

    higher_is_better = False
    measure = staticmethod(measures.au_clip_dtw)


class AUCurveDistance(Metric):
    """Table 3 of CMM-Net as spec A7 reads it: L1 of the MEAN curves of both sets, (N, T, A) each, summed over 32 moments and units; 0 best.

    The sets need not have as many clips. compute(): ValueError where one of them is empty.
    """

    full_state_update = False
    higher_is_better = False

    def __init__(self, units: int = 2, moments: int = 32, **settings: Any):
        super().__init__(**settings)
        self.moments = moments
        for name in ("made", "real"):
            self.add_state(f"{name}_sum", torch.zeros(moments, units, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{name}_number", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, curves: Any, originals: Any) -> None:
        for name, batch in (("made", curves), ("real", originals)):
            for curve in batch:
                moments = resample(as_float(curve), self.moments)
                total = getattr(self, f"{name}_sum")
                if moments.shape != tuple(total.shape):
                    raise ValueError(f"a curve of {tuple(total.shape)[1]} units is expected, got {np.shape(curve)}")
                total += torch.from_numpy(moments).to(total.device)
                getattr(self, f"{name}_number").add_(1)

    def compute(self) -> float:
        means = []
        for name in ("made", "real"):
            number = getattr(self, f"{name}_number")
            if not number:
                raise ValueError("no curves to compare: no clip was given to update()")
            means.append(getattr(self, f"{name}_sum") / number)
        return float((means[0] - means[1]).abs().sum())
