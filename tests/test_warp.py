"""Facts about the warp: splines, upsampling, sharp sampling, gradients."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator

from limner import warp


def test_spline_agrees_with_scipy():
    rng = np.random.default_rng(0)
    centres, values, at = rng.random((2, 20, 2)), rng.random((2, 20, 2)), rng.random((30, 2))
    for smoothing in (0.0, 0.01):
        coefficients = warp.fit_spline(torch.tensor(centres), torch.tensor(values), smoothing)
        ours = warp.evaluate_spline(coefficients, torch.tensor(centres), torch.tensor(at)).numpy()
        for n in range(2):
            theirs = RBFInterpolator(centres[n], values[n], smoothing=smoothing, kernel="thin_plate_spline")(at)
            assert np.abs(ours[n] - theirs).max() < 1e-8


def test_gradients_flow_through_the_warp():
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 7, 7, generator=generator, dtype=torch.float64)
    source = torch.tensor([[[1.3, 1.2], [5.6, 1.4], [3.1, 5.7], [5.9, 5.2]]], dtype=torch.float64)
    target = source + 0.37 * torch.rand(1, 4, 2, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda p, s, t: warp.warp(p, s, t, 1e-3), (picture.requires_grad_(), source.requires_grad_(), target.requires_grad_()), eps=1e-6
    )


def test_no_motion_is_the_picture_bit_for_bit():
    picture = torch.randint(0, 256, (3, 40, 50), generator=torch.Generator().manual_seed(1)).float()
    points = torch.tensor([[[5.0, 5.0], [40.0, 8.0], [20.0, 33.0]]])
    assert torch.equal(warp.warp(picture, points, points).round()[0], picture)


def test_a_shift_of_whole_pixels_moves_pixels():
    picture = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(1))
    points = torch.tensor([[[5.0, 5.0], [40.0, 8.0], [20.0, 33.0]]])
    moved = warp.warp(picture, points, points + torch.tensor([3.0, 2.0]))[0]
    assert torch.allclose(moved[:, 2:, 3:], picture[:, :-2, :-3], atol=1e-3)


def test_half_pixel_samples_are_sharper_than_bilinear_ones():
    x = torch.arange(64) + 0.5
    wave = lambda at: torch.cos(2 * torch.pi * 0.3 * at)  # noqa: E731
    texture = warp.sharp_texture(wave(x).expand(1, 8, 64))
    at = torch.stack([x[16:48] + 0.5, torch.full((32,), 4.5)], -1)[None, None]
    contrast = warp.sample(texture, at)[0, 0, 0].abs().max() / wave(x[16:48] + 0.5).abs().max()
    assert contrast > 0.97  # bilinear samples keep cos(0.3 pi) = 0.59


@pytest.mark.parametrize("step", [1, 3, 8])
def test_the_upsampler_keeps_straight_fields_and_their_places(step):
    box = (10, 20, 61, 58)
    coarse = warp.nodes(box, step)
    fine = warp.Upsampler((38, 51), step)((0.3 * coarse[..., :1] - 0.2 * coarse[..., 1:]).permute(2, 0, 1)[None])
    at = warp.nodes(box, 1)
    inner = slice(step + 1, -2 * step - 1)
    assert torch.allclose(fine[0, 0][inner, inner], (0.3 * at[..., 0] - 0.2 * at[..., 1])[inner, inner], atol=1e-4)


def test_the_jacobian_sees_a_fold():
    at = warp.nodes((0, 0, 33, 33), 4)
    still = torch.zeros(1, *at.shape)
    assert torch.allclose(warp.jacobian(still, 4), torch.ones(1, 8, 8))
    flipped = torch.stack([-2 * at[..., 0], 0 * at[..., 1]], -1)[None]
    assert torch.allclose(warp.jacobian(flipped, 4), -torch.ones(1, 8, 8), atol=1e-5)
