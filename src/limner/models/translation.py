"""Landmark image and neutral face -> the face so moved, and what that minimises (CMM-Net, spec A4).

    L_rec = E || z_t - w_t ||_1,  w_t = G(y_t, z_0)
    L_adv = E log D(z_0, z_t) + E log(1 - D(z_0, w_t)):  D sees the neutral face beside the frame, not the landmark image

Shapes: N batch, C channels, H W pixels. A batch: `maps` (N, 1, H, W) in [0, 1] or uint8 0 and 1; `neutral`, `frames` (N, 3, H, W) uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from limner.models.conditional import LearnConditional, to_signed
from limner.models.refine import gated, laid_on
from limner.nn.critic import PatchCritic
from limner.nn.layers import Noise
from limner.nn.refine import RefineNet


class MovingUNet(nn.Module):
    """A U-Net of residual blocks that makes its picture out of the neutral face: moved a little, changed, painted anew (ours).

        w = (1 - m) (z_0(at + f) + a) + m c        f, a, m, c: what the network says; f = a = 0, m = 5 % at first

    The paper's G(y_t, z_0) with other layers than pix2pix's, which have to learn first to draw every face afresh. Takes and gives what
    `UNet` does; has neither batch statistics nor dropout.
    """

    def __init__(self, *, widths: Sequence[int], depths: Sequence[int], most_flow_px: float):
        super().__init__()
        self.net = RefineNet(fine=1 + 3, smooth=0, widths=tuple(widths), depths=tuple(depths), most_flow_px=most_flow_px)

    def forward(self, stacked_N4HW: torch.Tensor, noise: Noise = None) -> torch.Tensor:
        """Landmark image and neutral face, in -1..1 -> (N, 3, H, W), about -1..1; the same with any noise."""
        said = self.net(stacked_N4HW.contiguous(memory_format=torch.channels_last))
        anywhere = torch.ones_like(said.mask)
        neutral = stacked_N4HW[:, 1:].float() / 2 + 0.5
        return laid_on(neutral, gated(said, anywhere)) * 2 - 1


def translate(generator: nn.Module, maps_N1HW: torch.Tensor, neutral_N3HW: torch.Tensor, noise: Noise = None) -> torch.Tensor:
    """Maps in [0, 1] and neutral faces in -1..1 -> w (N, 3, H, W) in -1..1: the two stacked as channels. `MovingUNet` may leave the range
    a little."""
    return generator(torch.cat([maps_N1HW.to(neutral_N3HW), neutral_N3HW], 1), noise=noise)


def learn_translation(generator: nn.Module, critic: PatchCritic, **weights: Any) -> LearnConditional:
    """What a translation minimises; weights and rates as of LearnConditional."""

    def make(batch: Any, noise: torch.Generator) -> torch.Tensor:
        return translate(generator, batch["maps"], to_signed(batch["neutral"]), noise)

    def told(batch: Any) -> torch.Tensor:
        return to_signed(batch["neutral"])

    def real(batch: Any) -> torch.Tensor:
        return to_signed(batch["frames"])

    return LearnConditional(generator, critic, make=make, told=told, real=real, **weights)
