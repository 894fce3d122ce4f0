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
    i, j = guide.unit_pair
    np.testing.assert_allclose((guide.canonical[i] + guide.canonical[j]) / 2, 0, atol=1e-3)
    np.testing.assert_allclose(geometry.mirror(guide.canonical, guide), guide.canonical, atol=1e-3)


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
