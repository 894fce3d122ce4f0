"""The only training loop. It knows no model: it steps what an objective yields, and Accelerate gives it device, precision and processes.

All randomness of a step comes from one generator seeded by (seed, stage, step, process), so a run that stops and goes on is
bit for bit the run that never stopped, and no generator state needs keeping.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from limner.training import checkpoint
from limner.types import InputError

Batch = Mapping[str, torch.Tensor]


Update = tuple[
    str, dict[str, torch.Tensor], dict[str, torch.Tensor]
]  # minimise the sum of the losses with this optimizer; notes are logged


class Objective(Protocol):
    """What a stage minimises: the algorithm box, as a generator of updates."""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]: ...

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator[Update]: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One phase: so many steps of an objective on batches drawn by `batch(generator)`.

    learning_rate: part of the way done, 0..1 -> factor on the optimizers' own rates.
    monitor: measures and pictures of the model as it stands: name -> number, or (H, W, 3) uint8.
    """

    name: str
    steps: int
    objective: Objective
    batch: Callable[[torch.Generator], Batch]
    learning_rate: Callable[[float], float] = lambda part: 1.0
    clip: float = 5.0  # ours: spec A5 gives 1-5
    monitor: Callable[[], Mapping[str, Any]] | None = None


def accelerator_of(precision: str | None = None, *, cpu: bool = False) -> Accelerator:
    """Accelerate's choice of device, processes and, where ACCELERATE_MIXED_PRECISION is set, precision; else `precision` ("no", "bf16").

    Each run gets a fresh one: Accelerate keeps one state a process, and a second run may ask for another precision.
    """
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(mixed_precision=None if "ACCELERATE_MIXED_PRECISION" in os.environ else precision or "no", cpu=cpu)


def generator_of(*parts: Any) -> torch.Generator:
    """A generator seeded by the parts' own text: the same parts, the same bits."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def fit(
    model: torch.nn.Module,
    stages: Sequence[Stage],
    *,
    out: Path,
    seed: int,
    accelerator: Accelerator,
    save_every: int = 250,
    log_every: int = 10,
    monitor_every: int = 250,
    stop_after: int | None = None,
    show: bool = True,
) -> bool:
    """Run the stages in order from wherever `out` stands; -> True when all are done, False when stopped by `stop_after` (steps in all).

    InputError when a loss is not finite: the last good checkpoint stays.
    """
    model.to(accelerator.device)
    starts = [sum(stage.steps for stage in stages[:i]) for i in range(len(stages) + 1)]
    folder = checkpoint.latest(out)
    done = 0
    if folder is not None:
        checkpoint.load_weights(model, checkpoint.read_tensors(folder / "model.safetensors"), folder)
        done = int(checkpoint.read_json(folder / "state.json")["done"])
    with _progress(show and accelerator.is_main_process) as progress, _writer(out, done, accelerator) as writer:
        for index, stage in enumerate(stages):
            if done >= starts[index + 1]:
                continue
            optimizers = stage.objective.optimizers()
            rates = {name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in optimizers.items()}
            if folder is not None and done > starts[index]:
                checkpoint.restore_optimizers(folder, optimizers)
            task = progress.add_task(stage.name, total=stage.steps, completed=done - starts[index]) if progress else None
            while done < starts[index + 1]:
                step = done - starts[index]
                for name, optimizer in optimizers.items():
                    for group, rate in zip(optimizer.param_groups, rates[name], strict=True):
                        group["lr"] = rate * stage.learning_rate(step / stage.steps)
                log = writer if done % log_every == 0 else None
                _step(stage, step, done, seed, model, optimizers, accelerator, log)
                done += 1
                if progress and task is not None:
                    progress.advance(task)
                last = done == starts[index + 1] or done == stop_after
                if accelerator.is_main_process and (done % save_every == 0 or last):
                    checkpoint.save(out, model, optimizers, {"done": done, "stage": stage.name, "seed": seed}, done)
                if writer is not None and stage.monitor is not None and (done % monitor_every == 0 or last):
                    _write_monitor(stage, writer, done, model)
                if done == stop_after and done < starts[-1]:
                    return False
    accelerator.wait_for_everyone()
    return True


def _step(stage: Stage, step: int, done: int, seed: int, model, optimizers, accelerator: Accelerator, writer) -> None:
    generator = generator_of(seed, stage.name, step, accelerator.process_index)
    batch = {name: tensor.to(accelerator.device) for name, tensor in stage.batch(generator).items()}
    updates = iter(stage.objective.updates(batch, generator))
    while True:
        with accelerator.autocast():
            update = next(updates, None)
        if update is None:
            return
        owner, losses, notes = update
        total = sum(losses.values(), start=torch.zeros((), device=accelerator.device))
        if not math.isfinite(float(total.detach())):
            names = ", ".join(name for name, value in losses.items() if not math.isfinite(float(value.detach())))
            raise InputError(
                f"training stopped: the loss ({names}) is not a finite number at step {step} of {stage.name}; "
                "the last good checkpoint is kept; lower the learning rate and go on with the same command in a new folder"
            )
        optimizer = optimizers[owner]
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(total)
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if accelerator.num_processes > 1:
            for parameter in parameters:
                parameter.grad = accelerator.reduce(parameter.grad, "mean")  # type: ignore[assignment]
        torch.nn.utils.clip_grad_norm_(parameters, stage.clip)
        optimizer.step()
        if writer is not None:
            for name, value in {**losses, **notes}.items():
                writer.add_scalar(f"{stage.name}/{name}", float(torch.as_tensor(value).detach()), done)


@torch.no_grad()
def _write_monitor(stage: Stage, writer, done: int, model: torch.nn.Module) -> None:
    assert stage.monitor is not None
    model.eval()
    for name, value in stage.monitor().items():
        if getattr(value, "ndim", 0) == 3:
            writer.add_image(f"{stage.name}/{name}", value, done, dataformats="HWC")
        else:
            writer.add_scalar(f"{stage.name}/{name}", float(torch.as_tensor(value).detach()), done)
    model.train()


def _progress(show: bool):
    if not show:
        return nullcontext()
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, refresh_per_second=2)


class _writer:
    """A TensorBoard writer on the main process (None elsewhere) that drops what was logged after the step it resumes from."""

    def __init__(self, out: Path, done: int, accelerator: Accelerator):
        self.writer = None
        if accelerator.is_main_process:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(out / "logs"), purge_step=done)

    def __enter__(self):
        return self.writer

    def __exit__(self, *_: object) -> None:
        if self.writer is not None:
            self.writer.close()
