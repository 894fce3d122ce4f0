"""What comes in, as float64 numpy: arrays, lists or tensors of any device."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_float(values: Any) -> np.ndarray:
    """An array or tensor -> float64 numpy array; ValueError if it holds no numbers or none at all."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = np.asarray(values, np.float64)
    if array.size == 0:
        raise ValueError("nothing to measure: the array is empty")
    return array


def same_shape(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64; ValueError if their shapes differ."""
    first, second = as_float(a), as_float(b)
    if first.shape != second.shape:
        raise ValueError(f"cannot compare shapes {first.shape} and {second.shape}")
    return first, second
