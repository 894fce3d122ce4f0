"""KTH (Schuldt, Laptev, Caputo, ICPR 2004): 25 people, six actions, four scenarios, 160x120 at 25 fps; 2391 stretches of 599 videos.

    00sequences.txt                              a line a video: name, "frames", ranges counted from 1, both ends in; or name, *missing*
    walking/person01_walking_d1_uncomp.avi       boxing, handclapping, handwaving, jogging, running, walking; or all in one folder

Layout and traps as the file itself and public loaders have them (spec B3). The data set has no joints: they are found in the pictures.
"""

from __future__ import annotations

import re
from pathlib import Path

from limner.data.sources.raw import entries, existing, found, read_lines, some
from limner.data.sources.raw_actions import RawAction
from limner.types import InputError

SOURCE = "kth"
TABLE = "00sequences.txt"
# The data set's word -> ours, as synthetic_bodies has it
ACTIONS = {"boxing": "boxing", "handclapping": "hand-clapping", "handwaving": "hand-waving", "jogging": "jogging", "running": "running",
           "walking": "walking"}  # fmt: skip
NAME = rf"person(\d+)_({'|'.join(ACTIONS)})_d(\d)"
# The split that the head of 00sequences.txt names (spec B3): by people
VAL, TEST = frozenset({19, 20, 21, 23, 24, 25, 1, 4}), frozenset({22, 2, 3, 5, 6, 7, 8, 9, 10})


def index(root: str | Path, *, actions: tuple[str, ...] = (), partial: bool = False) -> list[RawAction]:
    """Every stretch of a KTH tree, root the folder of 00sequences.txt. actions: only those, by either word; none named: all.

    A stretch that begins before the one in front of it ends begins after it, and the notes say so. What the table lists must be there, but
    for what it says is missing; partial=True takes what there is. InputError: no table, a line that cannot be read, missing videos.
    """
    root = existing(root, "KTH")
    wanted = _wanted(actions)
    tables = [path for path in entries(root) if path.name.casefold() == TABLE]
    if not tables:
        raise InputError(f"{root}: no KTH here; looked for {TABLE}, which lists its videos and is to be had beside them; {found(root)}")
    videos = _videos(root)
    clips, lacking = [], []
    for name, ranges in _read_table(tables[0]).items():
        match = re.fullmatch(NAME, name)
        assert match
        person, action, _ = match.groups()
        if action not in wanted or not ranges:
            continue
        if name not in videos:
            lacking.append(name)
            continue
        split = "val" if int(person) in VAL else "test" if int(person) in TEST else "train"
        for number, (span, notes) in enumerate(_apart(ranges), 1):
            clips.append(
                RawAction(
                    id=f"{name}_{number}", source=SOURCE, path=videos[name], subject=f"person{int(person):02d}", split=split,
                    label=ACTIONS[action], span=span, notes=notes,
                )
            )  # fmt: skip
    if lacking and not partial:
        raise InputError(
            f"{root}: KTH is half-unpacked: {tables[0].name} lists videos that are not there: {len(lacking)} ({some(lacking)}); unpack the "
            "rest, name the actions that you have (--actions), or say --partial to take what there is"
        )
    if not clips:
        raise InputError(f"{root}: none of the videos that {tables[0].name} lists is there; {found(root)}")
    return sorted(clips, key=lambda clip: clip.id)


def _wanted(actions: tuple[str, ...]) -> set[str]:
    """The data set's words for the actions asked for. InputError naming one that it has not."""
    words = {**{word: word for word in ACTIONS}, **{ours: word for word, ours in ACTIONS.items()}}
    unknown = [name for name in actions if name.casefold() not in words]
    if unknown:
        raise InputError(f"KTH has no action {unknown[0]!r}; there are: {', '.join(sorted(ACTIONS.values()))}")
    return {words[name.casefold()] for name in actions} or set(ACTIONS)


def _videos(root: Path) -> dict[str, Path]:
    """{"person01_walking_d1": file}, in the root and the folders in it. InputError where one is there twice."""
    videos: dict[str, Path] = {}
    folders = [root, *(path for path in entries(root) if path.is_dir())]
    for path in (path for folder in folders for path in entries(folder) if path.is_file()):
        match = re.fullmatch(rf"({NAME})(?:_uncomp)?\.(?:avi|mp4|mkv|mov)", path.name, re.IGNORECASE)
        if not match:
            continue
        name = match[1].lower()
        if name in videos:
            raise InputError(f"{root}: the same video twice: {videos[name]} and {path}; keep one")
        videos[name] = path
    return videos


def _read_table(path: Path) -> dict[str, list[tuple[int, int]]]:
    """{name: ranges as they stand there, none where it is missing}. InputError naming the line that cannot be read."""
    rows: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(read_lines(path), 1):
        match = re.match(rf"\s*({NAME})\s+(\*missing\*|frames\s+(.*))\s*$", line, re.IGNORECASE)
        if not match:
            if re.match(r"\s*person\d", line, re.IGNORECASE):
                raise InputError(
                    f"{path}, line {number}: expected a name, the word frames, and ranges such as 1-75, 152-225; got {line[:60]!r}"
                )
            continue  # the head, and empty lines between people
        name, words = match[1].lower(), (match[6] or "").strip(" ,\t")
        if name in rows:
            raise InputError(f"{path}, line {number}: {name} stands there twice")
        ranges = [re.fullmatch(r"(\d+)\s*-\s*(\d+)", part.strip()) for part in words.split(",")] if words else []
        for part, found_range in zip(words.split(","), ranges):
            if not found_range or not 1 <= int(found_range[1]) <= int(found_range[2]):
                raise InputError(f"{path}, line {number}: {part.strip()!r} is no range of frames, such as 152-225")
        rows[name] = [(int(one[1]), int(one[2])) for one in ranges if one]
    if not rows:
        raise InputError(f"{path} lists no videos, such as person01_walking_d1; fetch it anew")
    return rows


def _apart(ranges: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[str, ...]]]:
    """Ranges counted from 1, both ends in -> spans counted from 0, their stop left out, in the table's order; none shares a frame.

    The data set has typing errors, such as 207-311, 212-456: the second is taken for 312-456."""
    spans: dict[int, tuple[tuple[int, int], tuple[str, ...]]] = {}
    last = 0
    for place in sorted(range(len(ranges)), key=lambda k: ranges[k]):
        first, stop = ranges[place][0] - 1, ranges[place][1]
        notes = () if first >= last else (f"{first + 1}-{stop} overlaps what goes before: taken from {last + 1} on",)
        first, last = max(first, last), max(last, stop)
        if first < stop:
            spans[place] = ((first, stop), notes)
    return [spans[place] for place in sorted(spans)]
