"""CMM-Net's figures of sequences: 1, 5, 6 and 7. Clips of one size in; each function is one figure.

Shapes: T time, K = 68 points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from limner import geometry
from limner.guides.face import GUIDE
from limner.reproduce.figures.grid import BLACK, BLUE, GREEN, PURPLE, VERMILION, Row, drawings, faces, grid
from limner.types import Clip

MOMENTS, FEWER = 8, 6  # of a row; where landmarks and faces stand side by side
MODES = (BLUE, VERMILION, GREEN, PURPLE)


def figure_1(first: Clip, second: Clip, others: Sequence[Clip]) -> Any:
    """Two spontaneous smiles with their landmarks, and the average of all such: what they share, and how far each is from it.

    others: all clips that the average is taken of, brought onto the first one's neutral face."""
    average = average_motion(others, first)
    rows = []
    for name, clip in (("a spontaneous smile", first), ("another", second)):
        rows.append(Row(name=name, cells=faces(_frames(clip), MOMENTS), space=0.15 * bool(rows)))
        rows.append(Row(name="its landmarks", cells=drawings(clip.points, clip.size, MOMENTS, under=clip.points[0])))
    rows.append(
        Row(
            name=f"average of {len(others)}",
            cells=drawings(average, first.size, MOMENTS, colour=BLUE, under=first.points[0]),
            space=0.15,
        )
    )
    return grid("Figure 1. Two spontaneous smiles, their landmarks, and the common average pattern (grey: at rest)", rows, GUIDE)


def average_motion(clips: Sequence[Clip], onto: Clip) -> np.ndarray:
    """(T, 68, 2) pixels: the mean displacement from rest of all clips, in units, laid on the first frame of `onto`. T as of `onto`."""
    num, moved = onto.num_frames, []
    for clip in clips:
        units = geometry.apply_affine(geometry.to_unit(clip.points[0].astype(np.float64), GUIDE), clip.points)
        moved.append(geometry.resample(units - units[:1], num))
    to_unit = geometry.to_unit(onto.points[0].astype(np.float64), GUIDE)
    rest = geometry.apply_affine(to_unit, onto.points[0].astype(np.float64))
    return geometry.apply_affine(geometry.invert_affine(to_unit), rest + np.mean(moved, 0))


def figure_5(sequences: Mapping[str, Sequence[Clip]]) -> Any:
    """What the Cond-LSTM makes of a neutral face for either label: landmarks, and faces by the translation. label -> clips."""
    rows = []
    for label, clips in sequences.items():
        for number, clip in enumerate(clips):
            rows.append(
                Row(
                    name=f"{label}\nlandmarks",
                    cells=drawings(clip.points, clip.size, MOMENTS, under=clip.points[0]),
                    space=0.2 * bool(rows) * (number == 0),
                )
            )
            rows.append(Row(name="faces", cells=faces(_frames(clip), MOMENTS)))
    return grid("Figure 5. Sequences of the conditional recurrent generator, for both labels", rows, GUIDE)


def figure_6(original: Clip, conditional: Clip, modes: Sequence[Clip]) -> Any:
    """One face: the original, the Cond-LSTM's sequence, the K modes; landmarks left, faces right."""
    rows = []
    inks = (BLACK, BLACK, *(MODES[k % len(MODES)] for k in range(len(modes))))
    names = ("original", "conditional", *(f"mode {k + 1}" for k in range(len(modes))))
    for name, ink, clip in zip(names, inks, (original, conditional, *modes)):
        left = drawings(clip.points, clip.size, FEWER, colour=ink, under=clip.points[0])
        rows.append(Row(name=name, cells=[*left, None, *faces(_frames(clip), FEWER)]))
    heads = [(0, "landmarks (grey: at rest)"), (FEWER + 0.47, f"faces, {original.label}")]
    return grid(f"Figure 6. The modes of one face, K = {len(modes)}", rows, GUIDE, heads=heads)


def figure_7(shown: Sequence[tuple[Clip, dict[str, Clip | None]]]) -> Any:
    """The methods on the same faces: of each the original, then a row a method (None: not trained, left white)."""
    rows = []
    for number, (original, made) in enumerate(shown):
        rows.append(Row(name=f"original\n({original.label})", cells=faces(_frames(original), MOMENTS), space=0.25 * bool(number)))
        for name, clip in made.items():
            cells = [] if clip is None else faces(_frames(clip), MOMENTS)
            rows.append(Row(name=name if clip is not None else f"{name}\n(not trained)", cells=cells))
    return grid("Figure 7. The methods on the same faces", rows, GUIDE)


def _frames(clip: Clip) -> np.ndarray:
    assert clip.frames is not None
    return clip.frames
