"""A person's skin, baked: what is at rest, what the smile adds (folds, cheeks, lips), what the eyes' narrowing adds; and where it ends.

Shapes: H W pixels of the texture, channels sRGB 0..255. Numbers by eye where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from limner.data.sources.faces.light import shade
from limner.data.sources.faces.looks import Look, Scene
from limner.data.sources.faces.noise import line_noise, sheet_noise, smooth, step
from limner.data.sources.faces.texture import CANONICAL, CHEEKS, PER_UNIT, SIZE_HW, from_ycc, load_basis, to_texture, units

CHROMA_SPREAD = np.array([1.0, 0.6, 0.6])  # drawn codes mix colours of the 66 that no single face has: less of it
AU6_ZONE = (-0.02, 0.30)  # units: what lies above belongs to the eyes' narrowing, below to the smile, mixed between
OUTLINE = ((0.79, -0.24), (0.765, -0.42), (0.71, -0.62), (0.60, -0.90))  # units: where the skin goes on above the temples, under the hair
BROWS = (range(17, 22), range(22, 27))


@dataclass(frozen=True, kw_only=True)
class Skin:
    """(3, H, W) float32 each: at rest, what full AU12 and full AU6 add; alpha (1, H, W). tone: mean colour of the cheeks, of the jaw."""

    rest: torch.Tensor
    smile: torch.Tensor
    narrow: torch.Tensor
    alpha: torch.Tensor
    cheek: np.ndarray
    jaw: np.ndarray


def bake(look: Look, scene: Scene, blur_px: float) -> Skin:
    """The skin in a scene's light. blur_px: by how much the picture is coarser than the texture, so that nothing flickers."""
    basis = load_basis()
    x, y = units()
    skin = basis.mean + np.tensordot(look.skin, basis.skin, 1) * CHROMA_SPREAD
    cheek = np.median(skin[CHEEKS[0], CHEEKS[1]].reshape(-1, 3), 0)
    skin = skin + np.concatenate([[0], basis.tone[:, 0] + basis.tone[:, 1] * (cheek[0] - 128) + look.tone - cheek[1:]])
    change = look.fold_depth * (basis.smile + np.tensordot(look.folds, basis.styles, 1))
    change *= (cheek[0] / 150) ** 0.6  # on dark skin the same fold is fewer grey levels
    eyes = 1 - smooth((y - AU6_ZONE[0]) / (AU6_ZONE[1] - AU6_ZONE[0]))[..., None]
    rest = from_ycc(skin + _grain(look, x, y)[..., None] * (1, 0, 0))
    smiling, narrowed = from_ycc(change * (1 - eyes)), from_ycc(change * eyes)
    rest, kept = _beard(rest, look, x, y)
    lit = shade(x, y, scene)[..., None]
    layers = [rest * lit, smiling * lit * kept, narrowed * lit]
    soft = [torch.from_numpy(_blurred(layer, blur_px)).float().permute(2, 0, 1).contiguous() for layer in layers]
    alpha = torch.from_numpy(_blurred(_alpha()[..., None], blur_px)).float().permute(2, 0, 1).contiguous()
    colour = lambda rows, columns: np.median(rest[rows, columns].reshape(-1, 3), 0)  # noqa: E731
    jaw = colour(slice(178, 196), np.r_[50:66, 126:142])
    return Skin(rest=soft[0], smile=soft[1], narrow=soft[2], alpha=alpha, cheek=colour(*CHEEKS), jaw=jaw)


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, (sigma, sigma, 0)) if sigma > 0.1 else values


def _grain(look: Look, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pores, freckles, a mole or two, in levels of luma: what the fitted components are too smooth for."""
    grain = 2.2 * sheet_noise(x * 45, y * 45, look.seed) + 1.5 * sheet_noise(x * 18, y * 18, look.seed + 1)
    rng = np.random.default_rng(look.seed)
    if look.freckles:
        where = np.exp(-(((np.abs(x) - 0.28) / 0.30) ** 2) - ((y - 0.32) / 0.22) ** 2)
        grain -= 26 * look.freckles * where * smooth((sheet_noise(x * 30, y * 30, look.seed + 2) - 0.25) / 0.5)
    for _ in range(rng.integers(0, 5)):
        at, size = rng.uniform((-0.65, -0.5), (0.65, 1.1)), rng.uniform(0.008, 0.018)
        grain -= rng.uniform(15, 50) * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / size**2)
    return grain


def _beard(rest: np.ndarray, look: Look, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The skin with its beard, and how much of the folds it lets through, (H, W, 1)."""
    if look.beard <= 0:
        return rest, np.ones((*SIZE_HW, 1))
    side = np.abs(x)
    lower = step(y - np.interp(side, (0.0, 0.13, 0.3, 0.46, 0.62, 0.80), (0.53, 0.56, 0.66, 0.72, 0.55, 0.10)), 0.10)
    if not look.beard_full:
        lower *= step(0.42 - side, 0.10)  # a goatee
    lips = _distance(to_texture(CANONICAL)[48:60]) / PER_UNIT
    zone = lower * smooth((lips - 0.004) / 0.035)
    across = side * 60 + 4 * np.sin(y * 9)
    strands = line_noise(across + y * 6, look.seed + 5) + sheet_noise(x * 40, y * 22, look.seed + 6)
    density = np.clip(zone * (0.55 + 0.75 * look.beard + 0.30 * strands) - 0.25 * (1 - look.beard), 0, 1) * min(
        1.0, 0.35 + 0.6 * look.beard
    )
    colour = look.hair * 0.85 * (1 + 0.25 * strands[..., None])
    return rest * (1 - density[..., None]) + colour * density[..., None], (1 - 0.7 * density)[..., None]


def _distance(polygon: np.ndarray) -> np.ndarray:
    """(H, W) signed distance to a polygon of the texture, pixels, positive outside."""
    from scipy.ndimage import distance_transform_edt
    from skimage.draw import polygon2mask

    inside = polygon2mask(SIZE_HW, polygon[:, ::-1] - 0.5)
    return np.asarray(distance_transform_edt(~inside)) - np.asarray(distance_transform_edt(inside))


_ALPHA: list[np.ndarray] = []


def _alpha() -> np.ndarray:
    """(H, W): 1 on the face down to the jaw line and up under the hair."""
    if not _ALPHA:
        top = np.array(OUTLINE)
        outline = np.concatenate([CANONICAL[:17], top, (top * (-1, 1))[::-1]])
        _ALPHA.append(smooth(0.5 - _distance(to_texture(outline)) / (0.030 * PER_UNIT)))
    return _ALPHA[0]
