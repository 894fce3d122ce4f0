"""Views of a face as another camera, light or detector would have given them: what an identity judge must not mind.

Used to train the judge, and to ask whether it recognises a person by the face or by what two photos of one session share.

Shapes: N views, W pixels of a view with its margin, S = face_view.SIZE pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from limner.evaluation.judges.face_view import SIZE

MARGIN_PX = 8  # ours: of the views handed in, so that a turned one shows no edge
BLUR_RADIUS = 4  # ours: pixels, three times the widest blur
COARSE = 4  # ours: places a side at which uneven light is drawn


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How much of each; the share of a number's range is drawn uniformly for each view."""

    turn_deg: float = 6.0  # ours
    scale: float = 0.05  # ours: what a point's error of 2 % at the eyes does
    stretch: float = 0.06  # ours: width against height, as a slight turn of the head
    shift_px: float = 1.5  # ours
    slope_log: float = 0.5  # ours: light from a side, in log brightness from the view's middle to its edge
    uneven_log: float = 0.15  # ours: spread of light that differs from place to place
    gamma_log: float = 0.35  # ours
    tint: float = 0.15  # ours: of each colour, before the curve
    grey_share: float = 0.25  # ours: so many views lose their colours
    blur_px: float = 1.2  # ours: widest Gaussian
    noise: float = 6.0  # ours: most, of 255
    cover_share: float = 0.3  # ours: so many views have a part hidden
    cover_px: tuple[int, int] = (8, 24)  # ours: sides of that part


def disturb(views_N4WW: torch.Tensor, generator: torch.Generator, amount: Disturbance = Disturbance()) -> torch.Tensor:
    """(N, 4, W, W) views with MARGIN_PX on each side -> (N, 4, S, S), each disturbed by its own draw, half of them mirrored."""
    draw = lambda *shape: 2 * torch.rand(len(views_N4WW), *shape, generator=generator) - 1  # noqa: E731  (uniform in -1..1)
    placed = _place(views_N4WW.float(), draw, amount)
    colours, mask = placed[:, :3] / 255, placed[:, 3:]
    colours = (colours * (1 + amount.tint * draw(3, 1, 1))).clamp(0, 1) ** torch.exp(amount.gamma_log * draw(1, 1, 1))
    colours = (colours * torch.exp(_light(draw, amount))).clamp(0, 1)
    grey = (draw(1, 1, 1) < 2 * amount.grey_share - 1).float()
    colours = torch.lerp(colours, colours.mean(1, keepdim=True).expand_as(colours), grey)
    colours = _blur(colours, amount.blur_px * draw(1).abs())
    colours = colours + amount.noise / 255 * draw(1, 1, 1).abs() * torch.randn(colours.shape, generator=generator)
    return torch.cat([255 * colours.clamp(0, 1), mask * (1 - _cover(draw, amount))], 1)


def other_people(views_PV4WW: torch.Tensor, generator: torch.Generator, share: float, blend: float, bend_px: float) -> torch.Tensor:
    """(P, V, 4, W, W) views of P people -> the same, a share of the people replaced by people who are nobody.

    All views of a person change alike: blended with another person's by up to `blend`, and bent along one smooth field of up to `bend_px`.
    """
    num, views, _, size, _ = views_PV4WW.shape
    draw = lambda *shape: torch.rand(num, *shape, generator=generator)  # noqa: E731
    changed = (draw(1, 1, 1, 1) < share).float()
    blended = torch.lerp(views_PV4WW, views_PV4WW[torch.randperm(num, generator=generator)], changed * blend * draw(1, 1, 1, 1))
    coarse = 2 * bend_px * (2 * draw(2, COARSE, COARSE) - 1) / size * changed[:, 0]
    field = F.interpolate(coarse, size=size, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    still = F.affine_grid(torch.eye(2, 3).expand(num, 2, 3), [num, 4, size, size], align_corners=False)
    bent = F.grid_sample(blended.flatten(0, 1), (still + field).repeat_interleave(views, 0), padding_mode="border", align_corners=False)
    return bent.view_as(views_PV4WW)


def _place(views: torch.Tensor, draw, amount: Disturbance) -> torch.Tensor:
    turn, size = torch.deg2rad(amount.turn_deg * draw()), 1 + amount.scale * draw()
    wide, mirrored = 1 + amount.stretch * draw(), torch.sign(draw())
    zoom = SIZE / views.shape[-1]
    shift = amount.shift_px * 2 / views.shape[-1] * draw(2)
    rows = [
        torch.stack([mirrored * wide * size * turn.cos() * zoom, -mirrored * size * turn.sin() * zoom, shift[:, 0]], 1),
        torch.stack([wide * size * turn.sin() * zoom, size * turn.cos() * zoom, shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [len(views), 4, SIZE, SIZE], align_corners=False)
    return F.grid_sample(views, grid, padding_mode="border", align_corners=False)


def _light(draw, amount: Disturbance) -> torch.Tensor:
    """(N, 1, S, S) log brightness: a slope, and something uneven and smooth."""
    along = torch.linspace(-1, 1, SIZE)
    slope = amount.slope_log * (draw(1, 1, 1) * along + draw(1, 1, 1) * along[:, None])
    coarse = 1.7 * amount.uneven_log * draw(1, COARSE, COARSE)  # a uniform number's spread is 0.58 of its bound
    return slope + F.interpolate(coarse, size=SIZE, mode="bicubic", align_corners=True)


def _blur(pictures_N3SS: torch.Tensor, sigma_N1: torch.Tensor) -> torch.Tensor:
    """Each picture by a Gaussian of its own width, in pixels."""
    at = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1.0)
    kernel = torch.exp(-0.5 * (at / sigma_N1.clamp_min(0.05)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = pictures_N3SS.reshape(1, -1, SIZE, SIZE)
    flat = F.conv2d(F.pad(flat, (BLUR_RADIUS,) * 2 + (0, 0), mode="replicate"), kernel[:, None, None, :], groups=len(kernel))
    flat = F.conv2d(F.pad(flat, (0, 0) + (BLUR_RADIUS,) * 2, mode="replicate"), kernel[:, None, :, None], groups=len(kernel))
    return flat.view_as(pictures_N3SS)


def _cover(draw, amount: Disturbance) -> torch.Tensor:
    """(N, 1, S, S): 1 where a rectangle hides a view, in some of them."""
    least, most = amount.cover_px
    side = (least + (most - least) * (draw(2) + 1) / 2)[..., None] / 2
    middle = (SIZE * (draw(2) + 1) / 2)[..., None]
    inside = ((torch.arange(SIZE) + 0.5 - middle).abs() < side).float()
    hidden = (draw() < 2 * amount.cover_share - 1).float()
    return (inside[:, 1, :, None] * inside[:, 0, None, :] * hidden[:, None, None])[:, None]


def as_jpeg(view_4WW: np.ndarray, quality: int) -> np.ndarray:
    """The view with its colours as JPEG of that quality leaves them."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(view_4WW[:3].transpose(1, 2, 0).round().clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.concatenate([np.asarray(Image.open(file)).transpose(2, 0, 1), view_4WW[3:]])
