"""One command from a store of clips to a trained model: `limner train RECIPE --data STORE --out RUN`."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limner.papers.recipes import recipe as recipe_of
from limner.training import checkpoint
from limner.training.config import override, to_json
from limner.training.loop import accelerator_of, fit
from limner.types import InputError

FORMAT = 1
# The recipes' first names -> the paper's module: `prepare(config, store)` gives a model ready to train, and its stages.
PAPERS = {"cmmnet": "limner.papers.cmmnet", "cmmnet-points": "limner.papers.cmmnet_points"}


def train(
    recipe: Any, data: Path, out: Path, overrides: Mapping[str, Any] | None = None, *, stop_after: int | None = None, show: bool = True
) -> Path | None:
    """Train a recipe (a name or a config) on a store; the same command goes on where a killed one stopped, bit for bit.

    overrides: settings of the recipe to replace. stop_after: stop after so many steps in all; the same command goes on.
    -> the folder of the finished model (OUT/model, for load_motion_model), or None where stop_after came first.
    InputError: unknown recipe or setting, a store that is none, an `out` that holds another run or cannot be written, a loss gone NaN.
    """
    from limner.data.store import Store

    config = override(recipe_of(recipe) if isinstance(recipe, str) else recipe, overrides or {})
    store = Store(Path(data))
    print_of_data = hashlib.sha256("".join(store.table["hash"].to_pylist()).encode()).hexdigest()[:16]
    out = Path(out)
    accelerator = accelerator_of(getattr(config, "precision", None))
    with accelerator.main_process_first():
        _claim(out, {"format": FORMAT, "config": to_json(config), "data": print_of_data})
    model, stages = prepare(config, store)
    if not fit(model, stages, out=out, seed=config.seed, accelerator=accelerator, stop_after=stop_after, show=show):
        return None
    if accelerator.is_main_process:
        _save_model(model.cpu(), out / "model")
    return out / "model"


def prepare(config: Any, store: Any) -> tuple[Any, list]:
    """A model for this config, ready to train, and its stages. InputError where the store does not fit the config."""
    family = max((name for name in PAPERS if config.recipe.startswith(name)), key=len)
    return importlib.import_module(PAPERS[family]).prepare(config, store)


def _claim(out: Path, content: Mapping[str, Any]) -> None:
    """Make `out` this run's folder, or find that it is. InputError where it holds another run, or cannot be written."""
    path = out / "config.json"
    if path.exists():
        there = checkpoint.read_json(path)
        if there != content:
            ours, theirs = {**content, **content["config"]}, {**there, **there.get("config", {})}
            odd = next((key for key in ours if key != "config" and ours[key] != theirs.get(key)), "config")
            raise InputError(
                f"{out} holds a run with {odd} = {theirs.get(odd)!r}, not {ours[odd]!r}; name another folder, or repeat its settings"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already and is no run of limner; name a new folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        checkpoint.write_json(path, content)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None


def _save_model(model: Any, folder: Path) -> None:
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
