"""Points out of landmark images: a regressor that learns from drawings and from what the embedding makes of them.

Shapes: N batch, P points, H W pixels, M moments. A batch: frames (N, 1, H, W) uint8 and points (N, P, 2) in units of the map's frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from limner.models.embedding import MapEmbedding
from limner.nn.vae import SLOPE


class PointsFromMaps(nn.Module):
    """(N, 1, S, S) maps in [0, 1] -> (N, P, 2) points in units: convolutions, then the mean shape plus a linear step along it."""

    mean: torch.Tensor

    def __init__(self, *, size: int, channels: tuple[int, ...], num_points: int):
        super().__init__()
        stages: list[nn.Module] = []
        for before, after in zip((1, *channels[:-1]), channels, strict=True):
            stages += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        side = size >> len(channels)
        self.body = nn.Sequential(*stages, nn.Flatten(), nn.Linear(channels[-1] * side * side, 256), nn.LeakyReLU(SLOPE))
        self.head = nn.Linear(256, 2 * num_points)
        nn.init.normal_(self.head.weight, std=0.001)  # ours: begins at the mean shape
        self.register_buffer("mean", torch.zeros(num_points, 2))

    def forward(self, maps_NCHW: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(maps_NCHW)).float().unflatten(-1, (-1, 2)) + self.mean


class LearnPoints:
    """Mean point distance, half on drawings and half on their reconstructions by the (frozen) embedding, in units."""

    def __init__(self, reader: PointsFromMaps, embedding: MapEmbedding, *, rate: float):
        self.reader, self.embedding, self.rate = reader, embedding, rate

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.Adam(self.reader.parameters(), lr=self.rate)}

    def updates(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> Iterator:
        maps_NCHW = batch["frames"].float()
        half = len(maps_NCHW) // 2
        with torch.no_grad():
            code, _, _ = self.embedding.encode(maps_NCHW[half:])
            decoded = torch.sigmoid(self.embedding.decode(code).float())
        seen = torch.cat([maps_NCHW[:half], decoded])
        apart = (self.reader(seen) - batch["points"]).square().sum(-1).add(1e-10).sqrt().mean(-1)
        yield "adam", {"drawn": apart[:half].mean(), "decoded": apart[half:].mean()}, {}
