"""Dots in space -> pixels: lit, hidden where something stands before them, drawn finer than asked for and brought down.

Shapes: N dots, R rings, H W pixels.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.bodies.places import Camera

TONES = 2048  # ours: steps of the table from linear light to sRGB
MOST = 1.6  # the table's end, linear: beyond white


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB 0..255 -> linear light 0..1 (IEC 61966-2-1)."""
    value = np.asarray(srgb) / 255
    return np.where(value <= 0.04045, value / 12.92, ((np.maximum(value, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def tone_table() -> np.ndarray:
    """(TONES,) uint8: sRGB of linear light 0..MOST, its brightest end bent so that nothing clips hard."""
    linear = np.linspace(0, MOST, TONES)
    linear = np.where(linear < 0.75, linear, 0.75 + 0.25 * np.tanh((linear - 0.75) / 0.25 * 0.9))
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(value * 255 + 0.5, 0, 255).astype(np.uint8)


def nearest_last(depth: np.ndarray) -> np.ndarray:
    """The order in which later dots stand before earlier ones; depth (N,) metres from the camera."""
    low, high = float(depth.min()), float(depth.max())
    steps = ((high - depth) * (65534.0 / max(high - low, 1e-6))).astype(np.uint16)
    return np.argsort(steps, kind="stable")


def cover(pixels: np.ndarray, depth: np.ndarray, colours: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dots (N, 2) pixels, depth (N,), colours (N, 3) uint8 -> (side, side, 3) uint8, mask (side, side) bool, depth (side, side) float32."""
    at = pixels.astype(np.int32)
    inside = (at >= 0).all(1) & (at < side).all(1)
    at, depth, colours = at[inside], depth[inside], colours[inside]
    picture, mask = np.zeros((side * side, 3), np.uint8), np.zeros(side * side, bool)
    deep = np.full(side * side, np.inf, np.float32)
    if len(at):
        order = nearest_last(depth)
        place = (at[:, 1] * side + at[:, 0])[order]
        picture[place], deep[place] = colours[order], depth[order]
        mask[place] = True
    return picture.reshape(side, side, 3), mask.reshape(side, side), deep.reshape(side, side)


def visible(camera: Camera, joints: np.ndarray, deep: np.ndarray, within: np.ndarray) -> np.ndarray:
    """(K,) bool: whether nothing stands before a joint (K, 3) but its own flesh, `within` metres thick."""
    side = len(deep)
    at = np.floor(camera.project(joints)).astype(int)
    inside = ((at >= 0) & (at < side)).all(1)
    at = at.clip(0, side - 1)
    return inside & (deep[at[:, 1], at[:, 0]] > joints[:, 2] + camera.distance_m - within)
