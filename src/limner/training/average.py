"""A running average of a model's parameters (exponential moving average, EMA): what is shown and saved, beside what is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from limner.types import InputError

EVERY = 4  # ours: averaged every fourth step with keep ** 4: the same average to the eye, at a quarter of the memory traffic


class Average:
    """mean <- keep * mean + (1 - keep) * parameter, for every parameter of the model; buffers (BatchNorm's, say) stay the model's own.

    decay: `keep` in the long run, 0 <= decay < 1. In the beginning it is (1 + step) / (10 + step) where that is less, so that the initial
    weights are soon forgotten. ValueError for another decay.
    """

    def __init__(self, model: nn.Module, decay: float):
        if not 0 <= decay < 1:
            raise ValueError(f"ema is a number from 0 to below 1, such as 0.999, not {decay}")
        self.decay = decay
        self.live = dict(model.named_parameters())
        self.mean = {name: parameter.detach().clone() for name, parameter in self.live.items()}

    @torch.no_grad()
    def update(self, done: int) -> None:
        """Take in the model after `done` steps in all. The same steps, the same bits, wherever the run was stopped between them."""
        if done % EVERY:
            return
        keep = min(self.decay, (1 + done) / (10 + done)) ** EVERY
        torch._foreach_lerp_(list(self.mean.values()), [p.detach() for p in self.live.values()], 1 - keep)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Inside, the model's parameters are the averages; afterwards they are the trained ones again, bit for bit."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the averages and the trained parameters."""
        for name, parameter in self.live.items():
            parameter.data, self.mean[name] = self.mean[name], parameter.data

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over the averages of a checkpoint. InputError where they are not this model's."""
        if tensors.keys() != self.mean.keys() or any(tensors[name].shape != mean.shape for name, mean in self.mean.items()):
            raise InputError("the checkpoint's averaged weights are not this model's; copy or train it again")
        for name, mean in self.mean.items():
            mean.copy_(tensors[name])
