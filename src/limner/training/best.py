"""The weights with which a stage scored best on what it is watched on, kept beside the checkpoints: RUN/best/<number of the stage>/.

A run that was killed goes through the same steps again, so it finds the same best again: what is kept hangs on no wall clock.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from limner.training import checkpoint
from limner.training.average import Average


def offer(out: Path, number: int, model: torch.nn.Module, score: Any, done: int) -> None:
    """Keep the model as it stands after `done` steps in all, if no earlier score of this stage is as great. A score that is no number
    counts for nothing. InputError where it cannot be written."""
    score, before = float(score), best_of(out, number)
    if math.isfinite(score) and (before is None or score > before["score"]):
        checkpoint.save(_place(out, number), model, {}, {"score": score, "done": done}, done)


def best_of(out: Path, number: int) -> dict[str, Any] | None:
    """{"score", "done"} of the weights kept of a stage; None where there are none."""
    folder = checkpoint.latest(_place(out, number))
    if folder is None:
        return None
    state = checkpoint.read_json(folder / "state.json")
    return {"score": state["score"], "done": state["done"]}


def settle(out: Path, number: int, model: torch.nn.Module, average: Average | None) -> None:
    """Bring the model, and its running average, to the best of a stage that is done; nothing happens where nothing was kept."""
    folder = checkpoint.latest(_place(out, number))
    if folder is None:
        return
    checkpoint.load_weights(model, checkpoint.read_tensors(folder / "model.safetensors"), folder)
    if average is not None:
        average.load({name: parameter.detach() for name, parameter in average.live.items()})


def _place(out: Path, number: int) -> Path:
    return out / "best" / str(number)
