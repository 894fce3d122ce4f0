"""`limner move` on real photos, as a user runs it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.guides import body, face
from limner.media.motion import read_motion, write_motion
from limner.media.video import read_video
from limner.types import Motion

pytestmark = pytest.mark.shared
FILES = ["move.mp4", "result.json", "retargeted.motion.json", "sheet.png"]


@pytest.fixture(scope="module")
def skier(shared: Path) -> Path:
    return shared / "data" / "annotations" / "coco" / "000000000785.jpg"


@pytest.fixture(scope="module")
def wave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tall stick figure that lifts its right arm in 12 frames."""
    frames = []
    for t in range(12):
        points = body.CANONICAL * np.array([150.0]) + (320, 300)
        angle = np.radians(170 * t / 11)
        for joint, far in ((body.ELBOW_R, 100), (body.WRIST_R, 180)):
            points[joint] = points[body.SHOULDER_R] + far * np.array([-np.sin(angle), np.cos(angle)])
        frames.append(points)
    points = np.array(frames, np.float32)
    path = tmp_path_factory.mktemp("motion") / "wave.motion.json"
    write_motion(path, Motion(guide="body", points=points, confidence=np.ones((12, 18), np.float32), fps=Fraction(25), size=(640, 800)))
    return path


def test_a_photo_is_moved_and_kept_and_played_again(limner, skier: Path, wave: Path, tmp_path: Path):
    code, said, _ = limner("move", skier, "--motion", wave, "--size", 320, "--out", tmp_path)
    assert code == 0, said
    folder = tmp_path / skier.stem
    assert sorted(path.name for path in folder.iterdir()) == FILES
    result = json.loads((folder / "result.json").read_text("utf-8"))
    assert result["moved"] == ["arm_right"]
    assert "Synthetic" in result["synthetic"]
    info, frames = read_video(folder / "move.mp4")
    pictures = [np.asarray(frame).astype(int) for frame in frames]
    assert (len(pictures), info.fps) == (12, 25)
    motion = read_motion(folder / "retargeted.motion.json", "body")
    wrist, shoulder = motion.points[-1, body.WRIST_R], motion.points[-1, body.SHOULDER_R]
    assert wrist[1] < shoulder[1] - 20  # lifted
    changed = np.abs(pictures[-1] - pictures[0]).max(-1)
    assert changed[:, :100].mean() < 3  # the left of the picture, far from her: nothing but the codec's noise
    assert changed[int(wrist[1]) - 4 : int(wrist[1]) + 4, int(wrist[0]) - 4 : int(wrist[0]) + 4].mean() > 60  # a glove on the snow
    code, said, _ = limner("move", skier, "--motion", wave, "--size", 320, "--out", tmp_path)
    assert code == 0
    assert "kept" in said
    code, said, _ = limner("move", skier, "--motion", folder / "retargeted.motion.json", "--size", 240, "--out", tmp_path / "again")
    assert code == 0
    assert "own motion" in said
    again = read_motion(tmp_path / "again" / skier.stem / "retargeted.motion.json", "body")
    np.testing.assert_allclose(again.points, motion.points * 240 / 320, atol=1.0)  # heights 212 and 158, both even


def test_other_settings_and_another_person_are_told_apart(limner, shared: Path, wave: Path, tmp_path: Path):
    street = shared / "data" / "annotations" / "coco" / "000000197388.jpg"
    code, _, errors = limner("move", street, "--motion", wave, "--size", 320, "--out", tmp_path)
    assert code == 0
    assert any("people found" in line for line in errors)
    code, _, errors = limner("move", street, "--motion", wave, "--size", 320, "--person", 2, "--out", tmp_path)
    assert code == 2
    assert "other settings" in errors[-1]
    code, _, errors = limner("move", street, "--motion", wave, "--size", 320, "--person", 9, "--out", tmp_path / "b")
    assert code == 2
    assert "no person 9" in errors[-1]


def test_a_half_figure_waves_but_cannot_walk(limner, astronaut_png: Path, wave: Path, tmp_path: Path):
    points = read_motion(wave, "body").points[:1].repeat(20, 0)
    points[:, [body.KNEE_R, body.KNEE_L], 0] += 60 * np.sin(np.arange(20))[:, None]
    legs = tmp_path / "legs.motion.json"
    write_motion(legs, Motion(guide="body", points=points, confidence=np.ones((20, 18), np.float32), fps=Fraction(25), size=(640, 800)))
    code, _, errors = limner("move", astronaut_png, "--motion", legs, "--size", 256, "--out", tmp_path)
    assert code == 2
    assert "needs legs" in errors[-1]
    assert not (tmp_path / "astronaut").exists()


def test_bad_input_has_one_line_and_a_batch_goes_on(limner, skier: Path, wave: Path, tmp_path: Path):
    from PIL import Image

    Image.fromarray(np.full((200, 200, 3), 127, np.uint8)).save(tmp_path / "empty.png")
    code, said, errors = limner("move", tmp_path / "empty.png", skier, "--motion", wave, "--size", 240, "--out", tmp_path / "out")
    assert code == 2
    assert "1 of 2 photos done" in said
    assert any("no person found" in line for line in errors)
    assert (tmp_path / "out" / skier.stem / "move.mp4").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--motion", "no-such-motion"), "no-such-motion"),
        (("--motion", "FACE"), "face"),
        (("--motion", "ONE"), "single frame"),
        (("--motion", "WAVE", "--speed", 0), "speed"),
        (("--motion", "WAVE", "--renderer", "no-such-run"), "no renderer"),
        (("--motion", "WAVE", "--person", 0), "person"),
        ((), "--motion"),
    ],
)
def test_what_is_refused_before_anything_is_written(limner, skier: Path, wave: Path, tmp_path: Path, options: tuple, says: str):
    ones = Motion(
        guide="face", points=face.GUIDE.canonical[None] * 50 + 200, confidence=np.ones((1, 68)), fps=Fraction(25), size=(400, 400)
    )
    write_motion(tmp_path / "face.motion.json", ones)
    moving = read_motion(wave, "body")
    one = Motion(guide="body", points=moving.points[:1], confidence=moving.confidence[:1], fps=Fraction(25), size=(640, 800))
    write_motion(tmp_path / "one.motion.json", one)
    named = {"FACE": tmp_path / "face.motion.json", "ONE": tmp_path / "one.motion.json", "WAVE": wave}
    code, _, errors = limner(
        "move", skier, *(named.get(str(option), option) for option in options), "--out", tmp_path / "out", "--size", 240
    )
    assert code == 2
    assert says in errors[-1]
    assert not (tmp_path / "out").exists()


def test_a_picture_is_no_motion(limner, skier: Path, tmp_path: Path):
    code, _, errors = limner("move", skier, "--motion", skier, "--out", tmp_path / "out")
    assert code == 2
    assert [line for line in errors if "single frame" in line] == errors[-1:]
    assert "so nothing moves" in errors[-1]
