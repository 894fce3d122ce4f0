"""Cuts and several faces: a cut never becomes a smile, and of two people the one first followed is followed to the end."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.data.clips import prepare_clip
from limner.data.film import watch
from limner.data.shots import ShotConfig, cuts, thumbnail
from limner.data.sources.raw import RawClip
from limner.data.videos import REPORT
from limner.generation.smiles import Engine
from limner.media.video import VideoWriter, read_video

STILL = np.zeros(30)


def write(path: Path, frames: list[np.ndarray], fps: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps=Fraction(fps), size=(frames[0].shape[1], frames[0].shape[0]), threads=1) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def matroska(path: Path, frames: np.ndarray) -> Path:
    """A file of single pictures, 25 a second, that can be cut anywhere."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuvj420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def changes(level: float, at: int, leap: float, num: int = 30) -> np.ndarray:
    values = np.full(num, float(level))
    values[at] = leap
    return values


def test_a_leap_of_the_picture_by_hand():
    """Around it 1 grey level, so it must reach 3.3 * (1 + 1) = 6.6; around it 0.5, 4.95; never under 3."""
    assert cuts(changes(1, 12, 6.7), STILL, 25) == (12,)
    assert cuts(changes(1, 12, 6.5), STILL, 25) == ()
    assert cuts(changes(0.5, 12, 5), STILL, 25) == (12,)
    assert cuts(changes(0, 12, 2.9), STILL, 25, ShotConfig(ratio=1.0)) == ()
    assert cuts(changes(5, 12, 15), STILL, 25) == ()  # a film that moves that much anyway
    assert cuts(changes(1, 0, 99), STILL, 25) == ()  # nothing comes before the first frame
    assert cuts(changes(1, 29, 9), STILL, 25) == (29,)
    assert cuts(np.zeros(1), np.zeros(1), 25) == ()
    assert cuts(np.array([0.0, 90]), np.zeros(2), 25) == (1,)


def test_frames_shown_twice_are_no_cuts():
    """A film of 10 frames a second told as 30: every third changes by 6, the others by nothing."""
    assert cuts(np.where(np.arange(60) % 3 == 0, 6.0, 0.0), np.zeros(60), 30) == ()


def test_a_leap_of_the_mouth_by_hand():
    pull = np.where(np.arange(30) < 14, 0.0, 4.0)
    assert cuts(STILL, pull, 25) == (14,)
    assert cuts(STILL, 0.5 * pull, 25) == ()
    assert cuts(STILL, 2.5 * np.clip(np.arange(30) - 13, 0, 2), 25) == ()  # as fast, but half of the way each
    assert cuts(STILL, pull, 15) == ()  # frames so far apart that a smile may leap
    unseen = pull.copy()
    unseen[13] = np.nan
    assert cuts(STILL, unseen, 25) == ()  # lost in between: the gap tells (tracks.clean)


def test_thumbnails_show_the_same_places():
    picture = np.arange(100 * 200 * 3, dtype=np.uint32).reshape(100, 200, 3).astype(np.uint8)
    assert thumbnail(picture).shape == (50, 100)
    assert thumbnail(picture)[0, 0] == pytest.approx(picture[1, 1].mean())
    assert thumbnail(picture[:3, :3]).shape == (3, 3)


def test_of_two_people_the_first_is_followed_to_the_end(astronaut: np.ndarray, engine: Engine, tmp_path: Path):
    """The left one is the larger at first; then the right one is; then the left one is hidden for four frames."""
    face = Image.fromarray(astronaut[:256, 96:352])

    def frame(left: int, right: int, hidden: bool = False) -> np.ndarray:
        canvas = Image.new("RGB", (560, 300), (120, 130, 140))
        if not hidden:
            canvas.paste(face.resize((left, left)), (140 - left // 2, 150 - left // 2))
        canvas.paste(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((right, right)), (420 - right // 2, 150 - right // 2))
        return np.asarray(canvas)

    sizes = [(260, 200)] * 6 + [(260 - 10 * k, 200 + 10 * k) for k in range(7)] + [(200, 260)] * 8
    frames = [frame(*size, hidden=15 <= t < 19) for t, size in enumerate(sizes)]
    film = watch(write(tmp_path / "two.mp4", frames), engine.detector)
    assert film.num_faces == 2
    assert "2 faces are seen at once" in film.notes[-1]
    assert "largest in frame 0, at 1" in film.notes[-1]
    assert (film.track.points[..., 0].max(1) < 280).all()
    np.testing.assert_array_equal(np.flatnonzero(~film.seen & ~film.track.filled), [])  # four frames: a gap that is filled
    np.testing.assert_array_equal(np.flatnonzero(film.track.filled), [15, 16, 17, 18])
    # Where nobody else was ever seen, a face that comes back elsewhere is the same one
    alone = [np.asarray(face.transform((500, 256), Image.Transform.AFFINE, (1, 0, -x, 0, 1, 0))) for x in [0] * 4 + [240] * 4]
    film = watch(write(tmp_path / "one.mp4", alone), engine.detector)
    assert film.num_faces == 1
    assert film.seen.all()
    assert film.cuts == (4,)
    assert film.notes == ("the picture leaps at frame 4: a cut, and nothing is carried across it",)


@pytest.mark.shared
def test_a_cut_is_no_smile(limner, shared: Path, tmp_path: Path):
    """Of the smile of smile_single_face.mp4 frames 15 to 29 are cut out: the mouth leaps into the smile, all else stays where it was."""
    frames = list(read_video(shared / "data" / "faces" / "video" / "smile_single_face.mp4")[1])
    write(tmp_path / "raw" / "kim" / "jump cut.mp4", frames[:15] + frames[30:], 30)
    code, _, refused = limner("prepare", "folder", tmp_path / "raw", tmp_path / "store", "--workers", 1)
    assert code == 2
    assert "0 clips of 1 recording; 1 gave none (1 no smile)" in refused[0]
    (entry,) = json.loads((tmp_path / "store" / REPORT).read_text())["recordings"]
    assert entry["cuts"] == [15]
    assert entry["notes"] == ["the picture leaps at frame 15: a cut, and nothing is carried across it"]


@pytest.mark.shared
def test_real_films_have_no_cuts_and_films_cut_together_do(shared: Path, engine: Engine, tmp_path: Path):
    """People of GRID sit before one wall: of what stands beside them nothing changes."""
    one, other = (list(read_video(shared / "data/faces/video/grid" / name)[1])[:25] for name in ("lbax4n.mpg", "lwbsza.mpg"))
    assert watch(write(tmp_path / "a.mp4", one), engine.detector).cuts == ()
    film = watch(write(tmp_path / "b.mp4", one + other), engine.detector)
    assert film.cuts == (25,)
    assert film.shots == ((0, 25), (25, 50))
    assert film.track.runs == film.shots


def test_a_file_that_says_it_lasts_longer_is_cut_short(engine: Engine, smiling: np.ndarray, tmp_path: Path):
    """Matroska keeps the length at its head, and a reader goes on to where the file ends."""
    path = matroska(tmp_path / "long.mkv", smiling[:20])
    assert watch(path, engine.detector).notes == ()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    film = watch(path, engine.detector)
    assert 5 <= film.num_frames <= 10
    (note,) = film.notes
    assert note.startswith("cut short: of 0.8 s the last 0.")
    grey = matroska(tmp_path / "grey.mkv", np.stack([np.full((64, 64, 3), 90 + t, np.uint8) for t in range(20)]))
    grey.write_bytes(grey.read_bytes()[: grey.stat().st_size * 2 // 3])
    raw = RawClip(id="a", source="test", path=grey, subject="kim", split="train", label=None)
    entry = prepare_clip(raw, engine.detector).entry
    assert entry["reason"] == "no face"  # and it is told all the same
    assert [note for note in entry["notes"] if note.startswith("cut short: of 0.8 s the last 0.")]
