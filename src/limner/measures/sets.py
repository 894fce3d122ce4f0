"""How two SETS of pictures or videos differ, by the features a network finds in them, and how surely and evenly classes occur in one.

Each takes weights, one a row, so that people can be drawn again and again (a bootstrap) without copying: weight 2 is as good as two rows.

Shapes: N, M rows, D features, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from limner.measures.arrays import as_float

ROWS = 1024  # ours: of the kernel's matrix at once, which bounds memory


def frechet_distance(features: Any, others: Any, weights: Any = None, other_weights: Any = None) -> float:
    """(N, D), (M, D) -> |mu1 - mu2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of their normal distributions; >= 0, 0 for equal sets.

    The form of FID (Heusel et al. 2017) and FVD (Unterthiner et al. 2018); covariances over n - 1. tr (C1 C2)^(1/2) is the sum of the
    square roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric. Sets of fewer rows than features look further apart
    than they are: compare sets of one size. ValueError: fewer than two rows, other D, NaN."""
    (mean1, cov1), (mean2, cov2) = _moments(features, weights), _moments(others, other_weights)
    if len(mean1) != len(mean2):
        raise ValueError(f"features of {len(mean1)} and {len(mean2)} numbers cannot be compared")
    values, axes = np.linalg.eigh(cov1)
    root = (axes * np.sqrt(values.clip(0))) @ axes.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov2 @ root).clip(0)).sum()
    return float(max(0.0, ((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * cross))


def _moments(features: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    rows, of = _weighted(features, weights)
    total = of.sum()
    if total < 2:
        raise ValueError(f"a Frechet distance needs two rows of each set, got {total:g}")
    mean = of @ rows / total
    centred = rows - mean
    return mean, (centred * of[:, None]).T @ centred / (total - 1)


def _weighted(rows: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    found = as_float(rows)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise ValueError(f"expected finite rows (N, D), got {found.shape}")
    of = np.ones(len(found)) if weights is None else as_float(weights)
    if of.shape != (len(found),):
        raise ValueError(f"{len(found)} rows need as many weights, got {of.shape}")
    return found, of


def kernel_sums(features: Any, others: Any, groups: Any, other_groups: Any, num: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, D), (M, D), and which of `num` groups each row is of -> (num, num) sums of k(x, y) = (x.y / D + 1)^3 over the rows of each pair
    of groups, and (num,) the sum of k(x, x) over each group's own rows. The rest of KID needs these alone."""
    x, y = (_weighted(one, None)[0] for one in (features, others))
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"features of {x.shape[1]} and {y.shape[1]} numbers cannot be compared")
    first, second = np.asarray(groups), np.eye(num, dtype=np.float64)[np.asarray(other_groups)]
    sums = np.zeros((num, num))
    for start in range(0, len(x), ROWS):
        part = (x[start : start + ROWS] @ y.T / x.shape[1] + 1) ** 3
        np.add.at(sums, first[start : start + ROWS], part @ second)
    own = ((x * x).sum(1) / x.shape[1] + 1) ** 3
    return sums, np.bincount(first, own, num)


def kernel_distance(features: Any, others: Any) -> float:
    """(N, D), (M, D) -> the squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, over all pairs; 0 where the sets are drawn
    alike, and, being unbiased, as often a little below as above.

    KID (Binkowski et al. 2018), of the whole sets rather than of random subsets; small sets do not push it up, as they do FID.
    ValueError as `frechet_distance`."""
    one, other = np.zeros(len(features), int), np.zeros(len(others), int)
    (xx, dx), (yy, dy) = kernel_sums(features, features, one, one, 1), kernel_sums(others, others, other, other, 1)
    xy, _ = kernel_sums(features, others, one, other, 1)
    return kernel_distance_of((xx, dx, np.ones(1) * len(one)), (yy, dy, np.ones(1) * len(other)), xy, np.ones(1))


def kernel_distance_of(own: tuple, others: tuple, between: np.ndarray, weights: np.ndarray) -> float:
    """KID from the sums of `kernel_sums`: own and others: (sums (G, G), self (G,), rows (G,)) of each set; weights: of each group."""
    found = 0.0
    counts = []
    for sums, self_sums, rows in (own, others):
        total = float(weights @ rows)
        if total < 2:
            raise ValueError(f"a kernel distance needs two rows of each set, got {total:g}")
        found += float(weights @ sums @ weights - weights @ self_sums) / (total * (total - 1))
        counts.append(total)
    return found - 2 * float(weights @ between @ weights) / (counts[0] * counts[1])


def inception_score(probabilities: Any, weights: Any = None) -> float:
    """(N, C) class probabilities of N pictures -> exp(mean_x KL(p(y|x) || p(y))), 1..C (Salimans et al. 2016), the whole set as one split.

    High where each picture is surely of one class and all classes occur alike. ValueError: none, rows that are no probabilities."""
    rows, of = _weighted(probabilities, weights)
    if (rows < 0).any() or not np.allclose(rows.sum(1), 1, atol=1e-3):
        raise ValueError("rows of class probabilities must be >= 0 and sum to 1")
    if of.sum() <= 0:
        raise ValueError("an Inception Score needs one picture at least")
    share = of / of.sum()
    sure = (share[:, None] * rows * np.log(rows.clip(1e-12))).sum()
    even = share @ rows
    return float(np.exp(sure - (even * np.log(even.clip(1e-12))).sum()))
