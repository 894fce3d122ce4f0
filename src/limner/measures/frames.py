"""Likeness of whole videos, frame by frame, at the speed of matrix products: SSIM, MS-SSIM, PSNR, sharpness.

`image.ssim` is the same measure for one picture in float64; here all frames go together in float32 (they agree to 1e-5, as
does scikit-image). Shapes: T frames, H W pixels, C channels, S scales. Values 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from limner.measures.image import GAUSSIAN_RADIUS, GAUSSIAN_SIGMA, K1, K2

RANGE = 255.0
SIDE = 2 * GAUSSIAN_RADIUS + 1
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli & Bovik 2003
MOST_DB = 100.0  # ours: PSNR of equal frames, which would be infinite
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma
TOGETHER = 2**20  # ours: values filtered at once, 4 MB a map, so that they stay near the processor


def ssim_frames(frames: Any, truth: Any) -> np.ndarray:
    """Two videos (T, H, W, C) -> (T,) SSIM of each frame, in [-1, 1], 1 for equal ones: the paper's window (11 x 11 Gaussian, sigma 1.5,
    population covariance, Wang et al. 2004), the border of half a window left out. ValueError: other shapes, sides under 11, NaN."""
    return np.concatenate([_mean(_ssim_and_contrast(x, y)[0]).numpy() for x, y in _planes(frames, truth)])


def ms_ssim_frames(frames: Any, truth: Any) -> np.ndarray:
    """(T,) multi-scale SSIM (Wang, Simoncelli & Bovik 2003), 1 for equal frames: contrast at each scale, luminance at the coarsest.

    The product over scales of the C x S means (relu, as torchmetrics), each to its published weight. Halved as often as the 11 x 11 window
    fits, at most four times: pictures under 176 pixels have fewer scales, whose weights are made to sum to 1 (64 pixels: three). So figures
    of two sizes are not comparable. ValueError as `ssim_frames`."""
    return np.concatenate([_over_scales(x, y, _ssim_and_contrast(x, y)).numpy() for x, y in _planes(frames, truth)])


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """(T,) each: `ssim_frames`, `ms_ssim_frames`, `psnr_frames`; inside: SSIM of what each frame's box cuts out, if any."""

    ssim: np.ndarray
    ms_ssim: np.ndarray
    psnr: np.ndarray
    inside: np.ndarray | None = None


def likeness(frames: Any, truth: Any, boxes: Sequence[tuple[int, int, int, int]] | None = None) -> Likeness:
    """All that is told frame by frame, in one go: what they share is filtered once. boxes: T of x0, y0, x1, y1, sides of 11 or more.

    ValueError as `ssim_frames`, or where a box is smaller than the window."""
    if boxes is not None and any(min(x1 - x0, y1 - y0) < SIDE for x0, y0, x1, y1 in boxes):
        raise ValueError(f"a box is smaller than the window of {SIDE}")
    found: list[tuple[Any, ...]] = []
    inside: list[float] = []
    for x, y in _planes(frames, truth):
        first = _ssim_and_contrast(x, y)
        found.append((_mean(first[0]).numpy(), _over_scales(x, y, first).numpy(), _psnr(x, y)))
        for whole, (x0, y0, x1, y1) in zip(first[0], (boxes or [])[len(inside) :]):
            inside.append(float(whole[:, y0 : y1 - SIDE + 1, x0 : x1 - SIDE + 1].mean()))
    ssim, ms_ssim, psnr = (np.concatenate(parts) for parts in zip(*found))
    return Likeness(ssim=ssim, ms_ssim=ms_ssim, psnr=psnr, inside=None if boxes is None else np.array(inside))


def _over_scales(x: torch.Tensor, y: torch.Tensor, first: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """(t,) MS-SSIM. first: `_ssim_and_contrast` at the finest scale."""
    scales = num_scales(x.shape[-2:])
    weights = torch.tensor(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    parts = []
    for scale in range(scales):
        if scale:
            x, y = (torch.nn.functional.avg_pool2d(plane, 2) for plane in (x, y))
        whole, contrast = _ssim_and_contrast(x, y) if scale else first
        parts.append(_mean(whole if scale == scales - 1 else contrast).relu())
    return (torch.stack(parts) ** weights[:, None]).prod(0)


def num_scales(size: tuple[int, ...] | torch.Size) -> int:
    """How many scales of MS-SSIM fit a picture (height, width): the window must lie inside the coarsest."""
    return sum(min(size) // 2**scale >= SIDE for scale in range(len(SCALE_WEIGHTS)))


def psnr_frames(frames: Any, truth: Any) -> np.ndarray:
    """(T,) 10 log10(255^2 / MSE) of each frame, dB, at most MOST_DB (equal frames). ValueError as `ssim_frames`."""
    return np.concatenate([_psnr(x, y) for x, y in _planes(frames, truth)])


def _psnr(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    error = (x - y).square().double().mean((1, 2, 3)).numpy()  # differences of whole numbers are exact in float32
    return np.minimum(MOST_DB, 10 * np.log10(RANGE**2 / np.maximum(error, 1e-30)))


def sharpness(frames: Any) -> np.ndarray:
    """(T, H, W, 3) -> (T,) spread (standard deviation over pixels) of the Laplacian of the luma, >= 0: fine detail, and noise.

    Neither high nor low is good: as much as the real frames have. After Pech-Pacheco et al. 2000, who take the variance. ValueError: a side
    under 3, NaN."""
    video = _video(frames)
    if min(video.shape[1:3]) < 3 or video.shape[3] != 3:
        raise ValueError(f"sharpness needs frames (T, H, W, 3) of 3 pixels or more, got {video.shape}")
    grey = video.astype(np.float32) @ GREY
    centre = grey[:, 1:-1, 1:-1]
    laplacian = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * centre
    return laplacian.std((1, 2)).astype(np.float64)


def _video(frames: Any) -> np.ndarray:
    if hasattr(frames, "detach"):
        frames = frames.detach().cpu().numpy()
    video = np.asarray(frames)
    if video.ndim != 4 or not video.size:
        raise ValueError(f"expected frames (T, H, W, C), got {video.shape}")
    if video.dtype.kind == "f" and not np.isfinite(video).all():
        raise ValueError("a frame holds what is no number")
    return video


def _planes(frames: Any, truth: Any):
    """Both videos as (t, C, H, W) float32, some frames at a time."""
    pair = [_video(one) for one in (frames, truth)]
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"cannot compare shapes {pair[0].shape} and {pair[1].shape}")
    num, height, width, channels = pair[0].shape
    if min(height, width) < SIDE:
        raise ValueError(f"frames of {height} x {width} pixels are smaller than the window of {SIDE}")
    step = max(1, TOGETHER // (height * width * channels))
    for start in range(0, num, step):
        yield tuple(torch.from_numpy(one[start : start + step].transpose(0, 3, 1, 2).astype(np.float32)) for one in pair)


@lru_cache(maxsize=16)
def _window(side: int) -> torch.Tensor:
    """(side - 10, side): the Gaussian window at each place where it fits; its product with a picture is the filtered picture."""
    at = np.arange(-GAUSSIAN_RADIUS, GAUSSIAN_RADIUS + 1)
    weights = np.exp(-0.5 * (at / GAUSSIAN_SIGMA) ** 2)
    matrix = np.zeros((side - 2 * GAUSSIAN_RADIUS, side))
    for row in range(len(matrix)):
        matrix[row, row : row + SIDE] = weights / weights.sum()
    return torch.from_numpy(matrix.astype(np.float32))


def _ssim_and_contrast(x_TCHW: torch.Tensor, y_TCHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(t, C, H - 10, W - 10) SSIM, and its contrast-structure part, where the window fits: Wang et al. 2004, eq. 13."""
    rows, columns = _window(x_TCHW.shape[-2]), _window(x_TCHW.shape[-1])
    x, y = x_TCHW - RANGE / 2, y_TCHW - RANGE / 2  # nearer 0, where float32 is finer; the variances do not mind

    def mean(values: torch.Tensor) -> torch.Tensor:
        return rows @ values @ columns.T

    mean_x, mean_y, squares, product = mean(x), mean(y), mean(x * x + y * y), mean(x * y)
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    covariance = product - mean_x * mean_y
    variances = squares - mean_x * mean_x - mean_y * mean_y
    contrast = (2 * covariance + c2) / (variances + c2)
    mean_x, mean_y = mean_x + RANGE / 2, mean_y + RANGE / 2
    whole = contrast * (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return whole, contrast


def _mean(map_TCHW: torch.Tensor) -> torch.Tensor:
    """(t,) mean over pixels, then channels."""
    return map_TCHW.mean((-2, -1)).mean(1)
