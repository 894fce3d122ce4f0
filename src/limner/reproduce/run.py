"""What all tables begin with: every method trained for the same time, its clips of the test people, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.evaluation.evaluate import Networks, evaluate
from limner.generation.films import Progress, silent
from limner.media.files import make_folder
from limner.reproduce import methods
from limner.reproduce.methods import Method

if TYPE_CHECKING:
    from limner.data.store import Store

MOVES = 0.1  # ours: of the originals' change from frame to frame; a method below it makes stills


@dataclass(frozen=True, kw_only=True)
class Asked:
    """data: the store. out: where all goes. budget: seconds of training of each method. width: methods.SMALL, PAPER or TINY. limit: only
    so many test clips. networks: what is judged with. methods: which rows. show: progress of the trainings."""

    data: Path
    out: Path
    budget: float
    width: str = methods.SMALL
    limit: int | None = None
    networks: Networks | None = None
    methods: tuple[Method, ...] = methods.METHODS
    show: bool = True


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """scores: as `evaluate` gives them; training: method -> methods.trained; floors: the SSIM of two that need no training; untrained:
    methods that learned nothing; real, made: the stores."""

    scores: dict[str, Any]
    training: dict[str, Any]
    floors: dict[str, float]
    untrained: list[str]
    real: Store
    made: dict[str, Store]


def budget_of(each: float | None, total: float | None, num: int) -> float:
    """Seconds of each of `num` methods; 20 minutes where neither is given."""
    return total / num if total is not None else 1200.0 if each is None else each


def make_clips(asked: Asked, *, progress: Progress = silent, say: Callable[[str], None] = print) -> tuple[Store, dict[str, Store], Any]:
    """Trains every method and fills OUT/made/<method>; what is finished is kept. -> the real store, the made ones by the methods' names,
    and of each its training (methods.trained). InputError as the parts."""
    from limner.data.store import Store

    real, out = Store(Path(asked.data)), Path(asked.out)
    make_folder(out)
    made, training = {}, {}
    for method in asked.methods:
        say(f"{method.name}: {asked.budget:.0f} s of training, less what is done")
        folders = methods.train(method, real.path, out, budget=asked.budget, width=asked.width, show=asked.show)
        training[method.name] = methods.trained(folders)
        made[method.name] = methods.fill(method, real, folders, out / "made" / method.folder, limit=asked.limit, progress=progress)
    return real, made, training


def reproduce(asked: Asked, *, progress: Progress = silent, say: Callable[[str], None] = print) -> Reproduced:
    """Trains, generates, evaluates. Writes OUT/runs, OUT/made and OUT/scores. InputError as the parts."""
    real, made, training = make_clips(asked, progress=progress, say=say)
    names = list(made)
    scores = evaluate(real, list(made.values()), Path(asked.out) / "scores", networks=asked.networks, names=names, progress=progress)
    floors = floors_of(real, asked.limit)
    rows = [row["name"] for row in scores["rows"] if row["name"] != methods.ORIGINAL]
    untrained = [name for name in rows if not learned(scores, name, floors["mean face"])]
    return Reproduced(scores=scores, training=training, floors=floors, untrained=untrained, real=real, made=made)


def learned(scores: dict[str, Any], name: str, floor: float) -> bool:
    """Whether a row shows that something was learned: its films are likelier than one picture for everybody (SSIM over `floor`, that of the
    training people's mean face), and they move."""
    rows = {row["name"]: row["scores"] for row in scores["rows"]}
    ssim, moves, real = (
        rows[row].get(key, {}).get("value")
        for row, key in ((name, "ssim"), (name, "frame_difference"), (methods.ORIGINAL, "frame_difference"))
    )
    return ssim is not None and ssim > floor and (moves is None or not real or moves > MOVES * real)


def floors_of(real: Store, limit: int | None = None) -> dict[str, float]:
    """SSIM (as Table 1's) of what needs no training: the training people's mean face for everybody, and a copy of the first frame."""
    from limner.measures.frames import ssim_frames

    rows = real.select(split="train", kind="transition")
    firsts = [real.read(row, slice(0, 1)).frames[0] for row in rows]  # type: ignore[index]
    mean = np.mean(firsts, 0).round().astype(np.uint8)
    found: dict[str, list[float]] = {"mean face": [], "copy of the first frame": []}
    for row in real.select(split="test", kind="transition")[:limit]:
        frames = real.read(row).frames
        assert frames is not None
        for name, still in (("mean face", mean), ("copy of the first frame", frames[0])):
            found[name].append(float(ssim_frames(np.broadcast_to(still, frames[1:].shape), frames[1:]).mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}
