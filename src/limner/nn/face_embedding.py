"""A small convolutional network from aligned faces to unit vectors. N batch, C channels, H W pixels, D features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Residual(nn.Module):
    """x + two 3 x 3 convolutions of x, each followed by batch normalisation (He et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        return torch.relu(x_NCHW + self.body(x_NCHW))


class FaceEmbedding(nn.Module):
    """(N, C, S, S) -> (N, D) vectors of length 1.

    Each of `channels` halves the size and, from the second on, adds a residual block; a depthwise convolution over what is left (as in
    MobileFaceNet, Chen et al. 2018: places in a face are not alike, so they are not averaged) and a linear layer give the vector.
    size: S, a multiple of 2 ** len(channels).
    """

    def __init__(self, *, size: int, in_channels: int, channels: Sequence[int], features: int):
        super().__init__()
        left = size >> len(channels)
        if left << len(channels) != size or not left:
            raise ValueError(f"size must be a multiple of {2 ** len(channels)}, not {size}")
        layers: list[nn.Module] = []
        for before, after in zip((in_channels, *channels), channels):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [Residual(after)] if before != in_channels else []
        last = channels[-1]
        self.body = nn.Sequential(*layers, nn.Conv2d(last, last, left, groups=last, bias=False), nn.BatchNorm2d(last), nn.Flatten())
        self.head = nn.Linear(last, features, bias=False)

    def forward(self, faces_NCHW: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.head(self.body(faces_NCHW)), dim=1)
