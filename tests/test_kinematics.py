"""People in motion without pixels: bones keep their length, feet stand where they stand, angles and rates lie where they are measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limner import guides
from limner.data.sources import kinematics
from limner.data.sources.kinematics import ACTIONS, Build, Manner, figure, joints, period_s, project
from limner.data.sources.kinematics.gait import GAITS
from limner.data.sources.kinematics.shipped import load
from limner.guides import body
from limner.types import InputError

CMU = Path(__file__).parents[2] / "shared" / "data" / "bodies" / "cmu_expmap"
BUILDS = (Build(), *(Build.random(np.random.default_rng(seed)) for seed in range(4)))


def angles(points: np.ndarray, hip: int) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of one leg in the person's own side view: thigh forward of the vertical, knee bent; (T,) each."""
    thigh, shin = points[:, hip + 1] - points[:, hip], points[:, hip + 2] - points[:, hip + 1]
    forward = np.degrees(np.arctan2(-thigh[:, 2], thigh[:, 1]))
    return forward, forward - np.degrees(np.arctan2(-shin[:, 2], shin[:, 1]))


@pytest.mark.parametrize("action", ACTIONS)
def test_bones_keep_their_length_and_nothing_is_under_the_ground(action):
    for seed, build in enumerate(BUILDS):
        manner = Manner.random(np.random.default_rng(seed)) if seed else Manner()
        who = figure(action, 80, 50, build=build, manner=manner)
        assert who.joints.shape == (80, 18, 3)
        assert np.isfinite(who.joints).all()
        pairs = (
            (2, 3, build.upper_arm),
            (6, 7, build.forearm),
            (8, 9, build.thigh),
            (12, 13, build.shin),
            (2, 5, 2 * build.half_shoulders),
        )
        for a, b, length in pairs:
            np.testing.assert_allclose(np.linalg.norm(who.joints[:, a] - who.joints[:, b], axis=-1), length, rtol=1e-6)
        np.testing.assert_allclose((who.joints[:, 2] + who.joints[:, 5]) / 2, who.joints[:, 1], atol=1e-9)  # the neck, as OpenPose has it
        for sole in (who.heels, who.toes):
            assert sole[..., 1].max() < 1e-9
        ankle_to_heel = np.linalg.norm(who.joints[:, [10, 13]] - who.heels, axis=-1)  # the leg reaches its foot
        np.testing.assert_allclose(ankle_to_heel, np.hypot(build.heel, build.ankle), atol=1e-6)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_closes_on_itself_and_moves_smoothly(action):
    period = period_s(action)
    once = joints(action, 101, 100 / period)
    np.testing.assert_allclose(once[0], once[100], atol=1e-9)
    speed = np.linalg.norm(np.diff(joints(action, 200, 100), axis=0), axis=-1) * 100
    assert speed.max() < 9  # m/s: a boxer's fist, a runner's foot in swing
    assert speed.max() > 0.5


@pytest.mark.parametrize("action", GAITS)
def test_a_foot_that_stands_does_not_slide(action):
    gait = GAITS[action]
    for build in BUILDS[:3]:
        fps, num = 200, 400
        who = figure(action, num, fps, build=build, travel=True)
        for index in (0, 1):
            phase = (np.arange(num) / fps / period_s(action) + 0.5 * index) % 1
            flat = (phase > gait.flat[0]) & (phase < gait.flat[1])
            on_toes = (phase > gait.flat[1]) & (phase < gait.stance)
            for part, when in ((who.heels, flat), (who.toes, flat), (who.toes, on_toes)):
                moved = np.linalg.norm(np.diff(part[:, index], axis=0), axis=-1)[when[1:] & when[:-1]]
                assert moved.max() < 1e-6
            np.testing.assert_allclose(who.toes[on_toes, index, 1], 0, atol=1e-9)
        gone = who.joints[0, body.NECK, 2] - who.joints[-1, body.NECK, 2]
        assert gone / (num - 1) * fps == pytest.approx(gait.speed_m_s * build.legs * build.stature_m / 1.72, rel=0.03)


def test_running_leaves_the_ground_and_walking_does_not():
    for action, gait in GAITS.items():
        airborne = max(0.0, 2 * (0.5 - gait.stance))
        who = figure(action, 1000, 1000 / period_s(action))
        lowest = np.maximum(who.heels[..., 1], who.toes[..., 1]).max(1)
        assert (lowest < -1e-3).mean() == pytest.approx(airborne, abs=0.03)


def test_arms_swing_against_the_legs_and_sides_are_mirrored():
    for action in GAITS:
        points = joints(action, 200, 200 / period_s(action))
        step = points[:, body.ANKLE_R, 2] - points[:, body.ANKLE_L, 2]
        swing = points[:, body.WRIST_R, 2] - points[:, body.WRIST_L, 2]
        assert np.corrcoef(step, swing)[0, 1] < -0.8
        other = points[:, list(guides.load("body").mirror)] * (-1, 1, 1)
        np.testing.assert_allclose(np.roll(points, 100, axis=0), other, atol=1e-6)


def test_angles_are_those_of_gait_laboratories():
    """Perry & Burnfield (walking), Novacheck (running): ranges, within what feet that stand still ask of the legs."""
    for action, hip, knee, bob in (("walking", (-10, 27), (5, 60), 0.045), ("running", (-12, 50), (12, 96), 0.085)):
        points = joints(action, 400, 400 / period_s(action))
        thigh, bent = angles(points, body.HIP_R)
        np.testing.assert_allclose((thigh.min(), thigh.max()), hip, atol=6)
        np.testing.assert_allclose((bent.min(), bent.max()), knee, atol=10)
        assert np.ptp(points[:, [8, 11], 1].mean(1)) == pytest.approx(bob, abs=0.02)


@pytest.mark.skipif(not CMU.exists(), reason="../shared/data is not there")
def test_gaits_beside_recorded_people():
    """CMU sequences at 120 frames a second, lengths in units of 5.644 cm: rate, speed and knee of ours within what people do there."""
    for action in ("walking", "running"):
        steps, speeds, knees = [], [], []
        for path in sorted(CMU.glob(f"*__{action}_*.txt")):
            rows = np.loadtxt(path, delimiter=",")[5:]
            knee = np.degrees(np.linalg.norm(rows[:, 12:15], axis=1))  # the left tibia's exponential map
            x = knee - knee.mean()
            alike = np.correlate(x, x, "full")[len(x) - 1 :]
            steps.append(2 * 120 * 60 / (60 + int(np.argmax(alike[60 : len(x) * 2 // 3]))))
            speeds.append(np.linalg.norm(rows[-1, [0, 2]] - rows[0, [0, 2]]) / (len(rows) - 1) * 120 * 0.05644)
            knees.append(np.percentile(knee, 98))
        _, bent = angles(joints(action, 400, 400 / period_s(action)), body.HIP_R)
        assert 0.95 * min(steps) < GAITS[action].steps_a_minute < 1.05 * max(steps)
        assert 0.95 * min(speeds) < GAITS[action].speed_m_s < 1.05 * max(speeds)
        assert 0.9 * min(knees) < bent.max() < 1.05 * max(knees)


def test_what_the_acts_do():
    def at(action: str, *phases: float) -> np.ndarray:
        return joints(action, 100, 100 / period_s(action))[[round(100 * phase) for phase in phases]]

    down, up = at("two-hand-waving", 0, 0.5)
    for wrist, shoulder in ((body.WRIST_R, body.SHOULDER_R), (body.WRIST_L, body.SHOULDER_L)):
        assert down[wrist, 1] > down[shoulder, 1] + 0.3
        assert up[wrist, 1] < up[body.NOSE, 1] - 0.2
    waving = joints("hand-waving", 50, 50)
    assert (waving[:, body.WRIST_R, 1] < waving[:, body.NOSE, 1]).all()
    assert (waving[:, body.WRIST_L, 1] > waving[:, body.ELBOW_L, 1]).all()
    assert np.ptp(waving[:, body.WRIST_R, 0]) > 0.15
    together, apart = at("jumping-jack", 0, 0.5)
    assert apart[body.ANKLE_L, 0] - apart[body.ANKLE_R, 0] > 3 * (together[body.ANKLE_L, 0] - together[body.ANKLE_R, 0])
    stood, bent = at("bow", 0, 0.48)
    torso = bent[body.NECK] - bent[[body.HIP_R, body.HIP_L]].mean(0)
    assert np.degrees(np.arctan2(-torso[2], -torso[1])) > 45
    assert abs(bent[body.KNEE_R, 2] - stood[body.KNEE_R, 2]) < 0.12  # legs stay nearly straight
    right, left = at("boxing", 0.22, 0.72)
    assert right[body.WRIST_R, 2] < right[body.WRIST_L, 2] - 0.15
    assert left[body.WRIST_L, 2] < left[body.WRIST_R, 2] - 0.15
    met, parted = at("hand-clapping", 0, 0.5)
    assert np.linalg.norm(met[body.WRIST_R] - met[body.WRIST_L]) < 0.12
    assert np.linalg.norm(parted[body.WRIST_R] - parted[body.WRIST_L]) > 0.4


def test_projection_turns_the_person():
    points = joints("walking", 4, 25)
    np.testing.assert_allclose(project(points), points[..., :2])
    side = project(points, 90)
    np.testing.assert_allclose(side[..., 0], -points[..., 2], atol=1e-12)  # forward is to the right
    np.testing.assert_allclose(project(points, 180)[..., 0], -points[..., 0], atol=1e-12)
    np.testing.assert_allclose(side, figure("walking", 4, 25).turned(90).joints[..., :2])


def test_a_camera_that_looks_down_sees_what_is_near_lower():
    points = np.array([[0.3, -1.0, 0.0], [0.3, -1.0, -0.5]])  # the second half a metre nearer
    level, down = project(points, 0), project(points, 0, 30)
    np.testing.assert_allclose(level[1], level[0])
    np.testing.assert_allclose(down, [(0.3, -np.sqrt(3) / 2), (0.3, -np.sqrt(3) / 2 + 0.25)])


def test_a_stride_towards_the_viewer_shows():
    walk = load("walking").points
    ankles = walk[:, [body.ANKLE_R, body.ANKLE_L], 1]
    leg = np.linalg.norm(walk[:, body.HIP_R] - walk[:, body.ANKLE_R], axis=-1).max()
    assert np.ptp(ankles[:, 0] - ankles[:, 1]) > 0.25 * leg  # each foot in turn lower than the other
    assert np.ptp(load("walking-side").points[:, [body.ANKLE_R, body.ANKLE_L], 1].max(1)) < 0.05 * leg  # from the side one always stands


def test_people_differ_by_seed_and_only_by_seed():
    one, again, other = (Build.random(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == again != other
    assert Manner.random(np.random.default_rng(1)) != Manner.random(np.random.default_rng(2))


def test_an_unknown_action_lists_those_there_are():
    with pytest.raises(InputError, match=r"no action 'flying'; there are: walking, .*bow"):
        kinematics.period_s("flying")
