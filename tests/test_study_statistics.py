"""The statistics of preference studies, by hand and as printed."""

from __future__ import annotations

import numpy as np
import pytest

from limner.evaluation.study.statistics import bradley_terry, krippendorff, sign_test, wilson


def test_wilson_as_printed():
    # Newcombe 1998, Statistics in Medicine 17, table I: score interval without continuity correction
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
        assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)
    assert all(np.isnan(wilson(0, 0)))


def test_sign_test_by_hand():
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert sign_test(3, 3) == sign_test(0, 0) == 1


def test_bradley_terry_of_two_is_the_share_of_wins():
    assert bradley_terry(np.array([[0, 30], [10, 0]]), half_win=0) == pytest.approx([0.75, 0.25])
    assert bradley_terry(np.array([[0, 30], [0, 0]])) == pytest.approx([30.5 / 31, 0.5 / 31])  # finite though it never lost


def test_bradley_terry_maximises_the_likelihood():
    from scipy.optimize import minimize

    wins = np.array([[0, 7, 9, 4], [3, 0, 6, 5], [1, 4, 0, 2], [6, 5, 8, 0]], float)

    def loss(logs):
        return -sum(wins[i, j] * -np.log1p(np.exp(logs[j] - logs[i])) for i in range(4) for j in range(4))

    logs = minimize(loss, np.zeros(4), method="BFGS").x
    assert bradley_terry(wins, half_win=0) == pytest.approx(np.exp(logs) / np.exp(logs).sum(), abs=1e-5)
    with pytest.raises(ValueError, match="not linked"):
        bradley_terry(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 0]]))


def test_krippendorff_as_printed():
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability": B (binary, two observers), C (nominal), D (four observers, gaps)
    two = ["00", "11", "01", "00", "00", "01", "00", "01", "10", "00"]
    assert krippendorff(two) == pytest.approx(0.095, abs=5e-4)
    nominal = ["ab", "aa", "bb", "bb", "db", "cc", "cc", "cc", "ee", "dd", "dd", "ad"]
    assert krippendorff(nominal) == pytest.approx(0.692, abs=5e-4)
    four = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
    assert krippendorff(four) == pytest.approx(0.743, abs=5e-4)
    assert np.isnan(krippendorff(["1", "2"]))
    assert np.isnan(krippendorff(["11", "11"]))
