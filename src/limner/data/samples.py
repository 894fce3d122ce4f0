"""Clips -> arrays to learn from: sequences of one length, in units, with their labels.

Shapes: N sequences, T time, K points, A action units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.data.store import Store
from limner.geometry import apply_affine, to_unit
from limner.guides.face import GUIDE
from limner.types import Guide, InputError


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """points_unit: (N, T, K, 2) float32 in the unit frame of each clip's own first frame (head motion kept).

    labels: (N,) int64 into label_names. duration_s: (N,) float32, time from first to last frame. au: (N, T, A) float32. subjects: (N,) str.
    """

    points_unit: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    duration_s: np.ndarray
    au: np.ndarray
    subjects: np.ndarray

    def __len__(self) -> int:
        return len(self.points_unit)


def resample_smooth(values: np.ndarray, num: int) -> np.ndarray:
    """(T, ...) -> (num, ...) at uniform times, first and last kept: a cubic spline, so a short clip gets no corners."""
    from scipy.interpolate import make_interp_spline

    if len(values) == num:
        return values
    spline = make_interp_spline(np.arange(len(values)), values.astype(np.float64), k=3 if len(values) > 3 else 1)
    return spline(np.linspace(0, len(values) - 1, num)).astype(values.dtype)


def load_sequences(store: Store, *, split: str, kind: str = "transition", num: int = 32, guide: Guide = GUIDE) -> Sequences:
    """All labelled clips of one split and kind, resampled uniformly to `num` frames.

    InputError if there is none, or if one is not of that guide or has no AU curves."""
    rows = [i for i in store.select(split=split, kind=kind) if store.row(i)["label"] is not None]
    if not rows:
        untold = len(store.select(split=split, kind=kind))
        raise InputError(
            f"store {store.path} has no labelled clip of split {split!r} and kind {kind!r}"
            + (f"; none of its {untold} has a label: sub-folders posed and spontaneous, or a table, say it" if untold else "")
        )
    label_names = tuple(sorted({label for label in store.table["label"].to_pylist() if label is not None}))
    points, labels, durations, curves, subjects = [], [], [], [], []
    for i in rows:
        clip = store[i]
        if clip.points.shape[1] != guide.num_points:
            raise InputError(
                f"store {store.path}: clip {clip.id!r} has {clip.points.shape[1]} points; {guide.name!r} has {guide.num_points}"
            )
        if clip.au is None:
            raise InputError(f"store {store.path}: clip {clip.id!r} has no AU curves")
        assert clip.label is not None
        points.append(resample_smooth(apply_affine(to_unit(clip.points[0], guide), clip.points), num))
        curves.append(resample_smooth(clip.au, num).clip(0, 5))
        labels.append(label_names.index(clip.label))
        durations.append(clip.duration_s)
        subjects.append(clip.subject)
    return Sequences(
        points_unit=np.stack(points).astype(np.float32),
        labels=np.array(labels, np.int64),
        label_names=label_names,
        duration_s=np.array(durations, np.float32),
        au=np.stack(curves).astype(np.float32),
        subjects=np.array(subjects),
    )
