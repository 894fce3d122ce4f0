"""Likeness of clips to their originals, and how sharp they are: in torchmetrics' form, each the mean over clips of a pure measure.

`metric.update(clips, originals)` by batches of any size, then `metric.compute()`. Frames are 0..255, arrays, tensors or lists of clips.
Shapes: N clips, T time, H W pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from limner.evaluation.judges.features import FrameNetwork
from limner.evaluation.looks import moments
from limner.evaluation.metrics.clips import ClipMean
from limner.measures.frames import ms_ssim_frames, psnr_frames, sharpness, ssim_frames
from limner.measures.perceptual import lpips


class SSIM(ClipMean):
    """Structural similarity of frames (N, T, H, W, 3) with the true ones: the paper's Table 1.

    Formula: (2 mx my + c1)(2 cov + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2)), c1 = (0.01 * 255)^2, c2 = (0.03 * 255)^2, mean over pixels,
    frames and clips. Range [-1, 1], 1 for equal frames; higher is better. Source: Wang, Bovik, Sheikh & Simoncelli 2004. Window: 11 x 11
    Gaussian, sigma 1.5, inside the picture (torchmetrics' own counts a mirrored border too). Resize: none. One clip is enough. `FrameSSIM`
    is the same in float64, and has the 7 x 7 window too."""

    higher_is_better = True

    def measure(self, frames: Any, truth: Any) -> float:  # type: ignore[override]
        return float(ssim_frames(frames, truth).mean())


class MultiScaleSSIM(ClipMean):
    """SSIM over scales: prod_s contrast_s^w_s times luminance at the coarsest; frames (N, T, H, W, 3) and the true ones.

    Range [0, 1], 1 for equal frames; higher is better. Source: Wang, Simoncelli & Bovik 2003, their five weights. Window: as SSIM at each
    scale. Resize: halved by means; pictures under 176 pixels have fewer scales (64: three), whose weights are made to sum to 1."""

    higher_is_better = True

    def measure(self, frames: Any, truth: Any) -> float:  # type: ignore[override]
        return float(ms_ssim_frames(frames, truth).mean())


class PSNR(ClipMean):
    """Peak signal-to-noise ratio of frames (N, T, H, W, 3): 10 log10(255^2 / MSE) of each frame, mean over frames and clips, dB.

    Range 0..100 (equal frames, whose ratio would be infinite, count 100); higher is better. No window, no resize."""

    higher_is_better = True

    def measure(self, frames: Any, truth: Any) -> float:  # type: ignore[override]
        return float(psnr_frames(frames, truth).mean())


class Sharpness(ClipMean):
    """Spread of the Laplacian of the luma of frames (N, T, H, W, 3), mean over frames and clips; >= 0, best as the real frames'.

    Formula: standard deviation over pixels of left + right + up + down - 4 centre. Source: after Pech-Pacheco et al. 2000, who take the
    variance. Window: 3 x 3. Resize: none: compare clips of one size. Noise counts as detail."""

    def measure(self, frames: Any) -> float:  # type: ignore[override]
        return float(sharpness(frames).mean())


class LPIPS(ClipMean):
    """Learned perceptual distance of frames (N, T, H, W, 3) from the true ones, by any network that is handed in.

    Formula: sum over layers of mean over places of sum_c w_c (x_c/|x| - y_c/|y|)^2. Range >= 0, 0 for equal frames; lower is better.
    Source: Zhang et al. 2018; theirs is AlexNet with learned w (judges.standard); limner's own network has w = 1: the two are not
    comparable. Resize: to the network's size. Frames: eight of each clip, evenly from the second to the last."""

    higher_is_better = False

    def __init__(self, network: FrameNetwork, **settings: Any):
        super().__init__(**settings)
        self.network = network

    def measure(self, frames: Any, truth: Any) -> float:  # type: ignore[override]
        clips = [as_frames(clip) for clip in (frames, truth)]
        made, true = (self.network.layers(clip[moments(len(clip))]) for clip in clips)
        return float(lpips(made, true, getattr(self.network, "lpips_weights", None)).mean())


def as_frames(clip: Any) -> np.ndarray:
    """A clip as a numpy array (T, H, W, 3). ValueError: another shape, or what is no number."""
    array = clip.detach().cpu().numpy() if isinstance(clip, torch.Tensor) else np.asarray(clip)
    if array.ndim != 4 or array.shape[-1] != 3 or not len(array):
        raise ValueError(f"expected frames (T, H, W, 3), got {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("a frame holds what is no number")
    return array
