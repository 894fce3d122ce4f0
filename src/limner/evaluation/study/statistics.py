"""What votes say: shares with Wilson intervals, a sign test, Bradley-Terry strengths, agreement between raters. Numbers in, numbers out.

Shapes: M methods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

Z = 1.959964  # 95 %
HALF_WIN = 0.5  # ours: half a win each way for every two methods that met keeps strengths finite where one never lost


def wilson(hits: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `hits` in `n` (Wilson 1927), within 0..1; (nan, nan) of nothing.

    centre = (p + z^2/2n) / (1 + z^2/n), half width = z sqrt(p (1 - p) / n + z^2/4n^2) / (1 + z^2/n)"""
    if n <= 0:
        return float("nan"), float("nan")
    p, shrink = hits / n, 1 + Z**2 / n
    centre, half = (p + Z**2 / (2 * n)) / shrink, Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / shrink
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p of the exact binomial test that either is as likely; answers without a preference are left out. 1 of no votes."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0


def bradley_terry(wins_MM: np.ndarray, *, half_win: float = HALF_WIN, steps: int = 10_000, tolerance: float = 1e-10) -> np.ndarray:
    """(M, M) wins of row over column, a tie half a win to both -> (M,) strengths that add up to 1: P(i beats j) = s_i / (s_i + s_j).

    Maximum likelihood by the MM iteration (Hunter 2004, Annals of Statistics 32): s_i <- W_i / sum_j n_ij / (s_i + s_j).
    ValueError where not all methods are linked by votes, however indirectly: their strengths cannot be compared."""
    wins = np.asarray(wins_MM, np.float64)
    met = (wins + wins.T) > 0
    if not _linked(met):
        raise ValueError("some methods are not linked by any votes; their strengths cannot be compared")
    wins = wins + half_win * met
    games, won = wins + wins.T, wins.sum(1)
    strength = np.full(len(wins), 1 / len(wins))
    for _ in range(steps):
        new = won / (games / (strength[:, None] + strength[None])).sum(1)
        new /= new.sum()
        if np.abs(np.log(new / strength)).max() < tolerance:
            return new
        strength = new
    return strength


def _linked(met: np.ndarray) -> bool:
    reached, before = {0}, set()
    while reached != before:
        before = set(reached)
        reached |= {int(j) for i in before for j in np.flatnonzero(met[i])}
    return len(reached) == len(met)


def krippendorff(units: Iterable[Sequence[str]]) -> float:
    """Agreement on categories: Krippendorff's alpha, nominal; 1 full, 0 that of chance. units: the answers to each pair, of any raters.

    alpha = 1 - (n - 1) sum_{c != k} o_ck / sum_{c != k} n_c n_k, o the coincidences: each unit of m >= 2 answers gives each ordered pair of
    them 1 / (m - 1) (Krippendorff 2011). nan where no pair has two answers, or all answers are the same."""
    answers, apart = Counter[str](), 0.0
    for unit in units:
        if len(unit) < 2:
            continue
        counts = Counter(unit)
        answers.update(unit)
        apart += sum(c * (len(unit) - c) for c in counts.values()) / (len(unit) - 1)
    n = sum(answers.values())
    expected = n**2 - sum(c**2 for c in answers.values())
    return float(1 - (n - 1) * apart / expected) if expected else float("nan")
