"""The networks of Video-GAN (Vondrick, Pirsiavash & Torralba, NIPS 2016) as shapes, layer by layer as spec A8 reads the authors' code.

Shapes: N batch, C channels, T time, H W pixels, h w the side at the bottleneck.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from limner.nn.layers import SLOPE

FIRST_STD, SCALE_STD = 0.01, 0.02  # spec A8: weights N(0, 0.01), the norms' scales N(1, 0.02)


def first_weights(module: nn.Module) -> None:
    """Video-GAN's initial weights, for `net.apply(first_weights)`."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d)):
        nn.init.normal_(module.weight, 0.0, FIRST_STD)
    elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
        nn.init.normal_(module.weight, 1.0, SCALE_STD)
    if isinstance(getattr(module, "bias", None), nn.Parameter):
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class FrameEncoder(nn.Module):
    """(N, C, S, S) -> (N, C', S / 2^L, S / 2^L): L times conv k4 s2 p1 and ReLU, batch norm on all but the first."""

    def __init__(self, *, in_channels: int, widths: Sequence[int]):
        super().__init__()
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            norm = nn.Identity() if layer == 0 else nn.BatchNorm2d(after)
            layers += [nn.Conv2d(before, after, 4, 2, 1), norm, nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.apply(first_weights)

    def forward(self, pictures_NCHW: torch.Tensor) -> torch.Tensor:
        return self.body(pictures_NCHW)


class TwoStreams(nn.Module):
    """(N, C', h, w) -> a still background and what moves before it, mixed by a mask: (N, 3, 2^(L+1), S, S) in -1..1.

        film = mask * foreground + (1 - mask) * background

    widths: from the bottleneck outwards, (1024, 512, 256, 128). The foreground's first layer makes two moments of the one code; each layer
    after it doubles time and side, as does the last, of which there are two: the film's three channels (tanh), and the mask (sigmoid).
    """

    def __init__(self, *, widths: Sequence[int]):
        super().__init__()
        still: list[nn.Module] = []
        moving: list[nn.Module] = [nn.ConvTranspose3d(widths[0], widths[0], (2, 1, 1)), nn.BatchNorm3d(widths[0]), nn.ReLU()]
        for before, after in itertools.pairwise(widths):
            still += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
            moving += [nn.ConvTranspose3d(before, after, 4, 2, 1), nn.BatchNorm3d(after), nn.ReLU()]
        self.still = nn.Sequential(*still, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1))
        self.moving = nn.Sequential(*moving)
        self.film = nn.ConvTranspose3d(widths[-1], 3, 4, 2, 1)
        self.mask = nn.ConvTranspose3d(widths[-1], 1, 4, 2, 1)
        self.apply(first_weights)

    def forward(self, codes_NChw: torch.Tensor) -> torch.Tensor:
        seen = self.moving(codes_NChw[:, :, None])
        weight, bias = (torch.cat([getattr(self.film, name), getattr(self.mask, name)], dim) for name, dim in (("weight", 1), ("bias", 0)))
        both = nn.functional.conv_transpose3d(seen, weight, bias, 2, 1)  # the two heads at once: half the time
        mask, background = torch.sigmoid(both[:, 3:]), torch.tanh(self.still(codes_NChw))[:, :, None]
        return mask * torch.tanh(both[:, :3]) + (1 - mask) * background


class FilmCritic(nn.Module):
    """(N, C, T, S, S) -> (N, 2) logits, generated and real: L times 3-D conv k4 s2 p1 and leaky ReLU, batch norm on all but the first,
    then one convolution over all that is left."""

    def __init__(self, *, in_channels: int, widths: Sequence[int], num_frames: int, size: int):
        super().__init__()
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            norm = nn.Identity() if layer == 0 else nn.BatchNorm3d(after)
            layers += [nn.Conv3d(before, after, 4, 2, 1), norm, nn.LeakyReLU(SLOPE)]
        left = num_frames >> len(widths), size >> len(widths)
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv3d(widths[-1], 2, (left[0], left[1], left[1]))
        self.apply(first_weights)

    def forward(self, films_NCTHW: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(films_NCTHW)).flatten(1)
