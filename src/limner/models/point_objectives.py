"""What `PointSequences` learns, phase by phase: the frame embedding, the conditional sequence, the K modes.

A batch: features (N, T, F), neutral (N, 2 P), labels (N,), duration (N,) standardised log, kind (1,). Shapes as in point_sequences.py.
An objective yields (optimizer, losses, notes): the loop minimises the sum of the losses and only logs the notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from limner import losses
from limner.models.point_sequences import PointSequences
from limner.models.sequence import names_its_mode
from limner.nn.vae import sample

Update = tuple[str, dict[str, torch.Tensor], dict[str, torch.Tensor]]
Batch = Mapping[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class PointWeights:
    """How the losses over points are weighed. Distances count in `sigma_unit`."""

    sigma_unit: float
    kl: float
    style_kl: float
    speed: float
    duration: float
    jerk: float
    choice: float
    choice_mouth: float
    choice_sure: float
    choice_slack: float
    choice_relax: float
    push: float
    pull: float
    pull_kind: str
    identity_noise: float


class PointObjective:
    """What the three phases share: the reconstruction of a sequence, and the finetuning of the frame embedding."""

    def __init__(self, net: PointSequences, weights: PointWeights, rates: Mapping[str, float]):
        self.net, self.weights, self.rates = net, weights, rates

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        parts = {"embedding": self.net.embedding_parameters, "sequence": self.net.sequence_parameters, "modes": self.net.mode_parameters}
        groups = [{"params": parts[name](), "lr": rate} for name, rate in self.rates.items()]
        return {"adam": torch.optim.Adam(groups)}

    def identity(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        code_NI = self.net.identity_of(batch["neutral"])
        return code_NI + self.weights.identity_noise * _noise(code_NI.shape, generator, code_NI.device)

    def embedding(self, batch: Batch, identity_NI: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The frame VAE on one random frame of each quarter of every sequence."""
        features_NTF = batch["features"]
        num = features_NTF.shape[1]
        picked = torch.randint(num // 4, (4,), generator=generator) + torch.arange(4) * (num // 4)
        frames_NMF = features_NTF[:, picked]
        mean, log_variance = self.net.encoder(frames_NMF)
        code = sample(mean, log_variance, _noise(mean.shape, generator, mean.device))
        decoded = self.net.decoder(code, identity_NI[:, None].expand(-1, 4, -1))
        rebuilt = ((decoded - frames_NMF) / self.weights.sigma_unit).square().sum(-1).mean() / 2
        return {"frames": rebuilt / frames_NMF.shape[-1], "kl": self.weights.kl * losses.kl(mean, log_variance) / frames_NMF.shape[-1]}

    def cost(self, decoded: torch.Tensor, target_NTF: torch.Tensor, log_duration: torch.Tensor, duration_N: torch.Tensor) -> torch.Tensor:
        """(N, [K,] T, F) against (N, T, F) -> (N, [K]) in sigmas: where points are, how fast, how jerkily, how long."""
        if decoded.ndim == 4:
            target_NTF, duration_N = target_NTF[:, None], duration_N[:, None]
        w = self.weights
        apart = _point_distance(decoded - target_NTF) + w.speed * _point_distance(decoded.diff(dim=-2) - target_NTF.diff(dim=-2))
        unlike = (_log_jerk(decoded) - _log_jerk(target_NTF)).abs().mean(-1)
        return apart / w.sigma_unit + w.jerk * unlike + w.duration * (log_duration - duration_N).abs()


class LearnFrames(PointObjective):
    """Phase 1: the frame embedding alone."""

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator[Update]:
        yield "adam", self.embedding(batch, self.identity(batch, generator), generator), {}


class LearnConditional(PointObjective):
    """Phase 2: finetune the embedding, train the Cond-LSTM: once without style (the common pattern), once with the sequence's own."""

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator[Update]:
        identity_NI = self.identity(batch, generator)
        terms = self.embedding(batch, identity_NI, generator)
        terms |= self.conditional(batch, identity_NI, generator)[0]
        yield "adam", terms, {}

    def conditional(self, batch: Batch, identity_NI, generator) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """-> losses, and the codes (N, T, D + 1) of the common pattern."""
        net, num, kind, labels_N = self.net, batch["features"].shape[1], int(batch["kind"]), batch["labels"]
        mode_N = torch.full_like(labels_N, net.num_modes)
        mean, log_variance = net.style_of(batch["features"], batch["duration"], identity_NI, labels_N, kind, mode_N)
        style_NS = sample(mean, log_variance, _noise(mean.shape, generator, mean.device))
        terms, codes = {}, {}
        for name, style in (("common", torch.zeros_like(style_NS)), ("styled", style_NS)):
            codes[name] = net.conditional(net.condition(identity_NI, labels_N, kind, style), num)
            decoded = net.decode(codes[name], identity_NI)
            terms[name] = self.cost(decoded, batch["features"], net.log_durations(codes[name]), batch["duration"]).mean()
        terms["style_kl"] = self.weights.style_kl * losses.kl(mean, log_variance)
        return terms, codes["common"]


class LearnModes(LearnConditional):
    """Phase 3: finetune both, train the K LSTMs: each real sequence teaches the mode nearest to it; push and pull as weighed."""

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator[Update]:
        net, w, kind, labels_N = self.net, self.weights, int(batch["kind"]), batch["labels"]
        identity_NI = self.identity(batch, generator)
        terms = self.embedding(batch, identity_NI, generator)
        conditional, common_NTD = self.conditional(batch, identity_NI, generator)
        terms |= conditional
        still = net.condition(identity_NI, labels_N, kind, torch.zeros(len(labels_N), net.style, device=labels_N.device))
        codes_NKTD = net.modes(common_NTD, still)
        decoded_NKTF = net.decode(codes_NKTD, identity_NI)
        cost_NK = self.cost(decoded_NKTF, batch["features"], net.log_durations(codes_NKTD), batch["duration"])
        apart_NKTF = decoded_NKTF - batch["features"][:, None]  # what is chosen by: the face alone, not the head, not the pace
        seen_NK = _point_distance(apart_NKTF[..., :-4], head=0) + w.choice_mouth * _point_distance(apart_NKTF[..., MOUTH], head=0)
        chosen_N = _choose_by_label(seen_NK, labels_N, w.choice_slack)
        logits = net.classify(codes_NKTD)
        if w.choice:
            terms["choice"] = w.choice * losses.multiple_choice(
                cost_NK, chosen_N, w.choice_relax, losses.sure(seen_NK, chosen_N, w.choice_sure)
            )
            terms |= self._styled(batch, identity_NI, chosen_N, generator)
        if w.push:
            terms["push"] = w.push * losses.push(logits)
        if w.pull and w.pull_kind == "embed_l2":
            terms["pull"] = w.pull * losses.pull_embedding(codes_NKTD, common_NTD)
        elif w.pull and w.pull_kind != "none":
            terms["pull"] = w.pull * losses.pull_points(w.pull_kind, decoded_NKTF, batch["features"]) / w.sigma_unit
        yield "adam", terms, {"phi_accuracy": torch.tensor(names_its_mode(logits)), "mode_distance": mode_distance(decoded_NKTF.detach())}

    def _styled(self, batch: Batch, identity_NI, chosen_N, generator) -> dict[str, torch.Tensor]:
        """The chosen mode once more, with the sequence's own style: what the mode leaves open, the style must say."""
        net, kind, labels_N = self.net, int(batch["kind"]), batch["labels"]
        mean, log_variance = net.style_of(batch["features"], batch["duration"], identity_NI, labels_N, kind, chosen_N)
        style_NS = sample(mean, log_variance, _noise(mean.shape, generator, mean.device))
        condition_NC = net.condition(identity_NI, labels_N, kind, style_NS)
        codes_NTD = net.conditional(condition_NC, batch["features"].shape[1])
        cost = batch["features"].new_zeros(())
        for mode in range(net.num_modes):
            rows = (chosen_N == mode).nonzero()[:, 0]
            if len(rows):
                own = net.modes.one(mode, codes_NTD[rows], condition_NC[rows])
                decoded = net.decode(own, identity_NI[rows])
                cost = cost + self.cost(decoded, batch["features"][rows], net.log_durations(own), batch["duration"][rows]).sum()
        return {"mode_styled": cost / len(labels_N), "mode_style_kl": self.weights.style_kl * losses.kl(mean, log_variance)}


def mode_distance(decoded_NKTF: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of modes of the mean point distance between their aligned displacements, units: the collapse monitor."""
    num_modes = decoded_NKTF.shape[1]
    pairs = [(i, j) for i in range(num_modes) for j in range(i)]
    apart = [_point_distance(decoded_NKTF[:, i, :, :-4] - decoded_NKTF[:, j, :, :-4], head=0).mean() for i, j in pairs]
    return torch.stack(apart).mean() if apart else decoded_NKTF.new_zeros(())


def _point_distance(difference: torch.Tensor, head: int = 4) -> torch.Tensor:
    """(..., T, F) -> (...): mean Euclidean distance of the points, plus that of the head's similarity as if it moved one point."""
    points = difference[..., : difference.shape[-1] - head]
    apart = (points.unflatten(-1, (-1, 2)).square().sum(-1) + 1e-10).sqrt().mean((-2, -1))
    return apart if head == 0 else apart + 0.25 * (difference[..., -head:].square().sum(-1) + 1e-10).sqrt().mean(-1)  # ours: 0.25


MOUTH = slice(96, 136)
GROUPS = (slice(0, 34), slice(34, 54), slice(54, 72), slice(72, 96), MOUTH, slice(136, 140))  # jaw, brows, nose, eyes, mouth; head


def _log_jerk(features: torch.Tensor) -> torch.Tensor:
    """(..., T, F) -> (..., 6): log of the mean size of the third difference in time of each part of the face, and of the head."""
    third = features.diff(n=3, dim=-2)
    sizes = [third[..., part].unflatten(-1, (-1, 2)).square().sum(-1).add(1e-12).sqrt().mean((-2, -1)) for part in GROUPS]
    return (torch.stack(sizes, -1) + 1e-6).log()


def _choose_by_label(cost_NK: torch.Tensor, labels_N: torch.Tensor, slack: float) -> torch.Tensor:
    """`losses.choose` within each label, so that every mode is a smile of every label."""
    chosen_N = torch.zeros_like(labels_N)
    for label in labels_N.unique():
        rows = (labels_N == label).nonzero()[:, 0]
        chosen_N[rows] = losses.choose(cost_NK[rows], slack)
    return chosen_N


def _noise(shape: torch.Size, generator: torch.Generator, device: torch.device) -> torch.Tensor:
    return torch.randn(shape, generator=generator).to(device)
