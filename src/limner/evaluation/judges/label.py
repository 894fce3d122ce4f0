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
from limner.nn.classifier import SequenceClassifier
from limner.training.loop import Stage, accelerator_of, fit
from limner.types import Guide

MOMENTS = 32  # T of the paper
COMPONENTS = 16  # ours: 97 % of how faces move here
HIDDEN = 32  # ours
DROPOUT = 0.3  # ours
NOISE_UNIT = 0.001  # ours: about the detector's own jitter, so that the judge hangs on no finer detail


def seen(points_unit: np.ndarray, guide: Guide) -> np.ndarray:
    """(N, T, K, 2) points -> (N, 32, 2 K) float32: what the judge looks at."""
    aligned = align(points_unit, guide)
    moments = resample(np.moveaxis(aligned - aligned[:, :1], 1, 0), MOMENTS)
    return np.moveaxis(moments, 0, 1).reshape(len(points_unit), MOMENTS, -1).astype(np.float32)


@dataclass
class _Learn:
    """Cross-entropy with noise on the inputs and dropout."""

    net: SequenceClassifier

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.AdamW(self.net.parameters(), lr=2e-3, weight_decay=0.02)}  # ours

    def updates(self, batch, generator: torch.Generator) -> Iterator:
        noise_NTF = NOISE_UNIT * torch.randn(batch["x"].shape, generator=generator).to(batch["x"].device)
        keep_NH = (torch.rand(len(noise_NTF), 2 * HIDDEN, generator=generator) >= DROPOUT).to(noise_NTF) / (1 - DROPOUT)
        logits_NL = self.net(batch["x"] + noise_NTF, keep_NH)
        yield "adam", {"cross_entropy": torch.nn.functional.cross_entropy(logits_NL, batch["y"])}, {}


class LabelJudge:
    """Train on real sequences, then `accuracy` on any."""

    def __init__(self, guide: Guide, label_names: tuple[str, ...]):
        self.guide, self.label_names = guide, label_names
        torch.manual_seed(0)
        self.net = SequenceClassifier(features=guide.num_points * 2, components=COMPONENTS, hidden=HIDDEN, num_labels=len(label_names))

    def train(self, points_unit: np.ndarray, labels: np.ndarray, *, out: Path, steps: int = 1500, batch: int = 64) -> LabelJudge:
        """points_unit: (N, T, K, 2) of train people; labels: (N,). `out`: where the loop keeps its checkpoints."""
        x, y = torch.from_numpy(seen(points_unit, self.guide)), torch.from_numpy(labels)
        frames = x[:: max(1, len(x) // 300)].flatten(0, 1)
        _, spread, axes = torch.linalg.svd(frames - frames.mean(0), full_matrices=False)
        spread = (spread[:COMPONENTS] / len(frames) ** 0.5).clamp_min(NOISE_UNIT)
        self.net.mean.copy_(frames.mean(0))
        self.net.basis.copy_(axes[:COMPONENTS].T / spread)

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
