"""limner from Python: the same engine as the command, clips out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limner
from limner import render, smile
from limner.media.motion import read_motion
from limner.media.video import read_video
from limner.types import InputError

QUICK = {"size": 128, "frames": 8}


@pytest.fixture(scope="module")
def clips(astronaut: np.ndarray, engine):
    return smile(astronaut, label="posed", modes=2, engine=engine, **QUICK)


def test_clips_hold_frames_points_and_curves(clips):
    assert [(clip.mode, clip.label, len(clip), clip.fps) for clip in clips] == [(1, "posed", 8, 25), (2, "posed", 8, 25)]
    clip = clips[0]
    assert repr(clip) == "RenderedClip(an imagined posed smile, mode 1: 8 frames of 128x128 at 25 a second)"
    assert clip.frames.shape == (8, 128, 128, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.points.shape == (8, 68, 2)
    assert clip.au.shape == (8, 2)
    assert clip.au[0, 1] <= 0.3
    assert clip.au[-1, 1] >= 1.5  # the issue: every mode ends as a smile
    np.testing.assert_array_equal(np.stack(list(clip)), clip.frames)
    assert not np.array_equal(clips[0].frames, clips[1].frames)


def test_start_photo_gives_the_photo_back_exactly(astronaut: np.ndarray, engine):
    clip = smile(astronaut, start="photo", modes=1, frames=4, engine=engine)[0]
    np.testing.assert_array_equal(clip.frames[0], astronaut)
    np.testing.assert_array_equal(clip.points[0], clip.reference.face.points)


def test_outside_the_face_nothing_moves(clips, astronaut: np.ndarray):
    still = np.array(Image.fromarray(astronaut).resize((128, 128), Image.Resampling.LANCZOS))
    for frame in clips[0].frames:
        np.testing.assert_array_equal(frame[80:], still[80:])
        np.testing.assert_array_equal(frame[:, :20], still[:, :20])


def test_path_picture_and_array_are_the_same(astronaut: np.ndarray, astronaut_png: Path, engine):
    points = [
        smile(photo, modes=1, engine=engine, **QUICK)[0].points
        for photo in (astronaut, Image.fromarray(astronaut), astronaut_png, str(astronaut_png))
    ]
    for other in points[1:]:
        np.testing.assert_array_equal(points[0], other)


def test_seeds_differ_and_repeat(astronaut: np.ndarray, engine):
    seeds = [smile(astronaut, modes=1, seed=seed, engine=engine, **QUICK)[0].points for seed in (0, 1, 2, 1)]
    np.testing.assert_array_equal(seeds[1], seeds[3])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(seeds[i] - seeds[j]).max() > 0.2  # pixels of a face 23 wide


def test_intensity_zero_keeps_still_and_more_is_more(astronaut: np.ndarray, engine):
    strengths = [smile(astronaut, modes=1, intensity=i, engine=engine, **QUICK)[0] for i in (0.0, 0.5, 1.0, 1.5)]
    np.testing.assert_allclose(strengths[0].points, np.repeat(strengths[0].points[:1], 8, 0), atol=1e-3)
    peaks = [clip.au[:, 1].max() for clip in strengths]
    assert peaks == sorted(peaks)
    assert peaks[0] < 0.1


def test_the_whole_smile_returns_and_loops_close(astronaut: np.ndarray, engine):
    clip = smile(astronaut, modes=1, returns=True, size=128, engine=engine)[0]
    assert clip.au[-1, 1] < 0.5 * clip.au[:, 1].max()
    loop = smile(astronaut, modes=1, loop=True, size=128, frames=10, engine=engine)[0]
    assert len(loop) == 18
    step = np.abs(np.diff(loop.points, axis=0)).max()
    assert np.abs(loop.points[0] - loop.points[-1]).max() <= step


def test_save_and_render_round(clips, astronaut: np.ndarray, tmp_path: Path, engine):
    clip = clips[0]
    for name in ("a.mp4", "new/a.gif", "a.motion.json"):
        assert clip.save(tmp_path / name) == tmp_path / name
    assert len(list(read_video(tmp_path / "a.mp4")[1])) == 8
    np.testing.assert_allclose(read_motion(tmp_path / "a.motion.json").points, clip.points, atol=0.01)
    again = render(astronaut, tmp_path / "a.motion.json", size=128, engine=engine)
    assert again.how == "the photo's own motion"
    assert np.abs(again.frames.astype(int) - clip.frames).mean() < 0.5
    half = render(astronaut, clip.motion, size=128, intensity=0.5, engine=engine)
    np.testing.assert_allclose(half.points[-1] - half.points[0], (clip.points[-1] - clip.points[0]) / 2, atol=1e-3)
    with pytest.raises(InputError, match="intensity is nan"):
        render(astronaut, clip.motion, intensity=float("nan"), engine=engine)
    with pytest.raises(InputError, match=r"must end in \.mp4, \.gif or \.json"):
        clip.save(tmp_path / "a.avi")


def test_refusals_are_value_errors(astronaut: np.ndarray, engine):
    with pytest.raises(ValueError, match="no label 'happy'; there are"):
        smile(astronaut, label="happy", engine=engine)
    with pytest.raises(InputError, match="ask for at most"):
        smile(astronaut, modes=1000, engine=engine)
    with pytest.raises(InputError, match="no face"):
        smile(np.full((200, 200, 3), 128, np.uint8), engine=engine)


def test_importing_limner_is_light():
    code = "import sys, limner; print(limner.__version__, dir(limner)); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = limner.nothing  # type: ignore[attr-defined]
