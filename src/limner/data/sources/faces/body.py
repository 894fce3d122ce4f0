"""What is round the face: background, neck and clothes, which stand still; ears and glasses, which go with the head. Numbers by eye.

Shapes: H W pixels of a layer; x and y in units of the head's frame, x as wide as this very head is.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.faces.hair import COVERS_EARS
from limner.data.sources.faces.looks import Look, Scene
from limner.data.sources.faces.noise import line_noise, over, sheet_noise, smooth, step
from limner.data.sources.faces.skin import Skin


def background(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(H, W, 3) a gradient with a few blurred shapes."""
    rng = np.random.default_rng([scene.seed, 5])
    tilt, depth = rng.uniform(-1, 1), rng.uniform(0.0, 0.25)
    out = scene.background * (1 + depth * (tilt * x - 0.6 * (y - 0.5)))[..., None]
    for _ in range(rng.integers(0, 5)):
        (cx, cy), (rx, ry), blur = rng.uniform((-1.3, -0.8), (1.3, 1.4)), rng.uniform(0.15, 0.7, 2), rng.uniform(0.15, 0.5)
        inside = smooth((1 - np.hypot((x - cx) / rx, (y - cy) / ry)) / blur + 0.5)
        out = out + inside[..., None] * (rng.normal(0, 18) + rng.normal(0, 6, 3))
    return np.clip(out, 5, 250)


def body(layer: np.ndarray, look: Look, scene: Scene, skin: Skin, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
    """Neck, shoulders and clothes, painted over premultiplied (H, W, 4)."""
    side = np.abs(x)
    edge = look.neck + 0.05 * smooth((y - 1.25) / 0.3) + 2.2 * smooth((y - 1.30) / 0.75) ** 1.5
    mask = step(edge - side, soft + 0.02) * step(y - 0.75, 0.1)
    round_ = 1 - 0.28 * (side / look.neck).clip(0, 1.1) ** 2 - 0.10 * scene.light[0] * x
    under_chin = 1 - 0.42 * np.exp(-(((y - 1.18 + 0.10 * side) / 0.16) ** 2))
    sinew = 1 + 0.03 * line_noise(x * 9 + y * 2, look.seed + 21)
    layer = over(layer, skin.jaw * (0.94 * round_ * under_chin * sinew)[..., None], mask)
    start, drop = scene.neckline
    line = start + drop * np.exp(-((side / 0.32) ** 2)) - 0.10 * smooth((side - look.neck + 0.12) / 0.3)
    folds = 1 + 0.06 * sheet_noise(x * 3, y * 5, scene.seed % 991) - 0.15 * step(0.03 - np.abs(y - line), 0.03)
    return over(layer, scene.clothes * folds[..., None], step(y - line, soft + 0.015) * step(edge + 0.05 - side, soft + 0.02))


def ears(layer: np.ndarray, look: Look, skin: Skin, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
    """Both ears, where no hair hides them."""
    if look.style in COVERS_EARS:
        return layer
    size, stick = look.ears
    cx, rx, ry = 0.80 + 0.035 * stick, (0.065 + 0.05 * stick) * size, 0.205 * size
    radius = np.hypot((np.abs(x) - cx) / rx, (y - 0.15 - 0.12 * (np.abs(x) - cx)) / (ry * np.where(y > 0.15, 0.95, 1.0)))
    inner = 0.95 - 0.18 * np.exp(-(((radius - 0.5) / 0.25) ** 2)) - 0.12 * smooth((radius - 0.8) / 0.2)
    return over(layer, skin.jaw * np.array([1.0, 0.95, 0.94]) * inner[..., None], step(1 - radius, (soft + 0.015) / rx))


def glasses(layer: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
    """Frame, bridge, temples and a faint reflection."""
    if look.glasses is None:
        return layer
    half_w, half_h, power, rim, colour = look.glasses
    side, cy = np.abs(x), 0.055
    u, v = np.abs(side - 0.345) / half_w, np.abs(y - cy) / half_h
    radius = (u**power + v**power) ** (1 / power)
    away = (radius - 1) * min(half_w, half_h)  # about the distance from the lens' edge
    width = max(rim, 0.6 * soft)
    lens = step(-away, soft + 0.01)
    sheen = 0.10 * lens * smooth(0.5 + 6 * (0.25 * (x - np.sign(x) * 0.30) - (y - cy + 0.06)))
    layer = over(layer, np.array([235.0, 240.0, 248.0]), sheen)
    frame = step(width - np.abs(away), soft)
    bridge = step(width - np.abs(y - cy + 0.04 - 0.35 * x * x), soft) * step(0.345 - half_w - side, soft)
    temple = step(width - np.abs(y - cy + 0.06), soft) * step(side - 0.345 - half_w, soft) * step(0.86 - side, soft)
    return over(layer, np.array(colour, float), np.maximum(np.maximum(frame, bridge), temple) * min(1.0, 0.5 + 0.5 * rim / 0.02))
