"""FID, KID, IS and FVD: against closed forms, SciPy's matrix root and torchmetrics' own classes; small sets; intervals over people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from limner.evaluation import scoring
from limner.evaluation.looks import Look
from limner.evaluation.metrics import sets as metrics
from limner.measures import sets


class MeanColours:
    """A network by hand: a frame's mean colour is its features, its largest channel its class."""

    name, size = "mean colours", 0

    def features(self, frames):
        return np.asarray([np.asarray(f, np.float32).mean((-3, -2)) if np.ndim(f) == 3 else np.asarray(f).mean((0, 1, 2)) for f in frames])

    def classes(self, frames):
        return np.eye(3)[self.features(frames).argmax(1)] * 0.94 + 0.02


class Handed(torch.nn.Module):
    """Features handed in: torchmetrics' classes then measure them as they are."""

    num_features = 6

    def forward(self, x):
        return x


def two_sets(num=40, width=6, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(width, width))
    return rng.normal(size=(num, width)), rng.normal(size=(num + 7, width)) @ mix * 0.4 + 0.5


def test_frechet_distance_agrees_with_the_closed_form():
    x, y = two_sets()
    covariances = [np.cov(one, rowvar=False) for one in (x, y)]
    root = np.asarray(sqrtm(covariances[0] @ covariances[1])).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert sets.frechet_distance(x, y) == pytest.approx(expected, abs=1e-8)
    assert sets.frechet_distance(x, x) == pytest.approx(0, abs=1e-8)
    assert sets.frechet_distance(x, x + 2) == pytest.approx(4 * 6, abs=1e-6)  # means alone differ
    few, others = x[:4], y[:5]  # fewer rows than features: the root is of a singular matrix
    assert sets.frechet_distance(few, others) > 0


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_frechet_distance_and_kid_agree_with_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    x, y = two_sets(64)
    fid = FrechetInceptionDistance(feature=Handed())
    kid = KernelInceptionDistance(feature=Handed(), subsets=1, subset_size=64)
    for one, real in ((x, True), (y[:64], False)):
        fid.update(torch.from_numpy(one), real=real)
        kid.update(torch.from_numpy(one), real=real)
    assert sets.frechet_distance(y[:64], x) == pytest.approx(float(fid.compute()), abs=1e-4)
    assert sets.kernel_distance(y[:64], x) == pytest.approx(float(kid.compute()[0]), abs=1e-4)


def test_kernel_distance_pair_by_pair():
    x, y = two_sets(5)
    k = lambda a, b: (a @ b / 6 + 1) ** 3  # noqa: E731
    own = [np.mean([k(a, b) for i, a in enumerate(one) for j, b in enumerate(one) if i != j]) for one in (x, y)]
    between = np.mean([k(a, b) for a in x for b in y])
    assert sets.kernel_distance(x, y) == pytest.approx(own[0] + own[1] - 2 * between, abs=1e-9)


def test_inception_score_by_hand():
    assert sets.inception_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert sets.inception_score(np.eye(4)) == pytest.approx(4)
    rows = np.array([[0.8, 0.2], [0.4, 0.6]])
    even = rows.mean(0)
    assert sets.inception_score(rows) == pytest.approx(np.exp((rows * np.log(rows / even)).sum(1).mean()))
    assert sets.inception_score(rows, [3, 1]) == pytest.approx(sets.inception_score(rows[[0, 0, 0, 1]]))
    with pytest.raises(ValueError, match="sum to 1"):
        sets.inception_score(rows * 2)


def test_weights_are_repeated_rows():
    x, y = two_sets()
    weights = np.random.default_rng(1).integers(0, 3, len(x))
    repeated = x.repeat(weights, 0)
    assert sets.frechet_distance(x, y, weights) == pytest.approx(sets.frechet_distance(repeated, y), abs=1e-9)


def test_classes_take_clips_by_batches_of_any_size():
    rng = np.random.default_rng(0)
    real, fake = rng.integers(0, 255, (6, 4, 8, 8, 3)), rng.integers(0, 200, (6, 4, 8, 8, 3))
    net = MeanColours()
    for kind in (metrics.FID, metrics.KID, metrics.FVD, metrics.InceptionScore):
        whole, parts = kind(net), kind(net)
        whole.update(real, real=True)
        whole.update(fake, real=False)
        for one, other in zip(real, fake):
            parts.update([one], real=True)
            parts.update([other], real=False)
        assert whole.compute() == pytest.approx(parts.compute(), abs=1e-9)
        assert np.isfinite(whole.compute())
    score = metrics.InceptionScore(net)
    score.update(real, real=True)
    score.update(real, real=False)
    assert score.difference() == 0


def test_small_and_empty_sets_are_refused():
    net = MeanColours()
    empty = metrics.FID(net)
    with pytest.warns(UserWarning, match="before the ``update`` method"), pytest.raises(ValueError, match="no fake clip"):
        empty.compute()
    with pytest.raises(ValueError, match="no clip was given"):
        empty.update([], real=True)
    one = metrics.FVD(net)
    for real in (True, False):
        one.update(np.zeros((1, 4, 8, 8, 3)), real=real)
    with pytest.raises(ValueError, match="two rows"):
        one.compute()
    with pytest.raises(ValueError, match="finite rows"):
        sets.kernel_distance(np.full((3, 2), np.nan), np.zeros((3, 2)))


def looks(num=12, shift=0.0, people=6, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Look(
            of=f"c{i}",
            person=f"p{i % people}",
            label="posed",
            values={"ssim": float(rng.normal(0.8, 0.02))},
            frames={"frames": rng.normal(shift, 1, (8, 4))},
            classes={"frames": rng.dirichlet(np.ones(3), 8)},
            films={"films": rng.normal(shift, 1, (1, 2))},
            curves=[np.linspace(0, 2 + shift, 32)[:, None].repeat(2, 1)],
            moved={"mode_1": rng.normal(0, 0.1, (8, 68, 2)).astype(np.float32)},
        )
        for i in range(num)
    ]


def test_every_score_has_an_interval_round_it():
    real, made = looks(), looks(shift=0.7, seed=1)
    found = scoring.scores_of(made, real)
    assert {"ssim", "is", "is_difference", "fid", "kid", "fvd", "au_curves", "au12_curves", "modes_within"} <= set(found)
    for score in found.values():
        assert score["low"] <= score["value"] <= score["high"]
        assert score["people"] == 6
    assert found["au_curves"]["value"] == pytest.approx(0.7 * 32 / 2 * 2)  # a ramp of 0.7 in both units
    assert found["fid"]["low"] > 0.5
    assert found == scoring.scores_of(made, real)  # the draws repeat


def test_one_person_one_clip_and_equal_sets():
    alone = looks(1, people=1)
    found = scoring.scores_of(alone, alone[:0])
    assert found["ssim"]["low"] is None
    assert "refused" in scoring.scores_of(alone, looks(1, people=1, seed=3))["fvd"]
    same = scoring.scores_of(looks(), list(looks()))
    assert same["fid"]["value"] == pytest.approx(0, abs=1e-9)
    assert same["is_difference"]["value"] == same["au_curves"]["value"] == 0
    assert "too high by chance" not in same["fid"].get("note", "")
