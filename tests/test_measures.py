"""Measures: parity with scikit-image, values worked out by hand, what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from limner import measures
from limner.geometry import unit_to_map
from limner.guides.face import GUIDE
from limner.measures.points import displacements

STILL = np.repeat(GUIDE.canonical[None].astype(np.float64), 6, 0)  # 6 frames of the mean face, outer eye corners 1 apart


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    return first, np.clip(first.astype(int) + rng.integers(-40, 40, first.shape), 0, 255).astype(np.uint8)


def moved(points: np.ndarray, scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return points @ np.array([[c, s], [-s, c]]) + shift


def test_psnr_is_scikit_images(pictures):
    a, b = pictures
    assert measures.psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)
    assert measures.psnr(np.zeros(4), np.full(4, 0.1), data_range=1.0) == pytest.approx(20)  # MSE 0.01
    assert measures.psnr(a, a) == float("inf")


def test_ssim_is_scikit_images(pictures):
    a, b = pictures
    assert measures.ssim(a, b) == pytest.approx(structural_similarity(a, b, channel_axis=2), abs=1e-9)
    gaussian = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert measures.ssim(a, b, window="gaussian") == pytest.approx(gaussian, abs=1e-6)
    grey = structural_similarity(a[..., 0] / 255.0, b[..., 0] / 255.0, data_range=1.0)
    assert measures.ssim(a[..., 0] / 255.0, b[..., 0] / 255.0, data_range=1.0, channels_last=False) == pytest.approx(grey, abs=1e-9)
    assert measures.ssim(a, a) == pytest.approx(1)


def test_ssim_of_a_batch_is_the_mean_of_its_pictures(pictures):
    a, b = pictures
    both = measures.ssim(np.stack([a, b]), np.stack([b, b]))
    assert both == pytest.approx((measures.ssim(a, b) + 1) / 2)


def test_measures_take_tensors(pictures):
    a, b = pictures
    assert measures.psnr(torch.tensor(a), torch.tensor(b)) == measures.psnr(a, b)
    assert measures.landmark_error(torch.tensor(STILL, requires_grad=True), STILL) == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: measures.ssim(np.zeros((9, 9, 3)), np.zeros((9, 8, 3))), "cannot compare shapes"),
        (lambda: measures.ssim(np.zeros((5, 9, 3)), np.zeros((5, 9, 3))), "smaller than the window of 7"),
        (lambda: measures.ssim(np.zeros(9), np.zeros(9)), "lacks dimensions"),
        (lambda: measures.psnr([], []), "empty"),
        (lambda: measures.jerk(STILL[:3]), "more than 3 frames"),
        (lambda: measures.jitter(np.stack([STILL] * 5)), "expected one motion"),  # the batch would pass for time
        (lambda: measures.sequence_distance(STILL[None], STILL[None]), "expected one motion"),
        (lambda: measures.mode_distance([STILL]), "at least two"),
        (lambda: measures.au_curve_distance([], [np.zeros((3, 2))]), "no curves"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_landmark_error_counts_in_eye_distances():
    truth = np.stack([STILL[0], STILL[0] * 100])  # the second face is 100 times larger
    found = truth + np.array([(3.0, 4.0), (300.0, 400.0)])[:, None]  # off by 5 units each
    assert measures.landmark_error(found, truth) == pytest.approx(5)
    wide = STILL[0].copy()
    wide[45] += (1.0, 0.0)  # the found eyes are twice as far apart; what counts is the truth's own size
    assert measures.landmark_error(wide, STILL[0]) == pytest.approx(1 / 68)


def test_jitter_and_jerk_by_hand():
    t = np.arange(6.0)[:, None, None]
    assert measures.jitter(STILL + t * (1.0, 2.0)) == pytest.approx(0, abs=1e-12)  # uniform motion
    assert measures.jitter(STILL + t**2 * (0.3, 0.4)) == pytest.approx(2 * 0.5)  # second difference of t^2 is 2
    assert measures.jerk(STILL + t**2 * (0.3, 0.4)) == pytest.approx(0, abs=1e-12)
    assert measures.jerk(STILL + t**3 * (0.3, 0.4)) == pytest.approx(6 * 0.5)  # third difference of t^3 is 6
    assert measures.jerk(100 * (STILL + t**3 * (0.3, 0.4))) == pytest.approx(6 * 0.5)  # in any frame


def test_sequence_distance_by_hand():
    other = STILL.copy()
    other[3:, 57] += (0.0, 0.68)  # one of 68 points, the lower lip, in 3 of 6 frames
    assert measures.sequence_distance(STILL, other) == pytest.approx(0.68 / 68 / 2)
    assert measures.sequence_distance(other, other) == 0
    assert measures.mode_distance([STILL, other, other]) == pytest.approx(2 / 3 * 0.005)


def test_sequence_distance_forgets_face_and_head():
    rng = np.random.default_rng(1)
    motion = STILL + np.cumsum(rng.normal(0, 0.01, STILL.shape), 0)
    motion[0] = STILL[0]
    motion[:, list(GUIDE.rigid)] = STILL[:, list(GUIDE.rigid)]
    head = np.stack([moved(frame, 1 + 0.02 * t, 0.05 * t, (t, -t)) for t, frame in enumerate(motion)])
    assert measures.sequence_distance(motion, head) == pytest.approx(0, abs=1e-9)
    another_face = motion.copy()
    another_face[:, 60:] += (0.0, 0.1)  # same motion, from another rest
    assert measures.sequence_distance(motion, another_face) == pytest.approx(0, abs=1e-9)


def test_sequence_distance_resamples_the_shorter():
    t = np.linspace(0, 1, 41)[:, None]
    long = np.repeat(GUIDE.canonical[None].astype(np.float64), 41, 0)
    long[:, 57, 1] += t[:, 0]
    assert measures.sequence_distance(long, long[::4]) == pytest.approx(0, abs=1e-12)


def test_displacements_do_not_depend_on_the_frame():
    motion = STILL.copy()
    motion[2, 48] += (0.1, -0.1)
    to_map = unit_to_map(GUIDE, 64)
    pixels = motion @ to_map[:, :2].T + to_map[:, 2]
    np.testing.assert_allclose(displacements(pixels), displacements(motion), atol=1e-12)
    np.testing.assert_allclose(displacements(motion)[2, 48], (0.1, -0.1), atol=1e-12)
    motion[-1, 48] += (0.3, 0.0)
    assert (displacements(motion)[0] == 0).all()  # relative to the first frame, not to another


def test_au_curve_distance_by_hand():
    low, high = np.zeros((10, 2)), np.tile((0.1, 0.3), (32, 1))
    assert measures.au_curve_distance([low], [high]) == pytest.approx(32 * 0.4)
    assert measures.au_curve_distance([low, high], [high, low, high, low]) == pytest.approx(0)  # only the mean curves count
