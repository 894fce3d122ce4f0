"""A face in pixels, frame by frame: still layers, layers that go with the head, skin that follows its points, eyes and teeth behind slits.

Everything a frame shows is a function of person, scene and points: no noise in time. Drawn finer than asked for where that is small.

Shapes: T frames, K = 68 points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from limner.data.sources.faces import body, features, hair, surface
from limner.data.sources.faces.looks import Look, Scene
from limner.data.sources.faces.skin import Skin, bake
from limner.data.sources.faces.texture import CANONICAL, PER_UNIT, to_texture
from limner.geometry import apply_affine, to_unit, unit_length
from limner.guides.face import GUIDE

FINE_PX = 128  # ours: pictures up to this size are drawn twice as fine and brought down
FRAMES_AT_ONCE = 32  # ours: bounds memory
LAYER = (-1.55, -1.25, 3.1, 3.3)  # units: x, y, width and height of what goes with the head
BLUR = 0.45  # ours: of the texture, in pixels of the picture

Paint = Callable[[np.ndarray, Look, np.ndarray, np.ndarray, float], np.ndarray]


def draw(points: np.ndarray, au: np.ndarray, look: Look, scene: Scene, size: int) -> np.ndarray:
    """(T, 68, 2) pixels of a size x size picture and (T, 2) AU06, AU12 in 0..5 -> (T, size, size, 3) uint8 sRGB."""
    fine = 2 if size <= FINE_PX else 1
    parts = [
        _draw(points[t : t + FRAMES_AT_ONCE] * fine, points[0] * fine, au[t : t + FRAMES_AT_ONCE], look, scene, size * fine)
        for t in range(0, len(points), FRAMES_AT_ONCE)
    ]
    colours = torch.cat(parts)
    if fine > 1:
        colours = torch.nn.functional.avg_pool2d(colours, fine)
    return colours.add(0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _draw(points: np.ndarray, first: np.ndarray, au: np.ndarray, look: Look, scene: Scene, size: int) -> torch.Tensor:
    """-> (T, 3, size, size) float32 0..255."""
    points = points.astype(np.float64)
    unit = float(unit_length(first.astype(np.float64), GUIDE))
    skin = bake(look, scene, BLUR * PER_UNIT / unit)
    to_head = to_unit(points, GUIDE)
    wide = _width(first)
    layers = [_layer(paint, look, unit, wide) for paint in _paints(skin)]
    canvas = torch.from_numpy(_still(look, scene, skin, first, size, layers[0])).float().permute(2, 0, 1)
    canvas = canvas[None].expand(len(points), -1, -1, -1)
    at = _grid(to_head, size, unit)
    canvas = _put(canvas, layers[1], at)
    canvas = _face(canvas, points, au, skin, size)
    for layer in (*features.eye(points, 0, to_head, look, scene, size), *features.eye(points, 1, to_head, look, scene, size)):
        canvas = _cover(canvas, layer)
    for layer in features.mouth(points, to_head, look, size):
        canvas = _cover(canvas, layer)
    canvas = _put(canvas, layers[2], at)
    return canvas * torch.from_numpy(scene.gains).float().view(1, 3, 1, 1)


def _width(first: np.ndarray) -> float:
    """How wide this head is, the mean one 1."""
    own = apply_affine(to_unit(first.astype(np.float64), GUIDE), first.astype(np.float64))
    return float(np.abs(own[[0, 1, 15, 16], 0]).mean() / np.abs(GUIDE.canonical[[0, 1, 15, 16], 0]).mean())


def _paints(skin: Skin) -> tuple[Paint, Paint, Paint]:
    """Behind the body, behind the face, before the face."""

    def front(layer: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
        return hair.before(body.glasses(layer, look, x, y, soft), look, x, y, soft)

    def beside(layer: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
        return body.ears(layer, look, skin, x, y, soft)

    return hair.behind, beside, front


def _layer(paint: Paint, look: Look, unit: float, wide: float) -> torch.Tensor:
    """(4, h, w) premultiplied, of the head's frame, a pixel as large as one of the picture."""
    x0, y0, width, height = LAYER
    h, w = round(height * unit), round(width * unit)
    y, x = np.mgrid[:h, :w] + 0.5
    x, y = x / w * width + x0, y / h * height + y0
    painted = paint(np.zeros((h, w, 4)), look, x / wide, y, 1.0 / unit)
    return torch.from_numpy(painted).float().permute(2, 0, 1).contiguous()


def _still(look: Look, scene: Scene, skin: Skin, first: np.ndarray, size: int, back: torch.Tensor) -> np.ndarray:
    """(size, size, 3): background, hair behind the neck as the first frame has it, neck and clothes."""
    to_head = to_unit(first.astype(np.float64), GUIDE)
    at = apply_affine(to_head, features.places((slice(0, size), slice(0, size))))
    x, y = at[..., 0] / _width(first), at[..., 1]
    soft = float(np.hypot(to_head[0, 0], to_head[1, 0]))
    ground = torch.from_numpy(body.background(scene, at[..., 0], y)).float().permute(2, 0, 1)[None]
    with_hair = _put(ground, back, _grid(to_head[None], size, 1 / soft))[0].permute(1, 2, 0).double().numpy()
    lower = float(apply_affine(to_head, first[8:9].astype(np.float64))[0, 1] - GUIDE.canonical[8, 1])  # how long this face is
    opaque = np.concatenate([with_hair, np.ones((*with_hair.shape[:2], 1))], -1)
    return body.body(opaque, look, scene, skin, x, y - lower, soft)[..., :3]


def _grid(to_head: np.ndarray, size: int, unit: float) -> torch.Tensor:
    """(T, 2, 3) -> (T, size, size, 2): where each pixel lies in a layer, as grid_sample wants it."""
    x0, y0, width, height = LAYER
    head = apply_affine(to_head[:, None], np.broadcast_to(features.places((slice(0, size), slice(0, size))), (len(to_head), size, size, 2)))
    return torch.from_numpy((head - (x0, y0)) / (width, height) * 2 - 1).float()


def _put(canvas: torch.Tensor, layer: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """A premultiplied layer over the canvas (T, 3, H, W)."""
    moved = torch.nn.functional.grid_sample(layer.expand(len(grid), *layer.shape), grid, align_corners=False)
    return canvas * (1 - moved[:, 3:]) + moved[:, :3]


def _face(canvas: torch.Tensor, points: np.ndarray, au: np.ndarray, skin: Skin, size: int) -> torch.Tensor:
    """The skin over the canvas, its folds as deep as the AUs say."""
    all_points = surface.with_forehead(points)
    place = surface.locate(all_points, to_texture(CANONICAL)[None], (size, size))
    height, width = skin.rest.shape[1:]
    inside = ((place >= 0) & (place <= place.new_tensor([width, height]))).all(-1)[:, None]
    grid = place / place.new_tensor([width, height]) * 2 - 1
    stack = torch.cat([skin.rest, skin.smile, skin.narrow, skin.alpha])
    sampled = torch.nn.functional.grid_sample(stack.expand(len(grid), *stack.shape), grid, padding_mode="border", align_corners=False)
    narrow, smile = (torch.from_numpy(au[:, k] / 5).float().view(-1, 1, 1, 1) for k in (0, 1))
    colours = sampled[:, :3] + smile * sampled[:, 3:6] + narrow * sampled[:, 6:9]
    return torch.lerp(canvas, colours, sampled[:, 9:] * inside)


def _cover(canvas: torch.Tensor, layer: features.Layer) -> torch.Tensor:
    """A layer of a box over the canvas."""
    (rows, columns), colour, alpha = layer
    new = canvas.clone()
    over, cover = (torch.from_numpy(np.ascontiguousarray(part)).float().permute(0, 3, 1, 2) for part in (colour, alpha))
    new[:, :, rows, columns] = torch.lerp(canvas[:, :, rows, columns], over, cover)
    return new
