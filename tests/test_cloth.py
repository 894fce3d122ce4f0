"""Cloth between the parts of a person: what a lifted arm and spread legs do to it, on dolls whose pixels are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limner.bench.move_joints import hits, placed
from limner.generation.body_renderers import Copy
from limner.generation.body_warp import BodyWarp
from limner.generation.cloth import between_legs, skirted
from limner.generation.mesh import carried, grid_over
from limner.guides import body
from limner.guides.body import ANKLE_L, ANKLE_R, ELBOW_R, HIP_L, HIP_R, KNEE_L, KNEE_R, WRIST_R
from limner.types import Body
from test_body_warp import BLUE, GREEN, RED, doll, hue, raised


def painted(*bars: tuple[tuple[int, int, int], list[tuple[int, int]]]) -> tuple[np.ndarray, Body]:
    """The doll with polygons of a colour laid on it, which are the person too."""
    import cv2

    photo, person = doll()
    mask = np.array(person.mask)
    for colour, corners in bars:
        where = np.zeros(mask.shape, np.uint8)
        cv2.fillPoly(where, [np.array(corners, np.int32)], 1)
        photo[where > 0], mask[where > 0] = colour, 1
    return photo, replace(person, mask=mask)


def skirt() -> tuple[np.ndarray, Body]:
    """The doll in a skirt as far as its knees, its legs apart."""
    photo, person = painted((RED, [(92, 165), (148, 165), (164, 208), (76, 208)]))
    points = person.points.copy()
    for leg, x in ((KNEE_R, 88), (ANKLE_R, 86), (KNEE_L, 152), (ANKLE_L, 154)):
        points[leg, 0] = x
    photo[208:275, 90:150] = photo[5, 5]
    mask = np.array(person.mask)
    mask[208:275, 90:150] = 0
    for x0 in (78, 144):
        photo[208:275, x0 : x0 + 18], mask[208:275, x0 : x0 + 18] = BLUE, 1
    return photo, replace(person, points=points, mask=mask)


def test_a_skirt_is_told_from_trousers_and_stays_whole_at_a_kick():
    photo, person = skirt()
    warp = BodyWarp(photo, person)
    places = warp.places - warp.corner
    assert skirted(warp.parts, places)
    trousers = BodyWarp(*doll())
    assert not skirted(trousers.parts, trousers.places - trousers.corner)
    kick = person.points.copy()
    angle = np.radians(50)
    for joint, far in ((KNEE_R, 45), (ANKLE_R, 92)):
        kick[joint] = kick[HIP_R] + far * np.array([-np.sin(angle), np.cos(angle)])
    (frame,) = warp.render(kick[None])
    red = hue(frame) == 0
    for y in (180, 190):  # one piece of cloth from the kicking thigh to the standing one
        row = np.flatnonzero(red[y])
        assert red[y, row.min() : row.max() + 1].mean() > 0.97
        assert np.ptp(row) > 60
    assert (hue(frame)[215:260, 148:158] == 2).mean() > 0.9  # the standing leg stands


def test_between_the_legs_is_half_of_each():
    warp = BodyWarp(*skirt())
    left = between_legs(warp.parts, warp.places - warp.corner)
    x0, y0 = warp.box[:2]
    assert left[190 - y0, 120 - x0] == pytest.approx(0.5, abs=0.05)
    assert left[190 - y0, 80 - x0] == 0
    assert left[190 - y0, 160 - x0] == 1


def test_cloth_below_a_lifted_arm_is_a_fan_and_no_flap_stays():
    web = (GREEN, [(62, 106), (97, 106), (97, 140)])  # a wide sleeve, from the arm to the side
    warp = BodyWarp(*painted(web))
    (frame,) = warp.render(raised(70)[None])
    green = hue(frame) == 1
    ring = np.array([(98 - 24 * np.cos(a), 100 - 24 * np.sin(a)) for a in np.radians(np.arange(-40, 71, 10))]).astype(int)
    assert green[ring[:, 1], ring[:, 0]].all()  # from the side up to the arm without a gap
    assert not green[104:150, :68].any()  # nothing sticks out where the sleeve hung from the level arm


def test_where_the_renderer_puts_the_joints_is_known_without_a_detector():
    warp = BodyWarp(*doll())
    at, shown = warp.joints(np.stack([doll()[1].points, raised(60)]))
    np.testing.assert_allclose(at[0], doll()[1].points, atol=1e-3)
    np.testing.assert_allclose(at[1, [ELBOW_R, WRIST_R]], raised(60)[[ELBOW_R, WRIST_R]], atol=0.6)
    assert shown[:, [ELBOW_R, WRIST_R]].all()
    over = doll()[1].points.copy()  # the right arm laid over the trunk, its hand on the left hip
    over[ELBOW_R], over[WRIST_R] = (115, 134), (132, 168)
    _, shown = warp.joints(over[None])
    assert not shown[0, HIP_L]
    assert shown[0, HIP_R]
    torso = 72.0
    arms = [ELBOW_R, WRIST_R]
    assert placed(warp, raised(60)[None], arms, torso) == {"placed": 1.0, "in_sight": 1.0}
    assert placed(Copy(*doll()), raised(60)[None], arms, torso) == {"placed": None, "in_sight": None}


def test_a_place_is_carried_by_its_triangle_and_lost_off_the_mesh():
    mask = np.zeros((16, 16), bool)
    mask[4:12, 4:12] = True
    mesh = grid_over(mask, 4)
    np.testing.assert_allclose(carried(mesh, mesh.vertices * 2 + (1, 0), np.array([6.5, 9.0])), (14, 18))
    assert np.isnan(carried(mesh, mesh.vertices, np.array([1.0, 1.0]))).all()


class Reads:
    """A detector that was told what it sees in each square."""

    def __init__(self, *found: Body | None) -> None:
        self.found = list(found)

    def look(self, pixels: np.ndarray, box: tuple[float, ...]) -> Body | None:
        return self.found.pop(0)


def test_readings_tell_confused_sides_and_somebody_else_from_misses():
    person = doll()[1]
    photo, every, torso = doll()[0], np.ones(18, bool), 72.0
    crossed = replace(person, points=person.points[list(body.GUIDE.mirror)])
    other = replace(person, points=person.points + 300)
    one = hits(Reads(crossed, None, other), photo, person.points, every, torso)  # type: ignore[arg-type]
    assert one.strict.sum() < 6
    assert one.exchanged.all()
    two = hits(Reads(other, person, None), photo, person.points, every, torso)  # type: ignore[arg-type]
    assert not two.strict.any()
    assert not two.exchanged.any()
    assert two.paired.all()
    none = hits(Reads(None, None, None), photo, person.points, every, torso)  # type: ignore[arg-type]
    assert not (none.strict | none.exchanged | none.paired).any()
