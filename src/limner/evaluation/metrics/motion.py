"""How true and how diverse sets of motions are. Points in, numbers out.

Shapes: N sequences, K modes, T time, P points. Distances are mean point distances in inter-ocular units between displacements from
each sequence's own first frame, aligned on eyes and nose, both at 32 uniform moments: who it is and how the head moves are out.
"""

from __future__ import annotations

import numpy as np

from limner.geometry import resample
from limner.measures import points as measures
from limner.types import Guide

MOMENTS = 32


def displacements(points: np.ndarray, guide: Guide) -> np.ndarray:
    """(N, T, P, 2) points -> (N, 32, P, 2) float32 aligned displacement from the first frame."""
    moved = np.moveaxis(measures.displacements(points, guide), 1, 0)
    return np.moveaxis(resample(moved, MOMENTS), 0, 1).astype(np.float32)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, T, P, 2), (M, T, P, 2) displacements -> (N, M) mean point distances."""
    return np.stack([np.linalg.norm(one - b, axis=-1).mean((1, 2)) for one in a])


def mode_distances(moved_NKTP2: np.ndarray) -> np.ndarray:
    """(N, K, T, P, 2) displacements of K modes of N faces -> (N, K (K - 1) / 2) distances of the pairs of modes of one face."""
    i, j = np.triu_indices(moved_NKTP2.shape[1], 1)
    return np.linalg.norm(moved_NKTP2[:, i] - moved_NKTP2[:, j], axis=-1).mean((2, 3))


def people_distance(moved: np.ndarray, subjects: np.ndarray) -> float:
    """Mean distance between the sequences of different people."""
    apart = distances(moved, moved)
    return float(apart[subjects[:, None] != subjects[None, :]].mean())


def nearest(moved: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(N, ...), (M, ...) displacements -> (N,) distance of each to the nearest of the others."""
    return distances(moved, to).min(1)


def interval(values: np.ndarray, statistic=np.mean, *, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic over the first dimension (resample what is independent: people)."""
    rng = np.random.default_rng(seed)
    found = [float(statistic(values[rng.integers(0, len(values), len(values))])) for _ in range(draws)]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
