"""A generator, a critic that sees what the generator was told beside its picture, and what each minimises: the step of pix2pix.

    L_c = E log D(c, y) + E log(1 - D(c, G))        L_L1 = E || y - G ||_1        L_tri over generated frames of one clip
CMM-Net's translation is one such (c: the neutral face), the MM 2017 paper's skeleton-aided generation another (c: reference and skeleton).

Shapes: N batch, C channels, H W pixels. Pictures are in -1..1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from limner import losses
from limner.nn.critic import PatchCritic

Batch = Mapping[str, torch.Tensor]
FRAMES = 3  # of one clip in a triplet: anchor, positive, negative


def to_signed(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 -> float32 in -1..1, the range of tanh."""
    return pictures.float() / 127.5 - 1


def to_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """-1..1 -> uint8."""
    return ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True, kw_only=True)
class Triplets:
    """The triplet term: N / 3 triplets, each of three frames that follow one another in the batch.

    feature: of a generated frame, flattened and brought to length 1: its "pixels", or what the critic's head sees of it ("disc").
    """

    weight: float
    margin: float
    feature: str = "disc"

    def loss(self, made_NCHW: torch.Tensor, seen_NCHW: torch.Tensor | None) -> torch.Tensor:
        """Generated frames, and the critic's features of them where `feature` asks for these -> the weighted loss."""
        shown = made_NCHW if self.feature == "pixels" else seen_NCHW
        assert shown is not None, "the critic's features are asked for where there is no critic"
        features_ND = nn.functional.normalize(shown.float().flatten(1), dim=1)
        return self.weight * losses.triplet(*(features_ND[place::FRAMES] for place in range(FRAMES)), margin=self.margin)


class LearnConditional:
    """The critic's step, then the generator's, on the same batch (Goodfellow et al. 2014, algorithm 1 with one step each).

    make: batch and generator of noise -> generated pictures. told: batch -> (N, C, H, W), what the critic sees beside a picture.
    real: batch -> the true pictures. adversarial_weight 0: no critic step. l1_weight 0: no L1. triplets: None: no such term.
    critic_rate, critic_betas: of the critic's Adam; None: as the generator's.
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: PatchCritic,
        *,
        make: Callable[[Batch, torch.Generator], torch.Tensor],
        told: Callable[[Batch], torch.Tensor],
        real: Callable[[Batch], torch.Tensor],
        adversarial: losses.Adversarial,
        adversarial_weight: float,
        l1_weight: float,
        rate: float,
        betas: tuple[float, float],
        critic_rate: float | None = None,
        critic_betas: tuple[float, float] | None = None,
        triplets: Triplets | None = None,
    ):
        self.generator, self.critic = generator, critic
        self.make, self.told, self.real = make, told, real
        self.adversarial: losses.Adversarial = adversarial
        self.adversarial_weight, self.l1_weight, self.triplets = adversarial_weight, l1_weight, triplets
        self.adam = {"critic": (critic, critic_rate or rate, critic_betas or betas), "generator": (generator, rate, betas)}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        each = {name: self.adam[name] for name in (("critic", "generator") if self.adversarial_weight else ("generator",))}
        return {name: torch.optim.Adam(net.parameters(), lr=rate, betas=betas, fused=True) for name, (net, rate, betas) in each.items()}

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator:
        told, real = self.told(batch), self.real(batch)
        made = self.make(batch, generator).float()
        terms = {"l1": self.l1_weight * losses.distance(made, real, keep=0)} if self.l1_weight else {}
        notes = {"l1_of_255": 127.5 * losses.distance(made.detach(), real, keep=0)}
        if not self.adversarial_weight:
            yield "generator", terms | self._triplets(made, None), notes
            return
        on_real = self.critic(torch.cat([told, real], 1))
        on_fake = self.critic(torch.cat([told, made.detach()], 1))
        right = {"real_told": (on_real > 0).float().mean(), "fake_told": (on_fake < 0).float().mean()}
        yield "critic", {"critic": losses.critic_adversarial(on_real, on_fake, self.adversarial)}, right
        with still(self.critic):
            seen = self.critic.features(torch.cat([told, made], 1))
            terms["fool"] = self.adversarial_weight * losses.generator_adversarial(self.critic.head(seen), self.adversarial)
            yield "generator", terms | self._triplets(made, seen), notes

    def _triplets(self, made: torch.Tensor, seen: torch.Tensor | None) -> dict[str, torch.Tensor]:
        return {} if self.triplets is None else {"triplet": self.triplets.loss(made, seen)}


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
