"""What a training would be, before it is begun: `limner train RECIPE --data STORE --out RUN --dry-run`. Writes nothing."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from limner.papers.recipes import recipe as recipe_of
from limner.papers.train import check_same, fingerprint, prepare, resolve
from limner.training import checkpoint
from limner.training.loop import accelerator_of

ADAM = 2  # tensors of a parameter's size that Adam keeps for it


def plan(recipe: Any, data: Path, out: Path, overrides: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Lines for the user: every setting and whence it is, the data, the networks, the stages, what a checkpoint takes, where RUN stands.

    InputError as `train` gives, but that nothing is written.
    """
    from limner.data.store import Store

    config, store, out = resolve(recipe, overrides), Store(Path(data)), Path(out)
    yield from settings(config)
    yield from clips(store)
    model, stages = prepare(config, store)
    yield from networks(model)
    yield "stages"
    for stage in stages:
        yield f"  {stage.name:18} {stage.steps:>8} steps   {'; '.join(trained(stage))}"
    optimized = [
        sum(p.numel() for o in stage.objective.optimizers().values() for g in o.param_groups for p in g["params"]) for stage in stages
    ]
    average = sum(p.numel() for p in model.parameters()) if getattr(config, "ema", None) else 0
    bytes_ = sum(t.numel() * t.element_size() for t in model.state_dict().values()) + 4 * (average + ADAM * max(optimized, default=0))
    yield f"a checkpoint takes about {bytes_ / 1e6:.0f} MB; twice that while one is written"
    accelerator = accelerator_of(getattr(config, "precision", None))
    parts = getattr(config, "accumulate", 1)
    yield (
        f"on {accelerator.device}, precision {accelerator.mixed_precision}, {accelerator.num_processes} "
        f"process{'es' if accelerator.num_processes > 1 else ''}, {parts} batch{'es' if parts > 1 else ''} a step in each"
    )
    yield standing(out, config, fingerprint(store), sum(stage.steps for stage in stages))


def settings(config: Any) -> Iterator[str]:
    """A line a field: name, value, whence, and where it is not the recipe's or the paper's own."""
    kind = type(config)
    own = recipe_of(config.recipe)
    notes = dict(re.findall(r"^ {4}(\w+): [^#\n]*# *(.+)$", inspect.getsource(kind), re.MULTILINE))
    yield f"recipe {config.recipe}"
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        marks = [notes[field.name]] if field.name in notes else []
        if value != getattr(own, field.name):
            marks.append(f"SET HERE, {own.recipe} has {getattr(own, field.name)!r}")
        elif field.name != "recipe" and field.default is not dataclasses.MISSING and value != field.default:
            marks.append(f"{kind.__name__} has {field.default!r}")
        star = "*" if value != getattr(own, field.name) else "~" if value != field.default else " "
        yield f"{star} {field.name:20} {value!r:24} {'; '.join(marks)}".rstrip()


def clips(store: Any) -> Iterator[str]:
    """A line a split: clips and people, by label."""
    yield f"data {store.path}"
    rows = [store.row(index) for index in range(len(store))]
    for split in sorted({row["split"] for row in rows}):
        of_split = [row for row in rows if row["split"] == split]
        labels = sorted({str(row["label"]) for row in of_split})
        counts = ", ".join(f"{sum(str(row['label']) == label for row in of_split)} {label}" for label in labels)
        yield f"  {split:18} {len(of_split):>8} clips of {len({row['subject'] for row in of_split})} people: {counts}"


def networks(model: Any) -> Iterator[str]:
    """A line a network: its parameters."""
    yield f"networks, {sum(p.numel() for p in model.parameters()):,} parameters"
    for name, part in model.named_children():
        parts = list(part.named_children()) or [("", part)]
        for inner, module in parts:
            if number := sum(p.numel() for p in module.parameters()):
                yield f"  {f'{name}.{inner}'.strip('.'):32} {number:>12,}"


def trained(stage: Any) -> Iterator[str]:
    """A clause an optimizer of a stage: what it trains, at which rates."""
    for name, optimizer in stage.objective.optimizers().items():
        rates = " / ".join(f"{group['lr']:g}" for group in optimizer.param_groups)
        yield f"{name}: {sum(p.numel() for group in optimizer.param_groups for p in group['params']):,} parameters at {rates}"


def standing(out: Path, config: Any, data: str, steps: int) -> str:
    """What the command would do with RUN. InputError where it holds another run."""
    if not (out / "config.json").exists():
        return f"{out}: a new run of {steps} steps" + ("" if os.access(_there(out), os.W_OK) else f"; but {_there(out)} cannot be written")
    check_same(out, config, data)
    folder = checkpoint.latest(out)
    done = int(checkpoint.read_json(folder / "state.json")["done"]) if folder else 0
    return f"{out}: goes on from step {done} of {steps}" if done < steps else f"{out}: all {steps} steps are done"


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
