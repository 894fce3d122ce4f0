"""AlexNet's five convolutions (Krizhevsky 2014, "one weird trick"), as LPIPS uses them, named as in torchvision's file. N pictures."""

from __future__ import annotations

import torch
from torch import nn

# place in torchvision's `features`: channels before, after, kernel, stride, padding; a 3 x 3 pool of stride 2 before the second and third
LAYERS = {0: (3, 64, 11, 4, 2), 3: (64, 192, 5, 1, 2), 6: (192, 384, 3, 1, 1), 8: (384, 256, 3, 1, 1), 10: (256, 256, 3, 1, 1)}
POOLED_BEFORE = (3, 6)
WIDTHS = tuple(after for _, after, *_ in LAYERS.values())
# LPIPS' own scaling of pictures in -1..1 (richzhang/PerceptualSimilarity, ScalingLayer)
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class AlexLayers(nn.Module):
    """(N, 3, H, W) in -1..1 -> the five layers after their ReLU, (N, C, h, w) each."""

    def __init__(self):
        super().__init__()
        self.features = nn.ModuleDict({str(place): nn.Conv2d(*shape) for place, shape in LAYERS.items()})

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = (x - torch.tensor(SHIFT).view(1, 3, 1, 1)) / torch.tensor(SCALE).view(1, 3, 1, 1)
        found = []
        for place in LAYERS:
            if place in POOLED_BEFORE:
                x = torch.nn.functional.max_pool2d(x, 3, 2)
            x = torch.relu(self.features[str(place)](x))
            found.append(x)
        return found
