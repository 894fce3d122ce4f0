"""Landmark image and neutral face -> the face so moved, and what that minimises (CMM-Net, spec A4).

    L_rec = E || z_t - w_t ||_1,  w_t = G(y_t, z_0)
    L_adv = E log D(z_0, z_t) + E log(1 - D(z_0, w_t)):  D sees the neutral face beside the frame, not the landmark image

Shapes: N batch, C channels, H W pixels. A batch: `maps` (N, 1, H, W) in [0, 1] or uint8 0 and 1; `neutral`, `frames` (N, 3, H, W) uint8.
"""

from __future__ import annotations

from typing import Any

import torch

from limner.models.conditional import LearnConditional, to_signed
from limner.nn.critic import PatchCritic
from limner.nn.layers import Noise
from limner.nn.unet import UNet


def translate(
    generator: UNet, maps_N1HW: torch.Tensor, neutral_N3HW: torch.Tensor, noise: Noise = None, *, residual: bool = False
) -> torch.Tensor:
    """Maps in [0, 1] and neutral faces in -1..1 -> w (N, 3, H, W) in -1..1: the two stacked as channels.

    residual: the network says what changes of the neutral face, at most from black to white (ours); w may leave -1..1 a little."""
    made = generator(torch.cat([maps_N1HW.to(neutral_N3HW), neutral_N3HW], 1), noise=noise)
    return neutral_N3HW + 2 * made.float() if residual else made


def learn_translation(generator: UNet, critic: PatchCritic, *, residual: bool = False, **weights: Any) -> LearnConditional:
    """What a translation minimises; weights and rates as of LearnConditional."""

    def make(batch: Any, noise: torch.Generator) -> torch.Tensor:
        return translate(generator, batch["maps"], to_signed(batch["neutral"]), noise, residual=residual)

    def told(batch: Any) -> torch.Tensor:
        return to_signed(batch["neutral"])

    def real(batch: Any) -> torch.Tensor:
        return to_signed(batch["frames"])

    return LearnConditional(generator, critic, make=make, told=told, real=real, **weights)
