"""The measures of sets of motions by hand, the label judge, and `limner bench motion` on a small store."""

import json

import numpy as np
import pytest

from limner.bench import motion as bench
from limner.data.prepare import prepare_smiles
from limner.data.store import Store
from limner.evaluation.judges.label import LabelJudge, seen
from limner.evaluation.metrics import motion as metrics
from limner.guides.face import GUIDE
from limner.papers import load_motion_model
from limner.papers.recipes import recipe
from limner.papers.train import train


def still(num, frames=5):
    return np.repeat(np.repeat(GUIDE.canonical[None, None], num, 0), frames, 1).astype(np.float32)


def lifted(heights, frames=5):
    """Sequences whose mouth moves down by that much over time."""
    points = still(len(heights), frames)
    points[:, :, 48:, 1] += np.asarray(heights)[:, None, None] * np.linspace(0, 1, frames)[:, None]
    return points


def test_distances_by_hand():
    moved = metrics.displacements(lifted([0.0, 0.1, 0.4]), GUIDE)
    assert moved.shape == (3, 32, 68, 2)
    share = 20 / 68 * 0.5  # the mouth's share of the points, half the way on average
    np.testing.assert_allclose(metrics.distances(moved, moved)[0], np.array([0, 0.1, 0.4]) * share, atol=1e-6)
    np.testing.assert_allclose(metrics.nearest(moved[1:], moved[:1]), np.array([0.1, 0.4]) * share, atol=1e-6)
    np.testing.assert_allclose(metrics.mode_distances(moved[None])[0], np.array([0.1, 0.4, 0.3]) * share, atol=1e-6)
    assert metrics.people_distance(moved, np.array(["a", "a", "b"])) == pytest.approx(0.35 * share, abs=1e-6)


def test_who_and_where_the_head_goes_are_out():
    wide = lifted([0.2]) * [1.1, 1.1] + np.linspace(0, 0.3, 5)[:, None, None]
    apart = metrics.distances(metrics.displacements(wide, GUIDE), metrics.displacements(lifted([0.2]), GUIDE))
    assert apart[0, 0] == pytest.approx(0, abs=1e-6)


def test_an_interval_holds_the_mean_and_narrows():
    values = np.random.default_rng(0).normal(3, 1, 400)
    low, high = metrics.interval(values)
    assert low < 3 < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    assert metrics.interval(values) == (low, high)


def test_the_judge_learns_what_tells_labels_apart(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    points = lifted(np.where(labels == 1, 0.3, 0.1) + rng.normal(0, 0.02, 200))
    judge = LabelJudge(GUIDE, ("small", "large")).train(points[:100], labels[:100], out=tmp_path, steps=100)
    assert judge.accuracy(points[100:], labels[100:]) > 0.95
    assert judge.accuracy(points[100:], 1 - labels[100:]) < 0.05
    assert seen(points[:2], GUIDE).shape == (2, 32, 68 * 2)
    alone = np.concatenate([judge.predict(points[i : i + 1]) for i in range(5)])
    assert np.array_equal(alone, judge.predict(points[:5]))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "store"
    prepare_smiles(path, people=20, seed=0)
    return path


def test_the_bench_measures_what_ships(store, capsys):
    model = load_motion_model()
    real = bench.prepare(Store(store), "transition", 32, judge_steps=150)
    found = bench.measure(model, real, "posed")
    found |= bench.measure_seeds(model, real, "posed", found["people_distance"])
    assert found["modes_over_people_drawn_least"] >= 0.4
    assert found["au12_start"] <= 0.3
    assert found["au12_end"] >= 1.5
    assert found["modes_over_people"] >= 0.5
    assert found["seeds_over_people"] > 0.1
    assert found["judge_real"] > 0.7
    assert json.loads(json.dumps(found)) == found
    assert bench.verdict("au12_end", found["au12_end"]) is True
    assert bench.verdict("au12_end", 1.0) is False
    assert bench.verdict("jerk", 1.0) is None
    bench.print_table({"transition": {"posed": found}})
    assert "modes_over_people" in capsys.readouterr().out


def test_the_bench_measures_maps_and_their_reader(store, tmp_path):
    train("cmmnet-tiny", store, tmp_path, {"modes": "2"}, show=False)
    model = load_motion_model(tmp_path)
    assert model.max_modes == 2
    real = bench.prepare(Store(store), "transition", recipe("cmmnet-tiny").num_frames, judge_steps=1)
    figures = bench.maps(model, real, "posed")
    assert 0 < figures["bce_mean"] <= figures["bce_worst"] + 1e-6
    assert 0 < figures["read_drawn_percent"] < 100
    assert 0 <= model.phi_accuracy(real.neutrals, label="posed") <= 1
