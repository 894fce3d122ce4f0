"""Rows of moments: faces as pictures, landmarks as lines, words beside them. What most figures of both papers are.

Shapes: T time, K points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import atomic_write, make_folder
from limner.types import Guide

# Okabe & Ito 2008: told apart by colour-blind eyes; black is the original's.
BLACK, BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
GREY = "#9a9a9a"
CELL, GAP, NAME = 1.0, 0.06, 1.9  # of a cell's side
INCH = 0.78  # of a cell
DPI = 160


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A moment. frame: (H, W, 3) uint8, or None for white. points: (K, 2) pixels of `size` (width, height), drawn as the guide's lines in
    `colour`; None: no lines. under: points in grey below them. boxed: a frame round the cell, as round a reference."""

    frame: np.ndarray | None = None
    points: np.ndarray | None = None
    under: np.ndarray | None = None
    size: tuple[int, int] = (1, 1)
    colour: str = BLACK
    boxed: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """name: beside it. cells: None leaves a gap of half a cell. space: left above it, in cells."""

    name: str
    cells: Sequence[Cell | None]
    space: float = 0.0


def grid(title: str, rows: Sequence[Row], guide: Guide, *, heads: Sequence[tuple[float, str]] = ()) -> Any:
    """A figure of the rows. heads: words above, each at a number of cells from the left."""
    from matplotlib.figure import Figure

    width = NAME + max(sum(CELL + GAP if cell else CELL / 2 for cell in row.cells) for row in rows)
    top = 0.9 if heads else 0.55
    height = top + sum(row.space + CELL + GAP for row in rows) + 0.05
    figure = Figure(figsize=(INCH * width, INCH * height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.text(0.08, 0.3, title, fontsize=9, va="center", weight="bold")
    for at, words in heads:
        axes.text(NAME + at * (CELL + GAP), top - 0.17, words, fontsize=7.5, va="center", color="#444444")
    y = top
    for row in rows:
        y += row.space
        axes.text(NAME - 0.12, y + CELL / 2, row.name, fontsize=7.5, va="center", ha="right", wrap=False)
        x = NAME
        for cell in row.cells:
            if cell is None:
                x += CELL / 2
                continue
            _draw(axes, cell, x, y, guide)
            x += CELL + GAP
        y += CELL + GAP
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


def _draw(axes: Any, cell: Cell, x: float, y: float, guide: Guide) -> None:
    from matplotlib.patches import Rectangle

    if cell.frame is not None:
        axes.imshow(cell.frame, extent=(x, x + CELL, y + CELL, y), interpolation="lanczos", aspect="auto", zorder=1)
    scale = CELL / max(cell.size)
    for points, ink, wide in ((cell.under, "#c4c4c4", 0.7), (cell.points, cell.colour, 0.9)):
        if points is None:
            continue
        placed = np.asarray(points, float) * scale + (x, y)
        for name, chain in guide.lines.items():
            own = guide.colours.get(name)
            colour = ink if own is None or ink == "#c4c4c4" else tuple(0.8 * part / 255 for part in own)
            line = placed[list(chain)]
            if np.isfinite(line).all():
                axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=wide if own is None else 1.4, solid_capstyle="round", zorder=2)
    if cell.boxed:
        axes.add_patch(Rectangle((x, y), CELL, CELL, fill=False, edgecolor=VERMILION, linewidth=2, zorder=3))


def moments(num_frames: int, num: int) -> np.ndarray:
    """So many frame numbers, evenly spread, first and last among them."""
    return np.linspace(0, num_frames - 1, num).round().astype(int)


def faces(frames: np.ndarray, num: int, *, boxed: bool = False) -> list[Cell | None]:
    """(T, H, W, 3) -> cells of so many moments; boxed: the first."""
    return [Cell(frame=frames[t], boxed=boxed and t == 0) for t in moments(len(frames), num)]


def drawings(
    points: np.ndarray, size: tuple[int, int], num: int, *, colour: str = BLACK, under: np.ndarray | None = None
) -> list[Cell | None]:
    """(T, K, 2) -> cells of lines of so many moments; under: (K, 2) points in grey below each."""
    return [Cell(points=points[t], size=size, colour=colour, under=under) for t in moments(len(points), num)]


def save(figure: Any, folder: Path, name: str) -> list[Path]:
    """FOLDER/name.png and FOLDER/name.svg; -> them. The same figure gives the same bytes. InputError where they cannot be written."""
    import matplotlib

    make_folder(folder)
    written = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        with (
            atomic_write(Path(folder) / f"{name}.{kind}") as temporary,
            matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}),
        ):
            figure.savefig(temporary, format=kind, dpi=DPI, facecolor="white", metadata=metadata)
        written.append(Path(folder) / f"{name}.{kind}")
    return written
