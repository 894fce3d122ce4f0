"""Whether a video keeps the person: identity similarity of its frames with a picture of that person, by any judge."""

from __future__ import annotations

from typing import Any

import numpy as np

from limner.evaluation.judges.identity import FaceIdentity, IdentityJudge, similarity
from limner.evaluation.metrics.clips import ClipMean


class IdentitySimilarity(ClipMean):
    """Mean over frames and clips of cos(e(frame), e(reference)), in [-1, 1]; higher is more the same person.

    update(frames (N, T, H, W, 3) uint8, points (N, T, 68, 2), references (N, H, W, 3), their points (N, 68, 2)), pictures of any size.
    What a value means only the judge's own figures tell (`record()`): read it beside that of real pictures of one person, and of two.
    judge: an IdentityJudge; None: the one that ships. Source: the "face identity" / CSIM measure of talking-head work (Zakharov et al.
    2019), there with ArcFace.
    """

    higher_is_better = True

    def __init__(self, judge: IdentityJudge | None = None, **settings: Any):
        super().__init__(**settings)
        self.judge = judge or FaceIdentity.load()

    def measure(self, frames: Any, points: Any, reference: Any, reference_points: Any) -> float:  # type: ignore[override]
        return float(similarity(self.judge, frames, points, [reference], [reference_points]).mean())

    def record(self) -> dict[str, Any]:
        """The judge's name, version and held-out accuracy: they stand beside the figure in a report."""
        return self.judge.record()


class AverageEmbeddingDistance(ClipMean):
    """Mean over frames and clips of |e(frame) - e(true frame)|, of vectors of length 1: in 0..2, 0 for the same picture; lower is better.

    update(frames (N, T, H, W, 3) uint8, points (N, T, 68, 2), true frames, true points). Source: the AED of Siarohin et al. 2019
    (Monkey-Net), there with another network: their figures stand beside ours as a footnote at most. Resize: to the judge's aligned view."""

    higher_is_better = False

    def __init__(self, judge: IdentityJudge | None = None, **settings: Any):
        super().__init__(**settings)
        self.judge = judge or FaceIdentity.load()

    def measure(self, frames: Any, points: Any, truth: Any, true_points: Any) -> float:  # type: ignore[override]
        own, true = self.judge.embed(frames, points), self.judge.embed(truth, true_points)
        return float(np.linalg.norm(own - true, axis=1).mean())

    def record(self) -> dict[str, Any]:
        """As `IdentitySimilarity.record`."""
        return self.judge.record()
