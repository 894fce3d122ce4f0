"""DISFA (Mavadati et al., IEEE Trans. Affective Computing 2013): 27 people, spontaneous, a stereo camera, 12 AUs coded on every frame.

    DISFA/
        Videos_LeftCamera/LeftVideoSN001_comp.avi       mirrors write Video_ or Videos_, _comp or _Comp
        Video_RightCamera/RightVideoSN001_Comp.avi
        ActionUnit_Labels/SN001/SN001_au12.txt          a line a frame, "frame,intensity", no header, frames counted from 1

The layout as public loaders have it (spec A6). Some ids between SN001 and SN033 do not exist, and copies differ in which: none is expected.
The 9 people of DISFA+ are people of DISFA, so both take the split of a person from `split_of`.

Shapes: T time, A action units.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from limner.data.sources.raw import (
    SPONTANEOUS,
    RawClip,
    au_table,
    existing,
    folders,
    found,
    hash_split,
    inside,
    intensity,
    read_lines,
    some,
)
from limner.types import InputError

SOURCE = "disfa"
CAMERAS = {"left": ("left",), "right": ("right",), "both": ("left", "right")}
PERSON = r"SN\d{1,3}"
FOLDER = r"DISFA[_-]?"
# The three folds in which the AU papers cross-validate (spec A6).
FOLDS = (
    ("SN002", "SN010", "SN001", "SN026", "SN027", "SN032", "SN030", "SN009", "SN016"),
    ("SN013", "SN018", "SN011", "SN028", "SN012", "SN006", "SN031", "SN021", "SN024"),
    ("SN003", "SN029", "SN023", "SN025", "SN008", "SN005", "SN007", "SN017", "SN004"),
)
NUM_VAL = 2  # ours: people of the fold after the test fold who validate; one of them is in DISFA+, whichever fold it is


def split_of(person: str, fold: int = 3) -> str:
    """ "SN001" -> its split in DISFA and in DISFA+ alike: fold 1, 2 or 3 is "test", the first two of the next one "val", the rest "train".

    Who is in none of the folds (SN033 of some copies) goes where a hash of the id says."""
    if fold not in range(1, len(FOLDS) + 1):
        raise InputError(f"fold {fold!r}: DISFA has the folds 1 to {len(FOLDS)}")
    if person in FOLDS[fold - 1]:
        return "test"
    if person in FOLDS[fold % len(FOLDS)][:NUM_VAL]:
        return "val"
    return "train" if any(person in people for people in FOLDS) else hash_split(person)


def index(root: str | Path, *, camera: str = "left", fold: int = 3, partial: bool = False) -> list[RawClip]:
    """Every recording of a DISFA tree, with its AU intensities; root: the data set's folder or the one above it.

    camera: "left", "right", or "both": two clips of the same moments, of one subject. fold: the test fold, see `split_of`.
    Videos and labels must be there for the same people: partial=True takes what there is instead (a video without labels has au None).
    InputError: no videos, no labels, people of whom one is missing, a label file that cannot be read.
    """
    root = existing(root, "DISFA")
    if camera not in CAMERAS:
        raise InputError(f"no camera {camera!r} in DISFA; there are: {', '.join(CAMERAS)}")
    videos = {side: _videos(root, side) for side in CAMERAS[camera]}
    labels = _labels(root, partial)
    people = sorted({person for side in videos.values() for person in side} | set(labels))
    if not partial:
        for side, there in videos.items():
            _complete(root, f"the {side} camera's videos", set(people) - set(there), people)
        _complete(root, "the AU labels", set(people) - set(labels), people)
    clips = []
    for person in people:
        au, names, notes = read_labels(labels[person]) if person in labels else (None, (), ("no AU labels",))
        for side, there in videos.items():
            if person in there:
                clips.append(
                    RawClip(
                        id=f"{person}_{side}",
                        source=SOURCE,
                        path=there[person],
                        subject=person,
                        split=split_of(person, fold),
                        label=SPONTANEOUS,
                        au=au,
                        au_names=names,
                        notes=notes,
                    )
                )
    return clips


def person_id(text: str) -> str:
    """ "sn1" or "SN001" -> "SN001"."""
    return f"SN{int(text[2:]):03d}"


def read_labels(folder: Path) -> tuple[np.ndarray | None, tuple[str, ...], tuple[str, ...]]:
    """The AU files of a person -> ((T, A) float32, names, notes). Row t: frame number t + 1, or t where files count from 0."""
    columns: dict[int, dict[int, int]] = {}
    for path in inside(folder, PERSON + r"_au\d+\.txt"):
        number = int(re.findall(r"\d+", path.stem)[-1])
        columns[number] = _read_au(path)
    if not columns:
        raise InputError(f"{folder}: no AU labels; looked for {folder.name}_au12.txt and its kin, {found(folder)}")
    first = min(min(column) for column in columns.values())
    last = max(max(column) for column in columns.values())
    start = min(first, 1)
    notes = [
        f"AU{number:02d} has values for {len(column)} of {last - start + 1} frames"
        for number, column in sorted(columns.items())
        if len(column) != last - start + 1
    ]
    shifted = {number: {frame - start: value for frame, value in column.items()} for number, column in columns.items()}
    notes += [f"no labels of AU{number:02d}" for number in (6, 12) if number not in columns]
    return *au_table(shifted, last - start + 1), tuple(notes)


def _read_au(path: Path) -> dict[int, int]:
    """{frame: intensity} of one AU file. InputError naming the line."""
    values: dict[int, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        frame, comma, value = (part.strip() for part in line.partition(","))
        if not comma or not re.fullmatch(r"[0-9]{1,6}", frame):
            raise InputError(f"{path}, line {number}: expected frame,intensity such as 1,0; got {line.strip()[:40]!r}")
        if int(frame) in values:
            raise InputError(f"{path}, line {number}: frame {int(frame)} stands there twice")
        values[int(frame)] = intensity(value, path, number)
    if not values:
        raise InputError(f"{path} is empty; unpack it anew")
    return values


def _videos(root: Path, side: str) -> dict[str, Path]:
    """{person: video} of one camera. InputError if there are none, or one is there twice."""
    places = folders(root, rf"Videos?_?{side}_?Camera", FOLDER)
    videos: dict[str, Path] = {}
    for path in (path for place in places for path in inside(place, rf"{side}Video{PERSON}(_comp)?\.(avi|mp4)")):
        person = person_id(re.findall(PERSON, path.name, re.IGNORECASE)[0])
        if person in videos:
            raise InputError(f"{root}: two videos of {person}, {side} camera: {videos[person]} and {path}; keep one")
        videos[person] = path
    if not videos:
        there = f"in {places[0].name}/ {found(places[0])}" if places else found(root)
        name = side.capitalize()
        raise InputError(f"{root}: no DISFA here; looked for Videos_{name}Camera/{name}VideoSN001_comp.avi, {there}")
    return videos


def _labels(root: Path, partial: bool) -> dict[str, Path]:
    """{person: the folder of the AU files}. InputError if there are none and they are needed."""
    places = folders(root, r"ActionUnit_?Labels", FOLDER)
    labels = {person_id(path.name): path for place in places for path in inside(place, PERSON) if path.is_dir()}
    if not labels and not partial:
        there = f"in {places[0].name}/ {found(places[0])}" if places else found(root)
        raise InputError(f"{root}: DISFA is half-unpacked: looked for ActionUnit_Labels/SN001/SN001_au12.txt, {there}")
    return labels


def _complete(root: Path, what: str, missing: set[str], people: list[str]) -> None:
    if missing:
        raise InputError(
            f"{root}: DISFA is half-unpacked: {what} are missing for {len(missing)} of {len(people)} people ({some(sorted(missing))}); "
            "unpack the rest, or say --partial to take what there is"
        )
