"""Raw sources -> a clip store, with one progress bar; the same command again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from limner.data.store import MANIFEST, SHARDS, Store, StoreWriter, estimate_bytes
from limner.data.workers import spread
from limner.media.files import LOCK
from limner.types import Clip, InputError

SMILES_FORMAT = 2  # raised when smiles.generate makes other clips of the same settings
FRAMES_PER_CLIP = 46  # measured: mean of the procedural clips
CLIPS_PER_SHARD = 512  # ours: about 20 MB; a killed run loses the shard it was at
FACES_FORMAT = 1  # raised when synthetic_faces makes other clips of the same settings
BODIES_FORMAT = 2  # raised when synthetic_bodies makes other clips of the same settings
FRAMES_PER_SHARD = 2048  # ours: of 64 x 64 pixels, some 15 MB; fewer where they are larger
PNG_BYTES, JPEG_BYTES = 1.7, 0.6  # measured: of a pixel
JPEG_FROM = 256  # ours: pixels of a side from which on frames of bodies are kept as JPEG


def prepare_smiles(store: Path, *, people: int = 400, seed: int = 0, force: bool = False, quiet: bool = False) -> Store:
    """Fills a store with procedural smiles of `people` people (data/sources/smiles.py) and returns it.

    The same settings again: checked and kept, or finished where a run was cut. force: replace a store of other settings, or one that is
    damaged. quiet: no progress bar, nothing said. InputError: under 10 people, a seed below 0; a folder that holds another store (without
    `force`) or other files, that cannot be written, or that another run is filling.
    """
    from limner.data.sources import smiles

    settings = {"source": "limner.smiles", "format": SMILES_FORMAT, "people": people, "seed": seed}
    estimate = estimate_bytes(people * smiles.clips_per_person(), FRAMES_PER_CLIP)
    made = Procedural(
        settings=settings, of_person=partial(smiles.person_clips, seed=seed), each=smiles.clips_per_person(), shard=CLIPS_PER_SHARD
    )
    return _prepare(Path(store), made, estimate, force=force, quiet=quiet)


def prepare_faces(
    store: Path,
    *,
    people: int = 200,
    seed: int = 0,
    size: int = 64,
    limit: int | None = None,
    workers: int = 1,
    force: bool = False,
    quiet: bool = False,
) -> Store:
    """Fills a store with synthetic faces, size x size pixels (data/sources/synthetic_faces.py), and returns it; the rest as prepare_smiles.

    limit: only the first so many clips. workers: processes; the store is the same for any number.
    """
    from limner.data.sources import synthetic_faces as faces

    _check(size, faces.MIN_SIZE, faces.MAX_SIZE, limit, workers)
    settings = {"source": faces.SOURCE, "format": FACES_FORMAT, "people": people, "seed": seed, "size": size, "limit": limit}
    of_person = partial(faces.person_clips, seed=seed, size=size)
    shard = max(1, FRAMES_PER_SHARD * 64 * 64 // (faces.NUM * size * size))
    made = Procedural(
        settings=settings, of_person=of_person, each=faces.clips_per_person(), shard=shard, limit=limit, workers=workers, title="faces"
    )
    estimate = min(limit or people * made.each, people * made.each) * faces.NUM * size * size * PNG_BYTES
    return _prepare(Path(store), made, estimate, force=force, quiet=quiet)


def prepare_bodies(
    store: Path,
    *,
    people: int = 60,
    seed: int = 0,
    size: int = 64,
    actions: Sequence[str] = (),
    background: bool = True,
    limit: int | None = None,
    workers: int = 1,
    encoding: str | None = None,
    force: bool = False,
    quiet: bool = False,
) -> Store:
    """Fills a store with synthetic people in motion, size x size pixels (data/sources/synthetic_bodies.py), and returns it; the rest as
    prepare_faces.

    actions: those of synthetic_bodies.ACTIONS that are made, all where none is named. background: or plain grey. encoding: of the frames;
    without it JPEG from 256 pixels on, else PNG.
    """
    from limner.data.sources import synthetic_bodies as bodies

    _check(size, bodies.MIN_SIZE, bodies.MAX_SIZE, limit, workers)
    actions = bodies.check_actions(actions or tuple(bodies.ACTIONS))
    encoding = encoding or ("jpeg" if size >= JPEG_FROM else "png")
    settings = {
        "source": bodies.SOURCE, "format": BODIES_FORMAT, "people": people, "seed": seed, "size": size, "actions": ",".join(actions),
        "background": background, "encoding": encoding, "limit": limit,
    }  # fmt: skip
    of_person = partial(bodies.person_clips, seed=seed, size=size, actions=actions, background=background)
    made = Procedural(
        settings=settings,
        of_person=of_person,
        each=bodies.clips_per_person(actions),
        shard=max(1, FRAMES_PER_SHARD * 64 * 64 // (bodies.NUM * size * size)),
        limit=limit,
        workers=workers,
        title="bodies",
        encoding=encoding,
    )
    estimate = made.wanted * bodies.NUM * size * size * (JPEG_BYTES if encoding == "jpeg" else PNG_BYTES)
    return _prepare(Path(store), made, estimate, force=force, quiet=quiet)


def _check(size: int, smallest: int, largest: int, limit: int | None, workers: int) -> None:
    """InputError for a number out of range."""
    for name, value, low, high in (
        ("size", size, smallest, largest), ("limit", 1 if limit is None else limit, 1, None), ("workers", workers, 1, None),
    ):  # fmt: skip
        if value < low or (high is not None and value > high):
            raise InputError(f"--{name} {value}: it must be at least {low}" + (f" and at most {high}" if high else ""))


@dataclass(frozen=True, kw_only=True)
class Procedural:
    """Clips that are computed: of_person(index) makes those of a person, `each` of them, whatever else is made; `shard` clips a shard."""

    settings: dict[str, Any]
    of_person: Callable[[int], Iterator[Clip]]
    each: int
    shard: int
    limit: int | None = None
    workers: int = 1
    title: str = "smiles"
    encoding: str = "png"

    @property
    def wanted(self) -> int:
        """How many clips in all."""
        every = self.settings["people"] * self.each
        return every if self.limit is None else min(self.limit, every)


def _prepare(store: Path, made: Procedural, estimate: float, *, force: bool, quiet: bool) -> Store:
    people, seed = made.settings["people"], made.settings["seed"]
    if people < 10:
        raise InputError(f"--people {people}: at least 10 are needed, so that each split has one")
    if seed < 0:
        raise InputError(f"--seed {seed}: a seed is 0 or more")
    if store.exists() and not store.is_dir():
        raise InputError(f"{store} is a file; name a folder for the store")
    done = kept(store, made.settings, force)
    if done >= made.wanted:
        tell(quiet, f"{store}: {done} clips, as asked for; kept")
        return Store(store)
    tell(quiet, f"{store}: {made.wanted} clips of {people} people, about {estimate / 1e6:.0f} MB")
    _fill(store, made, done, quiet)
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
        why = f"holds a store made {_other(old.note.get('settings') or {}, settings)}"
    except InputError as error:
        why = f"holds a store that cannot be gone on with ({error})"
    if not force:
        raise InputError(f"{store} {why}; use --force to replace it, or another folder")
    return 0


def _fill(store: Path, made: Procedural, done: int, quiet: bool) -> None:
    """Makes the clips from number `done` on, person after person."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(made.title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    first, skip = divmod(done, made.each)
    people = range(first, -(-made.wanted // made.each))
    one = made.of_person if made.workers == 1 else partial(_listed, of_person=made.of_person)
    with (
        StoreWriter(store, encoding=made.encoding, clips_per_shard=made.shard, note={"settings": made.settings}, fresh=not done) as writer,
        Progress(*columns, transient=True, disable=quiet) as progress,
        spread(one, people, made.workers) as results,
    ):
        task = progress.add_task(made.title, total=made.wanted, completed=done)
        for index, clips in zip(people, results, strict=True):
            for number, clip in enumerate(clips):
                if (index == first and number < skip) or index * made.each + number >= made.wanted:
                    continue  # written by the run that was cut, or past the limit
                writer.add(clip)
                progress.advance(task)


def _listed(index: int, of_person: Callable[[int], Iterator[Clip]]) -> list[Clip]:
    """The clips of a person, made in a process that computes on one core: there is one worker a core."""
    import torch

    torch.set_num_threads(1)
    return list(of_person(index))


def tell(quiet: bool, line: str) -> None:
    """A line for the user, unless quiet."""
    if not quiet:
        print(line)


def _other(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The first setting of a store that is not the one asked for, in words."""
    name = next(name for name in {**new, **old} if old.get(name) != new.get(name))
    if name == "hash":
        return "of other recordings, or with other labels"
    return f"with other settings: {name} {old.get(name)} (now {new.get(name)})"
