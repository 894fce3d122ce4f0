"""A body followed through a video: a real person of the Weizmann strips, sides and gaps put right, and recordings that show nobody."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.data.sources import kinematics
from limner.data.walkers import clean, motion_of_body
from limner.guides.body import GUIDE
from limner.media.motion import read_motion
from limner.media.video import VideoWriter
from limner.types import Body, InputError


def filmed(path: Path, frames: list[np.ndarray]) -> Path:
    with VideoWriter(path, fps=Fraction(25), size=(frames[0].shape[1], frames[0].shape[0])) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def walk(num: int = 50) -> np.ndarray:
    """(T, 18, 2) pixels of a side walk at 25 frames a second."""
    return kinematics.project(kinematics.joints("walking", num, 25), 90) * 100 + (200, 220)


class Scripted:
    """A detector that sees what it is told: the following, not the finding, is looked at here."""

    def __init__(self, bodies: list[Body | None]) -> None:
        self.rows, self.at = bodies, 0

    def bodies(self, pixels: np.ndarray) -> list[Body]:
        body = self.rows[self._number(pixels)]
        return [] if body is None else [body]

    def start(self, pixels: np.ndarray, body: Body) -> None: ...

    def see(self, pixels: np.ndarray) -> Body | None:
        return self.rows[self._number(pixels)]

    @staticmethod
    def _number(pixels: np.ndarray) -> int:
        return round(float(pixels[:, :, 0].mean()) / 8)


def body(points: np.ndarray, confidence: np.ndarray | None = None) -> Body:
    low, high = points.min(0), points.max(0)
    sure = np.ones(18, np.float32) if confidence is None else confidence
    return Body(points=points.astype(np.float32), confidence=sure, box=(low[0], low[1], high[0], high[1]))


def test_gaps_are_filled_and_sides_kept():
    truth = walk()
    noisy = truth + np.random.default_rng(0).normal(0, 1.0, truth.shape)
    sure = np.ones((50, 18))
    sure[10:14, 4] = 0
    noisy[10:14, 4] = 0
    sure[20:40, 10] = 0
    noisy[20:40, 10] = 0
    noisy[30] = noisy[30, list(GUIDE.mirror)]  # the detector took left for right in one frame
    sure[30] = sure[30, list(GUIDE.mirror)]
    points, known = clean(noisy, sure, 25.0)
    assert np.isfinite(points).all()
    assert (known[10:14, 4] == 0.5).all()  # a short gap, filled
    assert (known[20:40, 10] == 0).all()  # a long one, left open
    error = np.linalg.norm(points - truth, axis=-1)
    assert error[known > 0].mean() < 1.2  # smoothed: single frames were off by 1.25 on the mean
    assert error[30, [4, 7, 9, 12]].max() < 4
    assert error[10:14, 4].max() < 8
    raw, smooth = np.abs(np.diff(noisy[:, 0], 2, axis=0)).mean(), np.abs(np.diff(points[:, 0], 2, axis=0)).mean()
    assert smooth < 0.5 * raw


def test_smoothing_does_not_lag():
    truth = kinematics.project(kinematics.joints("two-hand-waving", 100, 25)) * 100 + (200, 220)
    points, _ = clean(truth, np.ones((100, 18)), 25.0)
    shifts = [np.abs(points[5:-5, 4] - np.roll(truth, shift, 0)[5:-5, 4]).mean() for shift in (-1, 0, 1)]
    assert np.argmin(shifts) == 1
    assert shifts[0] == pytest.approx(shifts[2], rel=0.1)


def test_a_lost_stretch_is_looked_at_from_its_end(tmp_path: Path):
    """The detector loses the person for six frames; from the far end it sees the last three of them."""
    truth = walk(24)
    frames = [np.full((64, 64, 3), 8 * t, np.uint8) for t in range(24)]
    video = filmed(tmp_path / "walk.mp4", frames)
    rows: list[Body | None] = [body(points) for points in truth]
    forwards = Scripted([None if 8 <= t < 14 else row for t, row in enumerate(rows)])
    lost = motion_of_body(video, forwards)
    assert lost.unseen == 6

    class BothWays(Scripted):
        def start(self, pixels: np.ndarray, body: Body) -> None:
            self.back = self._number(pixels) == 14 and self.at > 14

        def see(self, pixels: np.ndarray) -> Body | None:
            number = self._number(pixels)
            self.at = max(self.at, number)
            return rows[number] if self.at > 14 and number >= 11 else super().see(pixels)

    found = motion_of_body(video, BothWays(forwards.rows))
    assert found.unseen == 3
    assert found.motion.num_frames == 24
    np.testing.assert_allclose(found.motion.points[12, 1], truth[12, 1], atol=2)


def test_who_jumps_away_is_somebody_else(tmp_path: Path):
    truth = walk(12)
    video = filmed(tmp_path / "walk.mp4", [np.full((64, 64, 3), 8 * t, np.uint8) for t in range(12)])
    rows: list[Body | None] = [body(points + (500 if t >= 6 else 0)) for t, points in enumerate(truth)]
    followed = motion_of_body(video, Scripted(rows))
    assert followed.unseen == 6
    assert (followed.motion.confidence[6:] == 0).all()
    assert any("nobody is seen" in note for note in followed.notes)


def test_recordings_without_a_person(limner, tmp_path: Path):
    grey = filmed(tmp_path / "grey.mp4", [np.full((96, 96, 3), 127, np.uint8)] * 2)
    code, _, errors = limner("motion", "extract", grey, "--guide", "body", "-o", tmp_path / "g.motion.json")
    assert code == 2
    assert errors[0].endswith("none of the 2 frames shows a person")
    assert not (tmp_path / "g.motion.json").exists()
    code, _, errors = limner("motion", "extract", grey, "--person", "2", "-o", tmp_path / "g.motion.json")
    assert code == 2
    assert "--person is for bodies" in errors[0]
    with pytest.raises(InputError, match="there is no person 3; frame 0 shows 1"):
        motion_of_body(filmed(tmp_path / "one.mp4", [np.zeros((64, 64, 3), np.uint8)]), Scripted([body(walk(1)[0])]), 3)


@pytest.mark.slow
def test_a_real_person_waves(limner, shared: Path, tmp_path: Path):
    """A strip of 64 px frames, enlarged: MediaPipe alone finds a body in a part of them, following one in all."""
    strip = np.asarray(Image.open(shared / "data" / "bodies" / "weizmann64" / "wave_two_hands_03.png").convert("RGB"))
    frames = [np.asarray(Image.fromarray(strip[:, x : x + 64]).resize((384, 384), Image.Resampling.BICUBIC)) for x in range(0, 64 * 30, 64)]
    video = filmed(tmp_path / "wave.mp4", frames)
    code, said, _ = limner("motion", "extract", video, "--guide", "body", "-o", tmp_path / "w.motion.json")
    assert code == 0
    assert "the person seen in each" in said
    motion = read_motion(tmp_path / "w.motion.json", guide="body")
    for wrist, shoulder in ((4, 2), (7, 5)):  # both hands go from the height of the shoulders to over the head
        height = motion.points[:, shoulder, 1] - motion.points[:, wrist, 1]
        assert height.max() > 50
        assert np.ptp(height) > 50
