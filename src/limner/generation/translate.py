"""CMM-Net's translation as a renderer: the face of a photo cut out, moved by the network, and the whole picture put back together.

What the network changes, G(y_t, z_0) - G(y_0, z_0), is laid on the photo at its neutral pose (ours; the paper shows the crop alone): the
network's own errors, which the neutral frame has as well, drop out, so that the first frame is the photo, and what does not move keeps the
photo's texture. Towards the crop's border the change fades. A picture that is itself the aligned crop at the network's size, as a clip's
first frame is, is not cut and comes out as the network says, whole, as in the paper.

Shapes: T frames, K = 68 points, H W pixels of the photo, S the network's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from limner import geometry
from limner.data.clips import crop, crop_matrix
from limner.generation.render import WarpRenderer
from limner.types import Face, InputError

if TYPE_CHECKING:
    from limner.papers.translation import Translation

BATCH = 16  # ours: bounds memory
FADE = 0.14  # ours: of the crop's side, over which the change fades towards its border
SAME_PX = 0.05  # ours: a crop that would move no corner by more is the picture itself
MOVED_UNIT = 0.002  # ours: a photo whose neutral lies no farther from its own points is neutral


class TranslatorRenderer:
    """Renders points, or decoded landmark images, as pictures of one photo.

    photo: (H, W, 3) uint8 sRGB. face: the face in it. neutral_points: (68, 2) where its points lie at rest; a photo that smiles is brought
    there first, by the warp. model: a trained papers.translation.Translation. InputError where the points are no face.
    """

    def __init__(self, photo: np.ndarray, face: Face, *, neutral_points: np.ndarray, model: Translation) -> None:
        size = model.settings.size
        neutral = np.asarray(neutral_points, np.float64)
        if not np.isfinite(neutral).all() or np.ptp(neutral, axis=0).max() < 1:
            raise InputError("the face has its points on one another, or none; find the face again")
        self.model, self.size = model, size
        unit = float(geometry.scale_of(geometry.invert_affine(geometry.to_unit(neutral, model.guide))))
        moved = np.abs(neutral - face.points).max() > MOVED_UNIT * unit
        warped = next(iter(WarpRenderer(photo, face, neutral_points=neutral).render(neutral[None]))) if moved else photo
        self.photo, self.matrix = warped, crop_matrix(neutral, size)
        corners = np.array([[0.0, 0.0], [size, 0.0], [0.0, size], [size, size]])
        self.whole = photo.shape[:2] == (size, size) and np.abs(geometry.apply_affine(self.matrix, corners) - corners).max() < SAME_PX
        self.neutral = warped if self.whole else crop(warped, self.matrix, size)
        if not self.whole:
            self._prepare_place(photo.shape[:2])
            self.at_rest = self._translated(geometry.apply_affine(self.matrix, neutral)[None])

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points of the photo -> T frames (H, W, 3) uint8, one by one."""
        yield from self._frames(geometry.apply_affine(self.matrix, np.asarray(points_TK2, np.float64)))

    def render_maps(self, maps_TSS: torch.Tensor) -> Iterator[np.ndarray]:
        """Decoded landmark images (T, S, S) in [0, 1] of this face's crop -> T frames (H, W, 3) uint8. InputError: of another size."""
        yield from self._frames(maps_TSS)

    def _frames(self, driver: np.ndarray | torch.Tensor) -> Iterator[np.ndarray]:
        for start in range(0, len(driver), BATCH):
            made = self._translated(driver[start : start + BATCH])
            for frame in made:
                yield frame.permute(1, 2, 0).round().to(torch.uint8).numpy() if self.whole else self._laid_on(frame)

    def _translated(self, driver: np.ndarray | torch.Tensor) -> torch.Tensor:
        """-> (T, 3, S, S) float32 0..255."""
        driver = torch.as_tensor(driver, dtype=torch.float32)
        return torch.from_numpy(self.model.translate(driver, self.neutral)).permute(0, 3, 1, 2).float()

    def _prepare_place(self, size_hw: tuple[int, int]) -> None:
        """Which pixels of the photo the crop covers, where each lies in it, and how much may change there."""
        back = geometry.invert_affine(self.matrix)
        corners = geometry.apply_affine(back, np.array([[0.0, 0.0], [self.size, 0.0], [0.0, self.size], [self.size, self.size]]))
        low = np.clip(np.floor(corners.min(0)), 0, None).astype(int)
        high = np.minimum(np.ceil(corners.max(0)), (size_hw[1], size_hw[0])).astype(int)
        self.rows, self.columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        y, x = np.mgrid[self.rows, self.columns] + 0.5
        at = geometry.apply_affine(self.matrix, np.stack([x, y], -1))
        depth = np.minimum(at, self.size - at).min(-1) / (FADE * self.size)
        mask = np.clip(depth, 0, 1)
        self.mask = torch.from_numpy(mask * mask * (3 - 2 * mask)).float()
        self.grid = torch.from_numpy(at / self.size * 2 - 1).float()[None]
        self.under = torch.from_numpy(self.photo[self.rows, self.columns].astype(np.float32)).permute(2, 0, 1)

    def _laid_on(self, frame_3SS: torch.Tensor) -> np.ndarray:
        change = torch.nn.functional.grid_sample(
            (frame_3SS - self.at_rest[0])[None], self.grid, mode="bicubic", padding_mode="border", align_corners=False
        )[0]
        picture = self.photo.copy()
        picture[self.rows, self.columns] = (self.under + change * self.mask).add(0.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        return picture
