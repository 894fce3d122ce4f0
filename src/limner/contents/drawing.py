"""Contact sheets: rows of moments, each row with what it is beside it; and drawings where there are no pictures.

Shapes: K points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from limner.generation.sheets import FAINT, INK, PAPER, Text, write_on
from limner.media.pictures import resize

CELL_PX = 112  # ours: eight of them and their words fill a laptop's screen
GAP_PX, SIDE_PX, LINE_PX = 4, 250, 17  # ours
STROKE, OVER = (40, 60, 110), (90, 255, 120)  # ours: of drawings on white, and over pictures
SHADE = 0.85  # ours: of a guide's own colours, so that yellow shows on white
FINER = 3  # ours: drawings are made so many times larger, then reduced


@dataclass(frozen=True, kw_only=True)
class Row:
    """lines: what it is, the first the name. cells: (CELL_PX, CELL_PX, 3) uint8 each."""

    lines: tuple[str, ...]
    cells: tuple[np.ndarray, ...]


def cell(
    frame: np.ndarray | None,
    points: np.ndarray,
    size: tuple[int, int],
    lines: dict[str, tuple[int, ...]] | None,
    side: int = CELL_PX,
    colours: dict[str, tuple[int, int, int]] | None = None,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """One moment, (side, side, 3) uint8: the frame (H, W, 3), or white; over it lines through points (K, 2), pixels of `size`.

    colours: of the lines that have their own. known: (K,) bool; of a guide with colours a line with an end that is not is left out."""
    scale = side / max(size)
    width, height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    x, y = (side - width) // 2, (side - height) // 2
    canvas = np.full((side, side, 3), 255, np.uint8)
    if frame is not None:
        canvas[y : y + height, x : x + width] = resize(frame, (width, height))
    if lines is None:
        return canvas
    from PIL import Image, ImageDraw

    large = Image.fromarray(canvas).resize((side * FINER, side * FINER), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(large)
    places = (np.asarray(points, np.float64) * scale + (x, y)) * FINER
    for name, chain in lines.items():
        if colours and known is not None and not all(known[k] for k in chain):
            continue
        ink = (STROKE if frame is None else OVER) if not colours else tuple(round(SHADE * part) for part in colours[name])
        draw.line([tuple(places[k]) for k in chain], fill=ink, width=FINER * (2 if colours else 1), joint="curve")
    return np.asarray(large.resize((side, side), Image.Resampling.LANCZOS))


def contact_sheet(title: str, rows: Sequence[Row]) -> np.ndarray:
    """(H, W, 3) uint8: a title, then a row each of words and cells."""
    num, top = max(len(row.cells) for row in rows), 36
    high = CELL_PX + GAP_PX
    canvas = np.full((top + len(rows) * high + GAP_PX, SIDE_PX + num * high + GAP_PX, 3), PAPER, np.uint8)
    texts = [Text(at=(12, 10), text=title, size=16)]
    for i, row in enumerate(rows):
        y = top + i * high
        for j, line in enumerate(row.lines):
            ink = INK if j == 0 else FAINT
            texts.append(Text(at=(12, y + 8 + j * LINE_PX), text=_short(line), size=13, ink=ink))
        for j, picture in enumerate(row.cells):
            x = SIDE_PX + j * high
            canvas[y : y + CELL_PX, x : x + CELL_PX] = picture
    return write_on(canvas, texts)


def _short(line: str, most: int = 28) -> str:  # ours: 30 letters are some 230 pixels
    """A line that fits beside the cells, cut in its middle."""
    return line if len(line) <= most else f"{line[: most // 2]}…{line[-(most // 2) + 1 :]}"
