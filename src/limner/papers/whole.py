"""A paper whole, in one command: `limner train cmmnet` trains the landmark half in RUN, then the translation, apart, in RUN/translation.

Every other recipe is one training, in RUN. The same command again goes on through all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.papers import scgan, translation
from limner.papers.recipes import recipe as recipe_of
from limner.papers.train import train as train_one
from limner.training.config import override
from limner.types import InputError

APART = "translation"  # the folder in RUN, and what the names of its settings begin with: --set translation.l1_weight=10


@dataclass(frozen=True, kw_only=True)
class Part:
    """One training: its whole config, and the folder in RUN where it goes ("" is RUN itself)."""

    config: Any
    folder: str = ""


def parts(recipe: Any, overrides: Mapping[str, Any] | None = None) -> list[Part]:
    """The trainings that a recipe (a name or a config) stands for, in order.

    InputError: an unknown recipe or setting, a translation of another size than the landmark images that it is to translate."""
    own = {key: value for key, value in (overrides or {}).items() if not key.startswith(f"{APART}.")}
    apart = {key.partition(".")[2]: value for key, value in (overrides or {}).items() if key not in own}
    config = override(recipe_of(recipe) if isinstance(recipe, str) else recipe, own)
    name = getattr(config, "translation", "")
    if not name:
        if apart:
            raise InputError(f"{config.recipe} trains no translation, so there is no setting {APART}.{next(iter(apart))}")
        return [Part(config=config)]
    second = recipe_of(name)
    if not isinstance(second, translation.TranslationConfig):
        raise InputError(f"translation={name}: that recipe is none of a translation")
    second = override(second, apart)
    if second.size != config.size:
        raise InputError(
            f"{config.recipe} draws landmark images of {config.size} pixels, {second.recipe} translates {second.size}: "
            f"give both one size (--set size={second.size}, or --set {APART}.size={config.size}), or train {second.recipe} by itself"
        )
    return [Part(config=config), Part(config=second, folder=APART)]


def train(
    recipe: Any,
    data: Path,
    out: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    stop_after: int | None = None,
    show: bool = True,
    budget: float | None = None,
    **more: Any,
) -> Path | None:
    """Train all parts of a recipe; overrides, stop_after (steps of all parts together), show and the rest as of `papers.train.train`.

    budget: seconds of training of all parts together, the same for each (ours).

    A store without frames gives the landmark half alone, and says so. -> OUT/model, or None where stop_after came first.
    InputError, before anything is trained, where the store does not fit one of the parts.
    """
    todo = _todo(recipe, data, overrides, show)
    left, share = stop_after, None if budget is None else budget / len(todo)
    for part in todo:
        if left is not None and left <= 0:
            return None
        if train_one(part.config, data, Path(out) / part.folder, stop_after=left, show=show, budget=share, **more) is None:
            return None
        left = None if left is None else left - sum(part.config.steps)
    return Path(out) / "model"


def plan(recipe: Any, data: Path, out: Path, overrides: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Lines that say of each part what would be trained (papers.plan). InputError as `train`; nothing is written."""
    from limner.papers.plan import plan as plan_one

    for part in _todo(recipe, data, overrides, show=True):
        yield from plan_one(part.config, data, Path(out) / part.folder)


def _todo(recipe: Any, data: Path, overrides: Mapping[str, Any] | None, show: bool) -> list[Part]:
    """The parts that this store can train, each checked against it."""
    from limner.data.store import Store

    store = Store(Path(data))
    todo = parts(recipe, overrides)
    if len(todo) > 1 and not any(encoding != "none" for encoding in store.table["encoding"].to_pylist()):
        if show:
            print(f"limner: {store.path} has no frames: {todo[0].config.recipe} learns motion alone, no translation", file=sys.stderr)
        todo = todo[:1]
    if show and not store.select(split="val"):
        print(f"limner: {store.path} has nobody in split 'val': the training is watched on nobody", file=sys.stderr)
    for part in todo:
        if isinstance(part.config, translation.TranslationConfig):
            translation.check(part.config, store)
        if isinstance(part.config, scgan.ScganConfig):
            scgan.check(part.config, store)
    return todo
