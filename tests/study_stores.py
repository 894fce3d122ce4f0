"""Stores for preference studies, written by hand: one plain colour a method, so that a test sees which method's video is where."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.data.store import Store, StoreWriter
from limner.evaluation.study.build import StudySettings, build
from limner.evaluation.study.plan import Plan
from limner.types import Clip

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 200)}
PEOPLE = ("ann", "bob")
SIZE = 64


def coloured(path: Path, colour: str, *, people=PEOPLE, modes: int = 1, size: int = SIZE, frames: int = 6, pixels: bool = True) -> Store:
    """A store of clips `<person>_<label>/mode_<k>` that brighten from frame to frame; of half a second."""
    with StoreWriter(path) as writer:
        for person in people:
            for label in ("posed", "spontaneous"):
                for mode in range(modes):
                    shade = np.linspace(0.6, 1, frames)[:, None] * np.array(COLOURS[colour])
                    picture = np.broadcast_to(shade[:, None, None], (frames, size, size, 3)).astype(np.uint8)
                    writer.add(
                        Clip(
                            id=f"{person}_{label}/mode_{mode + 1}", source="hand", subject=person, split="test", label=label,
                            size=(size, size), points=np.full((frames, 68, 2), 3, np.float32), confidence=np.ones((frames, 68), np.float32),
                            fps=Fraction(2 * (frames - 1)), duration_s=0.5, frames=picture if pixels else None,
                        )
                    )  # fmt: skip
    return Store(path)


def small_study(folder: Path, colours=("red", "blue"), **settings) -> Plan:
    """A study of as many methods, 4 inputs, in folder / "study"."""
    stores = {colour: coloured(folder / colour, colour) for colour in colours}
    return build(stores, folder / "study", StudySettings(**settings))
