"""The warp renderer, refined: what a warp cannot know (teeth, folds, shade) is laid on its frames by a small network.

Shapes: T frames, K = 68 points, H W pixels of the photo, S side of the network's working frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from limner import geometry
from limner.generation.render import STILL_PX, WarpRenderer
from limner.guides.face import GUIDE
from limner.models import refine
from limner.types import Face

if TYPE_CHECKING:
    from limner.papers.warp_refine import WarpRefine

BATCH, PIXELS = 8, 2_000_000  # ours: frames at a time, fewer of large pictures: bounds memory
COARSER = 1.4  # ours: a picture so many times as fine as the working frame is averaged down before it is sampled


class RefineRenderer:
    """Renders points as pictures of one photo; arguments and refusals are those of WarpRenderer. model: a trained WarpRefine."""

    def __init__(self, photo: np.ndarray, face: Face, *, model: WarpRefine, **options: Any) -> None:
        self.warp, self.model, self.size = WarpRenderer(photo, face, **options), model, model.settings.size
        self.photo, self.own = photo, np.asarray(face.points, np.float64)
        self.own_unit = geometry.apply_affine(geometry.to_unit(self.own, GUIDE), self.own)

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points -> T frames (H, W, 3) uint8. The reference's own points give the photo back exactly."""
        points = np.asarray(points_TK2, np.float64)
        frames = self.warp.render(points)
        num = max(1, min(BATCH, PIXELS // (self.photo.shape[0] * self.photo.shape[1])))
        for start in range(0, len(points), num):
            some = points[start : start + num]
            yield from self._refined(list(itertools.islice(frames, len(some))), some)
        yield from frames  # nothing; but a refusal of points that are no motion comes from there

    @torch.no_grad()
    def _refined(self, frames: list[np.ndarray], points: np.ndarray) -> Iterable[np.ndarray]:
        moving = [t for t, own in enumerate(points) if np.abs(own - self.own).max() > STILL_PX]
        if not moving:
            return frames
        points = points[moving]
        matrix = refine.to_work(points, self.size)
        rows, columns = self._box(matrix)
        part = torch.from_numpy(np.stack([frames[t][rows, columns] for t in moving])).permute(0, 3, 1, 2).float() / 255
        shifted = matrix.copy()  # from pixels of the box
        shifted[:, :, 2] += matrix[:, :, :2] @ np.array([columns.start, rows.start], np.float64)
        units = geometry.apply_affine(geometry.to_unit(points, GUIDE), points)
        layer = self.model.layer(self._seen(part, shifted), self.own_unit[None], units)
        back = geometry.invert_affine(shifted)
        full = refine.take(layer, back, (part.shape[-2], part.shape[-1]), mode="bicubic")
        flow = torch.einsum("nij,njhw->nihw", torch.from_numpy(back[:, :, :2]).float(), full[:, 4:])
        made = refine.laid_on(part, torch.cat([full[:, :4], flow], 1), mode="bicubic")
        pixels = (made * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for t, patch in zip(moving, pixels):
            frames[t] = frames[t].copy()
            frames[t][rows, columns] = patch
        return frames

    def _seen(self, part: torch.Tensor, matrix: np.ndarray) -> torch.Tensor:
        """The box (N, 3, h, w) in the working frame, (N, 3, S, S), without aliasing."""
        coarser = int(COARSER * 0.5 + 1 / float(geometry.scale_of(matrix).mean()) / COARSER)
        if coarser > 1:
            part = torch.nn.functional.avg_pool2d(part, coarser, ceil_mode=True, count_include_pad=False)
            matrix = matrix.copy()
            matrix[:, :, :2] *= coarser
        return refine.take(part, matrix, (self.size, self.size))

    def _box(self, matrix: np.ndarray) -> tuple[slice, slice]:
        """Rows and columns of the photo that the working frames cover."""
        corners = np.array([[0.0, 0.0], [self.size, 0.0], [0.0, self.size], [self.size, self.size]])
        places = geometry.apply_affine(geometry.invert_affine(matrix), np.broadcast_to(corners, (len(matrix), 4, 2)))
        height, width = self.photo.shape[:2]
        low = np.clip(np.floor(places.min((0, 1))).astype(int), 0, (width - 2, height - 2))
        high = np.clip(np.ceil(places.max((0, 1))).astype(int), low + 2, (width, height))
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def warps(frame: np.ndarray, own: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3), its points (68, 2) and a motion (T, 68, 2) -> the warp's frames (T, H, W, 3) uint8: what a refiner learns on."""
    low, high = own.min(0), own.max(0)
    face = Face(points=own.astype(np.float32), box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])), confidence=1.0)
    return np.stack(list(WarpRenderer(frame, face).render(points)))
