"""Raw sources -> a clip store, with one progress bar; the same command again changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from limner.data.store import MANIFEST, SHARDS, Store, StoreWriter, estimate_bytes
from limner.types import InputError

SMILES_FORMAT = 2  # raised when smiles.generate makes other clips of the same settings
FRAMES_PER_CLIP = 46  # measured: mean of the procedural clips
CLIPS_PER_SHARD = 512  # ours: about 20 MB; a killed run loses the shard it was at


def prepare_smiles(store: Path, *, people: int = 400, seed: int = 0, force: bool = False, quiet: bool = False) -> Store:
    """Fills a store with procedural smiles of `people` people (data/sources/smiles.py) and returns it.

    The same settings again: kept, or finished where a run was cut. Other settings in the same folder: InputError without
    `force`. quiet: no progress bar, nothing said.
    """
    from limner.data.sources import smiles

    store = Path(store)
    if people < 10:
        raise InputError(f"--people {people}: at least 10 are needed, so that each split has one")
    if seed < 0:
        raise InputError(f"--seed {seed}: a seed is 0 or more")
    if store.exists() and not store.is_dir():
        raise InputError(f"{store} is a file; name a folder for the store")
    settings = {"source": "limner.smiles", "format": SMILES_FORMAT, "people": people, "seed": seed}
    wanted = people * smiles.clips_per_person()
    done = 0
    if (store / MANIFEST).exists():
        old = Store(store)
        if old.note.get("settings") == settings:
            done = len(old)
            if done >= wanted:
                _tell(quiet, f"{store}: {done} clips, as asked for; kept")
                return old
        elif not force:
            made = _say(old.note.get("settings"))
            raise InputError(f"{store} holds a store made with other settings ({made}); use --force to replace it, or another folder")
    elif store.is_dir() and any(store.iterdir()) and {entry.name for entry in store.iterdir()} - {SHARDS, MANIFEST + ".part"}:
        raise InputError(f"{store} holds other files; name an empty or new folder")
    if not done and store.exists():
        (store / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(store / SHARDS, ignore_errors=True)
    size = estimate_bytes(wanted, FRAMES_PER_CLIP) / 1e6
    _tell(quiet, f"{store}: {wanted} clips of {people} people, about {size:.0f} MB")
    _fill(store, people, seed, settings, done, wanted, quiet)
    return Store(store)


def _fill(store: Path, people: int, seed: int, settings: dict, done: int, wanted: int, quiet: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from limner.data.sources import smiles

    columns = (TextColumn("smiles"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    first = done // smiles.clips_per_person()
    with (
        StoreWriter(store, clips_per_shard=CLIPS_PER_SHARD, note={"settings": settings}) as writer,
        Progress(*columns, transient=True, disable=quiet) as progress,
    ):
        task = progress.add_task("smiles", total=wanted, completed=done)
        skip = done - first * smiles.clips_per_person()
        for index in range(first, people):
            for number, clip in enumerate(smiles.person_clips(index, seed)):
                if index == first and number < skip:
                    continue  # written by the run that was cut
                writer.add(clip)
                progress.advance(task)


def _tell(quiet: bool, line: str) -> None:
    if not quiet:
        print(line)


def _say(settings: dict | None) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items()) if settings else "of another source"
