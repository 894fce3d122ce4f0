"""How long the steps of a stage take here, so that a training can be planned to last so long: a few of them, tried.

The number of steps is fixed once, before the first; from then on nothing hangs on a clock, and a run that goes on is bit for bit the run
that never stopped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator

from limner.training.step import take_step

if TYPE_CHECKING:
    from limner.training.loop import Stage

WARM, LEAST, MOST = 1, 2, 40  # ours: steps before the clock runs, and that it runs at least and at most
TOGETHER = 8  # ours: steps of several processes, which must all take as many


def pace(model: torch.nn.Module, stage: Stage, accelerator: Accelerator, *, seconds: float) -> tuple[float, float]:
    """Seconds that one step of a stage takes, and one look of its monitor (0 where it has none), from about `seconds` of trying.

    It trains the model meanwhile: hand in one that is thrown away. Several processes take as many steps, whatever their clocks say.
    InputError where a loss is not finite."""
    model.to(accelerator.device)
    optimizers, generator, tried = stage.objective.optimizers(), torch.Generator().manual_seed(0), 0
    least, most = (LEAST, MOST) if accelerator.num_processes == 1 else (TOGETHER, TOGETHER)
    start = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        while tried < WARM + least or (tried < WARM + most and time.perf_counter() - start < seconds):
            if tried == WARM:
                start = time.perf_counter()
            draws = [(generator, stage.batch(generator))]
            take_step(stage.objective, draws, optimizers, accelerator, clip=stage.clip, place=f"the first steps of {stage.name}")
            tried += 1
    a_step = (time.perf_counter() - start) / (tried - WARM)
    if stage.monitor is None:
        return a_step, 0.0
    start = time.perf_counter()
    model.eval()
    with torch.no_grad():
        stage.monitor()
    model.train()
    return a_step, time.perf_counter() - start
