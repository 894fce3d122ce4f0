"""The sheet of `limner move`: moments of the video above the skeletons that drove them."""

from __future__ import annotations

import numpy as np

from limner.generation.sheets import FAINT, PAPER, Text, moments, write_on
from limner.guides.body import GUIDE
from limner.media.pictures import resize
from limner.types import Body, Motion

CELL_PX = 260  # ours: height of a picture of the sheet
ROOM = 0.18  # ours: round the joints on the sheet, of their height


def sheet_of(frames: dict[int, np.ndarray], motion: Motion, body: Body, name: str) -> np.ndarray:
    """Frames (H, W, 3) uint8 by their index -> (H, W, 3) uint8: eight moments, and below each the skeleton that drove it.

    motion: in the frames' pixels; body: the person as the photo shows them, in the same; name: the photo's.
    """
    import torch

    from limner.raster import draw_coloured

    x0, y0, x1, y1 = stage(motion, body)
    width, height = x1 - x0, y1 - y0
    cell = max(40, min(round(CELL_PX * width / height), round(1.5 * CELL_PX))), CELL_PX
    at = moments(motion.num_frames)
    left, top, foot = 12, 40, 22
    canvas = np.full((top + 2 * (CELL_PX + 4) + foot, left + len(at) * (cell[0] + 4) + 8, 3), PAPER, np.uint8)
    texts = [Text(at=(left, 10), text=f"{name}: moved by {motion.label or 'a recorded motion'}", size=16)]
    scale = np.array(cell) / (width, height)
    points = torch.from_numpy(((motion.points[at] - (x0, y0)) * scale).astype(np.float32))
    maps = draw_coloured(points, GUIDE, (cell[1], cell[0]), confidence_NK=torch.from_numpy(motion.confidence[at]), width_px=3.0)
    drawn = (maps.permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
    for i, t in enumerate(at):
        x = left + i * (cell[0] + 4)
        canvas[top : top + CELL_PX, x : x + cell[0]] = resize(np.ascontiguousarray(frames[t][y0:y1, x0:x1]), cell)
        canvas[top + CELL_PX + 4 : top + 2 * CELL_PX + 4, x : x + cell[0]] = drawn[i]
        where = (x + cell[0] // 2, top + 2 * CELL_PX + 8)
        texts.append(Text(at=where, text=f"{float(t / motion.fps):.2f} s", size=13, ink=FAINT, anchor="ma"))
    return write_on(canvas, texts)


def stage(motion: Motion, body: Body) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of what a sheet shows: all places that the person goes, and some room, at most half as wide again as high."""
    seen = motion.confidence.max(0) > 0
    points = np.concatenate([motion.points[:, seen].reshape(-1, 2), body.points[np.asarray(body.confidence) > 0]])
    low, high = points.min(0), points.max(0)
    room = ROOM * float((high - low)[1] + 1)
    width, height = motion.size
    y0, y1 = int(np.clip(low[1] - room, 0, height - 2)), int(np.clip(high[1] + room, 2, height))
    middle, half = float((low + high)[0] / 2), min(float((high - low)[0] / 2 + room), 0.75 * (y1 - y0))
    return int(np.clip(middle - half, 0, width - 2)), y0, int(np.clip(middle + half, 2, width)), y1
