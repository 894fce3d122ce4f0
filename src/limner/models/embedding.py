"""The landmark embedding of CMM-Net: a variational auto-encoder of landmark images (spec A2, phase 1).

Shapes: N batch, D latent, C H W pixels. A batch: `frames` (M, 1, H, W) uint8, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from limner import losses
from limner.nn.vae import MapDecoder, MapEncoder, encoded


class MapEmbedding(nn.Module):
    """Landmark image <-> embedding; the parts are handed in."""

    def __init__(self, *, encoder: MapEncoder, decoder: MapDecoder, latent: int):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent

    def encode(self, maps_NCHW: torch.Tensor, generator: torch.Generator | None = None):
        """(N, 1, H, W) in [0, 1] -> code, mean, log-variance (N, D); without a generator the code is the mean."""
        return encoded(self.encoder, maps_NCHW, generator)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """(..., D) -> logits (..., 1, H, W)."""
        logits = self.decoder(codes.flatten(0, -2))
        return logits.view(*codes.shape[:-1], *logits.shape[1:])


class LearnEmbedding:
    """Phase 1: -log likelihood of the pixels + KL( q(h | y) || N(0, I) ), per image, in nats per pixel."""

    def __init__(self, embedding: MapEmbedding, *, kl_weight: float, rate: float):
        self.embedding, self.kl_weight, self.rate = embedding, kl_weight, rate

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.Adam(self.embedding.parameters(), lr=self.rate)}

    def terms(self, maps_NCHW: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The negative ELBO of these images, over their number of pixels."""
        code_ND, mean_ND, log_variance_ND = self.embedding.encode(maps_NCHW, generator)
        pixels = maps_NCHW[0].numel()
        return {
            "vae_bce": losses.bce(self.embedding.decode(code_ND), maps_NCHW) / pixels,
            "vae_kl": self.kl_weight * losses.kl(mean_ND, log_variance_ND) / pixels,
        }

    def updates(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> Iterator:
        yield "adam", self.terms(batch["frames"].float(), generator), {}
