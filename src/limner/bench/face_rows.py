"""The rows of `limner bench faces`: what draws a person's smile from the neutral photo, each a function of the person's pair.

copy, a plain thin-plate spline, the same blurred; limner's warp, what ships, and whatever `--renderer` names
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from limner.types import Face

if TYPE_CHECKING:
    from limner.bench.faces import Pair


def copy(pair: Pair) -> np.ndarray:
    """The neutral photo itself: the floor."""
    return pair.reference


def plain_spline(pair: Pair) -> np.ndarray:
    """The baseline: one thin-plate spline (SciPy, smoothing 1, 16 anchors on the border), bilinear."""
    from scipy.interpolate import RBFInterpolator
    from scipy.ndimage import map_coordinates

    size = len(pair.reference)
    edge = np.linspace(0, size - 1, 5)
    border = np.array([(x, y) for x in edge for y in edge if x in (0, size - 1) or y in (0, size - 1)])
    spline = RBFInterpolator(
        np.concatenate([pair.target_points, border]),
        np.concatenate([pair.reference_points, border]),
        smoothing=1.0,
        kernel="thin_plate_spline",
    )
    y, x = np.mgrid[:size, :size]
    at = spline(np.stack([x.ravel(), y.ravel()], 1).astype(float)).reshape(size, size, 2)
    channels = [map_coordinates(pair.reference[..., c].astype(float), [at[..., 1], at[..., 0]], order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, -1).round().clip(0, 255).astype(np.uint8)


def blurred_spline(pair: Pair) -> np.ndarray:
    """The same, blurred by 0.8 px: a better SSIM, a worse picture."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(plain_spline(pair).astype(float), (0.8, 0.8, 0)).round().astype(np.uint8)


def limner_warp(pair: Pair) -> np.ndarray:
    """What users get: generation.render.WarpRenderer, from the 68 points."""
    from limner.generation.render import WarpRenderer

    points = pair.reference_points
    face = Face(points=points.astype(np.float32), box=(*points.min(0), *points.max(0)), confidence=1.0)
    return next(iter(WarpRenderer(pair.reference, face).render(pair.target_points[None])))


def rendered(source: str) -> Callable[[Pair], np.ndarray]:
    """A row of what `--renderer SOURCE` gives from the 68 points."""
    from limner.generation.renderers import open_renderer

    maker = open_renderer(source)

    def render(pair: Pair) -> np.ndarray:
        points = pair.reference_points
        face = Face(points=points.astype(np.float32), box=(*points.min(0), *points.max(0)), confidence=1.0)
        return next(iter(maker(pair.reference, face, neutral_points=points).render(pair.target_points[None])))

    return render


def shipped() -> tuple[str, ...]:
    """The refiner, where its weights ship."""
    from limner.generation.renderers import REFINE, has_weights

    return (REFINE,) if has_weights(REFINE) else ()


RENDERERS: dict[str, Callable[[Pair], np.ndarray]] = {
    "copy": copy,
    "plain spline": plain_spline,
    "plain spline, blurred 0.8 px": blurred_spline,
    "warp": limner_warp,
}
