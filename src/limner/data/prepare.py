"""Raw sources -> a clip store, with one progress bar; the same command again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from limner.data.store import MANIFEST, SHARDS, Store, StoreWriter, estimate_bytes
from limner.media.files import LOCK
from limner.types import InputError

SMILES_FORMAT = 2  # raised when smiles.generate makes other clips of the same settings
FRAMES_PER_CLIP = 46  # measured: mean of the procedural clips
CLIPS_PER_SHARD = 512  # ours: about 20 MB; a killed run loses the shard it was at


def prepare_smiles(store: Path, *, people: int = 400, seed: int = 0, force: bool = False, quiet: bool = False) -> Store:
    """Fills a store with procedural smiles of `people` people (data/sources/smiles.py) and returns it.

    The same settings again: checked and kept, or finished where a run was cut. force: replace a store of other settings, or one that is
    damaged. quiet: no progress bar, nothing said. InputError: under 10 people, a seed below 0; a folder that holds another store (without
    `force`) or other files, that cannot be written, or that another run is filling.
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
    done = kept(store, settings, force)
    if done >= wanted:
        tell(quiet, f"{store}: {done} clips, as asked for; kept")
        return Store(store)
    size = estimate_bytes(wanted, FRAMES_PER_CLIP) / 1e6
    tell(quiet, f"{store}: {wanted} clips of {people} people, about {size:.0f} MB")
    _fill(store, people, seed, settings, done, wanted, quiet)
    return Store(store)


def kept(store: Path, settings: dict[str, Any], force: bool) -> int:
    """How many clips, made with these very settings and whole, a store's folder holds; 0: it is to be filled anew.

    InputError where filling it anew would lose something and `force` is not given."""
    if not (store / MANIFEST).exists():
        if store.is_dir() and {entry.name for entry in store.iterdir()} - {SHARDS, LOCK, MANIFEST + ".part"}:
            raise InputError(f"{store} holds other files; name an empty or new folder")
        return 0
    try:
        old = Store(store)
        if old.note.get("settings") == settings:
            old.verify()
            return len(old)
        why = f"holds a store made with other settings ({_say(old.note.get('settings'))})"
    except InputError as error:
        why = f"holds a store that cannot be gone on with ({error})"
    if not force:
        raise InputError(f"{store} {why}; use --force to replace it, or another folder")
    return 0


def _fill(store: Path, people: int, seed: int, settings: dict[str, Any], done: int, wanted: int, quiet: bool) -> None:
    """Makes the clips from number `done` on, person after person."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from limner.data.sources import smiles

    columns = (TextColumn("smiles"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    first, skip = divmod(done, smiles.clips_per_person())
    with (
        StoreWriter(store, clips_per_shard=CLIPS_PER_SHARD, note={"settings": settings}, fresh=not done) as writer,
        Progress(*columns, transient=True, disable=quiet) as progress,
    ):
        task = progress.add_task("smiles", total=wanted, completed=done)
        for index in range(first, people):
            for number, clip in enumerate(smiles.person_clips(index, seed)):
                if index == first and number < skip:
                    continue  # written by the run that was cut
                writer.add(clip)
                progress.advance(task)


def tell(quiet: bool, line: str) -> None:
    """A line for the user, unless quiet."""
    if not quiet:
        print(line)


def _say(settings: dict[str, Any] | None) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items()) if settings else "of another source"
