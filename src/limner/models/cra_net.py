"""CRA-Net: faces as codes of a VAE-GAN, a label-conditioned recurrent sequence of codes, and a critic of who it is (spec A8).

Shapes: N batch, T time, S moments of a sequence decoded in a step, D latent, C H W pixels. Pictures are in -1..1.
A batch of pictures: `frames` (N, 3, H, W) uint8. One of sequences: `films` (N, S, 3, H, W), `first` (N, 3, H, W) uint8, `moments` (S,),
`labels` (N,).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from limner import losses
from limner.models.conditional import still, to_signed
from limner.nn.critic import PatchCritic
from limner.nn.pictures import PictureDecoder, PictureEncoder
from limner.nn.recurrent import CondLSTM
from limner.nn.vae import encoded

Batch = Mapping[str, torch.Tensor]


class CodeSequences(nn.Module):
    """z_0, label -> h_0 -> h_1 .. h_T -> w_1 .. w_T; the parts are handed in. critic: of single pictures; who: of pairs [z_0, w_t]."""

    def __init__(
        self,
        *,
        encoder: PictureEncoder,
        decoder: PictureDecoder,
        recurrent: CondLSTM,
        critic: PatchCritic,
        who: PatchCritic,
        num_frames: int,
    ):
        super().__init__()
        self.encoder, self.decoder, self.recurrent = encoder, decoder, recurrent
        self.critic, self.who, self.num_frames = critic, who, num_frames

    def encode(self, pictures_N3HW: torch.Tensor, generator: torch.Generator | None = None):
        """-> code, mean, log-variance (N, D); without a generator the code is the mean."""
        return encoded(self.encoder, pictures_N3HW, generator)

    def codes(self, start_ND: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
        """h_0, label -> (N, T, D), in float32."""
        with torch.autocast(start_ND.device.type, enabled=False):
            return self.recurrent(start_ND.float(), labels_N, self.num_frames)

    def decode(self, codes_NSD: torch.Tensor) -> torch.Tensor:
        """(N, S, D) -> (N, S, 3, H, W)."""
        made = self.decoder(codes_NSD.flatten(0, 1)).float()
        return made.view(*codes_NSD.shape[:2], *made.shape[1:])


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What each term counts: L1 of pictures in -1..1, KL per pixel, both critics, codes against those of the true frames."""

    l1: float
    kl: float
    critic: float
    who: float
    code: float
    adversarial: losses.Adversarial = "gan"


class LearnPictures:
    """Phase 1, the VAE-GAN: -log likelihood (L1) + KL + what the critic of pictures says."""

    def __init__(self, net: CodeSequences, *, weights: Weights, rate: float, critic_rate: float, betas: tuple[float, float]):
        self.net, self.weights, self.rate, self.critic_rate, self.betas = net, weights, rate, critic_rate, betas

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        own = [*self.net.encoder.parameters(), *self.net.decoder.parameters()]
        each = (("critic", list(self.net.critic.parameters()), self.critic_rate), ("vae", own, self.rate))
        return {name: torch.optim.Adam(parameters, lr=rate, betas=self.betas, fused=True) for name, parameters, rate in each}

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator:
        real, net, w = to_signed(batch["frames"]), self.net, self.weights
        code_ND, mean_ND, log_variance_ND = net.encode(real, generator)
        made = net.decoder(code_ND).float()
        on_real, on_made = net.critic(real), net.critic(made.detach())
        told = {"real_told": (on_real > 0).float().mean(), "made_told": (on_made < 0).float().mean()}
        yield "critic", {"critic": losses.critic_adversarial(on_real, on_made, w.adversarial)}, told
        with still(net.critic):
            terms = {
                "l1": w.l1 * losses.distance(made, real, keep=0),
                "kl": w.kl * losses.kl(mean_ND, log_variance_ND) / real[0].numel(),
                "fool": w.critic * losses.generator_adversarial(net.critic(made), w.adversarial),
            }
            yield "vae", terms, {"l1_of_255": 127.5 * losses.distance(made.detach(), real, keep=0)}


class LearnSequences:
    """Phase 2: finetune the VAE, train the recurrent net and the critic of who it is, on some moments of each sequence."""

    def __init__(
        self, net: CodeSequences, *, weights: Weights, rate: float, finetune_rate: float, critic_rate: float, betas: tuple[float, float]
    ):
        self.net, self.weights, self.betas = net, weights, betas
        self.rate, self.finetune_rate, self.critic_rate = rate, finetune_rate, critic_rate

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        net = self.net
        critics = [*net.critic.parameters(), *net.who.parameters()]
        groups = [
            {"params": [*net.encoder.parameters(), *net.decoder.parameters()], "lr": self.finetune_rate},
            {"params": list(net.recurrent.parameters()), "lr": self.rate},
        ]
        return {
            "critics": torch.optim.Adam(critics, lr=self.critic_rate, betas=self.betas, fused=True),
            "net": torch.optim.Adam(groups, betas=self.betas, fused=True),
        }

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator:
        net, w, moments = self.net, self.weights, batch["moments"]
        first, film_NSCHW = to_signed(batch["first"]), to_signed(batch["films"])
        start_ND, mean_ND, log_variance_ND = net.encode(first, generator)
        codes_NSD = net.codes(start_ND, batch["labels"])[:, moments]
        made_NSCHW = net.decode(codes_NSD)
        real, made = film_NSCHW.flatten(0, 1), made_NSCHW.flatten(0, 1)
        beside = first.repeat_interleave(len(moments), 0)
        own = [(net.critic, real, made, w.critic), (net.who, torch.cat([beside, real], 1), torch.cat([beside, made], 1), w.who)]
        yield "critics", {
            name: losses.critic_adversarial(critic(true), critic(false.detach()), w.adversarial)
            for name, (critic, true, false, _) in zip(("critic", "who"), own)
        }, {}  # fmt: skip
        true_NSD = net.encode(real)[1].detach().view_as(codes_NSD)
        terms = {
            "l1": w.l1 * losses.distance(made, real, keep=0),
            "kl": w.kl * losses.kl(mean_ND, log_variance_ND) / first[0].numel(),
            "code": w.code * (codes_NSD - true_NSD).abs().mean(),
        }
        with still(net.critic), still(net.who):
            for name, (critic, _, false, weight) in zip(("fool", "fool_who"), own):
                terms[name] = weight * losses.generator_adversarial(critic(false), w.adversarial)
            yield "net", terms, {"l1_of_255": 127.5 * losses.distance(made.detach(), real, keep=0)}
