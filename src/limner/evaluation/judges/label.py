"""Which label a motion has: a classifier of point sequences, the judge of whether a posed smile looks posed.

Shapes: N sequences, T time, K points. It sees what the face does (aligned displacement from the first frame at 32 uniform moments), not
how long it takes and not how the head moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from limner.geometry import align, resample
from limner.nn.classifier import VectorClassifier
from limner.training.loop import Stage, accelerator_of, fit
from limner.types import Guide

MOMENTS = 32  # T of the paper
HIDDEN = 64  # ours
NOISE_UNIT = 0.002  # ours: about the detector's own jitter, so that the judge hangs on no finer detail


def seen(points_unit: np.ndarray, guide: Guide) -> np.ndarray:
    """(N, T, K, 2) points -> (N, F) float32: what the judge looks at."""
    aligned = align(points_unit, guide)
    moments = resample(np.moveaxis(aligned - aligned[:, :1], 1, 0), MOMENTS)
    return np.moveaxis(moments, 0, 1).reshape(len(points_unit), -1).astype(np.float32)


@dataclass
class _Learn:
    """Cross-entropy with noise on the inputs."""

    net: VectorClassifier

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=1e-3, weight_decay=0.05)}  # ours

    def updates(self, batch, generator: torch.Generator) -> Iterator:
        noise_NF = NOISE_UNIT * torch.randn(batch["x"].shape, generator=generator).to(batch["x"].device)
        keep_NH = (torch.rand(len(noise_NF), HIDDEN, generator=generator) >= self.net.dropout).to(noise_NF)
        logits_NL = self.net(batch["x"] + noise_NF, keep_NH)
        yield "adam", {"cross_entropy": torch.nn.functional.cross_entropy(logits_NL, batch["y"])}, {}


class LabelJudge:
    """Train on real sequences, then `accuracy` on any."""

    def __init__(self, guide: Guide, label_names: tuple[str, ...]):
        self.guide, self.label_names = guide, label_names
        torch.manual_seed(0)
        self.net = VectorClassifier(features=MOMENTS * guide.num_points * 2, hidden=HIDDEN, num_labels=len(label_names))

    def train(self, points_unit: np.ndarray, labels: np.ndarray, *, out: Path, steps: int = 1500, batch: int = 64) -> LabelJudge:
        """points_unit: (N, T, K, 2) of train people; labels: (N,). `out`: where the loop keeps its checkpoints."""
        x, y = torch.from_numpy(seen(points_unit, self.guide)), torch.from_numpy(labels)
        self.net.mean.copy_(x.mean(0))
        self.net.spread.copy_(x.std())

        def draw(generator: torch.Generator) -> dict[str, torch.Tensor]:
            rows = torch.randint(len(x), (batch,), generator=generator)
            return {"x": x[rows], "y": y[rows]}

        stage = Stage(name="label judge", steps=steps, objective=_Learn(self.net), batch=draw, learning_rate=lambda part: 1 - part)
        fit(self.net, [stage], out=out, seed=0, accelerator=accelerator_of(cpu=True), save_every=steps, show=False)
        return self

    @torch.no_grad()
    def predict(self, points_unit: np.ndarray) -> np.ndarray:
        """(N, T, K, 2) -> (N,) label numbers."""
        return self.net(torch.from_numpy(seen(points_unit, self.guide))).argmax(-1).numpy()

    def accuracy(self, points_unit: np.ndarray, labels: np.ndarray) -> float:
        """Part of the sequences whose label the judge names, 0..1."""
        return float((self.predict(points_unit) == labels).mean())
