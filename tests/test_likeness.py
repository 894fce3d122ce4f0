"""SSIM, MS-SSIM, PSNR, sharpness and LPIPS of whole videos: against scikit-image, torchmetrics and hand computation; what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from limner import measures
from limner.evaluation.metrics.pictures import PSNR, SSIM, MultiScaleSSIM, Sharpness
from limner.measures import frames as likeness
from limner.measures.perceptual import lpips


def films(num=3, size=64, noise=20.0, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (num, size // 8, size // 8, 3))
    true = coarse.repeat(8, 1).repeat(8, 2).astype(np.uint8)
    return (true + rng.normal(0, noise, true.shape)).clip(0, 255).astype(np.uint8), true


def test_ssim_agrees_with_scikit_image_torchmetrics_and_the_slow_one():
    made, true = films()
    found = likeness.ssim_frames(made, true)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "channel_axis": -1}
    theirs = [structural_similarity(a, b, **options) for a, b in zip(made, true)]
    np.testing.assert_allclose(found, theirs, atol=1e-5)
    np.testing.assert_allclose(found, by_torchmetrics(made, true)[0], atol=1e-4)
    assert found[0] == pytest.approx(measures.ssim(made[0], true[0], window="gaussian"), abs=1e-5)


def test_all_in_one_go_is_the_same_as_one_by_one():
    made, true = films(num=90)  # more than are filtered at once
    boxes = [(3 + t % 5, 2, 40 + t % 20, 60) for t in range(90)]
    found = likeness.likeness(made, true, boxes)
    np.testing.assert_array_equal(found.ssim, likeness.ssim_frames(made, true))
    np.testing.assert_array_equal(found.ms_ssim, likeness.ms_ssim_frames(made, true))
    np.testing.assert_array_equal(found.psnr, likeness.psnr_frames(made, true))
    cut = [likeness.ssim_frames(a[None, y0:y1, x0:x1], b[None, y0:y1, x0:x1])[0] for a, b, (x0, y0, x1, y1) in zip(made, true, boxes)]
    np.testing.assert_allclose(found.inside, cut, atol=2e-6)
    assert likeness.likeness(made[:1], true[:1]).inside is None
    with pytest.raises(ValueError, match="a box is smaller than the window of 11"):
        likeness.likeness(made[:1], true[:1], [(0, 0, 10, 30)])


def test_mouths_of_a_whole_video_are_as_one_by_one():
    made, true = films(num=5)
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 44, (5, 68, 2)) + rng.uniform(-12, 12, (5, 1, 2))  # the mouth moves, its box changes its size
    each = [measures.mouth_ssim(*one) for one in zip(made, true, points)]
    np.testing.assert_allclose(measures.mouth_ssim_frames(made, true, points), each, atol=1e-9)
    np.testing.assert_allclose(measures.mouth_ssim_frames(true, true, points), 1)
    with pytest.raises(ValueError, match="as many sets of points"):
        measures.mouth_ssim_frames(made, true, points[:4])


def by_torchmetrics(made, true):
    """SSIM and its contrast part of each frame inside the border, which torchmetrics' own mean of SSIM does not leave out."""
    planes = [torch.from_numpy(np.asarray(one, np.float32).transpose(0, 3, 1, 2)) for one in (made, true)]
    options = {"data_range": 255.0, "sigma": 1.5, "reduction": "none"}
    _, whole = structural_similarity_index_measure(*planes, return_full_image=True, **options)
    _, contrast = structural_similarity_index_measure(*planes, return_contrast_sensitivity=True, **options)
    return whole[..., 5:-5, 5:-5].mean((1, 2, 3)).numpy(), contrast.numpy()


@pytest.mark.parametrize(("size", "scales"), [(192, 5), (64, 3)])
def test_ms_ssim_agrees_with_torchmetrics_scale_by_scale(size, scales):
    made, true = films(2, size)
    found = likeness.ms_ssim_frames(made, true)
    assert likeness.num_scales((size, size)) == scales
    weights = np.array(likeness.SCALE_WEIGHTS[:scales]) / sum(likeness.SCALE_WEIGHTS[:scales])
    expected = np.ones(2)
    for scale, weight in enumerate(weights):
        whole, contrast = by_torchmetrics(made, true)
        expected *= (whole if scale == scales - 1 else contrast) ** weight
        made, true = (one.reshape(2, size // 2, 2, size // 2, 2, 3).mean((2, 4), dtype=np.float64) for one in (made, true))
        size //= 2
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_psnr_agrees_with_scikit_image_and_equal_frames_count_100():
    made, true = films()
    theirs = [peak_signal_noise_ratio(b, a, data_range=255) for a, b in zip(made, true)]
    np.testing.assert_allclose(likeness.psnr_frames(made, true), theirs, atol=1e-4)
    assert likeness.psnr_frames(true, true).tolist() == [100.0] * 3


def test_sharpness_by_hand():
    frame = np.zeros((1, 5, 5, 3), np.uint8)
    frame[0, 2, 2] = 100
    laplacian = np.array([[0, 100, 0], [100, -400, 100], [0, 100, 0]], float)
    assert likeness.sharpness(frame)[0] == pytest.approx(laplacian.std(), abs=1e-3)
    made, true = films()
    blurred = likeness.sharpness(made[:, ::2, ::2].repeat(2, 1).repeat(2, 2))
    assert (likeness.sharpness(made) > likeness.sharpness(true)).all()
    assert (blurred != likeness.sharpness(made)).all()


def test_lpips_formula_by_hand():
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    y = torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)
    # unit vectors (0.6, 0.8) and (0, 1): squares of the differences 0.36 and 0.04
    assert lpips([x], [y]).item() == pytest.approx(0.40, abs=1e-6)
    assert lpips([x, x], [y, y], [torch.tensor([1.0, 10.0]), None]).item() == pytest.approx(0.36 + 0.4 + 0.4, abs=1e-6)
    assert lpips([x], [x]).item() == 0
    wide = torch.cat([x, x, y, x], 3)  # one place of four differs
    assert lpips([wide], [torch.cat([x, x, x, x], 3)]).item() == pytest.approx(0.1, abs=1e-6)
    with pytest.raises(ValueError, match="cannot compare layers"):
        lpips([x], [wide])


@pytest.mark.parametrize("metric", [SSIM, MultiScaleSSIM, PSNR])
def test_batches_do_not_matter_and_likeness_worsens_with_noise(metric):
    made, true = films(4)
    clips, truth = made.reshape(2, 2, 64, 64, 3), true.reshape(2, 2, 64, 64, 3)
    whole, parts = metric(), metric()
    whole.update(clips, truth)
    for one, other in zip(clips, truth):
        parts.update([one], [other])
    assert whole.compute() == pytest.approx(parts.compute(), abs=1e-6)
    values = []
    for noise in (0, 5, 20, 60):
        worse = metric()
        worse.update([films(2, noise=noise)[0]], [true[:2]])
        values.append(worse.compute())
    assert values[0] == pytest.approx(100 if metric is PSNR else 1, abs=1e-6)
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_what_cannot_be_measured_is_refused_never_nan():
    made, true = films()
    with pytest.warns(UserWarning, match="before the ``update`` method"), pytest.raises(ValueError, match="no clip"):
        SSIM().compute()
    with pytest.raises(ValueError, match="smaller than the window"):
        likeness.ssim_frames(made[:, :8, :8], true[:, :8, :8])
    with pytest.raises(ValueError, match="cannot compare shapes"):
        likeness.psnr_frames(made, true[:2])
    broken = made.astype(np.float32)
    broken[1, 3, 3, 0] = np.nan
    for metric, clips in ((SSIM(), ([broken], [true])), (PSNR(), ([broken], [true])), (Sharpness(), ([broken],))):
        with pytest.raises(ValueError, match="no number"):
            metric.update(*clips)
