"""Tracks: gaps, breaks, smoothing without lag, confidence; on points worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from limner.data.tracks import TrackConfig, clean, half_window, savitzky_golay
from limner.guides.face import GUIDE
from limner.measures import jitter

FACE = 100 * GUIDE.canonical.astype(np.float64) + 200  # 100 px between the outer eye corners


def moving(x: np.ndarray) -> np.ndarray:
    """The face carried along x by so many pixels in each frame, (T, 68, 2)."""
    return FACE + np.stack([x, np.zeros_like(x)], -1)[:, None]


def test_uniform_motion_and_a_parabola_pass_unchanged():
    t = np.arange(20.0)
    for x in (3 * t, 0.5 * t**2):
        track = clean(moving(x), np.ones(20), 25)
        np.testing.assert_allclose(track.points, moving(x), atol=1e-4)
    assert track.runs == ((0, 20),)
    assert not track.filled.any()


def test_the_kernel_by_hand():
    """Savitzky & Golay 1964, table I: quadratic over 7 points: (-2, 3, 6, 7, 6, 3, -2) / 21; symmetric, so nothing lags."""
    impulse = np.zeros(15)
    impulse[7] = 21
    np.testing.assert_allclose(savitzky_golay(impulse, 3)[4:11], [-2, 3, 6, 7, 6, 3, -2], atol=1e-9)


def test_no_lag_and_less_jitter():
    t = np.arange(75.0)
    true = 20 * np.exp(-(((t - 37) / 8) ** 2))  # a crest at frame 37
    noisy = moving(true) + np.random.default_rng(0).normal(0, 0.3, (75, 68, 2))
    track = clean(noisy, np.ones(75), 25)
    assert track.jitter_before == pytest.approx(jitter(noisy))
    assert track.jitter_after == pytest.approx(jitter(track.points), rel=1e-4)
    assert track.jitter_after < 0.5 * track.jitter_before
    smooth = track.points.mean(1)[:, 0] - FACE.mean(0)[0]
    lags = [np.sum((smooth[5:-5] - true[5 - lag : 70 - lag]) ** 2) for lag in range(-4, 5)]
    assert int(np.argmin(lags)) - 4 == 0
    assert smooth.max() == pytest.approx(20, abs=0.5)  # the crest keeps its height
    assert np.abs(track.points - moving(true)).mean() < 0.7 * np.abs(noisy - moving(true)).mean()


def test_a_short_gap_is_filled_straight_and_trusted_half():
    x = np.arange(20.0) * 2
    confidence = np.full(20, 0.8)
    confidence[8:10] = 0
    confidence[10] = 0.6
    points = moving(x)
    points[8:10] = points[7]  # what detect.face hands on where it sees nothing
    track = clean(points, confidence, 25)
    np.testing.assert_allclose(track.points[8:10], moving(x)[8:10], atol=1e-4)
    np.testing.assert_allclose(track.confidence[7:11], [0.8, 0.3, 0.3, 0.6], atol=1e-6)
    assert np.flatnonzero(track.filled).tolist() == [8, 9]
    assert track.runs == ((0, 20),)


@pytest.mark.parametrize(("fps", "missing", "filled"), [(25, 5, True), (25, 6, False), (50, 10, True), (50, 11, False)])
def test_how_long_a_gap_may_be(fps: float, missing: int, filled: bool):
    """0.2 s: 5 frames at 25 fps, 10 at 50."""
    confidence = np.ones(40)
    confidence[12 : 12 + missing] = 0.1
    track = clean(moving(np.zeros(40)), confidence, fps)
    assert track.runs == (((0, 40),) if filled else ((0, 12), (12 + missing, 40)))
    assert track.filled.sum() == (missing if filled else 0)
    assert (track.confidence[12 : 12 + missing] == (0.5 if filled else 0)).all()


def test_nothing_is_made_up_at_the_ends_and_unseen_points_may_be_anything():
    points, confidence = moving(np.zeros(12)), np.ones(12)
    confidence[[0, 1, 11]] = 0
    points[[0, 1, 11]] = np.nan
    track = clean(points, confidence, 25)
    assert track.runs == ((2, 11),)
    assert (track.confidence[[0, 1, 11]] == 0).all()
    assert np.isfinite(track.points[2:11]).all()


def test_a_cut_breaks_the_run_and_is_not_smoothed_over():
    points = moving(np.where(np.arange(20) < 10, 0.0, 51.0))  # half a unit is 50 px
    track = clean(points, np.ones(20), 25)
    assert track.runs == ((0, 10), (10, 20))
    np.testing.assert_allclose(track.points, points, atol=1e-4)
    assert track.jitter_after == pytest.approx(0, abs=1e-6)
    assert clean(moving(np.where(np.arange(20) < 10, 0.0, 49.0)), np.ones(20), 25).runs == ((0, 20),)


def test_a_face_that_grows_at_once_is_another_shot():
    nearer = (FACE - FACE.mean(0)) * 1.31 + FACE.mean(0)
    assert clean(np.stack([*[FACE] * 5, *[nearer] * 5]), np.ones(10), 25).runs == ((0, 5), (5, 10))


def test_a_gap_between_two_shots_is_not_filled():
    confidence = np.ones(20)
    confidence[9:11] = 0
    track = clean(moving(np.where(np.arange(20) < 10, 0.0, 80.0)), confidence, 25)
    assert track.runs == ((0, 9), (11, 20))
    assert not track.filled.any()


def test_no_face_and_short_films():
    track = clean(moving(np.zeros(4)), np.zeros(4), 25)
    assert track.runs == ()
    assert np.isnan(track.jitter_before)
    for num in (1, 2, 3):  # too short for a parabola: as they came
        x = np.array([0.0, 5.0, 1.0])[:num]
        np.testing.assert_allclose(clean(moving(x), np.ones(num), 25).points, moving(x), atol=1e-4)


def test_the_window_follows_the_rate():
    assert [half_window(fps, TrackConfig()) for fps in (20, 25, 30, 50)] == [2, 3, 3, 5]


def test_jitter_weighs_the_runs():
    """Runs of 4 and 8 frames whose x goes 0, a, 0, a ... px, a = 1 and 2: every second difference is 2a."""
    x = np.array([0, 1, 0, 1, 80, 82, 80, 82, 80, 82, 80, 82.0])
    track = clean(moving(x), np.ones(12), 25)
    assert track.runs == ((0, 4), (4, 12))
    assert track.jitter_before == pytest.approx((2 * 0.02 + 6 * 0.04) / 8, rel=1e-3)


def test_bad_input():
    points = moving(np.zeros(5))
    with pytest.raises(ValueError, match=r"expected points \(T, 68, 2\)"):
        clean(points[:, :10], np.ones(5), 25)
    with pytest.raises(ValueError, match="confidence"):
        clean(points, np.ones(4), 25)
    with pytest.raises(ValueError, match="above 0"):
        clean(points, np.ones(5), 0)
    points[3, 7] = np.nan
    with pytest.raises(ValueError, match="frame 3 holds a point that is no number"):
        clean(points, np.ones(5), 25)
