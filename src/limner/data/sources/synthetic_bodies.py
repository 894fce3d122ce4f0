"""Synthetic people in motion: joints by forward kinematics (kinematics/), bodies, clothes and places in pixels (bodies/).

A clip is 32 frames of one person doing one action before a camera that stands still, with the exact joints of every frame. The label is the
action, by the names of KTH: its hand waving is both arms going up and down. It depends on nothing but (seed, person, action, number, size,
background). Confidence is 1 where a joint shows and HIDDEN where something stands before it: its point is as exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from limner.data.sources import kinematics
from limner.data.sources.bodies.looks import Look, Scene, draw_look, draw_outfit, draw_scene
from limner.data.sources.bodies.places import Camera
from limner.data.sources.kinematics import Figure, Manner
from limner.types import Clip, InputError

SOURCE = "limner.synthetic_bodies"
KIND = "action"
NUM, FPS = 32, 25  # ours: as the faces' clips; KTH's rate
CLIPS = 4  # ours: of a person and action, as KTH has four scenarios
MIN_SIZE, MAX_SIZE = 48, 512  # ours: smaller, and hands are less than a pixel; larger, and the face shows that it is painted
HIDDEN = 0.5  # ours
# Label -> the motion of kinematics, and whether its hands are fists
ACTIONS = {
    "walking": ("walking", False),
    "jogging": ("jogging", True),
    "running": ("running", True),
    "hand-waving": ("two-hand-waving", False),
    "boxing": ("boxing", True),
    "hand-clapping": ("hand-clapping", False),
}
TRAVEL = {"walking": 0.5, "jogging": 0.35, "running": 0.3}  # ours: share of clips in which the person goes through the picture
MIN_SHARE = 0.42  # ours: of the picture's height that a person keeps who travels
MARGIN = 0.06  # ours: of the picture's side, around all that moves
STREAM = 2004  # ours: keeps these draws apart from those of looks and scenes


def clips_per_person(actions: Sequence[str] = tuple(ACTIONS)) -> int:
    """How many clips `person_clips` makes."""
    return len(actions) * CLIPS


def check_actions(actions: Sequence[str]) -> tuple[str, ...]:
    """The actions, each once, in the order of ACTIONS. InputError if one is not known or none is named."""
    unknown = [name for name in actions if name not in ACTIONS]
    if unknown or not actions:
        raise InputError(f"no action {unknown[0] if unknown else ''!r}; there are: {', '.join(ACTIONS)}")
    return tuple(name for name in ACTIONS if name in actions)


def person_clips(index: int, seed: int, size: int, *, actions: Sequence[str] = tuple(ACTIONS), background: bool = True) -> Iterator[Clip]:
    """Every clip of person `index` at size x size pixels: the same whatever else is made."""
    look, subject = draw_look(index, seed), f"b{index:05d}"
    split = {8: "val", 9: "test"}.get(index % 10, "train")
    for action in actions:
        for number in range(CLIPS):
            yield _clip(look, index, seed, size, action, number, background, subject, split)


def _clip(look: Look, index: int, seed: int, size: int, action: str, number: int, background: bool, subject: str, split: str) -> Clip:
    from limner.data.sources.bodies.draw import draw

    code = list(ACTIONS).index(action)
    scene, outfit = draw_scene(index, code, number, seed), draw_outfit(index, number % 2, seed)
    rng = np.random.default_rng([seed, index, STREAM, code, number])
    figure, camera = staged(action, look, scene, size, rng)
    drawn = draw(figure, look, outfit, scene, camera, size, fists=ACTIONS[action][1], behind=background)
    return Clip(
        id=f"{subject}_{action}_{number}",
        source=SOURCE,
        subject=subject,
        split=split,
        label=action,
        kind=KIND,
        points=drawn.points,
        confidence=np.where(drawn.seen, 1, HIDDEN).astype(np.float32),
        frames=drawn.frames,
        fps=Fraction(FPS),
        duration_s=(NUM - 1) / FPS,
        size=(size, size),
    )


def staged(action: str, look: Look, scene: Scene, size: int, rng: np.random.Generator) -> tuple[Figure, Camera]:
    """The person in motion, turned as people are filmed doing it, and a camera that has all of it in the picture."""
    motion, _ = ACTIONS[action]
    manner, draw = Manner.random(rng), rng.random()
    yaw = _yaw(action, rng)
    sideways = abs(np.sin(np.radians(yaw))) > 0.6
    figures = [
        kinematics.figure(motion, NUM, FPS, build=look.build, manner=manner, travel=travel).turned(yaw)
        for travel in ([True, False] if sideways and draw < TRAVEL.get(action, 0) else [False])
    ]
    shift = rng.uniform(0, 1, 2)
    for figure in figures:
        camera = _camera(figure, look, scene, size, shift)
        if camera.focal * look.build.stature_m / scene.distance_m > MIN_SHARE * size:
            break
    return figure, camera


def _yaw(action: str, rng: np.random.Generator) -> float:
    """Degrees: 0 faces the camera. ours: gaits mostly from the side, as in KTH, the rest mostly from the front."""
    side = 1 if rng.random() < 0.5 else -1
    chance = rng.random()
    if action in TRAVEL:
        middle, spread = (90, 12) if chance < 0.65 else (45, 15) if chance < 0.85 else (0, 15)
    elif action == "boxing":
        middle, spread = (75, 15) if chance < 0.6 else (25, 20)
    else:
        middle, spread = 0, 22
    return float(side * (middle + rng.uniform(-spread, spread)))


def _camera(figure: Figure, look: Look, scene: Scene, size: int, shift: np.ndarray) -> Camera:
    """As near as the scene wants it, unless something would leave the picture. shift: (2,) 0..1, where in the room that is left."""
    focal = scene.height_share * size / look.build.stature_m * scene.distance_m
    around = np.concatenate([figure.joints, figure.hands, figure.heels, figure.toes, figure.crown[:, None]], 1).reshape(-1, 3)
    pinhole = Camera(focal=1.0, distance_m=scene.distance_m, eye_m=scene.eye_m, centre=(0.0, 0.0))
    places = pinhole.project(around)
    low, high = places.min(0) - 0.05 / scene.distance_m, places.max(0) + 0.05 / scene.distance_m  # flesh around the joints
    room = (1 - 2 * MARGIN) * size
    focal = float(min(focal, room / (high - low).max()))
    spare = room - focal * (high - low)
    start = MARGIN * size + spare * (0.3 + 0.4 * shift)  # people are filmed in the middle, more or less
    centre = start - focal * low
    return Camera(focal=focal, distance_m=scene.distance_m, eye_m=scene.eye_m, centre=(float(centre[0]), float(centre[1])))
