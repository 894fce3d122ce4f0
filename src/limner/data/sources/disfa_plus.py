"""DISFA+ (Mavadati, Sanger, Mahoor, CVPR workshops 2016): 9 people of DISFA who pose AUs and expressions on request, every frame AU-coded.

    DISFAPlusDataset/
        Images/SN001/A1_AU1_TrailNo_1/000.jpg       one folder a trial; "Trail" so spelled, "Trial" is taken for the same
        Labels/SN001/A1_AU1_TrailNo_1/AU12.txt      2 header lines, then "000.jpg", a run of blanks, and the intensity

The layout as public loaders have it (spec A6). What a trial shows, its AU labels say; its name is only a name. The people are people of
DISFA, and take the same split.

Shapes: T time, A action units.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.data.sources.disfa import PERSON, person_id, split_of
from limner.data.sources.raw import (
    POSED,
    RawClip,
    au_table,
    entries,
    existing,
    folders,
    found,
    frame_files,
    inside,
    intensity,
    read_lines,
    some,
)
from limner.types import InputError

SOURCE = "disfa-plus"
FOLDER = r"DISFA[ _-]?(Plus|\+).*"
HEADER_LINES = 2
FPS = Fraction(20)  # ours: the rate of DISFA's camera; no readable source states that of DISFA+ (spec A6)
Trial = tuple[str, str]  # person, name of the trial in lower case, "trial" written "trail"


def index(root: str | Path, *, fold: int = 3, fps: Fraction = FPS, partial: bool = False) -> list[RawClip]:
    """Every trial of a DISFA+ tree, a folder of frames each, with its AU intensities; root: the data set's folder or the one above it.

    All of it is "posed", as in the paper's tables. Row t of `au` is the t-th picture of `raw.frame_files`. fold: as in `disfa.split_of`.
    Pictures and labels must be there for the same trials and frames: partial=True takes the trials that have pictures, with what labels
    there are. InputError: no pictures, no labels, trials or frames of which one is missing, a label file that cannot be read.
    """
    root = existing(root, "DISFA+")
    images, labels = _trials(root, "Images", "000.jpg"), _trials(root, "Labels", "AU12.txt", needed=not partial)
    if not partial:
        _complete(root, "pictures", [labels[key] for key in sorted(set(labels) - set(images))], len(labels))
        _complete(root, "labels", [images[key] for key in sorted(set(images) - set(labels))], len(images))
    clips = []
    for (person, name), folder in sorted(images.items()):
        au, names, notes = read_labels(labels[person, name], folder, partial) if (person, name) in labels else (None, (), ("no AU labels",))
        clips.append(
            RawClip(
                id=f"{person}_{folder.name}",
                source=SOURCE,
                path=folder,
                subject=person,
                split=split_of(person, fold),
                label=POSED,
                fps=fps,
                au=au,
                au_names=names,
                notes=notes,
            )
        )
    return clips


def read_labels(labels: Path, images: Path, partial: bool = False) -> tuple[np.ndarray | None, tuple[str, ...], tuple[str, ...]]:
    """The AU files of a trial, by the order of its pictures -> ((T, A) float32 or None, names, notes).

    InputError: no AU files, one that cannot be read, rows for pictures that are not there (partial: said in the notes)."""
    pictures = {path.name.casefold(): row for row, path in enumerate(frame_files(images))}
    columns: dict[int, dict[int, int]] = {}
    notes: list[str] = []
    lost: set[str] = set()
    for path in inside(labels, r"AU\d+\.txt"):
        values = _read_au(path)
        number = int(path.stem[2:])
        columns[number] = {pictures[name]: value for name, value in values.items() if name in pictures}
        lost |= set(values) - set(pictures)
        if len(columns[number]) < len(pictures):
            notes.append(f"AU{number:02d} has values for {len(columns[number])} of {len(pictures)} frames")
    if not columns and not partial:
        raise InputError(f"{labels}: DISFA+ is half-unpacked: looked for AU12.txt and its kin, {found(labels)}")
    if lost and not partial:
        raise InputError(
            f"{images}: DISFA+ is half-unpacked: pictures that the labels name are missing: {len(lost)} ({some(sorted(lost))}), "
            f"{len(pictures)} are there; unpack the rest, or say --partial to take what there is"
        )
    notes += [f"pictures that the labels name are missing: {len(lost)}"] * bool(lost)
    notes += ["no AU labels"] if not columns else [f"no labels of AU{number:02d}" for number in (6, 12) if number not in columns]
    return *au_table(columns, len(pictures)), tuple(notes)


def _read_au(path: Path) -> dict[str, int]:
    """{picture's name in lower case: intensity}; passes over lines that start with #, and header lines. InputError naming the line."""
    values: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        row = re.fullmatch(r"\s*(\S.*\.(?:jpe?g|png|bmp))\s+(\S+)\s*", line, re.IGNORECASE)
        if number <= HEADER_LINES and not (row and row[2].isdecimal()):
            continue
        if not row:
            raise InputError(f"{path}, line {number}: expected after {HEADER_LINES} header lines 000.jpg and 0; got {line.strip()[:40]!r}")
        name = row[1].casefold()
        if name in values:
            raise InputError(f"{path}, line {number}: {row[1]} stands there twice")
        values[name] = intensity(row[2], path, number)
    return values


def _trials(root: Path, kind: str, example: str, needed: bool = True) -> dict[Trial, Path]:
    """{trial: its folder} under Images or Labels. InputError if there are none and they are needed, or one is there twice."""
    places = folders(root, kind, FOLDER)
    trials: dict[Trial, Path] = {}
    for path in (trial for place in places for up in inside(place, PERSON) if up.is_dir() for trial in entries(up) if trial.is_dir()):
        if not (frame_files(path) if kind == "Images" else inside(path, r"AU\d+\.txt")):
            continue  # an empty folder: its trial counts as missing
        key = person_id(path.parent.name), path.name.casefold().replace("trial", "trail")
        if key in trials:
            raise InputError(f"{root}: the same trial twice: {trials[key]} and {path}; keep one")
        trials[key] = path
    if not trials and needed:
        there = f"in {places[0].name}/ {found(places[0])}" if places else found(root)
        raise InputError(f"{root}: no DISFA+ here; looked for {kind}/SN001/A1_AU1_TrailNo_1/{example}, {there}")
    return trials


def _complete(root: Path, what: str, others: list[Path], num: int) -> None:
    if others:
        raise InputError(
            f"{root}: DISFA+ is half-unpacked: no {what} for {len(others)} of {num} trials "
            f"({some(f'{path.parent.name}/{path.name}' for path in others)}); unpack the rest, or say --partial to take what there is"
        )
