"""Networks whose features judge pictures and films: a trunk that gives features, and a head for each thing it learned to tell.

Shapes: N batch, C channels, S side, M moments, D features.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from limner.nn.face_embedding import FaceEmbedding, Residual


class FeatureNet(nn.Module):
    """trunk: pictures or films -> (N, D). heads: name -> how many classes. forward: -> (features (N, D), {name: logits})."""

    def __init__(self, trunk: nn.Module, *, features: int, heads: Mapping[str, int]):
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleDict({name: nn.Linear(features, num) for name, num in heads.items()})

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        features_ND = self.features(x)
        return features_ND, {name: head(features_ND) for name, head in self.heads.items()}

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, D)."""
        return self.trunk(x)


class PictureTrunk(FaceEmbedding):
    """`FaceEmbedding`'s layers without the length of 1: (N, 3, S, S) -> (N, D)."""

    def forward(self, pictures_NCSS: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(pictures_NCSS))

    def layers(self, pictures_NCSS: torch.Tensor) -> list[torch.Tensor]:
        """What each halving leaves, (N, C, h, w), finest first."""
        found: list[torch.Tensor] = []
        x = pictures_NCSS
        for module in list(self.body)[:-3]:  # without the depthwise layer that ends them
            x = module(x)
            if isinstance(module, nn.ReLU):
                found.append(x)
            elif isinstance(module, Residual):
                found[-1] = x
        return found
