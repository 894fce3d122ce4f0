"""What a person does in one place: waving, jumping jacks, a bow, boxing, clapping.

All numbers here are ours, set by eye. An act is a function of its phase: 0 where it begins, 1 where it begins again. Shapes: T time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from limner.data.sources.kinematics.skeleton import SIDES, Build, Figure, Limbs, both, figure, foot, reach, sink, torso, turn

STAND = 0.985  # height of the hips over the ankles, of the legs' length, standing
PERIOD_S = {"hand-waving": 0.9, "two-hand-waving": 1.7, "jumping-jack": 1.2, "bow": 3.6, "boxing": 1.2, "hand-clapping": 0.75}


def smooth(phase_T: np.ndarray, start: float, stop: float) -> np.ndarray:
    """0 before `start`, 1 after `stop`, between them with no jerk at either end (the minimum-jerk polynomial of Flash & Hogan 1985)."""
    x = ((phase_T - start) / (stop - start)).clip(0, 1)
    return x**3 * (10 - 15 * x + 6 * x * x)


def there_and_back(phase_T: np.ndarray) -> np.ndarray:
    """0 at phase 0, 1 at 1/2, 0 at 1."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * phase_T)


def sideways(
    build: Build, root_T3: np.ndarray, side: float, upper: np.ndarray, lower: np.ndarray, front: float = 12
) -> tuple[np.ndarray, np.ndarray]:
    """An arm in the plane of the shoulders: the angles of its two bones in degrees, 0 hanging, 90 out to the side, 180 up; brought
    forward by `front` degrees. -> (elbow (T, 3), wrist (T, 3))."""

    def bone(angle: np.ndarray, length: float) -> np.ndarray:
        out, down = np.sin(np.radians(angle)), np.cos(np.radians(angle))
        ahead = np.radians(front)
        return length * np.stack([side * out * np.cos(ahead), down, -np.abs(out) * np.sin(ahead)], -1)

    elbow = root_T3 + bone(upper, build.upper_arm)
    return elbow, elbow + bone(lower, build.forearm)


def pose(
    build: Build,
    *,
    arms: Callable[[np.ndarray, np.ndarray], Limbs],
    num: int,
    hips_at: np.ndarray | None = None,
    pelvis: np.ndarray | None = None,
    chest: np.ndarray | None = None,
    head: np.ndarray | None = None,
    soles: np.ndarray | None = None,
    pitch: np.ndarray | None = None,
) -> Figure:
    """A person from what moves. arms: (shoulders (T, 2, 3), chest (T, 3, 3)) -> both arms. hips_at: (T, 3) beside where they are standing;
    soles: (T, 2, 3); pitch: (T,) of both feet; rotations (T, 3, 3). What is left out is as in standing."""
    still = np.broadcast_to(np.eye(3), (num, 3, 3))
    pelvis, chest = still if pelvis is None else pelvis, still if chest is None else chest
    place = np.zeros((num, 3)) if hips_at is None else np.array(hips_at, np.float64)
    place[:, 1] -= STAND * (build.thigh + build.shin) + build.ankle
    if soles is None:
        soles = standing(build, num)
    feet = [foot(build, soles[:, k], np.zeros(num) if pitch is None else pitch, -10 * side) for k, side in enumerate(SIDES)]
    ankles, heels, toes = (np.stack([part[k] for part in feet], 1) for k in range(3))
    place[:, 1] += sink(build, torso(build, place, pelvis, chest)[0], ankles)
    hips, neck, shoulders = torso(build, place, pelvis, chest)
    poles = [np.broadcast_to([side * 0.25, 0.0, -1.0], (num, 3)) for side in SIDES]
    legs = both([reach(hips[:, k], ankles[:, k], build.thigh, build.shin, poles[k]) for k in range(2)])
    return figure(build, hips, neck, shoulders, still if head is None else head, arms(shoulders, chest), legs, heels, toes)


def standing(build: Build, num: int, width: float = 1.0) -> np.ndarray:
    """Soles (T, 2, 3) of a person who stands, `width` times the hips apart."""
    return np.broadcast_to(np.stack([np.array([side * width * build.half_hips, 0.0, 0.0]) for side in SIDES]), (num, 2, 3)).copy()


def grasping(build: Build, wrists: np.ndarray, out: float = 0.6) -> Callable[[np.ndarray, np.ndarray], Limbs]:
    """Arms that bring the wrists to places (T, 2, 3) given from each shoulder in the chest's own frame, elbows down and `out`."""

    def lay(shoulders: np.ndarray, chest: np.ndarray) -> Limbs:
        limbs = []
        for k, side in enumerate(SIDES):
            target = shoulders[:, k] + (chest @ wrists[:, k, :, None])[..., 0]
            pole = chest @ np.array([side * out, 1.0, 0.3])
            limbs.append(reach(shoulders[:, k], target, build.upper_arm, build.forearm, pole))
        return both(limbs)

    return lay


def hanging(build: Build, shoulder_T3: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """An arm that hangs, a little off the body."""
    plumb = np.ones(len(shoulder_T3))
    return sideways(build, shoulder_T3, side, 8 * plumb, 9 * plumb)


def hand_waving(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """The right hand waves over the shoulder, the left hangs."""
    wave = np.sin(2 * np.pi * phase_T)

    def arms(shoulders: np.ndarray, chest: np.ndarray) -> Limbs:
        right = sideways(build, shoulders[:, 0], SIDES[0], 105 + 6 * size * wave, 178 - 28 * size * np.sin(2 * np.pi * phase_T - 0.5))
        return both([right, hanging(build, shoulders[:, 1], SIDES[1])])

    return pose(build, arms=arms, num=len(phase_T), chest=turn(2, 1.5 * size * wave))


def two_hand_waving(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """Both arms go up over the sides and down again (hand waving of KTH, wave2 of Weizmann)."""
    up, late = there_and_back(phase_T), there_and_back(phase_T - 0.04)

    def arms(shoulders: np.ndarray, chest: np.ndarray) -> Limbs:
        upper, lower = 35 + (80 + 42 * size) * up, 42 + (88 + 45 * size) * late
        return both([sideways(build, shoulders[:, k], side, upper, lower) for k, side in enumerate(SIDES)])

    return pose(build, arms=arms, num=len(phase_T), soles=standing(build, len(phase_T), 1.2))


def jumping_jack(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """Feet together, a jump to feet apart and hands over the head, a jump back; in the air while the feet move."""
    num, phase = len(phase_T), phase_T % 1
    apart = smooth(phase, 0.12, 0.40) - smooth(phase, 0.62, 0.90)
    flight = [((phase - a) / (b - a)).clip(0, 1) for a, b in ((0.14, 0.38), (0.64, 0.88))]
    high = np.sum([4 * x * (1 - x) for x in flight], 0)  # a parabola: nothing else acts in the air
    # The knees give before each leap and after each landing
    dips = np.sum([np.exp(-(((phase - at + 0.5) % 1 - 0.5) ** 2) / (2 * 0.05**2)) for at in (0.07, 0.46, 0.56, 0.96)], 0)
    soles = standing(build, num)
    spread = build.half_hips * 0.7 + (build.thigh + build.shin) * 0.42 * size * apart
    soles[:, :, 0] = spread[:, None] * SIDES
    soles[:, :, 1] = -0.055 * high[:, None] * build.stature_m / 1.72
    lower = 0.05 * dips - 0.10 * high
    leg = build.thigh + build.shin
    base = STAND * leg - np.sqrt((STAND * leg) ** 2 - (spread - build.half_hips) ** 2)
    hips_at = np.stack([np.zeros(num), base + lower * build.stature_m / 1.72, np.zeros(num)], -1)
    up, late = smooth(phase, 0.06, 0.44) - smooth(phase, 0.56, 0.94), smooth(phase, 0.09, 0.46) - smooth(phase, 0.59, 0.97)

    def arms(shoulders: np.ndarray, chest: np.ndarray) -> Limbs:
        pairs = [sideways(build, shoulders[:, k], side, 12 + 143 * up, 15 + 160 * late) for k, side in enumerate(SIDES)]
        return both(pairs)

    return pose(build, arms=arms, num=num, hips_at=hips_at, soles=soles, pitch=-25 * high)


def bow(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """From standing down to the back nearly level, a moment there, and up again; the hips go back to keep the weight over the feet."""
    num, phase = len(phase_T), phase_T % 1
    down = size * (smooth(phase, 0.05, 0.40) - smooth(phase, 0.55, 0.92))
    pelvis, chest, head = (turn(0, angle * down) for angle in (38, 72, 80))
    back = np.stack([np.zeros(num), 0.006 * down, 0.075 * down], -1) * build.stature_m

    def arms(shoulders: np.ndarray, chest: np.ndarray) -> Limbs:
        below = np.stack([np.array([side * 0.03, 0.325, 0.0]) for side in SIDES]) + down[:, None, None] * (0, -0.01, -0.02)
        wrists = shoulders + build.stature_m * build.arms * below  # straight down, however the chest is turned
        poles = [np.broadcast_to([side * 0.5, 0.0, 1.0], (num, 3)) for side in SIDES]
        return both([reach(shoulders[:, k], wrists[:, k], build.upper_arm, build.forearm, poles[k]) for k in range(2)])

    return pose(build, arms=arms, num=num, hips_at=back, pelvis=pelvis, chest=chest, head=head)


def boxing(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """Straight punches, right then left, from a guard before the chin; the left foot leads, the trunk turns into each punch."""
    num, phase = len(phase_T), phase_T % 1
    punch = np.stack([smooth(phase, a, a + 0.17) - smooth(phase, a + 0.21, a + 0.46) for a in (0.03, 0.53)], 1)
    turned = turn(1, 24 * size * (punch[:, 0] - punch[:, 1]))
    pelvis = turn(1, 10 * size * (punch[:, 0] - punch[:, 1]))
    soles = standing(build, num, 1.5)
    soles[:, 0, 2] += 0.09 * build.stature_m
    soles[:, 1, 2] -= 0.09 * build.stature_m
    arm = build.upper_arm + build.forearm
    guard = np.stack([np.array([-0.16 * side, -0.06, -0.52]) for side in SIDES]) * arm
    hit = np.stack([np.array([-0.22 * side, -0.05, -0.95]) for side in SIDES]) * arm
    wrists = guard + (size * punch[..., None]).clip(0, 1.03) * (hit - guard)
    bounce = 0.012 * np.cos(4 * np.pi * phase) + 0.035
    hips_at = np.stack([np.zeros(num), bounce, -0.02 * (punch.sum(1))], -1)
    chest = turned @ turn(0, np.full(num, 6.0))
    return pose(
        build,
        arms=grasping(build, wrists),
        num=num,
        hips_at=hips_at,
        pelvis=pelvis,
        chest=chest,
        head=turn(0, np.full(num, 8.0)),
        soles=soles,
    )


def hand_clapping(phase_T: np.ndarray, build: Build, size: float) -> Figure:
    """Both hands meet before the chest and part again."""
    num, open_ = len(phase_T), there_and_back(phase_T) ** 0.8
    arm = build.upper_arm + build.forearm
    meet = np.stack([np.array([-side * (build.half_shoulders - 0.05), 0.30 * arm, -0.52 * arm]) for side in SIDES])
    part = np.stack([np.array([side * 0.28 * size * arm, 0.26 * arm, -0.50 * arm]) for side in SIDES])
    wrists = meet + open_[:, None, None] * (part - meet)
    return pose(build, arms=grasping(build, wrists, 0.9), num=num)


ACTS: dict[str, Callable[[np.ndarray, Build, float], Figure]] = {
    "hand-waving": hand_waving,
    "two-hand-waving": two_hand_waving,
    "jumping-jack": jumping_jack,
    "bow": bow,
    "boxing": boxing,
    "hand-clapping": hand_clapping,
}
