"""Variational auto-encoders as shapes: of maps (DCGAN-shaped convolutions) and of flat vectors (perceptrons).

Shapes: N batch, C H W pixels, D latent, F features. An encoder gives (mean, log-variance); a decoder of maps gives logits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

SLOPE = 0.2  # DCGAN (Radford et al. 2016): leaky ReLU of the discriminator
LOG_VARIANCE_LIMIT = 8.0  # ours: keeps exp() finite in bf16


class MapEncoder(nn.Module):
    """(N, 1, S, S) maps in [0, 1] -> mean, log-variance (N, D). Each stage halves the side: k4 s2 p1."""

    def __init__(self, *, size: int, channels: Sequence[int], latent: int):
        super().__init__()
        stages: list[nn.Module] = []
        for before, after in zip([1, *channels[:-1]], channels, strict=True):
            stages += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*stages, nn.Flatten())
        side = size >> len(channels)
        self.head = nn.Linear(channels[-1] * side * side, 2 * latent)

    def forward(self, maps_NCHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = self.head(self.body(maps_NCHW)).float().chunk(2, -1)
        return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)


class MapDecoder(nn.Module):
    """(N, D) -> (N, 1, S, S) logits: the encoder mirrored."""

    def __init__(self, *, size: int, channels: Sequence[int], latent: int):
        super().__init__()
        side = size >> len(channels)
        back = list(channels)[::-1]
        stages: list[nn.Module] = [nn.Linear(latent, back[0] * side * side), nn.Unflatten(1, (back[0], side, side)), nn.LeakyReLU(SLOPE)]
        for before, after in itertools.pairwise(back):
            stages += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*stages, nn.ConvTranspose2d(back[-1], 1, 4, 2, 1))

    def forward(self, codes_ND: torch.Tensor) -> torch.Tensor:
        return self.body(codes_ND)


class VectorEncoder(nn.Module):
    """(..., F) vectors -> mean, log-variance (..., D), each a perceptron with one straight path beside it."""

    def __init__(self, *, features: int, hidden: int, latent: int):
        super().__init__()
        self.straight = nn.Linear(features, 2 * latent)
        last = nn.Linear(hidden, 2 * latent)
        self.bend = nn.Sequential(nn.Linear(features, hidden), nn.SiLU(), last)
        nn.init.normal_(last.weight, std=0.01)  # ours: begins as the linear map alone

    def forward(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = (self.straight(vectors) + self.bend(vectors)).float().chunk(2, -1)
        return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)


class VectorDecoder(nn.Module):
    """(..., D) code and (..., C) context -> (..., F): a linear basis plus a small bend that may depend on the context."""

    def __init__(self, *, features: int, hidden: int, latent: int, context: int):
        super().__init__()
        self.basis = nn.Linear(latent, features)
        last = nn.Linear(hidden, features)
        self.bend = nn.Sequential(nn.Linear(latent + context, hidden), nn.SiLU(), last)
        nn.init.normal_(last.weight, std=0.001)  # ours: begins as the basis alone

    def forward(self, codes: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return self.basis(codes) + self.bend(torch.cat([codes, context], -1))


def encoded(encoder: nn.Module, pictures_NCHW: torch.Tensor, generator: torch.Generator | None = None):
    """-> code, mean, log-variance (N, D), as the encoder says; without a generator the code is the mean."""
    mean, log_variance = encoder(pictures_NCHW)
    if generator is None:
        return mean, mean, log_variance
    noise = torch.randn(mean.shape, generator=generator).to(mean.device)
    return sample(mean, log_variance, noise), mean, log_variance


def sample(mean: torch.Tensor, log_variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The reparameterised sample mean + sigma * noise (Kingma & Welling 2014); noise 0 gives the mean."""
    return mean + (0.5 * log_variance).exp() * noise
