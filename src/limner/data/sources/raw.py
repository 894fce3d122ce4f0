"""What every adapter of a raw data set gives, one record a clip, and how they look into folders that people unpacked by hand.

An adapter is a module with `index(root, ...) -> list[RawClip]`: it reads names and label files, opens no video, and gives the clips in the
order of their ids. What systems and archivers leave behind (`._x.mp4`, `.DS_Store`, `__MACOSX`, `Thumbs.db`) is never looked at.

Shapes: T time, A action units.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.media.files import reason_of
from limner.media.pictures import SUFFIXES as PICTURES
from limner.types import InputError

POSED, SPONTANEOUS = "posed", "spontaneous"
LABELS = {"posed": POSED, "deliberate": POSED, "spontaneous": SPONTANEOUS, "genuine": SPONTANEOUS}  # what data sets call them -> our word
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".mts", ".m2ts", ".3gp", ".ogv"})
MAX_AU = 5  # FACS intensities A..E as 1..5, 0 absent: the scale of DISFA and DISFA+
LEFT_BEHIND = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True, kw_only=True)
class RawClip:
    """One recording of a raw data set, not yet opened.

    id: unique in its source. path: a video, or the folder of its frames (`frame_files` gives them in order).
    label: "posed", "spontaneous" or None where nobody said. split: "train", "val" or "test", the same for all clips of a subject.
    fps: of a folder of frames; None for a video, which says so itself.
    au: (T, A) float32 intensities 0..5, row t for the t-th frame, columns named by `au_names`; NaN where the data set has no value; None
    where it has none at all. A video may hold a frame more or less than there are rows.
    notes: what the report should say of it.
    """

    id: str
    source: str
    path: Path
    subject: str
    split: str
    label: str | None = None
    fps: Fraction | None = None
    au: np.ndarray | None = None
    au_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key by which frame 2 stands before frame 10, and 002 beside 2."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def entries(folder: Path) -> list[Path]:
    """What a folder holds, in natural order, without what systems leave behind. InputError if it cannot be read."""
    try:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name.casefold() not in LEFT_BEHIND]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {reason_of(error)}") from error
    return sorted(inside, key=lambda path: (natural(path.name), path.name))


def frame_files(folder: Path) -> list[Path]:
    """The pictures of a folder of frames, in natural order: 2.jpg before 10.jpg."""
    return [path for path in entries(folder) if path.suffix.lower() in PICTURES and path.is_file()]


def existing(root: str | Path, what: str) -> Path:
    """The root as a folder. InputError where it is missing or a file, such as an archive still to be unpacked."""
    root = Path(root)
    try:
        there = root.exists()
    except OSError as error:
        raise InputError(f"cannot read {root}: {reason_of(error)}") from error
    if not there:
        raise InputError(f"{root} does not exist; name the folder of {what}")
    if not root.is_dir():
        raise InputError(f"{root} is a file; unpack it and name the folder of {what}")
    return root


def inside(folder: Path, pattern: str) -> list[Path]:
    """The entries whose whole name matches the regular expression, upper or lower case alike."""
    return [path for path in entries(folder) if re.fullmatch(pattern, path.name, re.IGNORECASE)]


def folders(root: Path, pattern: str, parent: str) -> list[Path]:
    """The folders inside `root` whose name matches; if none does, those inside the folders of `root` that match `parent` (the data
    set's own folder, where the one above it was named)."""
    here = [path for path in inside(root, pattern) if path.is_dir()]
    return here or [path for up in inside(root, parent) if up.is_dir() for path in inside(up, pattern) if path.is_dir()]


def found(folder: Path, most: int = 6) -> str:
    """What a folder holds, for a message: "found a, b, c and 4 more", "found nothing"."""
    names = [path.name + ("/" if path.is_dir() else "") for path in entries(folder)]
    return f"found {some(names, most)}" if names else "found nothing"


def some(names: Iterable[object], most: int = 3) -> str:
    """The first few of many, for a message: "a, b, c and 4 more"."""
    shown = ["".join(sign if sign.isprintable() else "?" for sign in str(name)) for name in names]  # a message is one line
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends (any system's); UTF-16 with a mark (spreadsheets' "Unicode text"), UTF-8 with or
    without one, else Windows-1252. InputError if it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error
    try:
        text = content.decode("utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text.split("\n") if "\r" not in text else text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def hash_split(subject: str, *, seed: int = 0, val: float = 0.1, test: float = 0.1) -> str:
    """The split of a subject, from its name and the seed alone: the same on every machine, whoever else is in the data set.

    val, test: the shares of people to expect in each; a data set of few people may have none there.
    """
    name = unicodedata.normalize("NFC", subject)  # systems write é in two ways
    draw = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") / 2**64
    return "test" if draw < test else "val" if draw < test + val else "train"


def intensity(text: str, path: Path, line: int) -> int:
    """An AU intensity 0..5 as a label file writes it. InputError naming the line."""
    if not re.fullmatch(rf"[0-{MAX_AU}]", text):
        raise InputError(f"{path}, line {line}: {text!r} is no AU intensity; they run from 0 to {MAX_AU}")
    return int(text)


def au_table(columns: dict[int, dict[int, int]], num: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """{AU number: {row: intensity}} -> (num, A) float32 by rising AU number, NaN where there is no value, and the names ("AU06", ...)."""
    if not columns:
        return None, ()
    au = np.full((num, len(columns)), np.nan, np.float32)
    for column, number in enumerate(sorted(columns)):
        for row, value in columns[number].items():
            au[row, column] = value
    return au, tuple(f"AU{number:02d}" for number in sorted(columns))
