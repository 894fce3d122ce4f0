"""Motions shaped in time and strength: what intensity, start, hold, loop and return mean, on numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner import guides
from limner.generation.motion import express, extend, keep_apart, num_frames, smooth_resample
from limner.generation.recorded import filled
from limner.generation.reference import even_size, fit
from limner.generation.settings import MotionSettings, SmileSettings, check_fps, parse_quality
from limner.generation.sheets import SideBySide, draw_curves, in_step, moments, title_of
from limner.types import InputError, Motion

FACE = guides.load("face")
NEUTRAL = FACE.canonical.astype(np.float64)
CORNERS = [48, 54]


def smile_of(strength: list[float]) -> np.ndarray:
    """(T, 68, 2): the lip corners rise by so many units."""
    points = np.repeat(NEUTRAL[None], len(strength), 0)
    points[:, CORNERS, 1] -= np.array(strength)[:, None]
    return points


def motion_of(points: np.ndarray, **changes) -> Motion:
    made = {"guide": "face", "confidence": np.ones(points.shape[:2], np.float32), "fps": Fraction(25), "size": (200, 100)}
    return Motion(points=points.astype(np.float32), **{**made, **changes})


def test_intensity_multiplies_the_expression_not_the_head():
    angle = 0.05
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = smile_of([0.0, 0.1]) @ turn.T
    points[0] = NEUTRAL
    doubled = express(points, NEUTRAL, np.zeros_like(NEUTRAL), 2.0)
    np.testing.assert_allclose(doubled[0], NEUTRAL, atol=1e-9)
    expected = NEUTRAL.copy()
    expected[CORNERS, 1] -= 0.2
    np.testing.assert_allclose(doubled[1], expected @ turn.T, atol=1e-9)
    np.testing.assert_allclose(express(points, NEUTRAL, np.zeros_like(NEUTRAL), 0.0), np.repeat(NEUTRAL[None], 2, 0), atol=1e-9)


def test_start_photo_begins_at_its_own_expression_which_fades():
    own = np.zeros_like(NEUTRAL)
    own[57, 1] = 0.08  # an open mouth
    points = express(smile_of([0.0, 0.1, 0.2]), NEUTRAL, own, 1.0)
    np.testing.assert_allclose(points[0], NEUTRAL + own, atol=1e-9)
    np.testing.assert_allclose(points[1][57], NEUTRAL[57] + (0, 0.04), atol=1e-9)  # half way up, half of it is left
    np.testing.assert_allclose(points[2], smile_of([0.2])[0], atol=1e-9)


def test_lids_and_lips_meet_but_never_cross():
    face = np.repeat(NEUTRAL[None], 2, 0)
    face[1, 37, 1] = face[1, 41, 1] + 0.02  # the upper lid below the lower one
    kept = keep_apart(face, NEUTRAL)
    np.testing.assert_array_equal(kept[0], face[0])
    assert kept[1, 37, 1] == pytest.approx(kept[1, 41, 1]) == pytest.approx(NEUTRAL[41, 1] + 0.01)


def test_resampling_is_smooth_and_keeps_both_ends():
    t = np.linspace(0, 1, 32)
    values = np.sin(3 * t)[:, None]
    finer = smooth_resample(values, 63)
    np.testing.assert_allclose(finer[::2], values, atol=1e-12)
    np.testing.assert_allclose(finer[2:-2, 0], np.sin(3 * np.linspace(0, 1, 63))[2:-2], atol=2e-5)
    assert smooth_resample(values, 2).tolist() == [values[0].tolist(), pytest.approx(values[-1].tolist())]
    assert smooth_resample(values[:1], 4).tolist() == [[0.0]] * 4


def test_how_many_frames():
    assert num_frames(1.0, MotionSettings()) == 26  # from the first to the last: a second between them
    assert num_frames(1.0, MotionSettings(frames=7)) == 7
    assert num_frames(9.0, MotionSettings(duration=2)) == 50
    assert num_frames(1.0, MotionSettings(fps="30000/1001")) == 31  # type: ignore[arg-type]


def test_hold_and_loop():
    line = np.arange(4.0).reshape(4, 1, 1)
    assert extend(line, MotionSettings(hold=0.08)).ravel().tolist() == [0, 1, 2, 3, 3, 3]
    assert extend(line, MotionSettings(loop=True)).ravel().tolist() == [0, 1, 2, 3, 2, 1]
    assert extend(line, MotionSettings(loop=True, hold=0.04)).ravel().tolist() == [0, 1, 2, 3, 3, 2, 1]
    there_and_back = np.array([0, 1, 2, 3, 2, 1, 0.5]).reshape(-1, 1, 1)
    closed = extend(there_and_back, MotionSettings(loop=True, returns=True)).ravel()
    assert closed[:5].tolist() == [0, 1, 2, 3, 2]
    assert len(closed) == 6  # the last frame would be the first again
    assert 0 < closed[-1] < 1


def test_points_not_seen_are_bridged():
    points = np.repeat((NEUTRAL * 50 + 100)[None], 5, 0)
    points[:, :, 0] += np.arange(5)[:, None]
    confidence = np.ones((5, 68), np.float32)
    truth = points.copy()
    confidence[2, 10] = 0
    points[2, 10] = 9999
    confidence[:, 20] = 0  # never seen: follows the others
    points[:, 20] = -1
    np.testing.assert_allclose(filled(motion_of(points, confidence=confidence)), truth, atol=0.01)
    with pytest.raises(InputError, match="tracks 3 points"):
        filled(motion_of(points, confidence=np.repeat((np.arange(68) < 3)[None], 5, 0).astype(np.float32)))


def test_moments_and_step():
    assert moments(32) == [0, 4, 9, 13, 18, 22, 27, 31]
    assert moments(2) == [0, 0, 0, 0, 1, 1, 1, 1]
    short, long = (iter([np.full((1, 1, 3), i, np.uint8) for i in range(n)]) for n in (2, 4))
    seen = [([int(f[0, 0, 0]) for f in frames], new) for frames, new in in_step([short, long])]
    assert seen == [([0, 0], [True, True]), ([1, 1], [True, True]), ([1, 2], [False, True]), ([1, 3], [False, True])]


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("me", "me"),
        ("Иван é", "Иван é"),
        ("我 x\ny", "_ x_y"),
        ("$5 \\frac{", "$5 \\frac{"),
        ("a" * 99 + "b", "a" * 30 + "…" + "a" * 29 + "b"),
    ],
    ids=["plain", "cyrillic", "foreign", "formula", "long"],
)
def test_any_name_can_be_drawn(tmp_path: Path, name: str, drawn: str):
    title = title_of(name, "posed", 7)
    assert title == f"{drawn}: posed smiles, seed 7"
    draw_curves(tmp_path / "curves.png", [np.zeros((3, 2))], ["mode 1"], Fraction(25), title, {})  # a missing glyph would warn
    assert (tmp_path / "curves.png").stat().st_size > 10_000


@pytest.mark.parametrize("num", [1, 2, 3, 5, 16])
def test_side_by_side_stays_even_and_within_a_screen(num: int):
    beside = SideBySide([motion_of(np.repeat(NEUTRAL[None], 2, 0), size=(674, 900), mode=k + 1) for k in range(num)])
    width, height = beside.size
    assert width % 2 == height % 2 == 0
    assert width <= 1920
    frame = np.full((900, 674, 3), 200, np.uint8)
    drawn = beside.draw([frame] * num)
    assert drawn.shape == (height, width, 3)
    assert np.isclose((drawn == 200).all(-1).sum(), num * beside.cell[0] * beside.cell[1], rtol=0.01)


def test_sizes_of_the_video():
    assert even_size((512, 512), None) == (512, 512)
    assert even_size((675, 675), None) == (674, 674)
    assert even_size((4000, 3000), None) == (1024, 768)
    assert even_size((3000, 4000), 512) == (384, 512)
    assert even_size((100, 101), 201) == (198, 200)
    assert even_size((2400, 1600), None, face_px=92) == (1920, 1280)  # a small face
    assert even_size((2400, 1600), None, face_px=400) == (1200, 800)  # as large as it needs to be
    assert even_size((600, 400), None, face_px=70) == (600, 400)
    with pytest.raises(InputError, match="too narrow"):
        even_size((2000, 10), None)
    odd = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    np.testing.assert_array_equal(fit(odd, (6, 4)), odd[:4, :6])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"modes": 0}, "at least 1"),
        ({"modes": "many"}, "whole number"),
        ({"frames": 1}, "frames is 1; it must lie between 2 and 3000"),
        ({"frames": 3001}, "frames is 3001"),
        ({"fps": "0"}, "frame rate of '0' is out of range"),
        ({"fps": "abc"}, "'abc' is no frame rate"),
        ({"fps": "121"}, "fps is 121; it must lie between 1 and 120"),
        ({"fps": float("nan")}, "nan is no frame rate"),
        ({"fps": "1/0"}, "'1/0' is no frame rate"),
        ({"duration": -1.0}, "duration is -1"),
        ({"duration": 1.0, "frames": 5}, "give one of them"),
        ({"intensity": 2.5}, "intensity is 2.5; it must lie between 0 and 2"),
        ({"intensity": float("nan")}, "intensity is nan"),
        ({"hold": 61.0}, "hold is 61"),
        ({"seed": -1}, "seed is -1"),
        ({"start": "smile"}, "start is 'smile'; it can be neutral or photo"),
        ({"size": 63}, "size is 63; it must lie between 64 and 4096 pixels"),
        ({"size": 10**9}, "size is 1000000000"),
        ({"face": 0}, "counted from 1"),
        ({"quality": "best"}, "quality is 'best'"),
        ({"quality": 52}, "from 0"),
    ],
)
def test_settings_out_of_range_say_so(changes: dict, said: str):
    with pytest.raises(InputError, match=said):
        SmileSettings(**changes)


def test_settings_as_text():
    assert check_fps("29.97") == Fraction(2997, 100)
    assert check_fps("30000/1001") == Fraction(30000, 1001)
    assert (parse_quality("18"), parse_quality("low")) == (18, "low")
    assert SmileSettings(modes="3").record()["modes"] == 3
    assert SmileSettings(fps="30000/1001").record()["fps"] == "30000/1001"  # type: ignore[arg-type]
