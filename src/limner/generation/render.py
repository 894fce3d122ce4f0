"""The photo, moved by points: the warp renderer. Only the face's surroundings are computed anew; the rest is the photo's own bytes.

Shapes: T frames, K = 68 points, H W pixels, h w nodes of the coarse grid. Lengths in units are inter-ocular distances (outer eye corners).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from limner import geometry, warp
from limner.guides.face import GUIDE
from limner.types import Face, InputError

FADE_UNIT = 0.5  # ours: how far beyond the points' hull the photo still moves
MARGIN_UNIT = 0.25  # ours: how much further the texture reaches, for displacements out of the support
SMOOTHING = 2e-3  # ours, in units^2: takes the detector's jitter, not the motion
FRAMES_AT_ONCE = 4  # ours: bounds memory


class WarpRenderer:
    """Renders points as pictures of one photo.

    photo: (H, W, 3) uint8 sRGB. face: the face in it, its points in the photo's pixels. neutral_points: (68, 2), where the points of a
    photo that smiles would lie at rest, if known. InputError if the points are not finite or all coincide.
    """

    def __init__(self, photo: np.ndarray, face: Face, *, neutral_points: np.ndarray | None = None) -> None:
        points = np.asarray(face.points, np.float64)
        if points.shape != (GUIDE.num_points, 2) or not np.isfinite(points).all():
            raise InputError(f"the renderer needs {GUIDE.num_points} finite face points; this face has {points.shape}")
        self.photo, self.points = photo, points
        self.neutral_points = points if neutral_points is None else np.asarray(neutral_points, np.float64)
        self.unit = float(geometry.unit_length(points, GUIDE))
        if self.unit < 1:
            raise InputError("the face's points lie on one another; find the face again")
        self.step = max(2, round(self.unit / 18))
        self.box = self._box(FADE_UNIT)
        x0, y0, x1, y1 = self.box
        self.upsampler = warp.Upsampler((y1 - y0, x1 - x0), self.step)
        self.nodes = warp.nodes(self.box, self.step)
        self.pixels = warp.nodes(self.box, 1)
        self.window = torch.from_numpy(self._window(self.nodes.numpy())).float()
        tx0, ty0, tx1, ty1 = self._box(FADE_UNIT + MARGIN_UNIT)
        self.texture = warp.sharp_texture(torch.from_numpy(photo[ty0:ty1, tx0:tx1].astype(np.float32)).permute(2, 0, 1))
        self.texture_origin = (float(tx0), float(ty0))

    def _box(self, margin_unit: float) -> tuple[int, int, int, int]:
        height, width = self.photo.shape[:2]
        low = np.floor(self.points.min(0) - margin_unit * self.unit).astype(int).clip(0)
        high = np.ceil(self.points.max(0) + margin_unit * self.unit).astype(int).clip(None, (width, height))
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _window(self, nodes_hw2: np.ndarray) -> np.ndarray:
        """1 on the face, falling smoothly to exactly 0 at the border of the support and of the photo; (h, w)."""
        from scipy.spatial import ConvexHull

        hull = ConvexHull(self.points)
        beyond = (nodes_hw2 @ hull.equations[:, :2].T + hull.equations[:, 2]).max(-1) / self.unit
        fade = smoothstep(1 - beyond / FADE_UNIT)
        height, width = self.photo.shape[:2]
        inside = np.minimum(nodes_hw2 - 0.5, (width - 0.5, height - 0.5) - nodes_hw2).min(-1) / self.unit
        return fade * smoothstep(inside / 0.1)

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points -> T frames (H, W, 3) uint8. The reference's own points give the photo back exactly."""
        points_TK2 = np.asarray(points_TK2, np.float64)
        if points_TK2.ndim != 3 or points_TK2.shape[1:] != (GUIDE.num_points, 2) or not np.isfinite(points_TK2).all():
            raise InputError(f"expected finite points (T, {GUIDE.num_points}, 2), got {points_TK2.shape}")
        for start in range(0, len(points_TK2), FRAMES_AT_ONCE):
            yield from self._frames(points_TK2[start : start + FRAMES_AT_ONCE])

    @torch.no_grad()
    def _frames(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        x0, y0, x1, y1 = self.box
        position = self.pixels + self.upsampler(self._field(points_TK2).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        colours = warp.sample(self.texture, position, self.texture_origin)
        patches = colours.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for patch, points in zip(patches, points_TK2):
            frame = self.photo.copy()
            if np.abs(points - self.points).max() > 1e-4:
                frame[y0:y1, x0:x1] = patch
            yield frame

    def _field(self, points_TK2: np.ndarray) -> torch.Tensor:
        """Displacements (T, h, w, 2) on the coarse grid, in pixels: the head's similarity and what is left of each point's motion."""
        rigid = list(GUIDE.rigid)
        source = np.broadcast_to(self.points, points_TK2.shape)
        head = geometry.fit_similarity(points_TK2[:, rigid], source[:, rigid])  # output -> photo
        rest = source - geometry.apply_affine(head, points_TK2)
        centre = self.points.mean(0)
        anchors = np.broadcast_to(self._anchors(), (len(points_TK2), 16, 2))
        centres = torch.from_numpy((np.concatenate([points_TK2, anchors], 1) - centre) / self.unit).float()
        values = torch.from_numpy(np.concatenate([rest, np.zeros(anchors.shape)], 1)).float()
        at = (self.nodes - torch.from_numpy(centre).float()) / self.unit
        spline = warp.evaluate_spline(warp.fit_spline(centres, values, SMOOTHING), centres, at.reshape(-1, 2))
        moved = torch.from_numpy(geometry.apply_affine(head[:, None], self.nodes.numpy()[None])).float() - self.nodes
        return self.window[None, ..., None] * (moved + spline.reshape(-1, *self.nodes.shape))

    def _anchors(self) -> np.ndarray:
        """16 points round the support that stay where they are; (16, 2)."""
        angle = np.arange(16) * (2 * np.pi / 16)
        low, high = self.points.min(0), self.points.max(0)
        return (low + high) / 2 + ((high - low) * 0.75 + FADE_UNIT * self.unit) * np.stack([np.cos(angle), np.sin(angle)], -1)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
