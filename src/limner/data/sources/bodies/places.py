"""The camera, and what stands still before it: ground in perspective, sky, wall, trees; and the shadow a person throws.

Every number is ours, by eye. Metres: x right, y down (the ground is y = 0), z away; the camera looks along z, level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.sources.bodies.looks import Scene
from limner.data.sources.faces.noise import sheet_noise, smooth

PLAIN = (127.0, 127.0, 127.0)  # behind people without a background: 0 where a network sees -1..1


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole. focal: pixels. distance_m: before z = 0. eye_m: over the ground. centre: pixels where it looks."""

    focal: float
    distance_m: float
    eye_m: float
    centre: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) metres -> (..., 2) pixels."""
        scale = self.focal / (points[..., 2] + self.distance_m)
        return np.stack([self.centre[0] + scale * points[..., 0], self.centre[1] + scale * (points[..., 1] + self.eye_m)], -1)

    def scaled(self, by: float) -> Camera:
        centre = (self.centre[0] * by, self.centre[1] * by)
        return Camera(focal=self.focal * by, distance_m=self.distance_m, eye_m=self.eye_m, centre=centre)


def background(scene: Scene, camera: Camera, size: int) -> np.ndarray:
    """(size, size, 3) float sRGB 0..255."""
    fine = camera.scaled(2)
    y, x = np.mgrid[: 2 * size, : 2 * size] + 0.5
    below = (y - fine.centre[1]) / fine.focal  # tangent of how far under the horizon
    depth = camera.eye_m / np.maximum(below, 1e-3)
    wall = {"street": 1.6, "hall": 2.6, "room": 1.9, "studio": 2.2}.get(scene.place, 400.0) + camera.distance_m
    on_ground = (below > 0) & (depth < wall)
    across = (x - fine.centre[0]) / fine.focal
    ground = _ground(scene, across * depth, depth - camera.distance_m)
    far = _far(scene, across * wall, camera.eye_m - below * wall, across, below)
    if wall < 100:
        ground = ground * (1 - 0.25 * np.exp(-np.abs(depth - wall) / 0.25))[..., None]
    picture = np.where(on_ground[..., None], ground, far)
    if scene.place == "studio":  # a seamless paper
        picture = far * (1 - 0.12 * smooth((below - camera.eye_m / wall) * 3 + 0.3))[..., None]
    picture = picture.reshape(size, 2, size, 2, 3).mean((1, 3))
    return np.clip(picture * np.array(scene.gains), 0, 255)


def _ground(scene: Scene, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Its colour at places of it, metres."""
    far = smooth((z - 4) / 30)
    grain = sheet_noise(x * 14, z * 14, scene.seed % 911) * (1 - far)
    patches = sheet_noise(x * 1.3, z * 1.3, scene.seed % 919)
    base = (
        np.array(scene.ground)
        * (1 + {"meadow": 0.13, "street": 0.05, "sand": 0.06}.get(scene.place, 0.02) * (grain + 0.7 * patches))[..., None]
    )
    if scene.place == "hall":  # boards
        board = np.floor(x / 0.12)
        base = base * (1 + 0.06 * np.sin(board * 12.9898) - 0.18 * (x / 0.12 % 1 < 0.06) * (1 - far))[..., None]
    if scene.place == "street":  # slabs
        base = base * (1 - 0.14 * ((x / 0.6 % 1 < 0.025) | (z / 0.6 % 1 < 0.04)) * (1 - far))[..., None]
    return base


def _far(scene: Scene, x: np.ndarray, up: np.ndarray, across: np.ndarray, below: np.ndarray) -> np.ndarray:
    """What stands behind: x, up metres on the wall; across, below: directions, where it is too far for metres."""
    colour = np.array(scene.far)
    seed = scene.seed
    if scene.place in ("meadow", "sand"):
        sky = colour + np.clip(-below, 0, 0.4)[..., None] * (-60, -30, 10)
        sky = sky + 10 * sheet_noise(across * 7, below * 18, seed % 887)[..., None]
        height = 0.05 + 0.05 * sheet_noise(across * 5, across * 0, seed % 881) + 0.02 * sheet_noise(across * 40, across * 0, seed % 877)
        trees = np.array(scene.ground) * (0.55, 0.62, 0.6) if scene.place == "meadow" else np.array(scene.ground) * 0.9
        leaves = trees * (1 + 0.25 * sheet_noise(across * 60, below * 60, seed % 863))[..., None]
        share = smooth((below + height * (1.0 if scene.place == "meadow" else 0.4)) / 0.006)
        return sky * (1 - share[..., None]) + leaves * share[..., None]
    plaster = colour * (1 + 0.03 * sheet_noise(x * 3, up * 3, seed % 859) + 0.02 * sheet_noise(x * 30, up * 30, seed % 857))[..., None]
    if scene.place == "street":  # bricks
        row = np.floor(up / 0.09)
        joint = (up / 0.09 % 1 < 0.13) | ((x / 0.26 + 0.5 * (row % 2)) % 1 < 0.05)
        brick = 1 + 0.10 * sheet_noise(np.floor(x / 0.26 + 0.5 * (row % 2)) * 7.0, row * 5.0, seed % 839)
        plaster = plaster * np.where(joint, 1.12, brick)[..., None]
    if scene.place == "room":
        plaster = np.where(((up < 0.10) & (up > 0))[..., None], np.array([226.0, 224.0, 220.0]), plaster)
        left, bottom = (seed % 17 - 8) * 0.25, 1.25
        frame = (np.abs(x - left) < 0.55) & (np.abs(up - bottom - 0.4) < 0.42)
        inside = (np.abs(x - left) < 0.49) & (np.abs(up - bottom - 0.4) < 0.36)
        art = (
            np.array([90.0 + seed % 100, 110.0 + seed % 77, 90.0 + seed % 59])
            * (1 + 0.25 * sheet_noise(x * 5, up * 5, seed % 853))[..., None]
        )
        plaster = np.where(frame[..., None], np.array([70.0, 56.0, 44.0]), plaster)
        plaster = np.where(inside[..., None], art, plaster)
    if scene.place == "hall":
        plaster = np.where((up < 1.1)[..., None], plaster * (0.80, 0.84, 0.86), plaster)
        plaster = plaster * (1 - 0.15 * (np.abs(up - 1.1) < 0.02))[..., None]
    light = 1 + 0.10 * np.clip((up - 1.0) / 2, -1, 1) + 0.06 * np.clip(x * scene.sun[0], -2, 2)
    return plaster * light[..., None]
