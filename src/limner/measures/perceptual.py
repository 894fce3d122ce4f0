"""The formula of LPIPS, whatever network the features are of. N pictures, C channels, h w places of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

TINY = 1e-10  # richzhang/PerceptualSimilarity, normalize_tensor


def lpips(
    layers: Sequence[torch.Tensor], others: Sequence[torch.Tensor], weights: Sequence[torch.Tensor | None] | None = None
) -> torch.Tensor:
    """Per layer (N, C, h, w) of both pictures -> (N,) sum over layers of mean over places of sum_c w_c (x_c / |x| - y_c / |y|)^2; >= 0, 0
    for equal pictures (Zhang et al. 2018, eq. 1). weights: (C,) of each layer, learned by its authors; None: 1. ValueError: shapes."""
    if len(layers) != len(others) or not layers:
        raise ValueError(f"as many layers are needed of both pictures, got {len(layers)} and {len(others)}")
    found = torch.zeros(len(layers[0]), dtype=layers[0].dtype)
    for number, (x, y) in enumerate(zip(layers, others)):
        if x.shape != y.shape or x.ndim != 4:
            raise ValueError(f"cannot compare layers of shapes {tuple(x.shape)} and {tuple(y.shape)}")
        apart = (unit(x) - unit(y)).square()
        weight = None if weights is None else weights[number]
        summed = apart.sum(1) if weight is None else (apart * weight.view(1, -1, 1, 1)).sum(1)
        found = found + summed.mean((1, 2))
    return found


def unit(layer_NChw: torch.Tensor) -> torch.Tensor:
    """Each place's channels brought to length 1."""
    return layer_NChw / (layer_NChw.square().sum(1, keepdim=True).sqrt() + TINY)
