"""How sets of clips differ by a network's features, in torchmetrics' form: FID, KID, Inception Score, FVD.

`metric.update(clips, real=True)` for the originals, `real=False` for the others, in batches of any size; then `compute()`. Features are
kept, nothing of the pixels. Parity with torchmetrics' own classes and with closed forms is tested. Shapes: N clips, T time, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from limner.evaluation.judges.features import FilmNetwork, FrameNetwork
from limner.evaluation.metrics.pictures import as_frames
from limner.measures import sets


class _Sets(Metric):
    """Rows of two sets, by `_rows(clip)`. compute(): ValueError where a set has too few."""

    full_state_update = False
    real: list[torch.Tensor]
    fake: list[torch.Tensor]

    def __init__(self, network: Any, **settings: Any):
        super().__init__(**settings)
        self.network = network
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, clips: Any, real: bool) -> None:
        """N clips (T, H, W, 3) of one set. ValueError: no clip, or one that holds what is no number."""
        if not len(clips):
            raise ValueError("nothing to measure: no clip was given")
        for clip in clips:
            (self.real if real else self.fake).append(torch.from_numpy(np.atleast_2d(self._rows(as_frames(clip)))))

    def _rows(self, clip: np.ndarray) -> np.ndarray:
        return self.network.features(clip)

    def _set(self, name: str) -> np.ndarray:
        rows = getattr(self, name)
        if isinstance(rows, list) and not rows:
            raise ValueError(f"nothing to measure: no {name} clip was given to update()")
        return dim_zero_cat(rows).cpu().numpy()


class FID(_Sets):
    """Frechet distance of the features of two sets of frames: |mu1 - mu2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Range >= 0, 0 for equal sets; lower is better. Source: Heusel et al. 2017, with the network handed in (theirs: Inception v3, pool3, 2048
    features, bilinear to 299; judges.standard). It falls as sets grow: compare sets of one size. Two frames of each set at least."""

    higher_is_better = False

    def __init__(self, network: FrameNetwork, **settings: Any):
        super().__init__(network, **settings)

    def compute(self) -> float:
        return sets.frechet_distance(self._set("fake"), self._set("real"))


class FVD(FID):
    """As FID, of whole clips: N clips of any length, one row of features each.

    Range >= 0, 0 for equal sets; lower is better. Source: Unterthiner et al. 2018, with the network handed in (theirs: I3D's 400 logits,
    bilinear to 224; judges.standard). Two clips of each set at least."""

    def __init__(self, network: FilmNetwork, **settings: Any):
        super().__init__(network, **settings)  # type: ignore[arg-type]

    def _rows(self, clip: np.ndarray) -> np.ndarray:
        return self.network.features([clip])


class KID(_Sets):
    """Squared maximum mean discrepancy of two sets of frames under the kernel (x.y / D + 1)^3, unbiased, over all pairs.

    Range about 0 (sets drawn alike; it can lie a little below) and up; lower is better. Source: Binkowski et al. 2018, there the mean over
    random subsets; network and resize as FID. Unlike FID it is not pushed up by small sets. Two frames of each set at least."""

    higher_is_better = False

    def __init__(self, network: FrameNetwork, **settings: Any):
        super().__init__(network, **settings)

    def compute(self) -> float:
        return sets.kernel_distance(self._set("fake"), self._set("real"))


class InceptionScore(_Sets):
    """exp(mean_x KL(p(y|x) || p(y))) of the classes a network sees in frames, over the whole set; `difference()`: to the originals'.

    Range 1..classes. Neither high nor low is good for videos of faces: best as the originals' (the paper's Table 1 gives both, and the
    difference). Source: Salimans et al. 2016, one split; with the network handed in. One frame is enough, though it says nothing."""

    def __init__(self, network: FrameNetwork, **settings: Any):
        super().__init__(network, **settings)

    def _rows(self, clip: np.ndarray) -> np.ndarray:
        return self.network.classes(clip)

    def compute(self) -> float:
        return sets.inception_score(self._set("fake"))

    def difference(self) -> float:
        """|IS of the generated set - IS of the originals|; >= 0, lower is better."""
        return abs(self.compute() - sets.inception_score(self._set("real")))
