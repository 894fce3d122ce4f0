"""Measures of frames over time, of modes in pixels, of mouths and of AU curves: by hand, and the same by any size of batch."""

import numpy as np
import pytest
import torch

from limner import measures
from limner.evaluation.metrics import clips
from limner.geometry import apply_affine, unit_to_map
from limner.guides.face import GUIDE

FACE = apply_affine(unit_to_map(GUIDE, 64), GUIDE.canonical.astype(np.float64))  # the mean face in a 64 px picture


def rising(num=6, step=2.0):
    """Frames that brighten by `step` each."""
    return np.full((num, 8, 9, 3), 10.0) + step * np.arange(num)[:, None, None, None]


def blinking(num=6, by=3.0):
    return rising(num, 0.0) + by * (np.arange(num) % 2)[:, None, None, None]


def test_change_over_time_by_hand():
    assert measures.frame_difference(rising()) == pytest.approx(2)
    assert measures.flicker(rising()) == pytest.approx(0, abs=1e-12)  # an even pace is no flicker
    assert measures.frame_difference(blinking()) == pytest.approx(3)
    assert measures.flicker(blinking()) == pytest.approx(6)
    assert measures.flicker(torch.from_numpy(blinking()).to(torch.uint8)) == pytest.approx(6)  # bytes do not wrap


def test_mode_distance_in_pixels_by_hand():
    still, bright = rising(4, 0.0), rising(4, 0.0) + 6
    assert measures.mode_distance_px([still, bright]) == pytest.approx(6)
    assert measures.mode_distance_px([still, still, bright]) == pytest.approx(4)
    corner = still.copy()
    corner[:, :2, :2] += 9  # a quarter of the box below
    assert measures.mode_distance_px([still, corner], [(0, 0, 4, 4)] * 4) == pytest.approx(9 / 4)
    assert measures.mode_distance_px([still, corner], [(4, 4, 8, 8)] * 4) == 0


def test_the_lip_box_is_the_protocols():
    x0, y0, x1, y1 = measures.lip_box(FACE * 4, (256, 256))
    lips = 4 * FACE[[48, 51, 54, 57]]
    np.testing.assert_array_equal((x0, y0), (lips.min(0) - 8).astype(int))
    np.testing.assert_array_equal((x1, y1), (lips.max(0) + 8).astype(int))
    small = measures.lip_box(FACE / 6, (11, 11))  # lips of 1 x 3 pixels: the window of SSIM still fits
    assert small[2] - small[0] >= 7
    assert small[3] - small[1] >= 7
    assert min(small) >= 0
    assert max(small) <= 11


def test_mouth_ssim_looks_at_the_mouth_alone():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (64, 64, 3))
    x0, y0, x1, y1 = measures.lip_box(FACE, (64, 64))
    elsewhere, inside = truth.copy(), truth.copy()
    elsewhere[: y0 - 1] = 0
    inside[y0:y1, x0:x1] = inside[y0:y1, x0:x1].mean()
    assert measures.mouth_ssim(elsewhere, truth, FACE) == pytest.approx(1)
    assert measures.mouth_ssim(inside, truth, FACE) < 0.1
    assert measures.mouth_ssim(inside, truth, FACE) == pytest.approx(measures.ssim(inside[y0:y1, x0:x1], truth[y0:y1, x0:x1]))


def test_au_distances_of_a_clip_by_hand():
    ramp = np.linspace(0, 3, 32)[:, None]
    late = np.concatenate([np.zeros((8, 1)), ramp[:24]])
    assert measures.au_clip_distance(ramp, ramp + 0.5) == pytest.approx(16)
    assert measures.au_clip_dtw(ramp, ramp) == 0
    assert measures.au_clip_dtw(np.array([[0.0], [1.0], [2.0]]), np.array([[0.0], [2.0], [2.0]]), num=3) == pytest.approx(1)
    step = np.array([0.0, 0, 0, 1, 1])[:, None], np.array([0.0, 1, 1, 1, 1])[:, None]
    assert measures.au_clip_dtw(*step, num=5) == 0  # the same rise at another moment
    assert measures.au_clip_distance(*step, num=5) == pytest.approx(2)
    assert measures.au_clip_dtw(ramp, late) < measures.au_clip_distance(ramp, late)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: measures.flicker(rising(2)), "more than 2 frames"),
        (lambda: measures.frame_difference(rising()[0]), "expected frames"),
        (lambda: measures.flicker([]), "empty"),
        (lambda: measures.mode_distance_px([rising()]), "at least two"),
        (lambda: measures.mode_distance_px([rising(), rising(5)]), "cannot compare shapes"),
        (lambda: measures.mode_distance_px([rising(), rising()], [(0, 0, 2, 2)]), "as many boxes"),
        (lambda: measures.lip_box(FACE + 100, (64, 64)), "outside the picture of 64 x 64"),
        (lambda: measures.lip_box(FACE[:5], (64, 64)), "points"),
        (lambda: measures.au_clip_dtw(np.zeros((4, 1)), np.zeros((4, 2))), "cannot compare curves"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def films(num):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (num, 4, 64, 64, 3)).astype(np.uint8)
    points = FACE + rng.normal(0, 0.3, (num, 4, 68, 2))
    return frames, points


METRICS = {
    "ssim": (clips.FrameSSIM, lambda f, p: (f, f[:, ::-1])),
    "mouth": (clips.MouthSSIM, lambda f, p: (f, f[:, ::-1], p)),
    "landmarks": (clips.LandmarkError, lambda f, p: (p, p[:, ::-1])),
    "jitter": (clips.Jitter, lambda f, p: (p,)),
    "flicker": (clips.Flicker, lambda f, p: (f,)),
    "difference": (clips.FrameDifference, lambda f, p: (f,)),
    "modes": (clips.ModeDistance, lambda f, p: (np.stack([p, p[:, ::-1], p + 1], 1),)),
    "modes px": (clips.ModeDistancePx, lambda f, p: (np.stack([f, f[:, ::-1]], 1),)),
    "clip au": (clips.AUClipDistance, lambda f, p: (p[..., :2, 0], p[..., :2, 1])),
    "clip dtw": (clips.AUClipDTW, lambda f, p: (p[..., :2, 0], p[..., :2, 1])),
    "mean au": (clips.AUCurveDistance, lambda f, p: (p[..., :2, 0], p[..., :2, 1])),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_size_of_a_batch_does_not_matter(name):
    kind, arguments = METRICS[name]
    given = arguments(*films(4))
    whole, parts = kind(), kind()
    whole.update(*given)
    for start, end in ((0, 1), (1, 4)):
        parts.update(*(one[start:end] for one in given))
    assert whole.compute() == pytest.approx(parts.compute(), rel=1e-9)
    assert np.isfinite(whole.compute())
    empty = kind()
    with pytest.warns(UserWarning, match="before the ``update`` method"), pytest.raises(ValueError, match="no clip was given"):
        empty.compute()
    whole.reset()
    whole.update(*given)
    assert whole.compute() == pytest.approx(parts.compute(), rel=1e-9)


def test_metrics_are_the_means_of_their_measures():
    frames, points = films(2)
    found = clips.LandmarkError()
    found.update(points, points + 1)
    own = [100 * measures.landmark_error(one, one + 1) for one in points]
    assert found.compute() == pytest.approx(np.mean(own))
    same = clips.FrameSSIM(window="gaussian")
    same.update(list(frames), list(frames))
    assert same.compute() == pytest.approx(1)
    curves = clips.AUCurveDistance()
    curves.update(points[..., :2, 0], points[:1, ..., :2, 1])  # as many originals are not needed
    assert curves.compute() == pytest.approx(measures.au_curve_distance(points[..., :2, 0], points[:1, ..., :2, 1]))
    with pytest.raises(ValueError, match="as many clips"):
        found.update(points, points[:1])
    with pytest.raises(ValueError, match="as many frames"):
        clips.MouthSSIM().update(frames, frames, points[:, :2])
