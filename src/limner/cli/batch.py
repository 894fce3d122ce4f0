"""Photos and folders of photos, one after the other: each that is refused is one line, and the rest goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from limner.cli.session import OK, REFUSED, one_line, say
from limner.generation.settings import SettingsError
from limner.types import InputError


def each(given: Sequence[Path], out: Path, one: Callable[[Path, str], bool]) -> int:
    """Does every photo that `given` names -> 0, or 2 where one was refused.

    one: does a photo, given its path and what to call it while it is worked on; -> whether finished files were kept. An InputError of it
    is said and the rest goes on; a SettingsError, the same for every photo, ends the batch.
    """
    start = time.monotonic()
    photos, refused = gather(given)
    for line in refused:
        say(f"limner: {line}")
    num_all, num_done, num_kept = len(photos) + len(refused), 0, 0
    for i, path in enumerate(photos):
        try:
            kept = one(path, path.name if len(photos) == 1 else f"{path.name} ({i + 1} of {len(photos)})")
        except SettingsError:
            raise
        except InputError as error:
            line = one_line(error)
            refused.append(line if path.name in line or str(path) in line else f"{path}: {line}")
            say(f"limner: {refused[-1]}")
            continue
        num_done, num_kept = num_done + 1, num_kept + kept
    if num_all > 1:
        kept_words = f" ({num_kept} kept from before)" if num_kept else ""
        print(f"{num_done} of {num_all} photos done{kept_words} in {time.monotonic() - start:.1f} s -> {out}")
    return REFUSED if refused else OK


def gather(given: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Photos and folders -> the photos, in order, and a line for each that is refused before it is opened.

    A folder gives its own pictures, by suffix, not those of its subfolders. Two photos of one name would share an output folder: the
    first is done, the others are refused. The same file twice is taken once.
    """
    from limner.media.pictures import SUFFIXES

    found: list[Path] = []
    refused: list[str] = []
    for path in given:
        if str(path).startswith(("http:/", "https:/")):
            refused.append(f"{path} is a web address; download the picture first")
            continue
        try:
            if not path.expanduser().is_dir():
                found.append(path)
                continue
            inside = sorted(
                p for p in path.expanduser().iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and not p.is_dir()
            )
        except (OSError, RuntimeError) as error:
            refused.append(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")
            continue
        found += inside
        if not inside:
            refused.append(f"{path} is a folder without pictures")
    photos: dict[str, Path] = {}
    for path in found:
        first = photos.setdefault(path.stem.casefold(), path)
        if first != path and not _same_file(first, path):
            refused.append(
                f"{path} has the same name as {first}, and their results would share a folder; rename one, or give it its own --out"
            )
    return list(photos.values()), refused


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
