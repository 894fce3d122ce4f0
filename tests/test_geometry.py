"""Similarities, units and alignment: values by hand, and invariances."""

import numpy as np
import pytest

from limner import geometry, guides

FACE = guides.load("face")


def turned(points, angle, scale, shift):
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return points @ np.array([[c, s], [-s, c]]) + shift


def test_similarity_by_hand():
    # A quarter turn (x right, y down: (1, 0) -> (0, 1)), twice as large, shifted by (3, 4).
    source = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    target = np.array([[3.0, 4.0], [3.0, 6.0], [1.0, 4.0]])
    matrix = geometry.fit_similarity(source, target)
    np.testing.assert_allclose(matrix, [[0, -2, 3], [2, 0, 4]], atol=1e-12)
    np.testing.assert_allclose(geometry.apply_affine(matrix, source), target, atol=1e-12)
    assert geometry.scale_of(matrix) == pytest.approx(2)


def test_similarity_never_reflects():
    source = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    matrix = geometry.fit_similarity(source, source * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) > 0


def test_weights_choose_the_points_that_count():
    source = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    target = np.array([[1.0, 1.0], [2.0, 1.0], [-9.0, 3.0]])
    matrix = geometry.fit_similarity(source, target, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(matrix, [[1, 0, 1], [0, 1, 1]], atol=1e-12)


def test_coinciding_points_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        geometry.fit_similarity(np.ones((3, 2)), np.zeros((3, 2)))
    for place in (1 / 3, 312.1, 1e6 / 7):  # where the mean of equal numbers is not quite the number
        with pytest.raises(ValueError, match="coincide"):
            geometry.fit_similarity(np.full((7, 2), place), np.zeros((7, 2)))
    with pytest.raises(ValueError, match="not finite"):
        geometry.fit_similarity(np.full((3, 2), np.nan), np.zeros((3, 2)))
    tiny = FACE.canonical * 1e-3 + 5000.0  # a face of 0.001 px, far from the origin, is one all the same
    np.testing.assert_allclose(geometry.align(tiny.astype(np.float64), FACE), geometry.align(FACE.canonical, FACE), atol=0.3)


def test_inverse_and_composition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 2, 3))
    points = rng.normal(size=(5, 7, 2))
    np.testing.assert_allclose(geometry.apply_affine(geometry.invert_affine(a), geometry.apply_affine(a, points)), points, atol=1e-8)
    both = geometry.apply_affine(b, geometry.apply_affine(a, points))
    np.testing.assert_allclose(geometry.apply_affine(geometry.compose_affine(a, b), points), both, atol=1e-8)


@pytest.mark.parametrize(("angle", "scale"), [(0.3, 120.0), (-1.2, 4.0), (3.0, 0.5)])
def test_alignment_undoes_head_pose(angle, scale):
    rng = np.random.default_rng(1)
    face = FACE.canonical + rng.normal(0, 0.01, (4, 68, 2))
    moved = turned(face, angle, scale, np.array([50.0, -20.0]))
    np.testing.assert_allclose(geometry.align(moved, FACE), geometry.align(face, FACE), atol=1e-9)
    np.testing.assert_allclose(geometry.unit_length(moved, FACE), scale * geometry.unit_length(face, FACE))


def test_map_frame_fills_the_map():
    matrix = geometry.unit_to_map(FACE, 64)
    x0, y0, side = FACE.crop_unit
    corners = np.array([[x0, y0], [x0 + side, y0 + side]])
    np.testing.assert_allclose(geometry.apply_affine(matrix, corners), [[0, 0], [64, 64]], atol=1e-9)


def test_mirror_by_hand():
    points = np.zeros((68, 2))
    points[36], points[48], points[8] = (10, 20), (30, 70), (45, 95)  # the right eye's outer corner, the mouth's, the chin
    flipped = geometry.mirror(points, FACE, 100)
    assert [flipped[i].tolist() for i in (45, 54, 8)] == [[90, 20], [70, 70], [55, 95]]  # now they are the left ones
    assert points[36].tolist() == [10, 20]


def test_mirror_is_an_involution():
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 100, (3, 68, 2))
    np.testing.assert_allclose(geometry.mirror(geometry.mirror(points, FACE, 100), FACE, 100), points)


def test_resample_keeps_ends_and_is_linear():
    values = np.array([[0.0], [1.0], [4.0]])
    np.testing.assert_allclose(geometry.resample(values, 5)[:, 0], [0, 0.5, 1, 2.5, 4])
    np.testing.assert_allclose(geometry.resample(values[:1], 3)[:, 0], [0, 0, 0])
    assert geometry.resample(values.astype(np.float32), 7).dtype == np.float32
