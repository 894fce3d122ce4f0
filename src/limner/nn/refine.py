"""The network that refines a warped face: a small fully convolutional U-Net of residual blocks, without normalisation.

No normalisation: a frame's picture hangs on no other frame of its batch, and on a CPU such layers cost more than they give.
Shapes: N batch, C channels, H W pixels of the working frame (multiples of 16).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.2  # pix2pix
FIRST_MASK = -3.0  # ours: the mask's bias at the start: 5 % of the picture is the network's own colour


class Refined(NamedTuple):
    """What the network says of a warped face; colours and changes in parts of the full range (0..1).

    change: (N, 3, H, W) added to the warp. colour: (N, 3, H, W), the network's own. mask: (N, 1, H, W) in 0..1, how much of it shows.
    flow: (N, 2, H / 4, W / 4) pixels of the working frame, x y: from where the warp's colours are taken instead.
    """

    change: torch.Tensor
    colour: torch.Tensor
    mask: torch.Tensor
    flow: torch.Tensor


class Block(nn.Module):
    """x + conv(act(conv(act(x)))): He et al. 2016 (pre-activation), without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(F.leaky_relu(self.first(F.leaky_relu(x, SLOPE)), SLOPE, inplace=True)).add_(x)


class RefineNet(nn.Module):
    """Pictures at full size (folded 2 x 2 into channels) and smooth fields at half size -> `Refined`.

    fine, smooth: how many channels come in at full and at half size (0: nothing smooth). widths: channels at 1/2, 1/4, 1/8 ... of the
    size. depths: residual blocks at each on the way down; on the way up there is one. most_flow_px: a flow goes no farther.
    """

    def __init__(self, *, fine: int, smooth: int, widths: tuple[int, ...], depths: tuple[int, ...], most_flow_px: float) -> None:
        super().__init__()
        self.most_flow_px = most_flow_px
        self.stem = nn.Conv2d(4 * fine + smooth, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(widths))
        self.encode = nn.ModuleList(nn.Sequential(*[Block(c) for _ in range(depth)]) for c, depth in zip(widths, depths, strict=True))
        self.join = nn.ModuleList(nn.Conv2d(a + b, a, 1) for a, b in itertools.pairwise(widths))
        self.decode = nn.ModuleList(Block(c) for c in widths[:-1])
        self.paint = nn.Conv2d(widths[0], 4 * 7, 3, padding=1)
        self.flow = nn.Conv2d(widths[1], 2, 3, padding=1)
        self._begin()

    def _begin(self) -> None:
        """Each block begins as the identity and every output as no change, so that training starts from the warp itself."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            if isinstance(module, Block):
                nn.init.zeros_(module.second.weight)
        for head in (self.paint, self.flow):
            nn.init.normal_(head.weight, std=1e-3)
        with torch.no_grad():
            assert self.paint.bias is not None
            self.paint.bias[24:] = FIRST_MASK

    def forward(self, fine: torch.Tensor, smooth: torch.Tensor | None = None) -> Refined:
        """fine: (N, fine, H, W); smooth: (N, smooth, H / 2, W / 2)."""
        folded = F.pixel_unshuffle(fine, 2)
        x = self.stem(folded if smooth is None else torch.cat([folded, smooth], 1))
        kept = [self.encode[0](x)]
        for down, encode in zip(self.down, self.encode[1:]):
            kept.append(encode(down(F.leaky_relu(kept[-1], SLOPE))))
        x, flow = kept.pop(), None
        for level in range(len(kept) - 1, -1, -1):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.decode[level](self.join[level](F.leaky_relu(torch.cat([kept[level], x], 1), SLOPE, inplace=True)))
            if level == 1:
                flow = self.most_flow_px * torch.tanh(self.flow(F.leaky_relu(x, SLOPE)).float() / self.most_flow_px)
        assert flow is not None
        painted = F.pixel_shuffle(self.paint(F.leaky_relu(x, SLOPE)).float(), 2)
        return Refined(painted[:, :3], painted[:, 3:6] + 0.5, torch.sigmoid(painted[:, 6:]), flow)
