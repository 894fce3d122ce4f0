"""A small classifier of flat vectors. N batch, F features, L labels."""

from __future__ import annotations

import torch
from torch import nn


class VectorClassifier(nn.Module):
    """(N, F) -> logits (N, L): inputs standardised by buffers that the trainer fills, one hidden layer, dropout."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, *, features: int, hidden: int, num_labels: int, dropout: float = 0.2):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(()))
        self.dropout = dropout
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, num_labels)

    def forward(self, vectors_NF: torch.Tensor, keep_NH: torch.Tensor | None = None) -> torch.Tensor:
        """keep_NH: (N, hidden) of 0 and 1, the dropout's own mask, drawn by the caller; None at inference."""
        hidden_NH = torch.relu(self.first((vectors_NF - self.mean) / self.spread))
        if keep_NH is not None:
            hidden_NH = hidden_NH * keep_NH / (1 - self.dropout)
        return self.second(hidden_NH)
