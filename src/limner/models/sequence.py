"""Blocks 1 and 2 of CMM-Net: the label-conditioned sequence of embeddings, and the K modes, with push and pull (spec A2, A3, A5).

Shapes: N sequences, T time, S the moments decoded in one step, K modes, D latent, C H W pixels.
A batch: first (N, 1, H, W) the neutral landmark image y_0; maps (N, S, 1, H, W) the images at `moments` (S,); labels (N,). Images uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from limner import losses
from limner.models.embedding import LearnEmbedding, MapEmbedding
from limner.nn.recurrent import CondLSTM, ModeClassifier, ModeLSTMs

Batch = Mapping[str, torch.Tensor]


class ModeSequences(nn.Module):
    """y_0, label -> h_1 .. h_T -> K sequences; one decoder for all. The parts are handed in."""

    def __init__(self, *, embedding: MapEmbedding, conditional: CondLSTM, modes: ModeLSTMs, phi: ModeClassifier, num_frames: int):
        super().__init__()
        self.embedding, self.conditional, self.modes, self.phi, self.num_frames = embedding, conditional, modes, phi, num_frames


class LearnConditional:
    """Phase 2: finetune the VAE, train the Cond-LSTM: L_BCE(x_t, y_t) over the sequence, beside the VAE's own loss on the same images."""

    def __init__(self, net: ModeSequences, *, kl_weight: float, rate: float, finetune_rate: float):
        self.net, self.rate, self.finetune_rate = net, rate, finetune_rate
        self.embedding_loss = LearnEmbedding(net.embedding, kl_weight=kl_weight, rate=finetune_rate)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        groups = [
            {"params": list(self.net.embedding.parameters()), "lr": self.finetune_rate},
            {"params": list(self.net.conditional.parameters()), "lr": self.rate},
        ]
        return {"adam": torch.optim.Adam(groups)}

    def common(self, batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """-> h (N, T, D), the decoded images' logits (N, S, 1, H, W), and the losses of this phase."""
        maps_NSCHW = batch["maps"].float()
        h_0, _, _ = self.net.embedding.encode(batch["first"].float(), generator)
        with torch.autocast(h_0.device.type, enabled=False):
            h_NTD = self.net.conditional(h_0.float(), batch["labels"], self.net.num_frames)
        logits_NSCHW = self.net.embedding.decode(h_NTD[:, batch["moments"]])
        terms = self.embedding_loss.terms(maps_NSCHW[:, 0], generator)
        terms["bce"] = losses.bce(logits_NSCHW, maps_NSCHW) / maps_NSCHW[0, 0].numel()
        return h_NTD, logits_NSCHW, terms

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator:
        yield "adam", self.common(batch, generator)[2], {}


class LearnModes(LearnConditional):
    """Phase 3: finetune VAE and Cond-LSTM, train K LSTMs and phi: L_BCE + push_weight L_push + pull_weight L_pull (+ KL)."""

    def __init__(self, net: ModeSequences, *, push_weight: float, pull_weight: float, pull: losses.Pull, mode_rate: float, **phase2):
        super().__init__(net, **phase2)
        self.push_weight, self.pull_weight, self.pull, self.mode_rate = push_weight, pull_weight, pull, mode_rate

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        groups = [
            {"params": list(self.net.embedding.parameters()), "lr": self.finetune_rate},
            {"params": list(self.net.conditional.parameters()), "lr": self.finetune_rate},
            {"params": [*self.net.modes.parameters(), *self.net.phi.parameters()], "lr": self.mode_rate},
        ]
        return {"adam": torch.optim.Adam(groups)}

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator:
        h_NTD, _, terms = self.common(batch, generator)
        maps_NSCHW = batch["maps"].float()
        with torch.autocast(h_NTD.device.type, enabled=False):
            h_NKTD = self.net.modes(h_NTD)
            phi_logits = self.net.phi(h_NKTD)
        num_modes = h_NKTD.shape[1]
        decoded = None
        if self.push_weight:
            terms["push"] = self.push_weight * losses.push(phi_logits) / num_modes
        if self.pull_weight and self.pull == "embed_l2":
            terms["pull"] = self.pull_weight * losses.pull_embedding(h_NKTD, h_NTD) / (num_modes * h_NTD.shape[-1])
        elif self.pull_weight and self.pull != "none":
            decoded = self.net.embedding.decode(h_NKTD[:, :, batch["moments"]])
            scale = maps_NSCHW[0, 0].numel() * (num_modes if self.pull == "per_mode_bce" else 1)
            terms["pull"] = self.pull_weight * losses.pull_maps(self.pull, decoded, maps_NSCHW) / scale
        notes = {"phi_accuracy": torch.tensor(names_its_mode(phi_logits))}
        if decoded is not None:
            seen = torch.sigmoid(decoded.detach().float())
            notes["mode_map_distance"] = (seen - seen.roll(1, 1)).abs().mean()
        yield "adam", terms, notes


def names_its_mode(logits: torch.Tensor) -> float:
    """phi's logits (N, K, K), or (N, K, T, K) -> the part of the sequences whose mode it names."""
    own = torch.arange(logits.shape[1], device=logits.device).view(1, -1, *[1] * (logits.ndim - 3))
    return float((logits.argmax(-1) == own).float().mean())
