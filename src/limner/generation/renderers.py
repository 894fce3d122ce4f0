"""Which renderer turns points into pixels: one door for those that ship and those that were trained.

A renderer is made for one photo and the face in it, and its `render` gives a frame for every set of points, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from limner.types import Face, InputError

if TYPE_CHECKING:
    from limner.generation.reference import Reference

WARP, REFINE, COPY = "warp", "warp-refine", "copy"
DEFAULT = REFINE


class Renderer(Protocol):
    """Points -> pictures of one photo."""

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) pixel points -> T frames (H, W, 3) uint8 sRGB, one by one."""
        ...


Maker = Callable[..., Renderer]  # (photo (H, W, 3) uint8, face, *, neutral_points (68, 2)) -> a renderer of that photo


def open_renderer(source: str | None = None) -> Maker:
    """What makes renderers. source: "warp", the name of weights that ship, or a run of `limner train`; None: the default.

    "copy" is the floor of every comparison: the photo, whatever the points say.
    The networks are read once; make a renderer for each photo. InputError where there is no such renderer, or the run holds none.
    """
    source = source or DEFAULT
    if source == WARP:
        return _warp
    if source == COPY:
        return Copy
    from limner.papers.load import load_renderer

    return _with_model(load_renderer(source))


def has_weights(name: str) -> bool:
    """Whether weights of that name ship with limner."""
    from limner.papers.load import SHIPPED

    return (SHIPPED / name.replace("-", "_") / "config.json").is_file()


def renderer_for(maker: Maker, reference: Reference) -> Renderer:
    """A renderer of a photo made ready."""
    return maker(reference.pixels, reference.face, neutral_points=reference.neutral)


def _warp(photo: np.ndarray, face: Face, *, neutral_points: np.ndarray) -> Renderer:
    from limner.generation.render import WarpRenderer

    return WarpRenderer(photo, face, neutral_points=neutral_points)


class Copy:
    """The photo itself, frame after frame."""

    def __init__(self, photo: np.ndarray, face: Face, *, neutral_points: np.ndarray) -> None:
        self.photo = photo

    def render(self, points_TK2: np.ndarray) -> Iterator[np.ndarray]:
        """(T, 68, 2) points -> T times the photo."""
        return (self.photo.copy() for _ in points_TK2)


def _with_model(model: Any) -> Maker:
    """The renderer class that belongs to a trained network's recipe."""
    import importlib

    if model.family not in RENDERER_OF:
        raise InputError(f"{model.settings.recipe} moves bodies, not faces; it is driven by clips of bodies: limner generate RUN")
    module, name = RENDERER_OF[model.family]
    renderer = getattr(importlib.import_module(module), name)
    return lambda photo, face, *, neutral_points: renderer(photo, face, neutral_points=neutral_points, model=model)


# A trained network's family -> the class that renders with it.
RENDERER_OF: dict[str, tuple[str, str]] = {
    "translation": ("limner.generation.translate", "TranslatorRenderer"),
    "warp-refine": ("limner.generation.refine", "RefineRenderer"),
}
