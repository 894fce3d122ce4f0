"""The U-Net of pix2pix (Isola et al. 2017) at any size, with one encoder or several: pictures in, a picture out.

One encoder: what guides and what appears are stacked as channels (CMM-Net's translation; "stacked" of the MM 2017 paper).
Two: each has an encoder of its own, their codes meet at the bottleneck ("Siamese" there).
Shapes: N batch, C channels, H W pixels. E encoders.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from limner.nn.layers import SLOPE, Noise, Norm, dropout, first_weights, norm_layer


class Down(nn.Module):
    """(N, C, H, W) -> (N, C', H/2, W/2): leaky ReLU (but on the picture itself), conv k4 s2, norm."""

    def __init__(self, before: int, after: int, *, first: bool, norm: Norm):
        super().__init__()
        self.first = first
        self.conv = nn.Conv2d(before, after, 4, 2, 1, bias=norm == "none")  # a norm brings its own bias
        self.norm = norm_layer(norm, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x if self.first else nn.functional.leaky_relu(x, SLOPE)))


class Up(nn.Module):
    """(N, C, H, W) -> (N, C', 2H, 2W): ReLU, transposed conv k4 s2, norm, dropout."""

    def __init__(self, before: int, after: int, *, norm: Norm, drop: float):
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=norm == "none")
        self.norm, self.drop = norm_layer(norm, after), drop

    def forward(self, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        return dropout(self.norm(self.conv(nn.functional.relu(x))), self.drop, noise)


class UNet(nn.Module):
    """E pictures (N, C_e, S, S) -> a picture (N, C', S, S) in -1..1 (tanh).

    size: S. in_channels: of each encoder's picture, (4,) or (3, 3). widths: of the encoder's layers, each of which halves the side; the
    decoder mirrors them. skips: which encoders hand their layers across to the decoder; None: all. tied: one encoder's weights for all
    pictures, which then have as many channels each. norm: as in pix2pix none on the first layer, on a 1x1 bottleneck (where batch
    statistics would wipe out the code) and on the last layer. drop: dropout of the first `drop_layers` layers of the decoder, never of
    the last. It is noise that the caller draws: without `noise` there is none.
    ValueError: a size that the layers do not halve, an encoder that is not there, encoders that cannot be tied.
    """

    def __init__(
        self,
        *,
        size: int,
        in_channels: Sequence[int],
        out_channels: int,
        widths: Sequence[int],
        skips: Sequence[int] | None = None,
        tied: bool = False,
        norm: Norm = "batch",
        drop: float = 0.5,
        drop_layers: int = 3,
    ):
        super().__init__()
        if size < 2 ** len(widths) or size % 2 ** len(widths):
            raise ValueError(f"{len(widths)} layers halve a size that is a multiple of {2 ** len(widths)}, not {size}")
        if tied and len(set(in_channels)) != 1:
            raise ValueError(f"tied encoders see pictures of as many channels each, not {tuple(in_channels)}")
        self.size, self.num_pictures = size, len(in_channels)
        self.skips = tuple(range(len(in_channels)) if skips is None else skips)
        if not set(self.skips) <= set(range(len(in_channels))):
            raise ValueError(f"skips {self.skips} name an encoder that is not there; there are {len(in_channels)}")
        sides = [size >> (layer + 1) for layer in range(len(widths))]
        norms: list[Norm] = ["none" if layer == 0 or side == 1 else norm for layer, side in enumerate(sides)]
        self.encoders = nn.ModuleList(
            nn.ModuleList(
                Down(before, after, first=layer == 0, norm=norms[layer])
                for layer, (before, after) in enumerate(zip((channels, *widths[:-1]), widths, strict=True))
            )
            for channels in (in_channels[:1] if tied else in_channels)
        )
        before = len(in_channels) * widths[-1]
        layers = []
        for layer, after in enumerate([*widths[-2::-1], out_channels]):
            last = layer == len(widths) - 1
            layers.append(Up(before, after, norm="none" if last else norm, drop=drop if layer < drop_layers and not last else 0.0))
            before = after * (1 + len(self.skips))
        self.decoder = nn.ModuleList(layers)
        self.apply(first_weights)

    def forward(self, *pictures_NCHW: torch.Tensor, noise: Noise = None) -> torch.Tensor:
        """noise: a generator for the batch, or one a sample; None: no dropout. ValueError: not as many pictures, or not S large."""
        if len(pictures_NCHW) != self.num_pictures or any(p.shape[-2:] != (self.size, self.size) for p in pictures_NCHW):
            raise ValueError(f"expected {self.num_pictures} pictures of {self.size} x {self.size}, got {[p.shape for p in pictures_NCHW]}")
        encoders = [self.encoders[0 if len(self.encoders) == 1 else number] for number in range(self.num_pictures)]
        found = [self._encode(encoder, picture) for encoder, picture in zip(encoders, pictures_NCHW)]
        x = torch.cat([layers[-1] for layers in found], 1)
        for layer, up in enumerate(self.decoder):
            if layer > 0:
                x = torch.cat([x, *(found[e][-1 - layer] for e in self.skips)], 1)
            x = up(x, noise)
        return torch.tanh(x)

    @staticmethod
    def _encode(encoder: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
        """What each layer gives, before the next one's ReLU: skips carry that, as in pix2pix."""
        layers = []
        for down in encoder:  # type: ignore[attr-defined]
            x = down(x)
            layers.append(x)
        return layers
