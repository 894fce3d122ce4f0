"""Inception v3 as the Inception Score and FID use it: the layers of the 2015 TensorFlow graph, under the names of its PyTorch port.

Parameter names are those of torchvision's Inception v3, so that the published file pt_inception-2015-12-05 loads as it is. What differs
from torchvision (and follows the TensorFlow graph): average pools leave the padding out, and the last block pools by maximum.
Szegedy et al. 2016. Shapes: N pictures.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

FEATURES, CLASSES, SIZE = 2048, 1008, 299


class Unit(nn.Module):
    """Convolution, batch norm (eps 0.001), ReLU."""

    def __init__(self, before: int, after: int, kernel: int | tuple[int, int], stride: int = 1, padding: int | tuple[int, int] = 0):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


def _average(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class MixedA(nn.Module):
    """35 x 35."""

    def __init__(self, before: int, pooled: int):
        super().__init__()
        self.branch1x1 = Unit(before, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Unit(before, 48, 1), Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(before, 64, 1), Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(before, pooled, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_average(x))], 1)


class MixedB(nn.Module):
    """35 x 35 -> 17 x 17."""

    def __init__(self, before: int):
        super().__init__()
        self.branch3x3 = Unit(before, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(before, 64, 1), Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class MixedC(nn.Module):
    """17 x 17, with 1 x 7 and 7 x 1."""

    def __init__(self, before: int, inner: int):
        super().__init__()
        self.branch1x1 = Unit(before, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = Unit(before, inner, 1), Unit(inner, inner, kernel=(1, 7), padding=(0, 3))
        self.branch7x7_3 = Unit(inner, 192, kernel=(7, 1), padding=(3, 0))
        self.branch7x7dbl_1, self.branch7x7dbl_2 = Unit(before, inner, 1), Unit(inner, inner, kernel=(7, 1), padding=(3, 0))
        self.branch7x7dbl_3, self.branch7x7dbl_4 = (
            Unit(inner, inner, kernel=(1, 7), padding=(0, 3)),
            Unit(inner, inner, kernel=(7, 1), padding=(3, 0)),
        )
        self.branch7x7dbl_5 = Unit(inner, 192, kernel=(1, 7), padding=(0, 3))
        self.branch_pool = Unit(before, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = x
        for number in range(1, 6):
            double = getattr(self, f"branch7x7dbl_{number}")(double)
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average(x))], 1)


class MixedD(nn.Module):
    """17 x 17 -> 8 x 8."""

    def __init__(self, before: int):
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Unit(before, 192, 1), Unit(192, 320, 3, 2)
        self.branch7x7x3_1, self.branch7x7x3_2 = Unit(before, 192, 1), Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3, self.branch7x7x3_4 = Unit(192, 192, (7, 1), padding=(3, 0)), Unit(192, 192, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, 2)], 1)


class MixedE(nn.Module):
    """8 x 8; the last of the two pools by maximum, as the TensorFlow graph does."""

    def __init__(self, before: int, *, by_maximum: bool):
        super().__init__()
        self.by_maximum = by_maximum
        self.branch1x1 = Unit(before, 320, 1)
        self.branch3x3_1 = Unit(before, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = Unit(384, 384, (1, 3), padding=(0, 1)), Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(before, 448, 1), Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Unit(384, 384, (1, 3), padding=(0, 1)), Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Unit(before, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.by_maximum else _average(x)
        wide = [self.branch3x3_2a(one), self.branch3x3_2b(one), self.branch3x3dbl_3a(two), self.branch3x3dbl_3b(two)]
        return torch.cat([self.branch1x1(x), *wide, self.branch_pool(pooled)], 1)


class Inception(nn.Module):
    """(N, 3, 299, 299) in -1..1 -> (features (N, 2048), logits (N, 1008))."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Unit(3, 32, 3, 2), Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = Unit(64, 80, 1), Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = MixedA(192, 32), MixedA(256, 64), MixedA(288, 64)
        self.Mixed_6a = MixedB(288)
        self.Mixed_6b, self.Mixed_6c = MixedC(768, 128), MixedC(768, 160)
        self.Mixed_6d, self.Mixed_6e = MixedC(768, 160), MixedC(768, 192)
        self.Mixed_7a = MixedD(768)
        self.Mixed_7b, self.Mixed_7c = MixedE(1280, by_maximum=False), MixedE(2048, by_maximum=True)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        features = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
        return features, self.fc(features)
