"""UvA-NEMO (Dibeklioglu, Salah, Gevers, ECCV 2012): 1240 smiles of 400 people, 597 spontaneous and 643 posed, 1920x1080 at 50 fps.

    UvA-NEMO_SMILE_DATABASE/
        videos/NNN_{deliberate|spontaneous}_smile_M.mp4          NNN: the person, three digits; "deliberate" is the label "posed"
        UvA-NEMO_Smile_Database_File_Details.txt                 5 header lines, then TAB separated: file, person, gender, age, type

The layout, and the 41 test people, as public loaders have them (spec A6); the data set ships no AU labels.
"""

from __future__ import annotations

import re
from pathlib import Path

from limner.data.sources.raw import LABELS, RawClip, existing, folders, found, hash_split, inside, read_lines, some
from limner.types import InputError

SOURCE = "uva-nemo"
NAME = r"(\d+)_(deliberate|posed|spontaneous)_smile_(\d+)"
VIDEO = NAME + r"\.(?:mp4|avi|mov)"
FOLDER = r"UvA-?_?NEMO.*"
HEADER_LINES = 5
# The people of AliaksandrSiarohin/video-preprocessing crop_nemo.py; CMM-Net's published clips are all of them (spec A6).
TEST_LIST = """133 492 174 105 445 166 525 162 447 336 071 414 116 148 502 225 205 093 141 004 456 263 418 483 265 450 201 304 505 536 510
172 112 400 270 215 155 553 343 176 213"""
TEST_PEOPLE = frozenset(TEST_LIST.split())
VAL_SHARE = 0.1  # ours: of the people who are not test people; the papers name no validation set


def index(root: str | Path, *, partial: bool = False, seed: int = 0) -> list[RawClip]:
    """Every smile of a UvA-NEMO tree; root: the data set's folder, the one above it, or `videos` itself.

    Split: "test" for TEST_PEOPLE, "val" by a hash of the person and the seed, else "train". The table of files gives the person, and what
    it lists must be there: partial=True takes what there is instead, with the number in a file's name for the person if no table says it.
    InputError: no videos, no table or one that cannot be read, videos that it lists and that are missing.
    """
    root = existing(root, "UvA-NEMO")
    videos = _videos(root)
    table_name, table = _table(root, videos, partial)
    people = {key: table[key][1] if key in table else _person(key) for key in videos}
    test = TEST_PEOPLE | {people[key] for key in videos if _person(key) in TEST_PEOPLE}
    clips = []
    for key in sorted(videos):
        kind, notes = key.split("_")[1], []
        if key in table and table[key][2] != LABELS[kind]:
            notes.append(f"the table calls it {table[key][2]}, its name {LABELS[kind]}: the name counts")
        if table and key not in table:
            notes.append(f"not in {table_name}")
        split = "test" if people[key] in test else hash_split(people[key], seed=seed, val=VAL_SHARE, test=0)
        clips.append(
            RawClip(
                id=key, source=SOURCE, path=videos[key], subject=people[key], split=split, label=LABELS[kind], notes=tuple(notes)
            )
        )  # fmt: skip
    return clips


def _videos(root: Path) -> dict[str, Path]:
    """{name in lower case, without suffix: file} of all the videos. InputError if there are none, or one is there twice."""
    places = folders(root, r"videos?", FOLDER) or [root]
    videos: dict[str, Path] = {}
    for path in (path for place in places for path in inside(place, VIDEO)):
        key = _key(path.name)
        if key in videos:
            raise InputError(f"{root}: the same smile twice: {videos[key]} and {path}; keep one")
        videos[key] = path
    if not videos:
        where = places[0] if places != [root] else root
        raise InputError(
            f"{root}: no UvA-NEMO here; looked for videos/NNN_deliberate_smile_M.mp4 and videos/NNN_spontaneous_smile_M.mp4, "
            f"in {where.name}/ {found(where)}"
        )
    return videos


def _table(root: Path, videos: dict[str, Path], partial: bool) -> tuple[str, dict[str, tuple[str, str, str]]]:
    """The table of files: its name and its rows. InputError if it, or a video that it lists, is missing, and not `partial`."""
    half = f"{root}: UvA-NEMO is half-unpacked:"
    rest = "unpack the rest, or say --partial to take what there is"
    tables = [path for up in (root, root.parent, *(p for p in inside(root, FOLDER) if p.is_dir())) for path in _tables(up, root)]
    if not tables and not partial:
        raise InputError(f"{half} looked for UvA-NEMO_Smile_Database_File_Details.txt, which lists its videos, {found(root)}; {rest}")
    table = _read_table(tables[0]) if tables else {}
    missing = [row[0] for key, row in table.items() if key not in videos]
    if missing and not partial:
        raise InputError(f"{half} {tables[0].name} lists {len(table)} videos, missing: {len(missing)} ({some(missing)}); {rest}")
    return tables[0].name if tables else "", table


def _tables(folder: Path, root: Path) -> list[Path]:
    """The table of files in a folder; beside `root` only if root is the folder of videos."""
    if folder == root.parent and not re.fullmatch(r"videos?", root.name, re.IGNORECASE):
        return []
    return [path for path in inside(folder, r".*File_Details\.txt") if path.is_file()]


def _read_table(path: Path) -> dict[str, tuple[str, str, str]]:
    """{key: (file name, person, label)}. InputError naming the line that cannot be read."""
    rows: dict[str, tuple[str, str, str]] = {}
    for number, line in enumerate(read_lines(path)[HEADER_LINES:], HEADER_LINES + 1):
        columns = [column.strip() for column in line.split("\t")]
        if not any(columns):
            continue
        label = LABELS.get(columns[4].casefold()) if len(columns) > 4 else None
        if label is None or not re.fullmatch(VIDEO, columns[0], re.IGNORECASE) or not columns[1].isdecimal():
            raise InputError(
                f"{path}, line {number}: expected after {HEADER_LINES} header lines, TAB separated, file, person, gender, age and "
                f"deliberate or spontaneous; got {line.strip()[:60]!r}"
            )
        row = (columns[0], columns[1].zfill(3), label)
        if rows.setdefault(_key(columns[0]), row) != row:
            raise InputError(f"{path}, line {number}: {columns[0]} stands there twice, and not alike")
    if not rows:
        raise InputError(f"{path} lists no videos after its {HEADER_LINES} header lines; unpack it anew")
    return rows


def _key(name: str) -> str:
    """001_Deliberate_Smile_2.MP4 -> 001_deliberate_smile_2."""
    match = re.match(NAME, name, re.IGNORECASE)
    assert match, name
    return f"{match[1].zfill(3)}_{match[2].lower()}_smile_{int(match[3])}"


def _person(key: str) -> str:
    return key.split("_")[0]
