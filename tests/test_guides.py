"""Every guide there is: its lines index real points, its mirror is an involution, its canonical shape is in units."""

import itertools

import numpy as np
import pytest

from limner import geometry, guides
from limner.types import InputError


@pytest.mark.parametrize("name", guides.names())
def test_guide_is_sound(name):
    guide = guides.load(name)
    count = guide.num_points
    assert guide.name == name
    assert len(set(guide.point_names)) == count
    assert guide.canonical.shape == (count, 2)
    assert guide.canonical.dtype == np.float32
    assert {i for line in guide.lines.values() for i in line} <= set(range(count))
    assert sorted(guide.mirror) == list(range(count))
    assert [guide.mirror[i] for i in guide.mirror] == list(range(count))
    assert geometry.unit_length(guide.canonical, guide) == pytest.approx(1, abs=1e-3)
    start, end = (guide.canonical[list(places)].mean(0) for places in guide.unit_ends)
    np.testing.assert_allclose((start + end) / 2, 0, atol=1e-3)
    assert not guide.colours or guide.colours.keys() == guide.lines.keys()
    if guide.mirror != tuple(range(count)):  # a single hand, say, has no two sides to exchange
        np.testing.assert_allclose(geometry.mirror(guide.canonical, guide), guide.canonical, atol=1e-3)


def test_faces_and_bodies_have_two_sides():
    assert all(guides.load(name).mirror[k] != k for name, k in (("face", 0), ("body", 2)))


def test_mirrored_lines_are_lines():
    face = guides.load("face")
    edges = {frozenset(pair) for line in face.lines.values() for pair in itertools.pairwise(line)}
    assert {frozenset(face.mirror[i] for i in edge) for edge in edges} == edges


def test_face_has_the_ibug_parts():
    face = guides.load("face")
    assert face.num_points == 68
    assert face.lines["lip_inner"] == (60, 61, 62, 63, 64, 65, 66, 67, 60)
    x, y = face.canonical.T
    assert x[36] < x[39] < x[42] < x[45]  # the person's right eye is at the picture's left
    assert y[27] < y[33] < y[51] < y[57] < y[8]


def test_unknown_guide_lists_those_there_are():
    with pytest.raises(InputError, match=r"no guide 'foot'; there are: .*face"):
        guides.load("foot")


def test_body_is_openpose_coco():
    body = guides.load("body")
    assert body.num_points == 18
    assert [body.point_names[k] for k in (0, 1, 2, 5, 8, 11, 14, 17)] == [
        *("nose", "neck", "shoulder_right", "shoulder_left", "hip_right", "hip_left", "eye_right", "ear_left")
    ]
    assert len(body.lines) == 17
    assert len(set(body.colours.values())) == 17
    for k, name in enumerate(body.point_names):
        assert body.point_names[body.mirror[k]] == name.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left")
    edges = {frozenset(line) for line in body.lines.values()}
    assert {frozenset(body.mirror[i] for i in edge) for edge in edges} == edges


def test_a_standing_body():
    body = guides.load("body")
    x, y = body.canonical.T
    assert x[2] < x[8] < x[1] < x[11] < x[5]  # the person's right is at the picture's left
    assert y[14] < y[0] < y[1] < y[8] < y[9] < y[10]
    shin, thigh = (np.linalg.norm(body.canonical[a] - body.canonical[b]) for a, b in ((10, 9), (9, 8)))
    assert shin == pytest.approx(0.246 / 0.288, abs=2e-3)
    assert thigh == pytest.approx(0.245 / 0.288, abs=2e-3)
    x0, y0, side = body.crop_unit
    assert x0 < x.min()
    assert x.max() < x0 + side
    assert y0 < y.min()
    assert y.max() < y0 + side
