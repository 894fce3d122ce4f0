"""A small 3-D convolutional classifier of short films. N batch, C channels, T time, H W pixels, L labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class FilmClassifier(nn.Module):
    """(N, C, T, S, S) -> logits (N, L): convolutions over space and time, each of stride 2 (the first in space alone), batch norm and ReLU;
    what is left is averaged and its largest taken, and one layer tells the labels apart.

    channels: of the convolutions. ValueError where time or side are too short to be halved so often.
    """

    def __init__(self, *, in_channels: int, size: int, moments: int, channels: Sequence[int], num_labels: int):
        super().__init__()
        if size < 2 ** len(channels) or moments < 2 ** (len(channels) - 1):
            raise ValueError(f"{len(channels)} convolutions need films of more than {moments} moments of {size} pixels")
        layers: list[nn.Module] = []
        for layer, (before, after) in enumerate(zip((in_channels, *channels), channels)):
            stride = (1 if layer == 0 else 2, 2, 2)
            layers += [nn.Conv3d(before, after, 3, stride, 1, bias=False), nn.BatchNorm3d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * channels[-1], num_labels)

    def forward(self, films_NCTHW: torch.Tensor, keep_NF: torch.Tensor | None = None) -> torch.Tensor:
        """keep_NF: (N, 2 C') factors on what the last layer sees (dropout's own, drawn by the caller); None at inference."""
        found = self.body(films_NCTHW).flatten(2)
        pooled_NF = torch.cat([found.mean(2), found.amax(2)], 1)
        return self.head(pooled_NF if keep_NF is None else pooled_NF * keep_NF)
