"""What a film begins with: a first frame and a label, as a network of whole films takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from limner.models.conditional import to_signed
from limner.types import InputError


def asked(model: Any, first: np.ndarray, label: str) -> tuple[torch.Tensor, int]:
    """A first frame (S, S, 3) uint8 and a label -> (1, 3, S, S) in -1..1 on the model's device, and the label's number.

    InputError: a size that is not the model's, a label it does not know."""
    if label not in model.label_names:
        raise InputError(f"the model knows no label {label!r}; it knows {', '.join(model.label_names)}")
    size = model.settings.size
    if first.shape != (size, size, 3):
        raise InputError(f"this run is of {size} pixels; a frame of {first.shape} does not fit it")
    device = next(model.parameters()).device
    return to_signed(torch.from_numpy(np.array(first))).permute(2, 0, 1)[None].to(device), model.label_names.index(label)
