"""Likeness of pictures: SSIM and PSNR, of the whole or of the mouth.

Shapes: H W pixels, C channels last (none for grey); leading dimensions are a batch.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from limner.measures.arrays import as_float, same_shape

UNIFORM_SIDE = 7  # scikit-image's default window, the protocol of data/README.md
GAUSSIAN_SIGMA, GAUSSIAN_RADIUS = 1.5, 5  # 11 x 11: Wang, Bovik, Sheikh & Simoncelli 2004
K1, K2 = 0.01, 0.03  # Wang et al. 2004
LIP_ENDS = (48, 51, 54, 57)  # corners, upper and lower lip: the protocol of data/README.md
LIP_MARGIN = 8 / 256  # the protocol: round the lips, of the picture's width


def psnr(a: Any, b: Any, *, data_range: float = 255.0) -> float:
    """Peak signal-to-noise ratio of two pictures or batches of one shape, dB: 10 log10(range^2 / MSE); inf where they are equal."""
    x, y = same_shape(a, b)
    error = float(np.mean((x - y) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(
    a: Any, b: Any, *, data_range: float = 255.0, window: Literal["uniform", "gaussian"] = "uniform", channels_last: bool = True
) -> float:
    """Structural similarity (Wang et al. 2004) in [-1, 1], mean over pixels, channels and batch; 1 for equal pictures.

    a, b: (..., H, W, C), or (..., H, W) with channels_last=False. window: "uniform" is scikit-image's default (7 x 7, sample
    covariance), "gaussian" the paper's 11 x 11 of sigma 1.5 (population covariance). The two are not comparable: keep them apart.
    As in scikit-image, a border of half a window is left out. ValueError if a side is smaller than the window.
    """
    x, y = same_shape(a, b)
    rows = x.ndim - (3 if channels_last else 2)
    if rows < 0:
        raise ValueError(f"a picture of shape {x.shape} lacks dimensions")
    radius = UNIFORM_SIDE // 2 if window == "uniform" else GAUSSIAN_RADIUS
    if min(x.shape[rows : rows + 2]) < 2 * radius + 1:
        raise ValueError(f"pictures of {x.shape[rows : rows + 2]} pixels are smaller than the window of {2 * radius + 1}")
    index = _index(x, y, (rows, rows + 1), window, data_range)
    inner = (slice(None),) * rows + (slice(radius, -radius),) * 2
    return float(index[inner].mean())


def _index(x: np.ndarray, y: np.ndarray, axes: tuple[int, int], window: str, data_range: float) -> np.ndarray:
    """SSIM at each place, the border included: Wang et al. 2004, eq. 13. axes: height and width."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    def mean(values: np.ndarray) -> np.ndarray:
        if window == "uniform":
            return uniform_filter(values, UNIFORM_SIDE, axes=axes)
        return gaussian_filter(values, GAUSSIAN_SIGMA, radius=GAUSSIAN_RADIUS, axes=axes)

    unbiased = UNIFORM_SIDE**2 / (UNIFORM_SIDE**2 - 1) if window == "uniform" else 1.0
    mean_x, mean_y = mean(x), mean(y)
    var_x = unbiased * (mean(x * x) - mean_x * mean_x)
    var_y = unbiased * (mean(y * y) - mean_y * mean_y)
    cov = unbiased * (mean(x * y) - mean_x * mean_y)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    return (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def lip_box(points: Any, size: tuple[int, int], *, margin_px: float | None = None) -> tuple[int, int, int, int]:
    """(68, 2) pixel points of a picture of `size` (width, height) -> x0, y0, x1, y1 of the box round the lips, inside the picture.

    margin_px: round the lips; by default the protocol's 8 pixels of 256. A side is at least the window of `ssim` where the picture is.
    ValueError where the lips lie outside the picture, or there are not 68 points.
    """
    lips = as_float(points)
    if lips.shape != (68, 2):
        raise ValueError(f"a lip box needs points (68, 2), got {lips.shape}")
    margin = LIP_MARGIN * size[0] if margin_px is None else margin_px
    lips = lips[list(LIP_ENDS)]
    low, high = (lips.min(0) - margin).astype(int), (lips.max(0) + margin).astype(int)
    most = np.array(size)
    if not ((low < most) & (high > 0)).all():
        raise ValueError(f"the lips lie outside the picture of {size[0]} x {size[1]} pixels")
    low = np.minimum(low, (low + high - UNIFORM_SIDE) // 2).clip(0, np.maximum(most - UNIFORM_SIDE, 0))
    high = np.maximum(high, low + UNIFORM_SIDE).clip(0, most)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def mouth_ssim(frame: Any, truth: Any, points: Any, *, data_range: float = 255.0) -> float:
    """`ssim` (7 x 7 window) of two frames (H, W, C) inside the lip box of the true frame's (68, 2) points; in [-1, 1], higher is better."""
    x, y = same_shape(frame, truth)
    x0, y0, x1, y1 = lip_box(points, (y.shape[1], y.shape[0]))
    return ssim(x[y0:y1, x0:x1], y[y0:y1, x0:x1], data_range=data_range)


def mouth_ssim_frames(frames: Any, truth: Any, points: Any) -> np.ndarray:
    """Two videos (T, H, W, C), values 0..255, and the true one's (T, 68, 2) points -> (T,) `mouth_ssim` of each frame, all at once.

    A window that lies inside a frame's box sees nothing beyond it, so one map serves all boxes. ValueError as `mouth_ssim`."""
    x, y = same_shape(frames, truth)
    if x.ndim != 4 or len(points) != len(x):
        raise ValueError(f"expected frames (T, H, W, C) and as many sets of points, got {x.shape} and {len(points)}")
    boxes = np.array([lip_box(own, (y.shape[2], y.shape[1])) for own in points])
    (x0, y0), (x1, y1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    if (boxes[:, 2:] - boxes[:, :2]).min() < UNIFORM_SIDE:
        raise ValueError(f"pictures of {y.shape[2]} x {y.shape[1]} pixels are smaller than the window of {UNIFORM_SIDE}")
    index, radius = _index(x[:, y0:y1, x0:x1], y[:, y0:y1, x0:x1], (1, 2), "uniform", 255.0), UNIFORM_SIDE // 2
    low, high = boxes[:, :2] - (x0, y0) + radius, boxes[:, 2:] - (x0, y0) - radius
    return np.array([one[top:bottom, left:right].mean() for one, (left, top), (right, bottom) in zip(index, low, high)])
