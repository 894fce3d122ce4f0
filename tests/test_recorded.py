"""Motions from elsewhere on a photo: the neutral frame found, relative and absolute by hand, gaps, shots; and real videos that drive."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from limner.generation.recorded import bridged, recorded
from limner.generation.reference import Reference
from limner.generation.transfer import absolute, first_neutral, shots, transfer
from limner.guides.face import GUIDE
from limner.types import Face, InputError, Motion

NEUTRAL = GUIDE.canonical.astype(np.float64)  # in units; its lips are closed
DRIVER_PX = (NEUTRAL * 40 + (100, 80)).astype(np.float32)
PHOTO_PX = (NEUTRAL * 80 + (230, 210)).astype(np.float32)  # twice as large, elsewhere
CORNERS, LIDS = [48, 54], [37, 38, 43, 44]
LIP = [56, 57, 58, 65, 66, 67]  # of the lower lip


def motion_of(points: np.ndarray, **changes) -> Motion:
    points = points.astype(np.float32)
    made = Motion(guide="face", points=points, confidence=np.ones(points.shape[:2], np.float32), fps=Fraction(25), size=(200, 200))
    return replace(made, **changes)


def reference_of(points: np.ndarray = PHOTO_PX, size: tuple[int, int] = (480, 480), neutral: np.ndarray | None = None) -> Reference:
    face = Face(points=points, box=(0.0, 0.0, 1.0, 1.0), confidence=1.0)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    made = Reference(name="x", pixels=pixels, face=face, neutral=points, strength=0.0, photo_size=size, sha256="me", notes=(), warnings=())
    return made if neutral is None else replace(made, neutral=neutral)


def film(smile_px: list[float], start: np.ndarray = DRIVER_PX) -> np.ndarray:
    """(T, 68, 2): the lip corners pulled out and up by so many pixels in each frame."""
    points = np.repeat(start[None].astype(np.float64), len(smile_px), 0)
    pull = np.array(smile_px)
    points[:, 48] += np.stack([-pull, -pull], -1)
    points[:, 54] += np.stack([pull, -pull], -1)
    return points


def test_recorded_tells_its_own_motion_from_another_face() -> None:
    moving = film([0, 2, 4])
    own, how = recorded(motion_of(moving, size=(200, 100)), reference_of(DRIVER_PX * 2, (400, 200)))
    assert how == "the photo's own motion, scaled from 200x100 to 400x200"
    np.testing.assert_allclose(own.points, moving * 2, rtol=1e-6)
    other, how = recorded(motion_of(moving, seed=0), reference_of())  # imagined: its first frame is neutral
    assert how == "another face's motion, transferred relative to its first frame in inter-ocular units"
    np.testing.assert_allclose(other.points[0], PHOTO_PX, atol=1e-3)
    np.testing.assert_allclose(other.points[2, 48] - PHOTO_PX[48], (-8, -8), atol=1e-3)  # 4 px of a face half as large
    double, _ = recorded(motion_of(moving, seed=0), reference_of(), intensity=2.0)
    np.testing.assert_allclose(double.points[2, 48] - PHOTO_PX[48], (-16, -16), atol=1e-3)
    with pytest.raises(InputError, match="'body'"):
        recorded(motion_of(moving, guide="body"), reference_of())


def test_a_recording_that_begins_in_a_smile_is_neutral_where_it_is() -> None:
    moving = film([4, 4, 3, 2, *[0] * 20, 2, 4])
    assert first_neutral(moving, np.ones(len(moving), bool)) == 4
    moved, how = recorded(motion_of(moving), reference_of())
    assert "relative to its first neutral frame, 4, in inter-ocular units" in how
    np.testing.assert_allclose(moved.points[4], PHOTO_PX, atol=1e-3)
    np.testing.assert_allclose(moved.points[0, 54] - PHOTO_PX[54], (8, -8), atol=1e-3)  # it does begin with the smile


def test_a_blink_is_not_taken_for_neutral() -> None:
    moving = film([0] * 20)
    gap = moving[0, [41, 40, 47, 46], 1] - moving[0, LIDS, 1]
    moving[:3, LIDS, 1] += 0.8 * gap
    assert first_neutral(moving, np.ones(20, bool)) == 3
    assert first_neutral(moving, np.arange(20) > 9) == 10  # frames without a face do not count


def test_a_turned_driver_moves_the_photo_its_own_way() -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # a quarter
    moved = transfer(film([0, 4]) @ turn.T, PHOTO_PX)
    np.testing.assert_allclose(moved[1, 54] - PHOTO_PX[54], (8, -8), atol=1e-3)


def test_the_photo_does_not_shake_more_than_the_driver() -> None:
    from limner.measures import jitter

    noise = np.random.default_rng(0).normal(0, 0.2, (30, 68, 2))
    moving = film([0] * 30) + noise
    assert jitter(transfer(moving, PHOTO_PX)) == pytest.approx(jitter(moving), rel=0.02)
    assert jitter(absolute(moving, PHOTO_PX)) < 2 * jitter(moving)  # what is aligned frame by frame shakes with eyes and nose too


def test_absolute_gives_lips_and_lids_the_drivers_shape() -> None:
    wide = DRIVER_PX.astype(np.float64)  # a driver whose mouth is always open: the lower lip 4 px (0.1 units) lower
    wide[LIP, 1] += 4
    moving = np.repeat(wide[None], 3, 0)
    moved = absolute(moving, PHOTO_PX)
    gap = lambda points: points[..., [67, 66, 65], 1] - points[..., [61, 62, 63], 1]  # noqa: E731
    np.testing.assert_allclose(gap(moved), np.repeat(gap(PHOTO_PX)[None] + 8, 3, 0), atol=1e-3)  # 0.1 units of 80 px
    np.testing.assert_allclose(gap(transfer(moving, PHOTO_PX)), np.repeat(gap(PHOTO_PX)[None], 3, 0), atol=1e-3)  # relative: unmoved
    inner, outer = [61, 62, 63], [50, 51, 52]
    np.testing.assert_allclose(moved[0, inner] - moved[0, outer], PHOTO_PX[inner] - PHOTO_PX[outer], atol=1e-3)  # lips keep their thickness
    np.testing.assert_allclose(moved[0, 60:68].mean(0), PHOTO_PX[60:68].mean(0), atol=1e-3)  # where the photo's mouth is
    np.testing.assert_allclose(moved[0, :17], PHOTO_PX[:17], atol=1e-3)  # the jaw stays
    half = DRIVER_PX.astype(np.float64)  # eyes half shut throughout
    half[LIDS, 1] += 0.5 * (half[[41, 40, 47, 46], 1] - half[LIDS, 1])
    lids = lambda points: points[[41, 40, 47, 46], 1] - points[LIDS, 1]  # noqa: E731
    np.testing.assert_allclose(lids(absolute(half[None], PHOTO_PX)[0]), 0.5 * lids(PHOTO_PX), atol=0.05)
    own = absolute(np.repeat(DRIVER_PX[None], 2, 0), PHOTO_PX)  # the same face at rest: the photo itself
    np.testing.assert_allclose(own[0], PHOTO_PX, atol=1e-3)


def test_lids_of_smaller_eyes_meet_and_do_not_cross() -> None:
    small = PHOTO_PX.astype(np.float64)
    small[LIDS, 1] += 0.5 * (small[[41, 40, 47, 46], 1] - small[LIDS, 1])
    blink = film([0] * 12)
    blink[5, LIDS, 1] = blink[5, [41, 40, 47, 46], 1]
    moved, _ = recorded(motion_of(blink), reference_of(small.astype(np.float32)))
    gap = moved.points[:, [41, 40, 47, 46], 1] - moved.points[:, LIDS, 1]
    assert gap[4].min() > 1
    np.testing.assert_allclose(gap[5], 0, atol=0.01)


def test_frames_without_a_face_are_held_and_bridged() -> None:
    np.testing.assert_allclose(
        bridged(np.array([[9.0], [1], [9], [9], [4], [9]]), np.array([False, True, False, False, True, False])),
        [[1], [1], [2], [3], [4], [4]],
    )
    moving = film([*[0] * 10, 0, 2, 4, 0, 0, 0])
    confidence = np.ones((16, 68), np.float32)
    confidence[10:12] = confidence[13:] = 0
    moved, _ = recorded(motion_of(moving, confidence=confidence), reference_of())
    lift = PHOTO_PX[48, 1] - moved.points[:, 48, 1]
    np.testing.assert_allclose(lift[9:], [0, 8 / 3, 16 / 3, 8, 8, 8, 8], atol=1e-3)


def test_each_shot_has_its_own_neutral() -> None:
    one, two = film([0] * 10 + [4] * 3), film([0] * 8 + [3] * 3, DRIVER_PX + np.float32((70, 5)))
    moving = np.concatenate([one, two])
    found = shots(moving, np.ones(24, bool))
    assert [(shot.start, shot.stop, shot.neutral) for shot in found] == [(0, 13, 0), (13, 24, 13)]
    moved, how = recorded(motion_of(moving), reference_of())
    assert "in 2 shots" in how
    np.testing.assert_allclose(moved.points[13], PHOTO_PX, atol=1e-3)
    np.testing.assert_allclose(moved.points[23, 54] - PHOTO_PX[54], (6, -6), atol=1e-3)
    stated = motion_of(film([0] * 20), provenance={"cuts": [12, "x", -1, 99]})
    assert "in 2 shots" in recorded(stated, reference_of())[1]
