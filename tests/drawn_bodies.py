"""Small stores of drawn people in motion, for tests: limbs as thick strokes in one person's colours on one background."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from limner import raster
from limner.data.sources.kinematics import Build, Manner, joints, project
from limner.data.store import Store, StoreWriter
from limner.guides.body import GUIDE
from limner.types import Clip

ACTIONS = ("walking", "running", "hand-waving")
FPS = 12
PARTS = {
    "trousers": ("thigh_right", "shin_right", "thigh_left", "shin_left"),
    "shirt": ("collar_right", "collar_left", "trunk_right", "trunk_left", "upper_arm_right", "upper_arm_left"),
    "skin": ("forearm_right", "forearm_left", "head"),
}


def paint(points_TK2: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """(T, 18, 2) pixel points -> (T, S, S, 3) uint8 of one person on one background."""
    points = torch.from_numpy(points_TK2.astype(np.float32))
    picture = torch.from_numpy(rng.uniform(60, 130, 3)).float().expand(len(points), size, size, 3)
    for lines in PARTS.values():
        colour = torch.from_numpy(rng.uniform(0, 255, 3)).float()
        ink = raster.draw(points, {name: GUIDE.lines[name] for name in lines}, size, width_px=size / 10)[:, 0, ..., None]
        picture = torch.lerp(picture, colour.expand_as(picture), ink)
    return picture.round().clamp(0, 255).to(torch.uint8).numpy()


def drawn_people(people: int, size: int, num: int = 10) -> list[Clip]:
    """A clip of each of three actions of each person, `num` frames of size x size; people 6 of ten train, 2 val, 2 test."""
    made = []
    for person in range(people):
        rng = np.random.default_rng(person)
        build, manner = Build.random(rng), Manner.random(rng)
        split = "test" if person % 5 == 4 else "val" if person % 5 == 3 else "train"
        for action in ACTIONS:
            metres = joints(action, num, FPS, build=build, manner=manner)
            yaw = 0 if action == "hand-waving" else 90
            points = (project(metres, yaw) * size * 0.4 + (size / 2, size * 0.9)).astype(np.float32)
            made.append(
                Clip(
                    id=f"p{person}_{action}",
                    source="drawn",
                    subject=f"p{person}",
                    split=split,
                    label=action,
                    kind="action",
                    points=points,
                    confidence=np.ones(points.shape[:2], np.float32),
                    frames=paint(points, size, np.random.default_rng(1000 + person)),
                    size=(size, size),
                    fps=Fraction(FPS),
                    duration_s=(num - 1) / FPS,
                )
            )
    return made


def drawn_bodies(path: Path, *, people: int = 10, size: int = 32, num: int = 10) -> Store:
    """The clips of `drawn_people` as a store at `path`."""
    with StoreWriter(path, encoding="raw") as writer:
        for clip in drawn_people(people, size, num):
            writer.add(clip)
    return Store(path)
