"""A motion fitted to a person: hand-worked skeletons, whose limbs are whole numbers of pixels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from limner.generation.retarget import retarget
from limner.guides.body import (
    ANKLE_L,
    ANKLE_R,
    ELBOW_R,
    GUIDE,
    HIP_L,
    HIP_R,
    KNEE_L,
    KNEE_R,
    NECK,
    SHOULDER_L,
    SHOULDER_R,
    WRIST_L,
    WRIST_R,
)
from limner.types import InputError, Motion

SIZE = (400, 400)
EVERY = np.ones(18)
ARM, LEG = [SHOULDER_R, ELBOW_R, WRIST_R], [HIP_R, KNEE_R, ANKLE_R]


def standing(tall: float = 1.0, at: tuple[float, float] = (200.0, 200.0)) -> np.ndarray:
    """(18, 2): a person seen from the front, arms hanging straight; torso 80, upper arm 50, forearm 40, thigh 70, shin 70 times `tall`."""
    points = np.zeros((18, 2))
    points[NECK] = 0, -80
    points[[0, 14, 15, 16, 17]] = (0, -104), (-4, -108), (4, -108), (-9, -106), (9, -106)
    for side, joints in ((-1, ARM), (1, [j + 3 for j in ARM])):
        points[joints] = (side * 26, -80), (side * 26, -30), (side * 26, 10)
    for side, joints in ((-1, LEG), (1, [j + 3 for j in LEG])):
        points[joints] = (side * 15, 0), (side * 15, 70), (side * 15, 140)
    return points * tall + at


def motion_of(frames: list[np.ndarray], confidence: np.ndarray | None = None) -> Motion:
    points = np.array(frames, np.float32)
    known = np.ones(points.shape[:2]) if confidence is None else np.tile(confidence, (len(points), 1))
    return Motion(guide="body", points=points, confidence=known.astype(np.float32), fps=Fraction(25), size=(640, 480))


def raising(num: int = 40, tall: float = 2.0) -> Motion:
    """A tall person raises the right arm, straight, sideways from hanging to level, and holds it for the second half."""
    frames = []
    for t in range(num):
        points, angle = standing(tall, (320, 240)), np.pi / 2 * min(1.0, 2 * t / (num - 1))
        for joint, far in ((ELBOW_R, 50), (WRIST_R, 90)):
            points[joint] = points[SHOULDER_R] + far * tall * np.array([-np.sin(angle), np.cos(angle)])
        frames.append(points)
    return motion_of(frames)


def walking(num: int = 60, tall: float = 2.0) -> Motion:
    """Straight legs that swing in turn; whichever foot is the lower one stands still in the picture; the ankles' ground is at y = 440."""
    frames, x = [], 0.0
    previous: np.ndarray | None = None
    for t in range(num):
        points, swing = standing(tall, (0, 0)), 0.4 * np.sin(2 * np.pi * t / 30)
        for side, joints in ((1, LEG), (-1, [j + 3 for j in LEG])):
            bend = max(0.0, side * np.cos(2 * np.pi * t / 30)) * 0.8
            points[joints[1]] = points[joints[0]] + 70 * tall * np.array([np.sin(side * swing), np.cos(side * swing)])
            points[joints[2]] = points[joints[1]] + 70 * tall * np.array([np.sin(side * swing - bend), np.cos(side * swing - bend)])
        foot = int(np.argmax(points[[ANKLE_R, ANKLE_L], 1]))
        if previous is not None:
            x -= points[[ANKLE_R, ANKLE_L][foot], 0] - previous[foot]
        previous = points[[ANKLE_R, ANKLE_L], 0].copy()
        frames.append(points + np.array([x + 100, 440 - points[[ANKLE_R, ANKLE_L], 1].max()]))
    return motion_of(frames)


def lengths(points: np.ndarray, start: int, end: int) -> np.ndarray:
    return np.linalg.norm(points[:, end] - points[:, start], axis=-1)


def test_a_tall_person_drives_a_short_one_with_the_short_ones_limbs():
    short = standing(0.5)
    made = retarget(raising(), short, EVERY, SIZE).motion
    assert (made.size, made.fps, made.num_frames) == (SIZE, 25, 40)
    np.testing.assert_allclose(made.points[0], short, atol=1e-4)  # it begins in the photo's own pose
    # level at the end: shoulder (187, 160), upper arm 25, forearm 20 to the picture's left
    np.testing.assert_allclose(made.points[-1, ARM], [(187, 160), (162, 160), (142, 160)], atol=0.05)
    np.testing.assert_allclose(lengths(made.points, SHOULDER_R, ELBOW_R), 25, atol=0.01)
    others = [k for k in range(18) if k not in ARM]
    np.testing.assert_allclose(made.points[:, others], np.tile(short[others], (40, 1, 1)), atol=0.05)  # what the motion holds still stays


def test_foreshortening_is_kept_as_a_share():
    driver = raising()
    points = driver.points.copy()
    points[-10:, WRIST_R] = points[-10:, ELBOW_R] + (points[-10:, WRIST_R] - points[-10:, ELBOW_R]) / 2  # towards the camera by 60 degrees
    made = retarget(replace(driver, points=points), standing(0.5), EVERY, SIZE).motion.points
    np.testing.assert_allclose(lengths(made, ELBOW_R, WRIST_R)[-10:], 10, atol=0.01)  # half of the photo's 20
    np.testing.assert_allclose(lengths(made, SHOULDER_R, ELBOW_R)[-10:], 25, atol=0.01)


def test_mirror_moves_the_other_arm():
    made = retarget(raising(), standing(), EVERY, SIZE, mirror=True).motion.points
    np.testing.assert_allclose(made[-1, WRIST_L], (226 + 90, 120), atol=0.05)
    np.testing.assert_allclose(made[:, WRIST_R], np.tile(standing()[WRIST_R], (len(made), 1)), atol=0.05)


@pytest.mark.parametrize(("speed", "frames"), [(2.0, 20), (0.5, 80), (1.0, 40)])
def test_speed(speed: float, frames: int):
    made = retarget(raising(), standing(), EVERY, SIZE, speed=speed).motion
    assert (made.num_frames, made.fps) == (frames, 25)
    np.testing.assert_allclose(made.points[-1, WRIST_R], (174 - 90, 120), atol=0.05)


def test_the_lowest_foot_stands_on_the_photos_ground_and_does_not_slide():
    photo = standing(0.5, (200.0, 250.0))
    result = retarget(walking(), photo, EVERY, SIZE)
    made = result.motion.points
    assert {"leg_right", "leg_left"} <= set(result.moved)
    feet = made[:, [ANKLE_R, ANKLE_L]]
    np.testing.assert_allclose(feet[..., 1].max(1), 250 + 70, atol=0.05)
    standing_foot = feet[..., 1].argmax(1)
    slides = [abs(feet[t + 1, s, 0] - feet[t, s, 0]) for t, s in enumerate(standing_foot[:-1]) if standing_foot[t + 1] == s and t > 16]
    assert np.median(slides) < 0.3  # a step is some 28 pixels
    assert np.percentile(slides, 90) < 1.0
    walked, asked = (points[-1, NECK, 0] - points[20, NECK, 0] for points in (made, walking().points))
    assert walked == pytest.approx(asked / 4, rel=0.05)  # legs a quarter as long


def test_a_jump_leaves_the_ground_in_the_photos_scale():
    frames = []
    for t in range(40):
        points = standing(2.0, (320, 160))
        points[[KNEE_R, KNEE_L]] += ((-30 * np.sin(t / 4)), 0)
        up = 60 * max(0.0, np.sin((t - 20) / 20 * np.pi)) if t >= 20 else 0.0
        frames.append(points - (0, up))
    made = retarget(motion_of(frames), standing(0.5), EVERY, SIZE).motion.points
    low = made[:, [ANKLE_R, ANKLE_L], 1].max(1)
    np.testing.assert_allclose(low[:20], 270, atol=0.1)
    assert 270 - low.min() == pytest.approx(60 / 4 - 0.03 * 70, abs=0.8)  # a quarter as tall; less what still counts as standing


def test_a_loop_has_no_jump_at_its_end():
    frames = []
    for t in range(70):
        points, angle = standing(2.0, (320, 240)), 1.2 + 0.8 * np.sin(2 * np.pi * t / 30)
        for joint, far in ((ELBOW_R, 50), (WRIST_R, 90)):
            points[joint] = points[SHOULDER_R] + far * 2 * np.array([-np.sin(angle), np.cos(angle)])
        frames.append(points)
    made = retarget(motion_of(frames), standing(), EVERY, SIZE, loop=True).motion.points
    steps = np.linalg.norm(np.diff(made[:, WRIST_R], axis=0), axis=1)
    assert np.linalg.norm(made[0, WRIST_R] - made[-1, WRIST_R]) < 1.3 * steps.max()


def test_the_back_of_a_person_is_paired_by_sides_of_the_picture():
    back = standing()[list(GUIDE.mirror)]
    result = retarget(raising(), back, EVERY, SIZE)
    np.testing.assert_allclose(result.motion.points[-1, WRIST_L], (174 - 90, 120), atol=0.05)
    assert any("opposite sides" in note for note in result.notes)


def test_half_a_person_moves_above_the_waist_and_says_so():
    known = np.where(np.isin(np.arange(18), [*LEG[1:], KNEE_L, ANKLE_L]), 0.0, 1.0)
    plain = retarget(raising(), standing(), known, SIZE)
    assert plain.notes == ()
    assert plain.motion.confidence[:, ANKLE_R].max() == 0
    both = raising()
    jumping = both.points.copy()
    jumping[:, [KNEE_R, KNEE_L], 0] += 60 * np.sin(np.arange(40) / 3)[:, None]
    result = retarget(replace(both, points=jumping), standing(), known, SIZE)
    assert any("no legs" in note for note in result.notes)
    assert "arm_right" in result.moved
    assert "leg_right" not in result.moved
    np.testing.assert_allclose(result.motion.points[:, HIP_L], np.tile(standing()[HIP_L], (40, 1)), atol=1e-4)
    only_legs = np.tile(standing(2.0, (320, 240)), (40, 1, 1))
    only_legs[:, [KNEE_R, KNEE_L], 0] += 60 * np.sin(np.arange(40) / 3)[:, None]
    with pytest.raises(InputError, match="needs legs"):
        retarget(motion_of(list(only_legs)), standing(), known, SIZE)


def sitting() -> np.ndarray:
    """Seen from the front, thighs towards the viewer."""
    points = standing()
    for joints in (LEG, [j + 3 for j in LEG]):
        points[joints[1]] = points[joints[0]] + (0, 12)
        points[joints[2]] = points[joints[1]] + (0, 70)
    return points


def test_who_sits_keeps_legs_and_torso():
    jack = raising()
    points = jack.points.copy()
    points[:, [KNEE_R, KNEE_L], 0] += 60 * np.sin(np.arange(40) / 3)[:, None]
    result = retarget(replace(jack, points=points), sitting(), EVERY, SIZE)
    assert result.moved == ("arm_right",)
    assert any("sits" in note for note in result.notes)
    still = [HIP_R, KNEE_R, ANKLE_R, HIP_L, KNEE_L, ANKLE_L, NECK]
    np.testing.assert_allclose(result.motion.points[:, still], np.tile(sitting()[still], (40, 1, 1)), atol=1e-4)
    with pytest.raises(InputError, match="person sits"):
        retarget(walking(), sitting(), np.where(np.isin(np.arange(18), [ELBOW_R, ELBOW_R + 3]), 0.0, 1.0), SIZE)


def test_an_arm_that_the_photo_does_not_show_whole_and_clear_stays():
    two = raising()
    points = two.points.copy()
    points[:, WRIST_L] = points[:, 6] + 80 * np.stack([np.sin(np.arange(40) / 9), np.cos(np.arange(40) / 9)], 1)
    driver = replace(two, points=points)
    unclear = np.where(np.arange(18) == WRIST_R, 0.4, 1.0)
    result = retarget(driver, standing(), unclear, SIZE)
    assert result.moved == ("arm_left",)
    assert result.notes == ("the person's right arm is not clearly seen, and stays",)
    with pytest.raises(InputError, match=r"moves nothing.*right arm is cut off by the picture's edge"):
        retarget(raising(), standing(at=(200, 388)), EVERY, SIZE)  # the wrist two pixels above the picture's foot
    holding = standing()
    holding[[WRIST_R, WRIST_L]] = (199, 150), (201, 150)
    with pytest.raises(InputError, match="holds on"):
        retarget(raising(), holding, EVERY, SIZE)


def test_joints_never_seen_and_gaps():
    known = EVERY.copy()
    known[[WRIST_R, 0, 14, 15, 16, 17]] = 0
    driver = raising()
    confidence = np.tile(known, (40, 1)).astype(np.float32)
    confidence[10:14, ELBOW_R] = 0
    points = driver.points.copy()
    points[:, WRIST_R] = 0
    points[10:14, ELBOW_R] = 0
    made = retarget(replace(driver, points=points, confidence=confidence), standing(), EVERY, SIZE).motion.points
    np.testing.assert_allclose(lengths(made, SHOULDER_R, ELBOW_R)[16:], 50, atol=0.5)
    np.testing.assert_allclose(lengths(made, ELBOW_R, WRIST_R), 40, atol=0.01)  # a forearm nobody saw is as the photo has it


@pytest.mark.parametrize(
    ("driver", "known", "says"),
    [
        (replace(raising(), guide="face"), EVERY, "guide 'face'"),
        (motion_of([standing()]), EVERY, "single frame"),
        (motion_of([standing()] * 9), EVERY, "moves nothing"),
        (motion_of([standing()] * 9, np.zeros(18)), EVERY, "no limb"),
        (raising(), np.where(np.isin(np.arange(18), [SHOULDER_R, SHOULDER_L, NECK]), 0.0, 1.0), "shoulder"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(driver: Motion, known: np.ndarray, says: str):
    with pytest.raises(InputError, match=says) as caught:
        retarget(driver, standing(), known, SIZE)
    assert "\n" not in str(caught.value)
