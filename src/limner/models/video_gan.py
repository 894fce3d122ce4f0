"""A picture -> a film in one piece, against a critic of whole films, and what both minimise (Vondrick et al. 2016, conditional).

    L_D = CE(D(film), real) + CE(D(G(x)), generated)        L_G = CE(D(G(x)), real) + lambda | G(x)_1 - x |_1

Shapes: N batch, C channels, T time, H W pixels, L labels. A batch: `films` (N, T, 3, H, W), `first` (N, 3, H, W) uint8, `labels` (N,).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from limner.models.conditional import still, to_signed
from limner.nn.video import FilmCritic, FrameEncoder, TwoStreams

GENERATED, REAL = 0, 1


class FilmGenerator(nn.Module):
    """(N, 3, S, S) in -1..1 -> (N, 3, T, S, S) in -1..1; the parts are handed in. num_labels: labels that it is told; 0: none."""

    def __init__(self, *, encoder: FrameEncoder, streams: TwoStreams, num_labels: int = 0):
        super().__init__()
        self.encoder, self.streams, self.num_labels = encoder, streams, num_labels

    def forward(self, first_N3HW: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
        return self.streams(self.encoder(told(first_N3HW, labels_N, self.num_labels)))


def told(pictures: torch.Tensor, labels_N: torch.Tensor, num_labels: int) -> torch.Tensor:
    """Pictures (N, C, H, W) or films (N, C, T, H, W) with the label as so many channels more, 1 throughout in its own; 0: as they are."""
    if not num_labels:
        return pictures
    shape = (len(pictures), num_labels, *[1] * (pictures.ndim - 2))
    maps = one_hot(labels_N, num_labels).to(pictures).view(shape).expand(-1, -1, *pictures.shape[2:])
    return torch.cat([pictures, maps], 1)


class LearnFilms:
    """The critic's step, then the generator's. frame_weight: lambda. film_weight: the same of all frames against the true film (ours)."""

    def __init__(
        self,
        generator: FilmGenerator,
        critic: FilmCritic,
        *,
        frame_weight: float,
        film_weight: float,
        adversarial_weight: float,
        rate: float,
        betas: tuple[float, float],
        critic_rate: float | None = None,
    ):
        self.generator, self.critic = generator, critic
        self.frame_weight, self.film_weight, self.adversarial_weight = frame_weight, film_weight, adversarial_weight
        self.rate, self.betas, self.critic_rate = rate, betas, critic_rate or rate

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        each = (("critic", self.critic, self.critic_rate), ("generator", self.generator, self.rate))
        return {name: torch.optim.Adam(net.parameters(), lr=rate, betas=self.betas, fused=True) for name, net, rate in each}

    def updates(self, batch: Mapping[str, torch.Tensor], generator: torch.Generator) -> Iterator:
        first, labels, num = to_signed(batch["first"]), batch["labels"], self.generator.num_labels
        film = to_signed(batch["films"]).transpose(1, 2).contiguous()
        made = self.generator(first, labels).float()
        on_real, on_made = (self.critic(told(one, labels, num)).float() for one in (film, made.detach()))
        right = {"real_told": (on_real.argmax(1) == REAL).float().mean(), "made_told": (on_made.argmax(1) == GENERATED).float().mean()}
        yield "critic", {"critic": said(on_real, REAL) + said(on_made, GENERATED)}, right
        with still(self.critic):
            terms = {
                "fool": self.adversarial_weight * said(self.critic(told(made, labels, num)).float(), REAL),
                "first": self.frame_weight * (made[:, :, 0] - first).abs().mean(),
            }
            if self.film_weight:
                terms["film"] = self.film_weight * (made - film).abs().mean()
            yield "generator", terms, {"l1_of_255": 127.5 * (made.detach() - film).abs().mean()}


def said(logits_N2: torch.Tensor, what: int) -> torch.Tensor:
    """Cross-entropy of the critic's two logits with what it should say, mean over the batch; 2 log 2 for both where it knows nothing."""
    return cross_entropy(logits_N2, torch.full((len(logits_N2),), what, device=logits_N2.device))
