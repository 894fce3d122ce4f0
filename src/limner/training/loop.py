"""The only training loop. It knows no model: it steps what an objective yields, and Accelerate gives it device, precision and processes.

All randomness of a step comes from one generator seeded by (seed, stage, step, process), so a run that stops and goes on is
bit for bit the run that never stopped, and no generator state needs keeping. docs/training.md says what that holds for.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from limner.nn.precision import computes_bf16
from limner.training import checkpoint
from limner.training.ahead import drawn_ahead
from limner.training.average import Average
from limner.training.best import offer, settle
from limner.training.clock import Clock
from limner.training.log import Log, progress_bar
from limner.training.step import Batch, Draw, Update, take_step
from limner.training.together import agree, refuse_together
from limner.types import InputError

SAVE_AFTER_S = 60.0  # ours: what a kill may cost, where no save_every is asked for
SAVE_SHARE = 0.02  # ours: of the time, at most, for checkpoints


class Objective(Protocol):
    """What a stage minimises: the algorithm box, as a generator of updates."""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]: ...

    def updates(self, batch: Batch, generator: torch.Generator) -> Iterator[Update]: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One phase: so many steps of an objective on batches drawn by `batch(generator)`.

    batch: hangs on its generator alone (not on the weights, nor on torch's global generator), for it is called ahead, in a thread.
    learning_rate: part of the way done, 0..1 -> factor on the optimizers' own rates.
    monitor: measures and pictures of the model as it stands: name -> number, or (H, W, 3) uint8.
    best: the monitor's number whose greatest value decides which weights the stage ends with (training.best); None: its last ones.
    ahead: batches drawn before they are needed; 0 draws each when its step begins, in the same thread.
    """

    name: str
    steps: int
    objective: Objective
    batch: Callable[[torch.Generator], Batch]
    learning_rate: Callable[[float], float] = lambda part: 1.0
    clip: float = 5.0  # ours: spec A5 gives 1-5
    monitor: Callable[[], Mapping[str, Any]] | None = None
    best: str | None = None
    ahead: int = 2


def accelerator_of(precision: str | None = None, *, cpu: bool = False) -> Accelerator:
    """Accelerate's choice of device, processes and, where ACCELERATE_MIXED_PRECISION is set, precision; else `precision` ("no", "bf16").

    On a processor that does not compute bf16 itself, where it would only cost time, a `precision` of bf16 becomes float32.
    Each run gets a fresh one: Accelerate keeps one state a process, and a second run may ask for another precision.
    InputError for another precision: fp16 needs its losses scaled, which this loop does not do.
    """
    told = os.environ.get("ACCELERATE_MIXED_PRECISION")
    asked = told or precision or "no"
    if asked not in ("no", "bf16"):
        raise InputError(f"precision is no or bf16, not {asked!r}")
    cpu = cpu or not torch.accelerator.is_available()  # several processes on CPUs must be told so
    if cpu and not told and not computes_bf16():
        asked = "no"
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(mixed_precision=asked, cpu=cpu)


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
    save_every: int | None = None,
    log_every: int = 10,
    monitor_every: int = 250,
    stop_after: int | None = None,
    show: bool = True,
    accumulate: int = 1,
    ema: float | None = None,
    loaders: int = 1,
    logs: Sequence[str] = ("tensorboard",),
    config: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> bool:
    """Run the stages in order from wherever `out` stands; -> True when all are done, False when stopped by `stop_after` (steps in all).

    save_every: a checkpoint every so many steps; None: every minute, or less often where they would take over 2 % of the time.
    accumulate: micro-batches a step, each of the size that a stage's batch has (training.step says what that means).
    ema: the decay of a running average of the parameters; it is what monitors see, and what the model holds when all is done.
    loaders: threads that draw batches ahead. logs: "tensorboard", and "wandb" where installed; config: for the latter.
    clock: where to count what the time is spent on.
    InputError when a loss is not finite or a checkpoint cannot be written: the last good checkpoint stays.
    """
    if accumulate < 1:
        raise InputError(f"accumulate is at least 1, not {accumulate}")
    model.to(accelerator.device)
    run = _Run(
        model=model, out=out, seed=seed, accelerator=accelerator, save_every=save_every, log_every=log_every, monitor_every=monitor_every,
        accumulate=accumulate, loaders=loaders, average=None if ema is None else Average(model, ema), clock=clock or Clock(),
    )  # fmt: skip
    run.resume()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        run.progress = stack.enter_context(progress_bar(show and accelerator.is_main_process))
        run.log = stack.enter_context(Log(out, run.done, logs, config)) if accelerator.is_main_process else None
        if not run.stages(stages, stop_after):
            return False
    run.end(show)
    return True


@dataclass(kw_only=True)
class _Run:
    """One training as it stands: what is trained, how far it is, where its time went."""

    model: torch.nn.Module
    out: Path
    seed: int
    accelerator: Accelerator
    save_every: int | None
    log_every: int
    monitor_every: int
    accumulate: int
    loaders: int
    average: Average | None
    clock: Clock
    done: int = 0
    folder: Path | None = None
    log: Log | None = None
    progress: Any = None
    saved_at: float = field(default_factory=time.perf_counter)
    save_cost: float = 0.0

    def resume(self) -> None:
        """Go on from the newest checkpoint, the same in all processes."""
        self.accelerator.wait_for_everyone()  # for the first process may still be writing it
        refusal = None
        try:
            self.load()
        except InputError as error:
            refusal = str(error)
        refuse_together(self.accelerator, refusal)
        agree(self.accelerator, self.done, f"the processes see different checkpoints in {self.out}: it must be one folder for all of them")

    def load(self) -> None:
        self.folder = checkpoint.latest(self.out)
        if self.folder is None:
            return
        checkpoint.load_weights(self.model, checkpoint.read_tensors(self.folder / "model.safetensors"), self.folder)
        state = checkpoint.read_json(self.folder / "state.json")
        self.done, self.clock.before = int(state["done"]), float(state.get("seconds", 0.0))
        if self.average is not None:
            self.average.load(checkpoint.read_tensors(self.folder / "average.safetensors"))

    def stages(self, stages: Sequence[Stage], stop_after: int | None) -> bool:
        """The stages in order, from where the run stands; -> whether all are done."""
        start, total = 0, sum(stage.steps for stage in stages)
        for number, stage in enumerate(stages):
            if self.done < start + stage.steps:
                self.stage(stage, start, stop_after, number)
            start += stage.steps
            if self.done == start and stage.best:
                self.accelerator.wait_for_everyone()
                settle(self.out, number, self.model, self.average)
            if self.done == stop_after and self.done < total:
                return False
        return True

    def end(self, show: bool) -> None:
        """What is left to do when all is done: say where the time went, and give the model its average."""
        if show and self.accelerator.is_main_process and self.clock.steps:
            print(self.clock.line(), file=sys.stderr, flush=True)
        if self.average is not None:
            self.average.swap()
        self.accelerator.wait_for_everyone()

    def stage(self, stage: Stage, start: int, stop_after: int | None, number: int) -> None:
        """From where the run stands to the end of a stage that begins at step `start`, or to `stop_after`."""
        optimizers = stage.objective.optimizers()
        rates = {name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in optimizers.items()}
        if self.folder is not None and self.done > start:
            checkpoint.restore_optimizers(self.folder, optimizers)
        end = start + stage.steps
        if stop_after is not None and stop_after > self.done:
            end = min(end, stop_after)
        task = self.progress.add_task(stage.name, total=stage.steps, completed=self.done - start) if self.progress else None
        steps = range(self.done - start, end - start)
        with drawn_ahead(lambda step: self.draw(stage, step), steps, ahead=stage.ahead, loaders=self.loaders) as batches:
            for step in steps:
                factor = stage.learning_rate(step / stage.steps)
                for name, optimizer in optimizers.items():
                    for group, rate in zip(optimizer.param_groups, rates[name], strict=True):
                        group["lr"] = rate * factor
                with self.clock("data"):
                    draws = next(batches)
                with self.clock("step"):
                    seen = self.step(stage, step, draws, optimizers)
                self.write(stage, seen, optimizers)
                self.done += 1
                self.clock.steps += 1
                if task is not None:
                    self.progress.advance(task)
                self.watch(stage, number, last=self.done == start + stage.steps)
                self.keep(stage, optimizers, last=self.done == end)

    def draw(self, stage: Stage, step: int) -> list[Draw]:
        """The micro-batches of a step in this process, each with its generator as the batch left it."""
        parts = range(self.accelerator.process_index * self.accumulate, (self.accelerator.process_index + 1) * self.accumulate)
        generators = [generator_of(self.seed, stage.name, step, part) for part in parts]
        return [(generator, self._pinned(stage.batch(generator))) for generator in generators]

    def _pinned(self, batch: Batch) -> Batch:
        if self.accelerator.device.type != "cuda":
            return batch
        return {name: tensor.pin_memory() if tensor.device.type == "cpu" else tensor for name, tensor in batch.items()}

    def step(self, stage: Stage, step: int, draws: list[Draw], optimizers: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        torch.manual_seed(draws[0][0].initial_seed())  # for an objective that draws from torch's global generator (nn.Dropout)
        place = f"step {step} of {stage.name}"
        seen = take_step(stage.objective, draws, optimizers, self.accelerator, clip=stage.clip, place=place)
        if self.average is not None:
            self.average.update(self.done + 1)
        return seen

    def write(self, stage: Stage, seen: Mapping[str, torch.Tensor], optimizers: Mapping[str, Any]) -> None:
        if self.log is None or self.done % self.log_every:
            return
        values = {f"{stage.name}/{name}": float(value) for name, value in seen.items()}
        values |= {f"rate/{name}": optimizer.param_groups[-1]["lr"] for name, optimizer in optimizers.items()}
        values |= {f"engine/{name}": value for name, value in self.clock.rates().items()}
        self.log.numbers(values, self.done)

    def keep(self, stage: Stage, optimizers: Mapping[str, Any], *, last: bool) -> None:
        """Write a checkpoint where one is due."""
        if not self.accelerator.is_main_process:
            return
        if self.save_every is not None:
            due = self.done % self.save_every == 0
        else:
            due = time.perf_counter() - self.saved_at > max(SAVE_AFTER_S, self.save_cost / SAVE_SHARE)
        if due or last:
            start = time.perf_counter()
            state = {"done": self.done, "stage": stage.name, "seed": self.seed, "seconds": round(self.clock.trained, 3)}
            with self.clock("checkpoints"):
                checkpoint.save(self.out, self.model, optimizers, state, self.done, None if self.average is None else self.average.mean)
            self.saved_at = time.perf_counter()
            self.save_cost = self.saved_at - start

    @torch.no_grad()
    def watch(self, stage: Stage, number: int, *, last: bool) -> None:
        """Run the stage's monitor where it is due, on the averaged weights where there are such; the model's modes are put back."""
        if self.log is None or stage.monitor is None or not (self.done % self.monitor_every == 0 or last):
            return
        training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        with self.clock("monitor"), self.average.shown() if self.average is not None else nullcontext():
            found = stage.monitor()
            if stage.best:
                offer(self.out, number, self.model, found[stage.best], self.done)
        for module in training:
            module.training = True
        pictures = {f"{stage.name}/{name}": value for name, value in found.items() if getattr(value, "ndim", 0) == 3}
        numbers = {f"{stage.name}/{name}": float(torch.as_tensor(value)) for name, value in found.items() if getattr(value, "ndim", 0) != 3}
        self.log.numbers(numbers, self.done)
        self.log.pictures(pictures, self.done)
