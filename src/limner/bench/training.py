"""What the training loop costs beside the bare networks: its speed, the loader alone, the waiting, the memory, a checkpoint.

limner bench training STORE [--recipe translation] [--set KEY=VALUE]

Bare is the recipe's own objective on one batch that is already there: forward and backward, and the same with the optimizers' steps. Both
are measured within the training itself, a few steps of each in turn, so that other work on the machine slows all alike. Where it does
not, the ratio in the main thread's processor time (meaningful with OMP_NUM_THREADS=1) says what the loop computes more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from limner.bench.speed import Figure

STEPS = 72  # ours: about a minute of the 64 x 64 translator on 2 cores
BLOCK, SETTLE, BARE = 12, 4, 4  # steps of the loop between bare ones; of them not counted, as batches lie ready; bare ones
LOADED = 40  # batches drawn to time the loader alone
MOVED = 32  # frames
MOVING_FPS = 25.0  # issue 4: of a learned renderer at 128 px
SHARE, WAITING = 1.15, 0.05  # the targets: within 15 %, at most 5 %


@dataclass
class Turns:
    """Called as a stage's learning rate, before each step: notes the loop's times, and now and then makes bare steps in between."""

    objective: Any
    batch: Any
    accelerator: Any
    rate: Any
    loop_s: list[np.ndarray] = field(default_factory=list)  # each (2,): by the clock, and the processor's in this thread
    bare_s: list[np.ndarray] = field(default_factory=list)
    stepped_s: list[np.ndarray] = field(default_factory=list)
    calls: int = 0
    last: np.ndarray = field(default_factory=lambda: now())

    def __call__(self, part: float) -> float:
        if self.calls % BLOCK > SETTLE:
            self.loop_s.append(now() - self.last)
        if self.calls % BLOCK == 0:
            self.bare_s += self.bare(steps=False)
            self.stepped_s += self.bare(steps=True)
        self.calls += 1
        self.last = now()
        return self.rate(part)

    def bare(self, *, steps: bool) -> list[np.ndarray]:
        """Seconds of each of a few steps without the loop; the weights stay as they are, for the rate is 0."""
        from limner.training.loop import generator_of

        optimizers = self.objective.optimizers()
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = 0.0
        seconds = []
        for number in range(BARE + 1):
            start = now()
            updates = self.objective.updates(self.batch, generator_of("bare", number))
            while True:
                with self.accelerator.autocast():
                    update = next(updates, None)
                if update is None:
                    break
                optimizers[update[0]].zero_grad(set_to_none=True)
                self.accelerator.backward(sum(update[1].values()))
                if steps:
                    optimizers[update[0]].step()
            seconds.append(now() - start)
        return seconds[1:]  # the first makes the moments


def figures(
    store: Path, recipe: str = "translation", steps: int = STEPS, overrides: Mapping[str, Any] | None = None
) -> Iterator[Figure | str]:
    """Measures one figure after the other; a str is a line to print between them. InputError as `limner train`."""
    import torch

    from limner.data.store import Store
    from limner.papers.train import prepare, resolve
    from limner.training import checkpoint
    from limner.training.clock import Clock
    from limner.training.loop import accelerator_of, fit, generator_of

    config = resolve(recipe, overrides)
    accelerator = accelerator_of(getattr(config, "precision", None))
    model, stages = prepare(config, Store(Path(store)))
    stage = stages[0]
    batch = {name: tensor.to(accelerator.device) for name, tensor in stage.batch(generator_of("one")).items()}
    size = len(next(iter(batch.values())))
    pixels = f", {config.size} px" if hasattr(config, "size") else ""
    yield f"{recipe}{pixels}, batch {size}, {accelerator.mixed_precision}, {torch.get_num_threads()} threads on {accelerator.device}"
    yield Figure(name="parameters", value=sum(p.numel() for p in model.parameters()) / 1e6, unit="M")
    loader_s = timed(lambda: [stage.batch(generator_of("loader", number)) for number in range(LOADED)])
    yield Figure(name="the loader alone", value=LOADED * size / loader_s, unit="samples/s")
    turns, clock = Turns(stage.objective, batch, accelerator, stage.learning_rate), Clock()
    ema = getattr(config, "ema", None)
    with tempfile.TemporaryDirectory(prefix="limner-training-") as folder:
        timed_stage = replace(stage, steps=steps, learning_rate=turns, monitor=None)
        fit(model, [timed_stage], out=Path(folder), seed=0, accelerator=accelerator, save_every=steps, show=False, clock=clock, ema=ema)
        kept = checkpoint.latest(Path(folder))
        assert kept is not None
        yield from speeds(turns, size)
        yield Figure(name="waiting for data", value=clock.waiting_share(), unit="of the time", target=WAITING)
        megabytes = sum(path.stat().st_size for path in kept.iterdir()) / 1e6
        yield Figure(name="a checkpoint", value=megabytes, unit="MB")
        yield Figure(name="a checkpoint, flushed to the disk", value=clock.seconds["checkpoints"], unit="s")
    yield Figure(name="peak memory of the process", value=peak_gb(), unit="GB")
    if hasattr(model, "move"):
        yield Figure(name="frames moved by the network", value=moving_fps(model), unit="frames/s", target=MOVING_FPS, at_least=True)


def moving_fps(model: Any) -> float:
    """Frames a second that a model of bodies makes, skeletons drawn and all; the median of some goes."""
    size = model.settings.size
    rng = np.random.default_rng(0)
    points = rng.uniform(0.2 * size, 0.8 * size, (MOVED, model.guide.num_points, 2)).astype(np.float32)
    reference = rng.integers(0, 255, (size, size, 3), np.uint8)
    return MOVED / float(np.median([timed(lambda: model.move(points, reference)) for _ in range(5)]))


def speeds(turns: Turns, size: int) -> Iterator[Figure]:
    """The loop's speed and how it compares with the bare networks'."""
    (loop_s, loop_cpu), (bare_s, bare_cpu), (stepped_s, stepped_cpu) = (
        np.median(seconds, 0) for seconds in (turns.loop_s, turns.bare_s, turns.stepped_s)
    )
    yield Figure(name="bare forward and backward", value=1 / bare_s, unit="steps/s")
    yield Figure(name="the same with the optimizers' steps", value=1 / stepped_s, unit="steps/s")
    yield Figure(name="the loop", value=1 / loop_s, unit="steps/s")
    yield Figure(name="the loop", value=size / loop_s, unit="samples/s")
    yield Figure(name="the loop's step over bare forward and backward", value=loop_s / bare_s, unit="", target=SHARE)
    yield Figure(name="the same in processor time", value=loop_cpu / bare_cpu, unit="")
    yield Figure(name="the loop's step over bare with the optimizers", value=loop_s / stepped_s, unit="")
    yield Figure(name="the same in processor time", value=loop_cpu / stepped_cpu, unit="")


def now() -> np.ndarray:
    """Seconds by the clock, and of the processor in this thread."""
    return np.array([time.perf_counter(), time.thread_time()])


def timed(work: Any) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_gb() -> float:
    """The most memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def run(store: Path, recipe: str = "translation", steps: int = STEPS, overrides: Mapping[str, Any] | None = None) -> None:
    """`limner bench training`: prints every figure with its target. overrides: settings of the recipe to replace."""
    for item in figures(store, recipe, steps, overrides):
        print(item if isinstance(item, str) else item.line(), flush=True)
