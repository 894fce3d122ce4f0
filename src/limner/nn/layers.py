"""What the U-Net and the critic share: norms by name, pix2pix's first weights, dropout that is told where its noise comes from.

Shapes: N batch, C channels, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

SLOPE = 0.2  # DCGAN (Radford et al. 2016), pix2pix: leaky ReLU
FIRST_STD = 0.02  # DCGAN, pix2pix: the first weights are N(0, 0.02), the norms' scales N(1, 0.02)
Norm = Literal["batch", "instance", "none"]
Noise = torch.Generator | Sequence[torch.Generator] | None


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """The norm of that name. ValueError if there is none."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"no norm {norm!r}; there are: batch, instance, none")


def first_weights(module: nn.Module) -> None:
    """pix2pix's initial weights, for `net.apply(first_weights)`."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, FIRST_STD)
    elif isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)):
        nn.init.normal_(module.weight, 1.0, FIRST_STD)
    if isinstance(getattr(module, "bias", None), nn.Parameter):
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def dropout(features_NCHW: torch.Tensor, part: float, noise: Noise) -> torch.Tensor:
    """Sets a share `part` of the features to 0 and scales the others up; without noise nothing happens.

    noise: one generator for the whole batch (training), or one a sample (inference: what a sample gets hangs on its own generator alone).
    ValueError where there is not one a sample.
    """
    if noise is None or part == 0:
        return features_NCHW
    if isinstance(noise, torch.Generator):
        drawn = torch.rand(features_NCHW.shape, generator=noise, device=noise.device)
    else:
        if len(noise) != len(features_NCHW):
            raise ValueError(f"{len(features_NCHW)} samples need as many generators, not {len(noise)}")
        drawn = torch.stack([torch.rand(features_NCHW.shape[1:], generator=own, device=own.device) for own in noise])
    kept = (drawn >= part).to(features_NCHW)
    return features_NCHW * (kept / (1 - part))
