"""Synthetic faces with pixels: the corpus' people and smiles (smiles.py), each person with a look of her own, each clip with its light.

A clip is what `limner prepare folder` writes of a recording: a transition of 32 frames, aligned by its first frame, with exact points and
AU curves. It depends on nothing but (seed, person, label, number, size).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from limner.data.sources import smiles
from limner.data.sources.faces.looks import draw_look, draw_scene
from limner.geometry import apply_affine, compose_affine, to_unit, unit_to_map
from limner.guides.face import GUIDE
from limner.types import Clip

SOURCE = "limner.synthetic_faces"
NUM = 32  # paper: frames of a clip
MIN_SIZE, MAX_SIZE = 32, 512  # ours: the skin's texture has 100 pixels a unit; a picture of 256 has 116


def clips_per_person() -> int:
    """How many clips `person_clips` makes."""
    return len(smiles.LABELS) * smiles.TRANSITIONS


def person_clips(index: int, seed: int, size: int) -> Iterator[Clip]:
    """Every clip of person `index` at size x size pixels: the same whatever else is made."""
    from limner.data.sources.faces.draw import draw

    look = draw_look(index, seed)
    transitions = (clip for clip in smiles.person_clips(index, seed) if clip.kind == "transition")
    for clip in transitions:
        assert clip.label is not None
        assert clip.au is not None
        label, number = smiles.LABELS.index(clip.label), int(clip.id.rpartition("_")[2])
        scene = draw_scene(index, label, number, seed)
        matrix = compose_affine(to_unit(clip.points[0].astype(np.float64), GUIDE), unit_to_map(GUIDE, size))
        points = _resampled(apply_affine(matrix, clip.points.astype(np.float64))).astype(np.float32)
        au = _resampled(clip.au.astype(np.float64)).clip(0, 5).astype(np.float32)
        yield Clip(
            id=clip.id,
            source=SOURCE,
            subject=clip.subject,
            split=clip.split,
            label=clip.label,
            kind=clip.kind,
            points=points,
            confidence=np.ones(points.shape[:2], np.float32),
            frames=draw(points, au, look, scene, size),
            au=au,
            fps=Fraction((NUM - 1) / clip.duration_s).limit_denominator(1001),
            duration_s=clip.duration_s,
            size=(size, size),
        )


def _resampled(values: np.ndarray) -> np.ndarray:
    """(T, ...) -> (NUM, ...) at uniform times, first and last kept, without corners."""
    from scipy.interpolate import make_interp_spline

    if len(values) == NUM:
        return values
    return make_interp_spline(np.arange(len(values)), values, k=3)(np.linspace(0, len(values) - 1, NUM))
