"""A person in pixels, frame by frame: dots that ride on rings, lit, hidden or shown, over a still background with the person's shadow.

Everything a frame shows is a function of person, outfit, scene and figure: no noise in time.
Shapes: T frames, N dots, R rings, H W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from limner.data.sources.bodies.loft import Dots
from limner.data.sources.bodies.looks import Look, Outfit, Scene
from limner.data.sources.bodies.paint import paint
from limner.data.sources.bodies.parts import Part, build_parts
from limner.data.sources.bodies.places import PLAIN, Camera, background
from limner.data.sources.bodies.pose import place_parts
from limner.data.sources.bodies.splat import MOST, TONES, cover, to_linear, tone_table, visible
from limner.data.sources.kinematics import Figure

FINE, FINE_LARGE, LARGE_PX = 2.0, 1.5, 192  # ours: drawn so many times as fine, and brought down; large pictures less
SPACING_PX = 0.62  # ours: dots are so near that every pixel gets one however they lie (under 1 / sqrt(2))
FLESH = (0.13, 0.16) + (0.16, 0.10, 0.08) * 2 + (0.24, 0.13, 0.12) * 2 + (0.08,) * 4  # ours: metres over each joint, clothes included


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """frames: (T, S, S, 3) uint8. points: (T, 18, 2) pixels. seen: (T, 18) bool, whether nothing stands before a joint."""

    frames: np.ndarray
    points: np.ndarray
    seen: np.ndarray


def draw(
    figure: Figure, look: Look, outfit: Outfit, scene: Scene, camera: Camera, size: int, *, fists: bool = False, behind: bool = True
) -> Drawn:
    """behind: with a background and a shadow; else on plain grey."""
    side = math.ceil(size * (FINE_LARGE if size >= LARGE_PX else FINE))
    lens = camera.scaled(side / size)
    nearest = float(figure.joints[..., 2].min()) - 0.3 + camera.distance_m
    parts = build_parts(look, outfit, SPACING_PX * nearest / lens.focal, fists=fists)
    dots = _joined(parts, look, outfit)
    light = to_linear(dots.colour) * np.array(scene.gains, np.float32)
    centres, axes = place_parts(figure, parts, look.build)
    eye = (0, -camera.eye_m, -camera.distance_m)
    towards = np.einsum("trij,trj->tri", axes, centres - eye).astype(np.float32)
    # Of each ring, all that its dots need: where its centre is, its axes E1 and E2, sun and zenith as its own axes see them
    rows = [centres, axes[:, :, 0], axes[:, :, 1], axes @ np.array(scene.sun), axes @ np.array([0.0, -1, 0])]
    rings = np.concatenate(rows, -1).astype(np.float32)
    still = background(scene, camera, size) if behind else np.broadcast_to(np.array(PLAIN), (size, size, 3))
    still = still.astype(np.float32)
    pictures, seen, table = [], [], tone_table()
    few = np.arange(0, len(dots.ring), 3)
    for t in range(len(rings)):
        front = np.flatnonzero((dots.normal * towards[t][dots.ring]).sum(1) < 0)
        places, lit = _lit(dots, light, rings[t], front, scene, table)
        picture, mask, deep = cover(lens.project(places), places[:, 2] + camera.distance_m, lit, side)
        ground = still * (1 - _shadow(_places(dots, rings[t][dots.ring[few]], few), scene, camera, size)) if behind else still
        pictures.append(_over(ground, picture, mask))
        seen.append(visible(lens, figure.joints[t], deep, np.array(FLESH)))
    return Drawn(frames=np.stack(pictures), points=camera.project(figure.joints).astype(np.float32), seen=np.stack(seen))


def _joined(parts: dict[str, Part], look: Look, outfit: Outfit) -> Dots:
    """The dots of all parts, painted, their rings counted from the first part's on."""
    painted = paint(parts, look, outfit)
    starts = np.cumsum([0, *(len(part.along) for part in parts.values())])
    joined = {name: np.concatenate([getattr(dots, name) for dots in painted.values()]) for name in vars(next(iter(painted.values())))}
    joined["ring"] = np.concatenate([dots.ring + start for dots, start in zip(painted.values(), starts)])
    return Dots(**{name: value if name == "ring" else value.astype(np.float32) for name, value in joined.items()})


def _places(dots: Dots, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
    """(n, 3) metres of some of the dots, whose rings' rows are given."""
    return rows[:, :3] + dots.offset[which, :1] * rows[:, 3:6] + dots.offset[which, 1:2] * rows[:, 6:9]


def _lit(
    dots: Dots, light: np.ndarray, ring: np.ndarray, which: np.ndarray, scene: Scene, table: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """-> places (n, 3) metres and colours (n, 3) uint8 of some of the dots."""
    rows, normal = ring[dots.ring[which]], dots.normal[which]
    direct = np.maximum((normal * rows[:, 9:12]).sum(1), 0)
    sky = 0.78 + 0.22 * (normal * rows[:, 12:15]).sum(1)
    shade = (scene.ambient * sky + (1 - scene.ambient) * 1.35 * direct) * np.float32((TONES - 1) / MOST)
    lit = table[np.minimum((light[which] * shade[:, None]).astype(np.int32), TONES - 1)]
    return _places(dots, rows, which), lit


def _shadow(places: np.ndarray, scene: Scene, camera: Camera, size: int) -> np.ndarray:
    """(size, size, 1): how much of the light is taken from the ground, 0..1."""
    import cv2

    sun = np.array(scene.sun, np.float32)
    flat = places - sun * (places[:, 1:2] / sun[1])
    half = max(size // 2, 32)
    at = camera.scaled(half / size).project(flat).astype(np.int32)
    inside = ((at >= 0) & (at < half)).all(1)
    mask = np.zeros(half * half, np.float32)
    mask[at[inside, 1] * half + at[inside, 0]] = 1
    mask = cv2.dilate(mask.reshape(half, half), np.ones((2, 2), np.uint8))
    soft = cv2.GaussianBlur(mask, (0, 0), 0.012 * half + 0.3)
    low = places[places[:, 1] > -0.10]  # what touches the ground darkens it most
    near = np.zeros(half * half, np.float32)
    if len(low):
        at = camera.scaled(half / size).project(low * (1, 0, 1)).astype(np.int32).clip(0, half - 1)
        near[at[:, 1] * half + at[:, 0]] = 1
        near = cv2.GaussianBlur(near.reshape(half, half), (0, 0), 0.012 * half)
        soft = np.maximum(soft, np.minimum(1.3 * near, 1))
    return cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR)[..., None] * scene.shadow


def _over(still: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The finer picture, where its mask is, over the background."""
    import cv2

    cells = cv2.resize(np.dstack([picture, mask * np.uint8(255)]).astype(np.float32), still.shape[:2], interpolation=cv2.INTER_AREA)
    return np.clip(still * (1 - cells[..., 3:] / 255) + cells[..., :3] + 0.5, 0, 255).astype(np.uint8)
