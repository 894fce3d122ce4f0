"""The critic of pix2pix (Isola et al. 2017): says of every patch of a stack of pictures whether it looks real.

Shapes: N batch, C channels, H W pixels, h w patches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from limner.nn.layers import SLOPE, Norm, first_weights, norm_layer


class PatchCritic(nn.Module):
    """(N, C, H, W) -> logits (N, 1, h, w), one a patch.

    widths: of the layers, conv k4 and leaky ReLU; the first `strided` of them halve the side, the others keep it (but for one pixel), as
    does the head. No norm on the first. pix2pix's "70 x 70" is (64, 128, 256, 512) with 3 strided.
    head_padding: 1 as in pix2pix; 0 makes a 4 x 4 rest into one number.
    """

    def __init__(self, *, in_channels: int, widths: Sequence[int], strided: int, norm: Norm = "batch", head_padding: int = 1):
        super().__init__()
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            own: Norm = "none" if layer == 0 else norm
            layers += [
                nn.Conv2d(before, after, 4, 2 if layer < strided else 1, 1, bias=own == "none"),
                norm_layer(own, after),
                nn.LeakyReLU(SLOPE),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], 1, 4, 1, head_padding)
        self.apply(first_weights)

    def features(self, pictures_NCHW: torch.Tensor) -> torch.Tensor:
        """What the last layer before the head sees, (N, C', h', w')."""
        return self.body(pictures_NCHW)

    def forward(self, pictures_NCHW: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(pictures_NCHW))
