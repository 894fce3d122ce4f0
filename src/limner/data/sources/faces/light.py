"""Light on a head: one direction, soft, over the shape of a mean head. Numbers by eye."""

from __future__ import annotations

import numpy as np

from limner.data.sources.faces.looks import Scene

AMBIENT = 0.62  # of the light has no direction
BUMPS = (  # x, y, width, height, how far it stands out: nose, cheeks, brow, chin; units
    (0.0, 0.26, 0.11, 0.26, 0.13), (0.0, 0.42, 0.13, 0.09, 0.08), (-0.42, 0.32, 0.20, 0.16, 0.05), (0.42, 0.32, 0.20, 0.16, 0.05),
    (-0.33, -0.20, 0.26, 0.09, 0.035), (0.33, -0.20, 0.26, 0.09, 0.035), (0.0, 1.10, 0.20, 0.13, 0.06),
    (-0.33, 0.0, 0.18, 0.08, -0.03), (0.33, 0.0, 0.18, 0.08, -0.03),
)  # fmt: skip


def shade(x: np.ndarray, y: np.ndarray, scene: Scene) -> np.ndarray:
    """Places of the head, units -> how bright the scene's light makes them, about 0.5..1.25, 1 where it comes from the front."""
    # The depth's slope: an ellipsoid (half axes 0.95, 1.35, 0.9 about (0, 0.3)) with bumps on it
    u, v = np.clip(x / 1.0, -0.9, 0.9), np.clip((y - 0.3) / 1.4, -0.9, 0.9)
    z = np.sqrt(np.maximum(1 - u * u - v * v, 0.15))
    slope_x, slope_y = -0.9 * u / z, -0.64 * v / z
    for cx, cy, wide, high, out in BUMPS:
        bump = out * np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / high) ** 2)
        slope_x, slope_y = slope_x - 2 * (x - cx) / wide**2 * bump, slope_y - 2 * (y - cy) / high**2 * bump
    lx, ly = scene.light
    facing = (1 - slope_x * lx - slope_y * ly) / np.sqrt((1 + slope_x**2 + slope_y**2) * (1 + lx * lx + ly * ly))
    frontal = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    # The textures were photographed in frontal light: only the difference is put on
    return 1 + scene.depth * (1 - AMBIENT) * 1.6 * (np.clip(facing, 0, 1) - frontal)
