"""Landmark image and neutral face -> the face so moved: a generator, a critic of pairs, and what each minimises (CMM-Net, spec A4).

    L_rec = E || z_t - w_t ||_1,  w_t = G(y_t, z_0)
    L_adv = E log D(z_0, z_t) + E log(1 - D(z_0, w_t)):  D sees the neutral face beside the frame, not the landmark image

Shapes: N batch, C channels, H W pixels. A batch: `maps` (N, 1, H, W) in [0, 1] or uint8 0 and 1; `neutral`, `frames` (N, 3, H, W) uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from limner import losses
from limner.nn.critic import PatchCritic
from limner.nn.layers import Noise
from limner.nn.unet import UNet


def to_signed(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 -> float32 in -1..1, the range of tanh."""
    return pictures.float() / 127.5 - 1


def to_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """-1..1 -> uint8."""
    return ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def translate(
    generator: UNet, maps_N1HW: torch.Tensor, neutral_N3HW: torch.Tensor, noise: Noise = None, *, residual: bool = False
) -> torch.Tensor:
    """Maps in [0, 1] and neutral faces in -1..1 -> w (N, 3, H, W) in -1..1: the two stacked as channels.

    residual: the network says what changes of the neutral face, at most from black to white (ours); w may leave -1..1 a little."""
    made = generator(torch.cat([maps_N1HW.to(neutral_N3HW), neutral_N3HW], 1), noise=noise)
    return neutral_N3HW + 2 * made.float() if residual else made


class LearnTranslation:
    """The critic's step, then the generator's, on the same batch (Goodfellow et al. 2014, algorithm 1 with one step each).

    adversarial_weight 0: L1 alone, and no critic step.
    """

    def __init__(
        self,
        generator: UNet,
        critic: PatchCritic,
        *,
        adversarial: losses.Adversarial,
        adversarial_weight: float,
        l1_weight: float,
        rate: float,
        betas: tuple[float, float],
        residual: bool = False,
    ):
        self.generator, self.critic = generator, critic
        self.adversarial: losses.Adversarial = adversarial
        self.adversarial_weight, self.l1_weight = adversarial_weight, l1_weight
        self.rate, self.betas, self.residual = rate, betas, residual

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        nets = {"critic": self.critic, "generator": self.generator} if self.adversarial_weight else {"generator": self.generator}
        return {name: torch.optim.Adam(net.parameters(), lr=self.rate, betas=self.betas, fused=True) for name, net in nets.items()}

    def updates(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> Iterator:
        neutral, real = to_signed(batch["neutral"]), to_signed(batch["frames"])
        made = translate(self.generator, batch["maps"], neutral, generator, residual=self.residual).float()
        terms = {"l1": self.l1_weight * losses.distance(made, real, keep=0)}
        notes = {"l1_of_255": 127.5 * losses.distance(made.detach(), real, keep=0)}
        if self.adversarial_weight:
            on_real = self.critic(torch.cat([neutral, real], 1))
            on_fake = self.critic(torch.cat([neutral, made.detach()], 1))
            told = {"real_told": (on_real > 0).float().mean(), "fake_told": (on_fake < 0).float().mean()}
            yield "critic", {"critic": losses.critic_adversarial(on_real, on_fake, self.adversarial)}, told
            with still(self.critic):
                on_made = self.critic(torch.cat([neutral, made], 1))
                terms["fool"] = self.adversarial_weight * losses.generator_adversarial(on_made, self.adversarial)
                yield "generator", terms, notes
        else:
            yield "generator", terms, notes


@contextmanager
def still(net: nn.Module) -> Iterator[None]:
    """No gradient is worked out for the parameters of `net` meanwhile; it passes through to what came before."""
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in net.parameters():
            parameter.requires_grad_(True)
