"""The MM 2017 paper's figures 5 to 8: people moved by skeletons. Clips of one size in; each function is one figure.

Shapes: T time, K = 18 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from limner.guides.body import GUIDE
from limner.reproduce.figures.grid import Cell, Row, drawings, faces, grid
from limner.types import Clip

MOMENTS, NEXT = 8, 8  # of a row; frames that follow one another
STRONGER = 4  # of a change from frame to frame, so that it shows


def figure_5(original: Clip, made: dict[str, Clip]) -> Any:
    """The generator's structures on one clip: the truth (its first frame, boxed, is the reference), the skeletons, a row a structure."""
    rows = [
        Row(name="truth", cells=faces(_frames(original), MOMENTS, boxed=True)),
        Row(name="skeletons", cells=drawings(joints(original), original.size, MOMENTS)),
        *(Row(name=name, cells=faces(_frames(clip), MOMENTS)) for name, clip in made.items()),
    ]
    return grid(f"Figure 5. Structures of the generator ({original.label}; boxed: the reference)", rows, GUIDE)


def figure_6(shown: Sequence[tuple[Clip, dict[str, Clip]]], *, number: int = 6, where: str = "") -> Any:
    """Motion generation, an action after the other: skeletons, truth, what was generated. Figure 7 is the same on the second data set."""
    rows = []
    for original, made in shown:
        rows.append(
            Row(name=f"{original.label}\nskeletons", cells=drawings(joints(original), original.size, MOMENTS), space=0.2 * bool(rows))
        )
        rows.append(Row(name="truth", cells=faces(_frames(original), MOMENTS, boxed=True)))
        rows.extend(Row(name=name, cells=faces(_frames(clip), MOMENTS)) for name, clip in made.items())
    return grid(f"Figure {number}. Generated motion{f', {where}' if where else ''} (boxed: the reference)", rows, GUIDE)


def figure_7(shown: Sequence[tuple[Clip, dict[str, Clip]]], where: str = "") -> Any:
    """As figure 6, on another data set (the paper: Human3.6M, with and without background)."""
    return figure_6(shown, number=7, where=where)


def figure_8(original: Clip, made: dict[str, Clip]) -> Any:
    """With the triplet loss and without: frames that follow one another, and below each row what changes from frame to frame."""
    at = max(0, original.num_frames // 2 - NEXT // 2)
    rows = []
    for name, clip in {"truth": original, **made}.items():
        frames = _frames(clip)[at : at + NEXT]
        change = np.abs(np.diff(frames.astype(int), axis=0)) * STRONGER
        rows.append(Row(name=name, cells=[Cell(frame=frame) for frame in frames], space=0.2 * bool(rows)))
        still: list[Cell | None] = [None, None, *(Cell(frame=255 - np.minimum(one, 255).astype(np.uint8)) for one in change)]
        rows.append(Row(name=f"change, x {STRONGER}", cells=still))
    return grid("Figure 8. Frames that follow one another, with the triplet loss and without", rows, GUIDE)


def joints(clip: Clip) -> np.ndarray:
    """(T, 18, 2), NaN where a joint is missing, so that no limb to it is drawn."""
    return np.where(clip.confidence[..., None] > 0, clip.points, np.nan)


def _frames(clip: Clip) -> np.ndarray:
    assert clip.frames is not None
    return clip.frames
