"""Sequences over exact points: a frame embedding, one conditional LSTM, K mode LSTMs, and a style that says how within a mode.

Shapes: N sequences, K modes, T time, F frame features (models/frames.py), D frame code, S style, I identity, C condition.
A sequence of codes is (N, T, D + 1): the last channel, averaged over time, is the standardised log-duration.
"""

from __future__ import annotations

import torch
from torch import nn

from limner.nn.recurrent import ModeClassifier, ModeLSTMs
from limner.nn.vae import VectorDecoder, VectorEncoder

STYLE_STEPS = 16  # ours: the style encoder sees a sequence at so many moments
PHI_STEPS = 32  # ours: phi sees a sequence of any length at so many moments (T of the paper)


def at_moments(sequence_NTD: torch.Tensor, num: int) -> torch.Tensor:
    """(..., T, D) -> (..., num, D), linear in time, ends kept."""
    if sequence_NTD.shape[-2] == num:
        return sequence_NTD
    at = torch.linspace(0, sequence_NTD.shape[-2] - 1, num, device=sequence_NTD.device)
    low = at.long().clamp_max(sequence_NTD.shape[-2] - 2)
    part = (at - low)[:, None]
    return sequence_NTD[..., low, :] * (1 - part) + sequence_NTD[..., low + 1, :] * part


class PointSequences(nn.Module):
    """neutral face, label, kind, style -> code sequences of the Cond-LSTM and of each mode, and their decoding to frame features.

    The statistics of the training set travel with the weights as buffers: the identity basis, and mean and spread of log-duration.
    """

    neutral_mean: torch.Tensor  # (2 P,)
    neutral_basis: torch.Tensor  # (2 P, I)
    log_duration: torch.Tensor  # (kinds, 2)

    def __init__(
        self,
        *,
        features: int,
        latent: int,
        identity: int,
        style: int,
        hidden: int,
        mode_hidden: int,
        bend: int,
        num_labels: int,
        num_kinds: int,
        num_modes: int,
        label_features: int,
        time_features: int,
        identity_limit: float,
        phi_pool: str,
    ):
        super().__init__()
        self.num_modes, self.style, self.num_kinds, self.identity_limit = num_modes, style, num_kinds, identity_limit
        self.time_features = time_features
        condition = identity + label_features + style
        self.encoder = VectorEncoder(features=features, hidden=bend, latent=latent)
        self.decoder = VectorDecoder(features=features, hidden=bend, latent=latent, context=identity)
        self.label = nn.Embedding(num_labels * num_kinds, label_features)
        self.cond = nn.LSTM(condition + 2 * time_features, hidden, batch_first=True)
        self.cond_out = nn.Linear(hidden, latent + 1)
        self.modes = ModeLSTMs(latent=latent + 1, hidden=mode_hidden, num_modes=num_modes, condition=condition)
        self.phi = ModeClassifier(latent=latent + 1, num_steps=PHI_STEPS, num_modes=num_modes, pool=phi_pool)
        seen = STYLE_STEPS * latent + 1 + identity + label_features + num_modes + 1
        self.style_encoder = VectorEncoder(features=seen, hidden=bend, latent=style)
        self.register_buffer("neutral_mean", torch.zeros(features - 4))
        self.register_buffer("neutral_basis", torch.zeros(features - 4, identity))
        self.register_buffer("log_duration", torch.tensor([[0.0, 1.0]]).repeat(num_kinds, 1))

    def embedding_parameters(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.decoder.parameters()]

    def sequence_parameters(self) -> list[nn.Parameter]:
        parts = (self.label, self.cond, self.cond_out, self.style_encoder)
        return [parameter for part in parts for parameter in part.parameters()]

    def mode_parameters(self) -> list[nn.Parameter]:
        return [*self.modes.parameters(), *self.phi.parameters()]

    def identity_of(self, neutral_NE: torch.Tensor) -> torch.Tensor:
        """(N, 2 P) neutral points -> (N, I), whitened and bent to within +-identity_limit, so that no real face falls off the map."""
        code_NI = (neutral_NE - self.neutral_mean) @ self.neutral_basis
        return self.identity_limit * torch.tanh(code_NI / self.identity_limit)

    def condition(self, identity_NI: torch.Tensor, labels_N: torch.Tensor, kind: int, style_NS: torch.Tensor) -> torch.Tensor:
        """-> (N, C): who, which label of which kind of sequence, and how."""
        return torch.cat([identity_NI, self.label(labels_N * self.num_kinds + kind), style_NS], -1)

    def conditional(self, condition_NC: torch.Tensor, num: int) -> torch.Tensor:
        """The Cond-LSTM's codes (N, T, D + 1), T = num; each step is told where in the sequence it stands."""
        part_T = torch.linspace(0, 1, num, device=condition_NC.device)
        waves = torch.arange(1, self.time_features + 1, device=condition_NC.device) * torch.pi / 2 * part_T[:, None]
        time_TW = torch.cat([waves.sin(), waves.cos()], -1)
        fed = torch.cat([condition_NC[:, None].expand(-1, num, -1), time_TW.expand(len(condition_NC), -1, -1)], -1)
        return self.cond_out(self.cond(fed)[0])

    def decode(self, codes: torch.Tensor, identity_NI: torch.Tensor) -> torch.Tensor:
        """(N, [K,] T, D + 1) codes -> (N, [K,] T, F) features; the first frame is neutral by construction."""
        context = identity_NI.view(len(identity_NI), *[1] * (codes.ndim - 2), -1).expand(*codes.shape[:-1], -1)
        features = self.decoder(codes[..., :-1], context)
        return features - features[..., :1, :]

    def log_durations(self, codes: torch.Tensor) -> torch.Tensor:
        """(N, [K,] T, D + 1) -> (N, [K]) standardised log-durations."""
        return codes[..., -1].mean(-1)

    def style_of(self, features_NTF, duration_N, identity_NI, labels_N, kind: int, mode_N) -> tuple[torch.Tensor, torch.Tensor]:
        """q(style | sequence, mode): mean, log-variance (N, S). mode_N: 0..K-1, or K for the Cond-LSTM's own."""
        codes_NTD, _ = self.encoder(at_moments(features_NTF, STYLE_STEPS))
        mode_NK = nn.functional.one_hot(mode_N, self.num_modes + 1).to(codes_NTD.dtype)
        label_NL = self.label(labels_N * self.num_kinds + kind)
        return self.style_encoder(torch.cat([codes_NTD.flatten(1), duration_N[:, None], identity_NI, label_NL, mode_NK], -1))

    def classify(self, codes_NKTD: torch.Tensor) -> torch.Tensor:
        """phi's logits (N, K, K)."""
        return self.phi(at_moments(codes_NKTD, PHI_STEPS))
