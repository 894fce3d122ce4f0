"""What a person looks at to compare modes: the sheet of moments, the curves of AU6 and AU12, the modes side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.pictures import resize
from limner.types import Motion

NUM_MOMENTS = 8  # the issue: eight moments a row
CELL_PX = 200  # ours: eight of them fill a laptop's screen
SIDE_UNIT = 2.3  # ours: the cell shows so many inter-ocular distances, forehead to chin
NAME_CHARS = 60  # ours: what fits above the curves
COMPARE_PX = 1920  # ours: the width that every screen and player takes
BAR_PX = 26  # ours: height of a caption
PAPER, INK, FAINT = (255, 255, 255), (32, 32, 36), (120, 120, 128)
COLOURS = ("#1b6ca8", "#d1495b", "#3c8d5a", "#8f5aa8", "#c98a1b", "#4a4e57")  # ours: told apart in grey too


def _font_file() -> str:
    """DejaVu Sans, as matplotlib ships it: Latin, Greek, Cyrillic and more, where Pillow's own font has little beside ASCII."""
    from matplotlib import get_data_path

    return str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@lru_cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(_font_file(), size)


@lru_cache
def _drawable() -> frozenset[int]:
    """The characters that the font has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_font_file()).get_charmap())


def title_of(name: str, label: str, seed: int) -> str:
    """'me: posed smiles, seed 0'. A long name is cut in its middle; a character that the font lacks becomes '_'."""
    if len(name) > NAME_CHARS:
        name = f"{name[: NAME_CHARS // 2]}…{name[-NAME_CHARS // 2 :]}"
    known = "".join(sign if ord(sign) in _drawable() else "_" for sign in name)
    return f"{known}: {label} smiles, seed {seed}"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A line of text at (x, y) pixels; anchor as in Pillow: horizontal l m r, vertical a (top) m."""

    at: tuple[int, int]
    text: str
    size: int = 14
    ink: tuple[int, int, int] = INK
    anchor: str = "la"


def write_on(canvas: np.ndarray, texts: Sequence[Text]) -> np.ndarray:
    """(H, W, 3) uint8 -> the same with lines of text on it."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for line in texts:
        draw.text(line.at, line.text, fill=line.ink, font=_font(line.size), anchor=line.anchor)
    return np.array(picture)


def moments(num_frames: int, num: int = NUM_MOMENTS) -> list[int]:
    """The indices of `num` moments evenly spread from the first frame to the last; repeated where the motion has fewer frames."""
    return [round(i * (num_frames - 1) / (num - 1)) for i in range(num)]


def face_square(points: Sequence[np.ndarray], size: tuple[int, int], unit_px: float) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a square round the face in a picture of `size`, as far as the picture reaches."""
    low, high = np.min([p.min((0, 1)) for p in points], 0), np.max([p.max((0, 1)) for p in points], 0)
    side = max(SIDE_UNIT * unit_px, float((high - low).max()) * 1.15)
    centre = (low + high) / 2 - (0, 0.12 * side)  # the brows are the highest points: leave room for the forehead
    side = min(side, *size)
    x0, y0 = (int(np.clip(c - side / 2, 0, limit - side)) for c, limit in zip(centre, size))
    return x0, y0, x0 + int(side), y0 + int(side)


class Sheet:
    """Collects eight moments of each mode as the frames pass by, then is drawn: a row a mode, the time under each cell."""

    def __init__(self, motions: Sequence[Motion], unit_px: float, title: str) -> None:
        self.motions, self.title = motions, title
        self.square = face_square([m.points for m in motions], motions[0].size, unit_px)
        self.at = [moments(m.num_frames) for m in motions]
        self.cells: dict[tuple[int, int], np.ndarray] = {}

    def see(self, mode: int, frame_index: int, frame: np.ndarray) -> None:
        """Keep the frame's face where it is one of the mode's moments."""
        if frame_index in self.at[mode]:
            x0, y0, x1, y1 = self.square
            self.cells[mode, frame_index] = resize(frame[y0:y1, x0:x1], (CELL_PX, CELL_PX))

    def draw(self) -> np.ndarray:
        """(H, W, 3) uint8: the sheet, once every moment was seen."""
        left, top, foot = 112, 38, 22
        height, width = top + len(self.motions) * (CELL_PX + foot) + 8, left + NUM_MOMENTS * (CELL_PX + 4) + 8
        canvas = np.full((height, width, 3), PAPER, np.uint8)
        texts = [Text(at=(left, 10), text=self.title, size=16)]
        for row, (motion, chosen) in enumerate(zip(self.motions, self.at)):
            y = top + row * (CELL_PX + foot)
            texts.append(Text(at=(12, y + CELL_PX // 2), text=name_of(motion), size=15, anchor="lm"))
            for column, index in enumerate(chosen):
                x = left + column * (CELL_PX + 4)
                canvas[y : y + CELL_PX, x : x + CELL_PX] = self.cells[row, index]
                seconds = f"{float(index / motion.fps):.2f} s"
                texts.append(Text(at=(x + CELL_PX // 2, y + CELL_PX + 3), text=seconds, size=13, ink=FAINT, anchor="ma"))
        return write_on(canvas, texts)


def name_of(motion: Motion) -> str:
    """'mode 2', or 'conditional' for the sequence that belongs to no mode."""
    return "conditional" if motion.mode is None else f"mode {motion.mode}"


def draw_curves(path: Path, curves: Sequence[np.ndarray], names: Sequence[str], fps: Fraction, title: str, text: dict[str, str]) -> None:
    """Writes a PNG of AU6 and AU12 over time, a line a mode; each curve (T, 2), intensities 0..5. `text` goes into its metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), dpi=100)
    figure.suptitle(title, fontsize=12, parse_math=False)  # a file's name may hold a dollar sign
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.22, top=0.83, wspace=0.16)  # ours; measuring the texts takes half the time
    top = max(3.0, *(float(curve.max()) * 1.08 for curve in curves))
    for column, (unit, what) in enumerate((("AU6", "cheek raiser"), ("AU12", "lip corner puller"))):
        axes = figure.add_subplot(1, 2, column + 1)
        for i, curve in enumerate(curves):
            seconds = np.arange(len(curve)) / float(fps)
            axes.plot(seconds, curve[:, column], color=COLOURS[i % len(COLOURS)], linewidth=2, linestyle="-" if i < 6 else "--")
        axes.set(title=f"{unit}, {what}", xlabel="seconds", ylabel="intensity, 0 to 5", ylim=(-0.1, min(5.2, top)))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(figure.axes[0].lines, names, ncol=8, frameon=False, loc="lower center")  # below: no corner is free of every curve
    FigureCanvasAgg(figure).print_png(str(path), metadata=text)


class SideBySide:
    """Puts the modes of one moment into one picture, captioned, at most COMPARE_PX wide."""

    def __init__(self, motions: Sequence[Motion]) -> None:
        (width, height), num = motions[0].size, len(motions)
        columns = num if num <= 4 else -(-num // -(-num // 4))  # ours: rows of at most four
        scale = min(1.0, (COMPARE_PX - 4 * (columns - 1)) / (columns * width))
        self.cell = max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)
        rows = -(-num // columns)
        self.places = [((i % columns) * (self.cell[0] + 4), (i // columns) * (self.cell[1] + BAR_PX)) for i in range(num)]
        blank = np.full((rows * (self.cell[1] + BAR_PX), columns * (self.cell[0] + 4) - 4, 3), INK, np.uint8)
        captions = [
            Text(at=(x + self.cell[0] // 2, y + BAR_PX // 2), text=name_of(motion), size=15, ink=PAPER, anchor="mm")
            for motion, (x, y) in zip(motions, self.places)
        ]
        self.blank = write_on(blank, captions)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), both even."""
        return self.blank.shape[1], self.blank.shape[0]

    def draw(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """One frame of each mode -> the picture of all."""
        canvas = self.blank.copy()
        for frame, (x, y) in zip(frames, self.places):
            canvas[y + BAR_PX : y + BAR_PX + self.cell[1], x : x + self.cell[0]] = resize(frame, self.cell)
        return canvas


def in_step(streams: Sequence[Iterator[np.ndarray]]) -> Iterator[tuple[list[np.ndarray], list[bool]]]:
    """K streams of frames -> at each moment a frame of each and whether it is new; shorter ones hold their last, until the longest ends."""
    frames = [next(stream) for stream in streams]
    alive = [True] * len(streams)
    while any(alive):
        yield list(frames), list(alive)
        for k, stream in enumerate(streams):
            frame = next(stream, None) if alive[k] else None
            alive[k] = frame is not None
            frames[k] = frames[k] if frame is None else frame
