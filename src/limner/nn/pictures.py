"""An auto-encoder of pictures as shapes, after Larsen et al. 2016 (VAE-GAN) and DCGAN: convolutions down to 4 x 4, one layer to the code.

Shapes: N batch, C channels, H W pixels, D latent.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from limner.nn.layers import SLOPE, Norm, norm_layer
from limner.nn.vae import LOG_VARIANCE_LIMIT


class PictureEncoder(nn.Module):
    """(N, C, S, S) pictures in -1..1 -> mean, log-variance (N, D). Each width halves the side: k4 s2 p1, norm but on the first."""

    def __init__(self, *, in_channels: int, size: int, widths: Sequence[int], latent: int, norm: Norm = "batch"):
        super().__init__()
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            layers += [nn.Conv2d(before, after, 4, 2, 1), norm_layer("none" if layer == 0 else norm, after), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(widths[-1] * (size >> len(widths)) ** 2, 2 * latent)

    def forward(self, pictures_NCHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = self.head(self.body(pictures_NCHW)).float().chunk(2, -1)
        return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)


class PictureDecoder(nn.Module):
    """(N, D) -> (N, C, S, S) in -1..1 (tanh): the encoder mirrored. widths: as the encoder's."""

    def __init__(self, *, out_channels: int, size: int, widths: Sequence[int], latent: int, norm: Norm = "batch"):
        super().__init__()
        side, back = size >> len(widths), list(widths)[::-1]
        layers: list[nn.Module] = [nn.Linear(latent, back[0] * side * side), nn.Unflatten(1, (back[0], side, side))]
        layers += [norm_layer(norm, back[0]), nn.LeakyReLU(SLOPE)]
        for before, after in itertools.pairwise(back):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), norm_layer(norm, after), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(back[-1], out_channels, 4, 2, 1))

    def forward(self, codes_ND: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.body(codes_ND))
