"""Similarity, retrieval and verification by hand, and against brute force."""

import numpy as np
import pytest

from limner.measures import cosine_similarity, retrieved, roc_auc


def test_cosine_similarity_by_hand():
    found = cosine_similarity([[2.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [-5.0, 0.0]])
    np.testing.assert_allclose(found, [[0.5**0.5, -1], [0.5**0.5, 0]], atol=1e-12)


def test_retrieval_by_hand():
    similarity = np.array([[0.9, 0.1, 0.3], [0.8, 0.2, 0.1]])
    np.testing.assert_array_equal(retrieved(similarity, ["a", "b"], ["a", "b", "b"]), [True, False])


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    same, other = rng.integers(3, 9, 40) / 10, rng.integers(0, 7, 50) / 10  # with ties
    brute = ((same[:, None] > other) + 0.5 * (same[:, None] == other)).mean()
    assert roc_auc(same, other) == pytest.approx(brute, abs=1e-12)
    assert roc_auc([1.0], [0.0]) == 1
    assert roc_auc([0.5, 0.5], [0.5]) == 0.5


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: cosine_similarity([[0.0, 0.0]], [[1.0, 0.0]]), "no direction"),
        (lambda: cosine_similarity([[1.0]], [[1.0, 0.0]]), "expected vectors"),
        (lambda: retrieved(np.zeros((2, 2)), ["a"], ["a", "b"]), "are not those of 1 queries"),
        (lambda: roc_auc([], [0.1]), "empty"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
