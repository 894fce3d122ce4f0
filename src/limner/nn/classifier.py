"""A small classifier of sequences. N batch, T time, F features, C components, L labels."""

from __future__ import annotations

import torch
from torch import nn


class SequenceClassifier(nn.Module):
    """(N, T, F) -> logits (N, L): principal components and their velocity, two convolutions over time, their mean and maximum, one layer.

    The components (`basis`, whitened) are buffers that the trainer fills.
    """

    mean: torch.Tensor
    basis: torch.Tensor

    def __init__(self, *, features: int, components: int, hidden: int, num_labels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("basis", torch.zeros(features, components))
        self.body = nn.Sequential(
            nn.Conv1d(2 * components, hidden, 5, padding=2), nn.ReLU(), nn.Conv1d(hidden, hidden, 5, padding=2), nn.ReLU()
        )
        self.head = nn.Linear(2 * hidden, num_labels)

    def forward(self, sequences_NTF: torch.Tensor, keep_NH: torch.Tensor | None = None) -> torch.Tensor:
        """keep_NH: (N, 2 hidden) factors on what the last layer sees (dropout's own, drawn by the caller); None at inference."""
        codes_NTC = (sequences_NTF - self.mean) @ self.basis
        speed_NTC = torch.diff(codes_NTC, dim=1, prepend=codes_NTC[:, :1]) * codes_NTC.shape[1] / 4  # of about the codes' own size
        found_NHT = self.body(torch.cat([codes_NTC, speed_NTC], -1).transpose(1, 2))
        pooled_NH = torch.cat([found_NHT.mean(-1), found_NHT.amax(-1)], -1)
        return self.head(pooled_NH if keep_NH is None else pooled_NH * keep_NH)
