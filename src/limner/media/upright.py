"""How a decoded frame is to be shown: turned, mirrored, its pixels made square; as the file's own metadata say, and as players do it.

Shapes: H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

MOST_ASPECT = 4  # ours: pixels wider or higher than this are a fault of the file, not a picture


@dataclass(frozen=True)
class Upright:
    """Rows and columns exchanged first, then left and right, top and bottom; scale: (x, y) factors that make the pixels square."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False
    scale: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1))

    @property
    def mirrored(self) -> bool:
        """Whether it shows what the file holds as a mirror does, turned or not."""
        return (self.transposed + self.flip_x + self.flip_y) % 2 == 1

    @property
    def rotation(self) -> int:
        """By how many degrees it is turned anticlockwise: 0, 90, 180 or 270; of a mirrored one, before it is mirrored left to right."""
        across = self.flip_x != self.mirrored  # what is left of flip_x once the mirror is taken off
        return (90 if self.flip_y else 270) if self.transposed else (180 if across else 0)

    def stored_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the frame as it lies in the file -> with square pixels."""
        return max(1, round(width * self.scale[0])), max(1, round(height * self.scale[1]))

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the frame as it lies in the file -> as it is shown."""
        width, height = self.stored_size(width, height)
        return (height, width) if self.transposed else (width, height)

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) with square pixels -> upright."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        pixels = pixels[:, ::-1] if self.flip_x else pixels
        return np.ascontiguousarray(pixels[::-1] if self.flip_y else pixels)


def upright_of(frame: Any, stream: Any) -> Upright:
    """A frame of PyAV and its stream -> how it is to be shown; turns to the nearest quarter."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if not Fraction(1, MOST_ASPECT) <= aspect <= MOST_ASPECT:
        aspect = Fraction(1)
    scale = (max(aspect, Fraction(1)), max(1 / aspect, Fraction(1)))  # enlarged where it must be, so nothing is lost
    matrix = next((np.frombuffer(data, np.int32) for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None or len(matrix) < 9:
        return Upright(scale=scale)
    # (x, y) of the file is shown at (a x + c y, b x + d y): ISO/IEC 14496-12, 8.3.2
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Upright(flip_x=a < 0, flip_y=d < 0, scale=scale)
    return Upright(transposed=True, flip_x=c < 0, flip_y=b < 0, scale=scale)
