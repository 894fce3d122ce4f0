"""Small stores of drawn faces with pixels, for tests: a few people, each face an oval with features in colours of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from limner import raster
from limner.data.sources.smiles import person_clips
from limner.data.store import Store, StoreWriter
from limner.guides.face import GUIDE
from limner.types import Clip

OUTLINE = {"face": (*range(17), *range(26, 16, -1), 0)}


def paint(points_TK2: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """(T, 68, 2) points -> (T, S, S, 3) uint8: skin, dark features, red lips on a background, all of one person's colours."""
    points = torch.from_numpy(points_TK2.astype(np.float32))
    back, skin, lips = (torch.from_numpy(rng.uniform(low, high, 3)).float() for low, high in ((0, 90), (130, 230), (90, 160)))
    where = raster.draw(points, OUTLINE, size, width_px=size / 4, edge="soft")[:, 0, ..., None]
    dark = raster.draw(points, {k: v for k, v in GUIDE.lines.items() if k != "jaw"}, size, width_px=1.5, edge="soft")[:, 0, ..., None]
    mouth = raster.draw(points, {"lip": GUIDE.lines["lip_outer"]}, size, width_px=2.5, edge="soft")[:, 0, ..., None]
    picture = back + where.sqrt() * (skin - back)
    picture = picture * (1 - 0.7 * dark)
    picture = picture + mouth * (lips * torch.tensor([1.4, 0.5, 0.5]) - picture)
    return picture.round().clamp(0, 255).to(torch.uint8).numpy()


def drawn_clips(people: int, size: int, num: int = 8) -> list[Clip]:
    """A posed and a spontaneous transition of each person, `num` frames of size x size; people 8 and 9 of ten are val and test."""
    made = []
    for index in range(people):
        for clip in person_clips(index, 0):
            if clip.kind == "transition" and clip.id.endswith("_0"):
                at = np.linspace(0, clip.num_frames - 1, num).round().astype(int)
                points = clip.points[at] * np.float32(size / clip.size[0])
                frames = paint(points, size, np.random.default_rng(index))
                assert clip.au is not None
                shown = {"points": points, "confidence": clip.confidence[at], "au": clip.au[at], "frames": frames}
                made.append(replace(clip, size=(size, size), **shown))
    return made


def drawn_store(path: Path, *, people: int = 10, size: int = 32, num: int = 8, encoding: str = "raw") -> Store:
    """The clips of `drawn_clips` as a store at `path`."""
    with StoreWriter(path, encoding=encoding) as writer:
        for clip in drawn_clips(people, size, num):
            writer.add(clip)
    return Store(path)
