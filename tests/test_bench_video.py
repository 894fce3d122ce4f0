"""limner bench video: the real frames are perfect, the warp beats the copy; what it refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.bench import video as bench
from limner.guides.face import GUIDE
from limner.media.video import VideoWriter
from limner.types import InputError


def test_the_box_holds_every_place_of_the_face() -> None:
    points = np.repeat(GUIDE.canonical[None] * 40 + (60, 50), 3, 0)
    points[2] += (30, 5)
    x0, y0, x1, y1 = bench.face_box(points, (161, 121))
    assert (points.min((0, 1)) >= (x0, y0)).all() or (x0 == 0 or y0 == 0)
    assert (points.max((0, 1)) <= (x1, y1)).all() or (x1 == 160 or y1 == 120)
    assert (x1, y1) <= (160, 120)


def test_a_row_against_itself_is_perfect_and_tables_are_lines() -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 96, 3), np.uint8) for _ in range(4)]
    points = np.repeat((GUIDE.canonical * 30 + (48, 40))[None], 4, 0)
    row = bench.score(frames, frames, points, points, points)
    assert (row["ssim"], row["psnr"], row["mouth_ssim"], row["landmark_error_percent"], row["jitter"]) == (1, 99, 1, 0, 0)
    still = bench.score([frames[0]] * 4, frames, points, points + 3.0, points)
    assert (still["change"], still["flicker"]) == (0, 0)
    assert still["ssim"] < 0.5
    assert still["landmark_error_percent"] == pytest.approx(100 * np.hypot(3, 3) / 30, rel=1e-3)  # the eye corners are 1 unit apart
    lines = list(bench.table_lines({"video": "a.mp4", "frames": 4, "neutral_frame": 0, "rows": {"real": row, "copy": still}}))
    assert len(lines) == 4
    assert bench.sheet({"real": frames, "copy": frames[:1] * 4}, 0).shape[2] == 3


@pytest.mark.slow
@pytest.mark.shared
def test_the_warp_is_nearer_to_a_real_smile_than_a_copy(shared: Path, tmp_path: Path) -> None:
    result = bench.run(shared / "data/faces/video/smile_single_face.mp4", out=tmp_path)
    rows = result["rows"]
    assert rows["warp"]["mouth_ssim"] > rows["copy"]["mouth_ssim"] + 0.1
    assert rows["warp"]["landmark_error_percent"] < 0.6 * rows["copy"]["landmark_error_percent"]
    assert rows["warp"]["flicker"] <= rows["real"]["flicker"]
    assert rows["warp"]["jitter"] <= rows["real"]["jitter"]
    assert {path.name for path in tmp_path.iterdir()} == {"video.json", "video.png"}


def test_what_it_refuses(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "grey.mp4", fps=Fraction(25), size=(64, 64)) as writer:
        writer.write(np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(InputError, match="shows no face"):
        bench.run(tmp_path / "grey.mp4")
    with pytest.raises(InputError, match="does not exist"):
        bench.run(tmp_path / "gone.mp4")
