"""Anyone's recordings: a folder of videos, or of folders of frames, with labels and people from sub-folders or from a table.

    root/anna/posed/1.mp4       the sub-folder named posed, deliberate, spontaneous or genuine is the label, the first other one the person
    root/labels.csv             or another table: file, and any of label, subject, split, fps; what it says counts

A recording in no person's folder and in no row is taken for a person of its own.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path, PurePosixPath

from limner.data.records import SPLITS
from limner.data.sources.raw import LABELS, VIDEOS, RawClip, entries, existing, found, frame_files, hash_split, read_lines, some
from limner.data.sources.raw_actions import RawAction
from limner.media.video import parse_fps
from limner.types import InputError

SOURCE = "folder"
TABLE = "labels.csv"
COLUMNS = {
    "file": "file", "path": "file", "video": "file", "clip": "file", "label": "label", "subject": "subject", "person": "subject",
    "split": "split", "fps": "fps",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What is known of one recording; None where nobody said."""

    label: str | None = None
    subject: str | None = None
    split: str | None = None
    fps: Fraction | None = None


def index(
    root: str | Path,
    *,
    table: str | Path | None = None,
    fps: Fraction | None = None,
    partial: bool = False,
    seed: int = 0,
    val: float = 0.1,
    test: float = 0.1,
) -> list[RawClip]:
    """Every recording under a folder.

    table: by default root/labels.csv, if it is there; its files are named from the root, or by their bare name where only one has it.
    fps: of folders of frames (two pictures or more and no video); without it only those count whose row gives an fps. A video's is its own.
    Split: the table's, the same for all of a person, else `raw.hash_split` of the person. partial: rows may name files that are not there.
    InputError: nothing to take, a table that cannot be read, names what is not there, or divides a person between splits.
    """
    root = existing(root, "your videos")
    chosen = Path(table) if table is not None else next((path for path in entries(root) if path.name == TABLE and path.is_file()), None)
    recordings = _recordings(root)
    rows = _read_table(chosen, root, recordings, partial) if chosen else {}
    taken = {key: path for key, path in recordings.items() if path.is_file() or fps or (key in rows and rows[key].fps)}
    if not taken:
        _refuse(root, recordings)
    ids = _ids(taken)
    known = {key: _merge(rows.get(key, Row()), _by_folder(root, key)) for key in taken}
    people = {key: row.subject or ids[key] for key, row in known.items()}
    splits = _splits(people, known, chosen)
    only = next(iter(people.values())) if len(taken) > 1 and len(set(people.values())) == 1 else None
    clips = [
        RawClip(
            id=ids[key],
            source=SOURCE,
            path=path,
            subject=people[key],
            split=splits.get(people[key]) or hash_split(people[key], seed=seed, val=val, test=test),
            label=known[key].label,
            fps=None if path.is_file() else known[key].fps or fps,
            notes=_notes(known[key], chosen if chosen and key not in rows else None, only),
        )
        for key, path in taken.items()
    ]
    return sorted(clips, key=lambda clip: clip.id)


def _notes(row: Row, not_in: Path | None, only: str | None) -> tuple[str, ...]:
    """What the report should say of a recording; not_in: a table that does not name it; only: the one person of all recordings."""
    notes = [] if row.subject else ["no person named: taken for one of its own"]
    if not_in is not None:
        notes.append(f"not in {not_in.name}")
    if row.subject and only is not None:
        notes.append(f"every recording is of the person {only!r}, so all are in one split")
    return tuple(notes)


def index_actions(root: str | Path, *, seed: int = 0, val: float = 0.1, test: float = 0.1) -> list[RawAction]:
    """Every video under a folder as one of a person in action: root/anna/walking/1.mp4, the last folder is the action, one above it the
    person; a video in no person's folder is of a person of its own. Split: as root/labels.csv says, if it is there, the same for all of a
    person, else `raw.hash_split` of the person. InputError: no videos, a table as `index` refuses it."""
    root = existing(root, "your videos")
    videos = {key: path for key, path in _recordings(root).items() if path.is_file()}
    if not videos:
        _refuse(root, {})
    ids, table = _ids(videos), root / TABLE
    rows = _read_table(table, root, videos, False) if table.is_file() else {}
    parts = {key: PurePosixPath(key).parts[:-1] for key in videos}
    people = {key: parents[0] if len(parents) > 1 else ids[key] for key, parents in parts.items()}
    splits = _splits(people, rows, table)
    clips = []
    for key, path in videos.items():
        parents, person = parts[key], people[key]
        clips.append(
            RawAction(
                id=ids[key],
                source=SOURCE,
                path=path,
                subject=person,
                split=splits.get(person) or hash_split(person, seed=seed, val=val, test=test),
                label=parents[-1] if parents else None,
                notes=() if len(parents) > 1 else ("no person named: taken for one of its own",),
            )
        )
    return sorted(clips, key=lambda clip: clip.id)


def _recordings(root: Path) -> dict[str, Path]:
    """{path from the root, with / and composed letters: video, or folder of two pictures or more and no video}."""
    recordings: dict[str, Path] = {}
    waiting, seen = [root], {root.resolve()}
    while waiting:
        folder = waiting.pop()
        inside = entries(folder)
        videos = [path for path in inside if path.suffix.lower() in VIDEOS and path.is_file()]
        for path in videos or ([folder] if folder != root and len(frame_files(folder)) > 1 else []):
            recordings[_composed(path.relative_to(root).as_posix())] = path
        for path in inside:
            if path.is_dir() and (real := path.resolve()) not in seen:  # a link may lead back up
                seen.add(real)
                waiting.append(path)
    return dict(sorted(recordings.items()))


def _by_folder(root: Path, key: str) -> Row:
    """Label and person that the sub-folders name."""
    parents = PurePosixPath(key).parts[:-1]
    labels = {LABELS[part.casefold()] for part in parents if part.casefold() in LABELS}
    if len(labels) > 1:
        raise InputError(f"{root / key} lies in a folder of posed and in one of spontaneous; leave one of them")
    people = [part for part in parents if part.casefold() not in LABELS]
    return Row(label=next(iter(labels), None), subject=people[0] if people else None)


def _merge(first: Row, second: Row) -> Row:
    """What the first row says, and where it is silent what the second says."""
    return replace(first, label=first.label or second.label, subject=first.subject or second.subject)


def _splits(people: dict[str, str], known: dict[str, Row], table: Path | None) -> dict[str, str]:
    """{person: the split that the table gives}. InputError where it gives two."""
    splits: dict[str, str] = {}
    for key, row in known.items():
        if row.split and splits.setdefault(people[key], row.split) != row.split:
            raise InputError(f"{table}: {people[key]!r} is in {splits[people[key]]} and in {row.split}; a person is in one split only")
    return splits


def _ids(recordings: dict[str, Path]) -> dict[str, str]:
    """{key: "anna__posed__1"}, with six letters more of a hash where two would be the same."""
    plain = {
        key: (key if path.is_dir() else str(PurePosixPath(key).with_suffix(""))).replace("/", "__") for key, path in recordings.items()
    }
    times = Counter(plain.values())
    return {key: name if times[name] == 1 else f"{name}__{hashlib.sha256(key.encode()).hexdigest()[:6]}" for key, name in plain.items()}


def _read_table(path: Path, root: Path, recordings: dict[str, Path], partial: bool) -> dict[str, Row]:
    """{key: row}. InputError naming the row that cannot be read, or what the table lists and is not there."""
    rows: dict[str, Row] = {}
    missing = []
    for where, cell in _cells(path):
        key = _find(cell.get("file", ""), root, recordings, where)
        if key is None:
            missing.append(cell["file"])
        elif key in rows:
            raise InputError(f"{where}: {key} stands there twice")
        else:
            rows[key] = _row(cell, where)
    if missing and not partial:
        listed = len(rows) + len(missing)
        raise InputError(f"{root} is not whole: {path.name} lists {listed} recordings, missing: {len(missing)} ({some(missing)})")
    return rows


def _cells(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, for a message, and {column: cell} of the columns we know. InputError if it is no such table."""
    if not path.is_file():
        raise InputError(f"{path} is not there; name a table of file, label, subject")
    lines = read_lines(path)
    delimiter = max(",;\t", key=lines[0].count)
    try:
        table = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{path} is no table: {error}") from error
    names = [COLUMNS.get(name.strip().casefold(), "") for name in table[0]]
    known = Counter(filter(None, names))
    if "file" not in known or len(known) < 2 or max(known.values()) > 1:
        shown = some((name.strip() for name in table[0]), 6)
        raise InputError(f"{path}: looked for the columns file and label, subject, split or fps, once each; found {shown[:80]}")
    for number, cells in enumerate(table[1:], 2):
        where = f"{path}, row {number}"
        if len(cells) > len(names):
            raise InputError(f"{where}: {len(cells)} cells under {len(names)} columns; put quotes around a cell that holds {delimiter!r}")
        if any(cell.strip() for cell in cells):
            yield where, {name: _composed(text.strip()) for name, text in zip(names, cells) if name}


def _row(cell: dict[str, str], where: str) -> Row:
    label, split = cell.get("label", "").casefold(), cell.get("split", "").casefold()
    if label and label not in LABELS:
        raise InputError(f"{where}: no label {cell['label']!r}; there are: {', '.join(LABELS)}, or nothing")
    if split and split not in SPLITS:
        raise InputError(f"{where}: no split {cell['split']!r}; there are: {', '.join(SPLITS)}, or nothing")
    try:
        fps = parse_fps(cell["fps"]) if cell.get("fps") else None
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return Row(label=LABELS.get(label), subject=cell.get("subject") or None, split=split or None, fps=fps)


def _find(name: str, root: Path, recordings: dict[str, Path], where: str) -> str | None:
    """The recording that a table's cell means, or None. InputError if it may mean several."""
    if not name:
        raise InputError(f"{where}: names no file")
    if Path(name).is_absolute() and Path(name).is_relative_to(root.absolute()):
        name = Path(name).relative_to(root.absolute()).as_posix()
    key = str(PurePosixPath(name.replace("\\", "/")))
    if key in recordings:
        return key
    same = [other for other in recordings if PurePosixPath(other).name == key]
    if len(same) > 1:
        raise InputError(f"{where}: {name} may be {some(same)}; write its path from {root}")
    return same[0] if same else None


def _refuse(root: Path, recordings: dict[str, Path]) -> None:
    if recordings:
        raise InputError(f"{root}: no videos, but folders of pictures ({some(recordings)}); say how many frames a second they are (--fps)")
    raise InputError(f"{root}: no videos here; looked in it and its sub-folders for {', '.join(sorted(VIDEOS))}; {found(root)}")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)  # systems write é in two ways
