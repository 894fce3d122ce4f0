"""One command from a store of clips to a trained model: `limner train RECIPE --data STORE --out RUN`."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from limner.media.files import LOCK, lock_folder, reason_of
from limner.papers.budget import kept, planned
from limner.papers.recipes import recipe as recipe_of
from limner.training import checkpoint
from limner.training.config import override, to_json
from limner.training.loop import accelerator_of, fit
from limner.training.together import refuse_together, said_by_first
from limner.types import InputError

FORMAT = 1
# The recipes' first names -> the paper's module: `prepare(config, store)` gives a model ready to train, and its stages.
PAPERS = {
    "cmmnet": "limner.papers.cmmnet",
    "cmmnet-points": "limner.papers.cmmnet_points",
    "translation": "limner.papers.translation",
    "warp-refine": "limner.papers.warp_refine",
    "scgan": "limner.papers.scgan",
    "video-gan": "limner.papers.video_gan",
    "cra-net": "limner.papers.cra_net",
}


def train(
    recipe: Any,
    data: Path,
    out: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    stop_after: int | None = None,
    show: bool = True,
    logs: Sequence[str] = ("tensorboard",),
    warp: Any = None,
    budget: float | None = None,
) -> Path | None:
    """Train a recipe (a name or a config) on a store; the same command goes on where a killed one stopped, bit for bit.

    overrides: settings of the recipe to replace. stop_after: stop after so many steps in all; the same command goes on.
    budget: seconds of training in place of the recipe's steps, which papers.budget then sets. logs: "tensorboard", and "wandb" where it
    is installed. warp: what warps the frames that warp-refine learns on (data.pairs.Warp).
    Fields that any recipe may have, and what is taken where it has none:
    precision ("no"), accumulate (1), ema (None), loaders (1), monitor_every (250); `limner.training.loop.fit` says what they mean.
    -> the folder of the finished model (OUT/model, for load_motion_model), or None where stop_after came first.
    InputError: unknown recipe or setting, a store that is none, an `out` that holds another run, that another process trains in, or that
    cannot be written, a loss gone NaN.
    """
    from limner.data.store import Store

    config = resolve(recipe, overrides)
    store = Store(Path(data))
    out = Path(out)
    accelerator = accelerator_of(getattr(config, "precision", None))
    begun = None if budget is None else kept(config, out, budget)
    config = begun or config
    with _claimed(out, config, fingerprint(store), accelerator):
        model, stages = prepare(config, store, warp)
        if budget is not None and begun is None:
            config = said_by_first(accelerator, planned(config, model, stages, accelerator, budget))
            model, stages = prepare(config, store, warp)
        if accelerator.is_main_process:
            _sign(out, config, fingerprint(store), budget)
        engine = {name: getattr(config, name) for name in ("accumulate", "ema", "loaders", "monitor_every") if hasattr(config, name)}
        more = {"stop_after": stop_after, "show": show, "logs": logs, "config": to_json(config), **engine}
        if not fit(model, stages, out=out, seed=config.seed, accelerator=accelerator, **more):
            return None
        if accelerator.is_main_process:
            _save_model(model.cpu(), out / "model")
    return out / "model"


def resolve(recipe: Any, overrides: Mapping[str, Any] | None = None) -> Any:
    """A recipe's name, or a config, with settings replaced -> the whole config. InputError as `override`."""
    return override(recipe_of(recipe) if isinstance(recipe, str) else recipe, overrides or {})


def fingerprint(store: Any) -> str:
    """What the clips of a store are, in 16 letters."""
    return hashlib.sha256("".join(store.table["hash"].to_pylist()).encode()).hexdigest()[:16]


def prepare(config: Any, store: Any, warp: Any = None) -> tuple[Any, list]:
    """A model for this config, ready to train, and its stages. InputError where the store does not fit the config."""
    family = max((name for name in PAPERS if config.recipe.startswith(name)), key=len)
    more = {"warp": warp} if family == "warp-refine" else {}
    return importlib.import_module(PAPERS[family]).prepare(config, store, **more)


@contextlib.contextmanager
def _claimed(out: Path, config: Any, data: str, accelerator: Any) -> Iterator[None]:
    """Inside, `out` is this run's folder and no other's; the main process holds it, and a dead process holds nothing."""
    lock, refusal = None, None
    if accelerator.is_main_process:
        try:
            lock = _claim(out, config, data)
        except InputError as error:
            refusal = str(error)
    try:
        refuse_together(accelerator, refusal)
        yield
    finally:
        if lock is not None:
            lock.close()


def _claim(out: Path, config: Any, data: str) -> Any:
    """Make `out` a folder, or find that it is this run's, and hold it. InputError where it holds another run, or cannot be written."""
    path = out / "config.json"
    if out.exists() and not path.exists() and (not out.is_dir() or any(other.name != LOCK for other in out.iterdir())):
        raise InputError(f"{out} is there already and is no run of limner; name a new folder")
    if path.exists():
        check_same(out, config, data)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(out)
        if lock is None:
            raise InputError(f"another run is training in {out}; wait for it to end, or name another folder")
        if path.exists():
            check_same(out, config, data)  # once more: now nobody else writes it
    except OSError as error:
        raise InputError(f"cannot write {out}: {reason_of(error)}") from None
    return lock


def _sign(out: Path, config: Any, data: str, budget: float | None = None) -> None:
    """Write into `out` what is trained there; after all else is ready, so that what is refused leaves the folder to other settings."""
    path = out / "config.json"
    try:
        if not path.exists():
            more = {} if budget is None else {"budget_s": budget}
            checkpoint.write_json(path, {"format": FORMAT, "config": to_json(config), "data": data, **more})
    except OSError as error:
        raise InputError(f"cannot write {out}: {reason_of(error)}") from None


def check_same(out: Path, config: Any, data: str) -> None:
    """InputError that names the first setting in which the run in `out` differs; what an older limner did not know is at its default."""
    there = checkpoint.read_json(out / "config.json")
    ours = to_json(config)
    theirs = {field.name: field.default for field in dataclasses.fields(config)} | dict(there.get("config", {}))
    theirs = {name: list(value) if isinstance(value, tuple) else value for name, value in theirs.items()}
    for odd in theirs:
        if odd not in ours or ours[odd] != theirs[odd]:
            what = f"{odd} = {theirs[odd]!r}, not {ours.get(odd)!r}; name another folder, or repeat its settings"
            raise InputError(f"{out} holds a run with {what}")
    if there.get("data") != data:
        raise InputError(f"{out} holds a run on other clips; name the store that it was begun with, or another folder")


def _save_model(model: Any, folder: Path) -> None:
    from safetensors import SafetensorError

    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        model.save_pretrained(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise InputError(f"cannot write {folder} ({checkpoint.reason(error)}); the same command tries again") from None
