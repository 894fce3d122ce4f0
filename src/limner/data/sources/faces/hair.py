"""Hair, behind the head and before it: strands by still noise, a few styles. Everything lies in the head's frame.

Numbers without another source are ours, by eye beside photos of heads at 256 pixels.

Shapes: H W pixels of a layer; x and y in units of the head's frame, x as wide as this very head is.
"""

from __future__ import annotations

import numpy as np

from limner.data.sources.faces.looks import Look
from limner.data.sources.faces.noise import line_noise, over, sheet_noise, smooth, step

SKULL_Y = (-1.2, -0.95, -0.6, -0.3, 0.0, 0.35, 0.8)  # ours, by eye: units, as the half widths below
SKULL_X = (0.30, 0.62, 0.80, 0.855, 0.86, 0.83, 0.70)  # ours, by eye: half width of the head, hair left out
# ours, by eye: style -> how far it stands out beside the head, down to where it reaches, how ragged its edge is; units
BEHIND = {
    "short": (0.05, 0.05, 0.012),
    "crop": (0.015, 0.0, 0.006),
    "receding": (0.03, 0.10, 0.010),
    "full": (0.13, 0.22, 0.03),
    "long": (0.14, 3.0, 0.03),
    "bob": (0.17, 1.02, 0.02),
    "tied": (0.025, 0.0, 0.008),
    "curly": (0.30, 0.75, 0.10),
    "wavy": (0.22, 3.0, 0.06),
}
COVERS_EARS = ("long", "bob", "curly", "wavy")  # ours: by eye


def skull(y: np.ndarray) -> np.ndarray:
    """Half width of the head at a height."""
    return np.interp(y, SKULL_Y, SKULL_X)


def strands(x: np.ndarray, y: np.ndarray, look: Look) -> np.ndarray:
    """(H, W, 3) the hair's colour: strands that fall along the head, locks, a shine where the head is round."""
    side = np.abs(x)
    curl = {"curly": 1.0, "wavy": 0.45}.get(look.style, 0.06)  # ours, by eye: how wavy strands are
    along = y + 0.25 * side
    across = side * 52 + 3 * curl * np.sin(along * 6 + 2 * sheet_noise(x * 3, y * 3, look.seed + 9))  # ours, by eye: 52 strands a unit
    fine = line_noise(across + 3 * along + np.where(x < 0, 211, 0), look.seed + 11)
    lock = line_noise(across * 0.22 + along + np.where(x < 0, 97, 0), look.seed + 12)  # ours, by eye: a lock is some five strands
    # ours, by eye: where the head is round, above the brow and at the neck
    shine = np.exp(-(((y + 0.42 - 0.2 * side) / 0.16) ** 2)) + 0.5 * np.exp(-(((y - 0.75) / 0.2) ** 2))
    if look.style == "curly":
        fine, lock = 1.4 * sheet_noise(x * 30, y * 30, look.seed + 11), 1.4 * sheet_noise(x * 11, y * 11, look.seed + 12)
    bright = 1 + 0.22 * fine + 0.20 * lock + 0.28 * shine * (0.6 + fine)  # ours: by eye
    return look.hair * np.clip(bright, 0.35, 1.9)[..., None]  # ours: by eye


def behind(layer: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
    """What shows beside the head and under it: premultiplied (H, W, 4), painted over `layer`."""
    if look.style not in BEHIND:
        return layer
    out, down, ragged = BEHIND[look.style]
    out = out * (0.55 + 0.9 * look.volume)  # ours: by eye
    edge = skull(np.minimum(y, 0.35)) + out * (1 - 0.35 * smooth((y - 0.4) / 0.8) * (look.style == "bob"))
    edge = edge + ragged * (line_noise(y * 9 + np.where(x < 0, 57, 0), look.seed + 13) + 0.5 * line_noise(y * 31, look.seed + 14))
    end = down + 0.06 * line_noise(np.abs(x) * 17, look.seed + 15)  # ours: by eye
    mask = step(edge - np.abs(x), soft + 0.015) * step(end - y, soft + 0.10)
    deep = np.where(np.abs(x) < skull(y) - 0.02, 0.45, 1.0)[..., None]  # behind the neck it lies in the shade
    return over(layer, strands(x, y, look) * deep, mask)


def before(layer: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray, soft: float) -> np.ndarray:
    """What falls over the forehead and the temples: premultiplied (H, W, 4), painted over `layer`."""
    if look.style == "bald":
        return layer
    side = np.abs(x)
    recede = 0.16 if look.style == "receding" else 0.0  # ours: by eye
    # The hairline: over the forehead, then down along the temples to before the ears
    low = {"crop": -0.10, "receding": -0.05, "tied": -0.12}.get(look.style, 0.05)  # ours, by eye: down to where it reaches beside the ears
    line = np.interp(side, (0.0, 0.35, 0.58, 0.70, 0.76, 0.80), (0, -0.03, 0.06, 0.22, 0.42, 0.42 + (low + 0.3)))
    line = look.hairline - recede * (1 - smooth((side - 0.5) / 0.25)) + line
    if look.fringe:
        parting = 0.25 * (look.volume - 0.5)  # ours: by eye
        fringe = -0.34 - 0.22 * (1 - look.fringe) - 0.10 * smooth((side - 0.1) / 0.5) + 0.04 * np.sin((x - parting) * 6)  # ours: by eye
        line = np.maximum(line, np.where(side < 0.72, fringe, line))
    if look.style in COVERS_EARS:  # strands hang down beside the cheeks
        inner = {"long": 0.80, "wavy": 0.78, "bob": 0.77, "curly": 0.80}[look.style] + 0.03 * line_noise(y * 5, look.seed + 16)
        end = min(BEHIND[look.style][1], 3.0) - 0.05
        line = np.maximum(line, np.where(side > inner, end, line))
    line = line + 0.025 * line_noise(x * 33, look.seed + 17) + 0.012 * line_noise(x * 90, look.seed + 18)  # ours, by eye: ragged
    mask = step(line - y, soft + 0.05) * step(skull(np.minimum(y, 0.35)) + 0.03 + 0.3 * (look.style in COVERS_EARS) - side, soft + 0.02)
    if look.style == "crop":
        mask = 0.75 * mask * (0.8 + 0.2 * sheet_noise(x * 60, y * 60, look.seed + 19))  # ours, by eye: cropped hair lets skin through
    return over(layer, strands(x, y, look), mask)
