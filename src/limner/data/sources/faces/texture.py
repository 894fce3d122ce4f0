"""The skin's texture on the canonical face: drawn from fitted components (face_textures.md), for any person and any smile.

Shapes: H W pixels of the texture, C components.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limner.data.sources.faces.surface import FOREHEAD
from limner.guides.face import GUIDE

FILE = Path(__file__).with_name("face_textures.safetensors")
PER_UNIT = 100  # ours: pixels a unit; a 256 px crop has 116
LEFT, TOP = -0.96, -0.84  # units: the texture's upper left corner
SIZE_HW = (230, 192)
CANONICAL = np.concatenate([GUIDE.canonical.astype(np.float64), FOREHEAD])  # (79, 2) units: where each point lies in the texture
CHEEKS = (slice(115, 135), np.r_[45:65, 127:147])  # rows and columns of the cheeks, pixels of the texture
FILL_PX = 2.0  # ours: how soft the colours beyond the stored ones are
_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])  # BT.601


def to_texture(points: np.ndarray) -> np.ndarray:
    """(..., 2) units of the canonical face -> pixels of the texture."""
    return (points - (LEFT, TOP)) * PER_UNIT


def units() -> tuple[np.ndarray, np.ndarray]:
    """x and y of each pixel of the texture, units, (H, W) each."""
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    return x / PER_UNIT + LEFT, y / PER_UNIT + TOP


def to_ycc(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB 0..255 -> luma 0..255 and chromas about 0, BT.601."""
    return rgb @ _YCC.T


def from_ycc(ycc: np.ndarray) -> np.ndarray:
    """The way back."""
    return ycc @ np.linalg.inv(_YCC).T


def halve(values: np.ndarray) -> np.ndarray:
    """(H, W, c) -> (H/2, W/2, c), means of 2 x 2."""
    height, width = values.shape[:2]
    return values.reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3))


@dataclass(frozen=True, kw_only=True)
class Basis:
    """The fitted textures, unpacked: each (..., H, W, 3) float32 luma and chromas, smoothly continued beyond the face.

    skin: (C, H, W, 3) per standard deviation. smile: what a full smile changes. styles: how smiles differ.
    tone: (2, 3) of the cheeks' Cb and Cr: value at luma 128, slope over luma, spread."""

    mean: np.ndarray
    skin: np.ndarray
    smile: np.ndarray
    styles: np.ndarray
    tone: np.ndarray


@functools.cache
def load_basis() -> Basis:
    """Reads and unpacks the fitted textures, once."""
    from safetensors.numpy import load_file

    data = load_file(FILE)
    stored = np.unpackbits(data["stored"])[: SIZE_HW[0] * SIZE_HW[1]].reshape(SIZE_HW).astype(bool)
    unpack = functools.partial(_unpacked, stored=stored)
    return Basis(
        mean=unpack(data["mean"][None].astype(np.float32))[0],
        skin=unpack(data["skin"] * data["skin_scale"][:, None]),
        smile=unpack(data["smile"][None].astype(np.float32))[0],
        styles=unpack(data["styles"] * data["styles_scale"][:, None]),
        tone=data["tone"],
    )


def _unpacked(rows: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """(C, n + 2 m) luma, Cb, Cr of the stored pixels -> (C, H, W, 3)."""
    from scipy.ndimage import gaussian_filter

    half = halve(stored[..., None].astype(np.float32))[..., 0] > 0
    num, num_half = int(stored.sum()), int(half.sum())
    out = np.zeros((len(rows), *SIZE_HW, 3), np.float32)
    nearest = _nearest(stored)
    nearest_half = _nearest(half)
    for picture, row in zip(out, rows):
        luma = np.zeros(SIZE_HW, np.float32)
        luma[stored] = row[:num]
        luma = luma[nearest]
        picture[..., 0] = np.where(stored, luma, gaussian_filter(luma, FILL_PX))
        for channel in range(2):
            chroma = np.zeros(half.shape, np.float32)
            chroma[half] = row[num + channel * num_half :][:num_half]
            picture[..., 1 + channel] = _double(gaussian_filter(chroma[nearest_half], 0.4))
    return out


def _nearest(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool -> row and column of the nearest known pixel to each."""
    from scipy.ndimage import distance_transform_edt

    rows, columns = np.asarray(distance_transform_edt(~known, return_distances=False, return_indices=True))
    return rows, columns


def _double(values: np.ndarray) -> np.ndarray:
    """(H/2, W/2) -> (H, W), linear between the centres."""
    for axis in (0, 1):
        values = np.moveaxis(values, axis, 0)
        padded = np.concatenate([values[:1], values, values[-1:]])
        out = np.empty((2 * len(values), *values.shape[1:]), np.float32)
        out[::2] = 0.25 * padded[:-2] + 0.75 * padded[1:-1]
        out[1::2] = 0.75 * padded[1:-1] + 0.25 * padded[2:]
        values = np.moveaxis(out, 0, axis)
    return values
