"""Who is who by embeddings: similarity, retrieval, verification. Any judge's vectors in, numbers out.

Shapes: N queries, M gallery, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from limner.measures.arrays import as_float


def cosine_similarity(a: Any, b: Any) -> np.ndarray:
    """(N, D), (M, D) vectors -> (N, M) cosines of their angles, in [-1, 1]: a . b / (|a| |b|). ValueError on a vector of length 0."""
    vectors = [as_float(one) for one in (a, b)]
    if any(one.ndim != 2 for one in vectors) or vectors[0].shape[1] != vectors[1].shape[1]:
        raise ValueError(f"expected vectors (N, D) and (M, D), got {vectors[0].shape} and {vectors[1].shape}")
    lengths = [np.linalg.norm(one, axis=1, keepdims=True) for one in vectors]
    if any((length == 0).any() for length in lengths):
        raise ValueError("a vector of length 0 has no direction")
    first, second = (one / length for one, length in zip(vectors, lengths))
    return (first @ second.T).clip(-1, 1)


def retrieved(similarity_NM: Any, query_people: Any, gallery_people: Any) -> np.ndarray:
    """Whether each query's most similar gallery entry is the same person's; (N,) bool. Its mean is the top-1 retrieval rate."""
    similarity = as_float(similarity_NM)
    queries, gallery = np.asarray(query_people), np.asarray(gallery_people)
    if similarity.shape != (len(queries), len(gallery)):
        raise ValueError(f"similarities {similarity.shape} are not those of {len(queries)} queries and {len(gallery)} in the gallery")
    return gallery[similarity.argmax(1)] == queries


def roc_auc(same: Any, other: Any) -> float:
    """Area under the ROC curve: the probability that a pair of one person is more similar than a pair of two, a tie counting half.

    same, other: similarities of the pairs. 0.5 is chance, 1 perfect. By ranks (Mann & Whitney 1947). ValueError where either is empty.
    """
    from scipy.stats import rankdata

    positive, negative = as_float(same).ravel(), as_float(other).ravel()
    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    above = ranks.sum() - len(positive) * (len(positive) + 1) / 2
    return float(above / (len(positive) * len(negative)))
