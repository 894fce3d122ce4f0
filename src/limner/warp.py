"""Points -> displacement field -> warped picture, in plain torch; differentiable in the points and in the picture.

The warp is backward: a field gives, for each pixel of the output, how far away its colour lies in the source. It is fitted on the target
points (where the output's features are) with values source - target, so nothing has to be inverted.

Shapes: N batch (frames), C centres, V values of each, M places, H W pixels, h w nodes of a coarse grid.
Positions are (x, y) pixels, pixel centres at integers + 0.5.
"""

from __future__ import annotations

import math

import torch

LANCZOS_A = 4  # ours: 8 taps; half-way samples keep 97 % of the contrast at 0.35 cycles a pixel (bicubic: 63 %)
MIN_DISTANCE2 = 1e-12  # ours: keeps log(0) and its gradient out; U is 0 there either way


def _kernel(distance2: torch.Tensor) -> torch.Tensor:
    """Thin-plate kernel U(r) = r^2 log r, from r^2 (Bookstein 1989, eq. 1 up to a factor)."""
    return 0.5 * torch.xlogy(distance2, distance2.clamp_min(MIN_DISTANCE2))


def _distance2(a_NMx2: torch.Tensor, b_NCx2: torch.Tensor) -> torch.Tensor:
    dx = a_NMx2[..., :, None, 0] - b_NCx2[..., None, :, 0]
    dy = a_NMx2[..., :, None, 1] - b_NCx2[..., None, :, 1]
    return dx * dx + dy * dy


def fit_spline(centres_NC2: torch.Tensor, values_NCV: torch.Tensor, smoothing: torch.Tensor | float = 0.0) -> torch.Tensor:
    """Thin-plate splines through (or, with smoothing > 0, near) the values at the centres -> coefficients (N, C + 3, V).

    smoothing: a number or a (C,) tensor, in the units of the kernel at unit distance; 0 interpolates. Centres should be scaled so that
    the scene is a few units wide. Source: Bookstein 1989; the smoothing term as in Wahba 1990. Coincident centres need smoothing > 0.
    """
    N, C, _ = centres_NC2.shape
    K = _kernel(_distance2(centres_NC2, centres_NC2))
    weight = torch.as_tensor(smoothing, dtype=K.dtype, device=K.device).expand(C)
    P = torch.cat([centres_NC2.new_ones(N, C, 1), centres_NC2], -1)
    top = torch.cat([K + torch.diag(weight), P], -1)
    bottom = torch.cat([P.transpose(1, 2), P.new_zeros(N, 3, 3)], -1)
    right = torch.cat([values_NCV, values_NCV.new_zeros(N, 3, values_NCV.shape[-1])], 1)
    return torch.linalg.solve(torch.cat([top, bottom], 1), right)


def evaluate_spline(coefficients: torch.Tensor, centres_NC2: torch.Tensor, at_M2: torch.Tensor) -> torch.Tensor:
    """Coefficients (N, C + 3, V) of `fit_spline` and places (M, 2), or (N, M, 2) -> values (N, M, V)."""
    C = centres_NC2.shape[1]
    at_NM2 = (at_M2 if at_M2.ndim == 3 else at_M2[None]).expand(len(centres_NC2), -1, -1)
    # |a - c|^2 = |a|^2 + |c|^2 - 2 a.c: one matrix product instead of six passes over (N, M, C); its rounding is far below a pixel
    square_NM1, square_N1C = (at_NM2 * at_NM2).sum(-1, keepdim=True), (centres_NC2 * centres_NC2).sum(-1)[:, None]
    kernel_NMC = _kernel(torch.baddbmm(square_NM1 + square_N1C, at_NM2, centres_NC2.transpose(1, 2), alpha=-2).clamp_min(MIN_DISTANCE2))
    return kernel_NMC @ coefficients[:, :C] + coefficients[:, C, None] + at_M2 @ coefficients[:, C + 1 :]


def nodes(box: tuple[int, int, int, int], step: int) -> torch.Tensor:
    """The coarse grid over a pixel box x0 y0 x1 y1: (h, w, 2) pixel positions, `step` apart, covering every pixel centre of the box."""
    x0, y0, x1, y1 = box
    x = x0 + 0.5 + step * torch.arange(math.ceil((x1 - x0 - 1) / step) + 1, dtype=torch.float32)
    y = y0 + 0.5 + step * torch.arange(math.ceil((y1 - y0 - 1) / step) + 1, dtype=torch.float32)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def _cubic_rows(num_pixels: int, num_nodes: int, step: int) -> torch.Tensor:
    """(num_pixels, num_nodes): the Catmull-Rom weights (Keys 1981) that bring nodes to pixels; the border nodes are repeated."""
    at = torch.arange(num_pixels, dtype=torch.float64) / step
    low = at.floor().clamp_max(max(num_nodes - 2, 0))
    t = at - low
    taps = torch.stack([((2 - t) * t - 1) * t, (3 * t - 5) * t * t + 2, ((4 - 3 * t) * t + 1) * t, (t - 1) * t * t], 1) / 2
    rows = torch.zeros(num_pixels, num_nodes, dtype=torch.float64)
    for k in range(4):
        rows.scatter_add_(1, (low.long() + k - 1).clamp(0, num_nodes - 1)[:, None], taps[:, k : k + 1])
    return rows.float()


class Upsampler:
    """Brings fields from the coarse grid of `nodes(box, step)` to the pixels of the box: cubic, as two matrix products."""

    def __init__(self, size_hw: tuple[int, int], step: int) -> None:
        height, width = size_hw
        self.rows = _cubic_rows(height, math.ceil((height - 1) / step) + 1, step)
        self.columns = _cubic_rows(width, math.ceil((width - 1) / step) + 1, step).T.contiguous()

    def __call__(self, coarse_Nchw: torch.Tensor) -> torch.Tensor:
        """(N, c, h, w) -> (N, c, H, W)."""
        return self.rows.to(coarse_Nchw) @ (coarse_Nchw @ self.columns.to(coarse_Nchw))

    def part(self, coarse_Nchw: torch.Tensor, rows: slice, columns: slice) -> torch.Tensor:
        """The same, for some rows and columns of the box only."""
        return self.rows[rows].to(coarse_Nchw) @ (coarse_Nchw @ self.columns[:, columns].to(coarse_Nchw))


def sharp_texture(picture_cHW: torch.Tensor) -> torch.Tensor:
    """(c, H, W) -> (c, 2H - 1, 2W - 1): the picture itself at even places, Lanczos half-way samples between them.

    Bilinear samples of it are close to a Lanczos resampling of the picture, at the price of bilinear ones, and exact at pixel centres.
    """
    return _double(_double(picture_cHW).transpose(1, 2)).transpose(1, 2).contiguous()


def _double(picture_cHW: torch.Tensor) -> torch.Tensor:
    """(c, H, W) -> (c, H, 2W - 1)."""
    width = picture_cHW.shape[-1]
    offset = torch.arange(LANCZOS_A, dtype=torch.float64) + 0.5
    tap = torch.sinc(offset) * torch.sinc(offset / LANCZOS_A)
    tap = (tap / tap.sum() / 2).to(picture_cHW)
    padded = torch.nn.functional.pad(picture_cHW[None], (LANCZOS_A - 1, LANCZOS_A - 1, 0, 0), mode="replicate")[0]
    between = sum(
        tap[k] * (padded[..., LANCZOS_A - 1 - k :][..., : width - 1] + padded[..., LANCZOS_A + k :][..., : width - 1])
        for k in range(LANCZOS_A)
    )
    out = picture_cHW.new_empty(*picture_cHW.shape[:-1], 2 * width - 1)
    out[..., ::2] = picture_cHW
    out[..., 1::2] = between
    return out


def sample(texture_cHW: torch.Tensor, position_NHW2: torch.Tensor, origin: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    """Colours (N, c, H, W) at pixel positions of the picture whose `sharp_texture` this is; beyond its border, the border's colour.

    origin: the position in the picture of the texture's upper left corner.
    """
    height, width = texture_cHW.shape[-2:]
    scale = position_NHW2.new_tensor([4.0 / max(width - 1, 1), 4.0 / max(height - 1, 1)])
    shift = position_NHW2.new_tensor([origin[0] + 0.5, origin[1] + 0.5]) * scale + 1
    grid = position_NHW2 * scale - shift
    texture = texture_cHW.expand(len(grid), *texture_cHW.shape)
    return torch.nn.functional.grid_sample(texture, grid, mode="bilinear", padding_mode="border", align_corners=True)


def warp(picture_cHW: torch.Tensor, source_NC2: torch.Tensor, target_NC2: torch.Tensor, smoothing: float = 1e-3) -> torch.Tensor:
    """Moves the picture so that what is at the source points comes to lie at the target points -> (N, c, H, W). Every pixel takes part.

    The plain warp, for tests, training and baselines; faces are rendered by `generation.render`, which knows lids, lips and background.
    smoothing: as in `fit_spline`, points scaled by the picture's longer side.
    """
    height, width = picture_cHW.shape[-2:]
    unit = float(max(height, width))
    centres = target_NC2 / unit
    coefficients = fit_spline(centres, source_NC2 - target_NC2, smoothing)
    at = nodes((0, 0, width, height), 1).to(picture_cHW)
    shift = evaluate_spline(coefficients, centres, at.reshape(-1, 2) / unit).reshape(-1, height, width, 2)
    return sample(sharp_texture(picture_cHW), at + shift)


def jacobian(field_Nhw2: torch.Tensor, step: float) -> torch.Tensor:
    """(N, h, w, 2) displacements, nodes `step` pixels apart -> (N, h - 1, w - 1) determinant of d(source)/d(output); <= 0: a fold."""
    dx = (field_Nhw2[:, :-1, 1:] - field_Nhw2[:, :-1, :-1]) / step
    dy = (field_Nhw2[:, 1:, :-1] - field_Nhw2[:, :-1, :-1]) / step
    return (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]
