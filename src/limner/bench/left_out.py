"""Skeleton-aided motion on a set of few people: each is moved by a generator that learned from all the others.

    limner bench scgan STORE OUT --leave-one-out --small --variants L1+G

For each person a store of the same clips in which that person alone is for testing, a run, and what it makes of that person's clips; then
all made clips together are compared with the real ones, and named by judges that never saw the person either. What is finished is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from limner.bench import actions, clips
from limner.bench.scgan import STILL, VARIANTS, still
from limner.data.store import Store, StoreWriter
from limner.generation.clips import GenerateSettings, generate
from limner.generation.films import Progress, silent
from limner.media.files import write_text
from limner.types import InputError


def run(
    store: Path,
    out: Path,
    *,
    small: bool = False,
    steps: int | None = None,
    variants: Sequence[str] = ("L1+G",),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Trains, generates, judges; prints the tables; writes OUT/left_out.json and a sheet; -> the figures.

    small, steps, variants: as of `bench.scgan.run`. InputError: an unknown variant, a store of one person."""
    from limner.papers.whole import train

    truth, out = Store(Path(store)), Path(out)
    people = sorted(set(truth.table["subject"].to_pylist()))
    odd = [name for name in variants if name not in VARIANTS]
    if odd or not variants:
        raise InputError(f"no variant {odd[0] if odd else ''!r}; there are: {', '.join(VARIANTS)}")
    if len(people) < 2:
        raise InputError(f"store {truth.path} has one person alone; nobody is left to learn from without that one")
    made: dict[str, Path] = {}
    for name in variants:
        structure, losses = VARIANTS[name]
        changes = {"losses": losses} | ({} if steps is None else {"steps": steps})
        parts = []
        for number, person in enumerate(people):
            progress(f"{name}, all but one person", number, len(people))
            own = fold(truth, person, out / "folds" / person)
            run_of = out / "runs" / name / person
            train(f"scgan-{structure}" + ("-small" if small else ""), own, run_of, changes, show=False)
            parts.append(generate(Store(own), out / "parts" / name / person, GenerateSettings(run=str(run_of))))
        made[name] = joined(parts, out / "made" / name)
    made[STILL] = still(truth, out / "made" / STILL, split=None)
    found: dict[str, Any] = {"actions": actions.run(truth.path, list(made.values()), out / "judges", leave_one_out=True, progress=progress)}
    found["clips"] = clips.run(truth.path, list(made.values()), out, progress=progress)
    write_text(out / "left_out.json", json.dumps(found, indent=1) + "\n")
    return found


def fold(store: Store, person: str, out: Path) -> Path:
    """A store of the same clips in which `person` alone is for testing and all others for training; -> its folder."""
    if not _whole(out, len(store)):
        with StoreWriter(out, fresh=True, note={"left_out": person}) as writer:
            for row in range(len(store)):
                clip = store[row]
                writer.add(replace(clip, split="test" if clip.subject == person else "train"))
    return out


def joined(parts: Sequence[Store], out: Path) -> Path:
    """The clips of several stores in one; -> its folder."""
    if not _whole(out, sum(len(part) for part in parts)):
        with StoreWriter(out, fresh=True, note={"joined": [part.note for part in parts]}) as writer:
            for part in parts:
                for row in range(len(part)):
                    writer.add(part[row])
    return out


def _whole(folder: Path, num: int) -> bool:
    """Whether a store of so many clips stands there: one that was cut short is made anew."""
    return (folder / "manifest.parquet").exists() and len(Store(folder)) == num
