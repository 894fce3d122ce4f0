"""Recurrent networks as shapes. N batch, T time, D embedding, L label features, K modes, C condition."""

from __future__ import annotations

import torch
from torch import nn


class CondLSTM(nn.Module):
    """h_0 and a label -> h_1 .. h_T, each step fed the one before and the label: h_t = W LSTM([h_{t-1}, label]).

    The label is given at every step as a learned embedding (`label_features` wide) of its number. residual: h_{t-1} is added to each h_t.
    """

    def __init__(self, *, latent: int, hidden: int, num_labels: int, label_features: int, residual: bool = False):
        super().__init__()
        self.residual = residual
        self.label = nn.Embedding(num_labels, label_features)
        self.cell = nn.LSTMCell(latent + label_features, hidden)
        self.out = nn.Linear(hidden, latent)

    def forward(self, start_ND: torch.Tensor, labels_N: torch.Tensor, num: int) -> torch.Tensor:
        """(N, D), (N,) -> (N, T, D) with T = num."""
        label_NL = self.label(labels_N)
        code_ND, state, steps = start_ND, None, []
        for _ in range(num):
            state = self.cell(torch.cat([code_ND, label_NL], -1), state)
            code_ND = self.out(state[0]) + (code_ND if self.residual else 0)
            steps.append(code_ND)
        return torch.stack(steps, 1)


class ModeLSTMs(nn.Module):
    """h_1 .. h_T -> K sequences h_1k .. h_Tk by K LSTMs that share nothing: h_tk = h_t + W_k LSTM_k([h_t, condition])."""

    def __init__(self, *, latent: int, hidden: int, num_modes: int, condition: int = 0, residual: bool = True):
        super().__init__()
        self.residual = residual
        self.lstms = nn.ModuleList([nn.LSTM(latent + condition, hidden, batch_first=True) for _ in range(num_modes)])
        self.outs = nn.ModuleList([nn.Linear(hidden, latent) for _ in range(num_modes)])

    def forward(self, codes_NTD: torch.Tensor, condition_NC: torch.Tensor | None = None) -> torch.Tensor:
        """(N, T, D) -> (N, K, T, D)."""
        return torch.stack([self.one(k, codes_NTD, condition_NC) for k in range(len(self.lstms))], 1)

    def one(self, mode: int, codes_NTD: torch.Tensor, condition_NC: torch.Tensor | None = None) -> torch.Tensor:
        """(N, T, D) -> (N, T, D): one mode's sequence."""
        fed = codes_NTD
        if condition_NC is not None:
            fed = torch.cat([codes_NTD, condition_NC[:, None].expand(-1, codes_NTD.shape[1], -1)], -1)
        change_NTD = self.outs[mode](self.lstms[mode](fed)[0])
        return codes_NTD + change_NTD if self.residual else change_NTD


class ModeClassifier(nn.Module):
    """phi: which of the K modes a sequence is; one linear layer, the softmax is in the loss.

    pool: flat takes the whole (T, D) sequence flattened; mean and last one vector of it; per_step every step by itself.
    """

    def __init__(self, *, latent: int, num_steps: int, num_modes: int, pool: str = "flat"):
        super().__init__()
        if pool not in ("flat", "mean", "last", "per_step"):
            raise ValueError(f"no pooling {pool!r}; there are: flat, mean, last, per_step")
        self.pool = pool
        self.linear = nn.Linear(latent * num_steps if pool == "flat" else latent, num_modes)

    def forward(self, codes_NKTD: torch.Tensor) -> torch.Tensor:
        """(N, K, T, D) -> logits (N, K, K), or (N, K, T, K) for per_step."""
        if self.pool == "flat":
            return self.linear(codes_NKTD.flatten(2))
        if self.pool == "per_step":
            return self.linear(codes_NKTD)
        return self.linear(codes_NKTD.mean(2) if self.pool == "mean" else codes_NKTD[:, :, -1])
