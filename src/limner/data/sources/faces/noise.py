"""Soft edges and still noise, the same at every size of picture.

Shapes: any; x and y in units of the head's frame.
"""

from __future__ import annotations

import functools

import numpy as np

LATTICE = 512  # ours: samples of a noise before it repeats


def smooth(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between (Hermite)."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def step(distance: np.ndarray, width: float) -> np.ndarray:
    """0 where the distance is under -width / 2, 1 above width / 2."""
    return smooth(distance / width + 0.5)


@functools.lru_cache(64)
def _table(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 31]).normal(size=LATTICE)


@functools.lru_cache(16)
def _sheet(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 37]).normal(size=(96, 96))


def line_noise(at: np.ndarray, seed: int) -> np.ndarray:
    """Noise over one coordinate, about -1..1, a new value each unit of it, linear between."""
    low = np.floor(at).astype(np.int64)
    part = at - low
    table = _table(seed)
    return (table[low % LATTICE] * (1 - part) + table[(low + 1) % LATTICE] * part) * 0.6


def sheet_noise(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Noise over two coordinates, about -1..1, smooth, its grains 1 apart."""
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    u, v = smooth(x - x0), smooth(y - y0)
    sheet = _sheet(seed)
    at = lambda dx, dy: sheet[(y0 + dy) % 96, (x0 + dx) % 96]  # noqa: E731
    return ((at(0, 0) * (1 - u) + at(1, 0) * u) * (1 - v) + (at(0, 1) * (1 - u) + at(1, 1) * u) * v) * 0.6


def over(below: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Paints a colour over premultiplied (H, W, 4) RGBA, alpha (H, W) in 0..1, colour (3,) or (H, W, 3) in 0..255."""
    cover = np.clip(alpha, 0, 1)[..., None]
    paint = np.concatenate([np.broadcast_to(colour, (*cover.shape[:-1], 3)) * cover, cover], -1)
    return below * (1 - cover) + paint
