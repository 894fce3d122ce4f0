"""Strips: pictures that hold the frames of one clip side by side, such as the 64x64 crops of Weizmann's actions.

    wave_two_hands_03.png          action, underscore, person; frame i is columns 64 i to 64 i + 63

Weizmann: *Actions as Space-Time Shapes* (Gorelick, Blank, Shechtman, Irani, Basri, PAMI 2007), for research only: a store of it, and
weights trained on it, stay where they are.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from limner.data.sources.raw import entries, existing, found, frame_files
from limner.data.sources.raw_actions import RawAction
from limner.types import InputError

SOURCE = "strips"
FPS = 25  # Weizmann's rate
NAME = r"(.+?)[_-]?(\d+)"


def index(root: str | Path, *, test: str | None = None, actions: tuple[str, ...] = ()) -> list[RawAction]:
    """Every strip of a folder. test: the person who is the test split, for leaving one out; without it the last one is.

    The frames' side is the strip's height. InputError: no strips, one that does not divide into squares, no such person or action."""
    root = existing(root, "your strips")
    strips = {path: match for path in frame_files(root) if (match := re.fullmatch(NAME, path.stem))}
    if not strips:
        raise InputError(f"{root}: no strips here, such as bend_01.png; {found(root)} of {len(entries(root))}")
    people = sorted({match[2] for match in strips.values()})
    left_out = people[-1] if test is None else test
    if left_out not in people:
        raise InputError(f"{root}: no person {left_out!r}; there are: {', '.join(people)}")
    clips = []
    for path, match in strips.items():
        label = match[1].replace("_", "-")
        if actions and label not in actions:
            continue
        try:
            with Image.open(path) as picture:
                width, height = picture.size
        except OSError as error:
            raise InputError(f"{path} cannot be read: it is no picture, or damaged") from error
        if width % height or width == height:
            raise InputError(f"{path}: {width} x {height} pixels are no row of square frames")
        clips.append(
            RawAction(
                id=path.stem, source=SOURCE, path=path, subject=match[2], split="test" if match[2] == left_out else "train", label=label,
                strip_px=height,
            )
        )  # fmt: skip
    if not clips:
        labels = sorted({match[1].replace("_", "-") for match in strips.values()})
        raise InputError(f"{root}: no strip of {', '.join(actions)}; there are: {', '.join(labels)}")
    return sorted(clips, key=lambda clip: clip.id)
