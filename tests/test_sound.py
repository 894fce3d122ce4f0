"""The sound of a driving video goes along: copied where MP4 holds it, else as AAC, in step to within milliseconds; GIFs in flat memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.media.gif import sample_frames, write_gif
from limner.media.sound import has_sound
from limner.media.video import VideoWriter, read_video
from limner.types import InputError
from tones import beep, heard


def with_sound_of(source: Path, path: Path, fps: Fraction = Fraction(25), num: int = 50) -> Path:
    with VideoWriter(path, fps=fps, size=(64, 48), sound=source, tags={"comment": "Synthetic"}) as writer:
        for _ in range(num):
            writer.write(np.full((48, 64, 3), 50, np.uint8))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "wanted"),
    [("a.mp4", "aac", "aac"), ("a.avi", "libmp3lame", "mp3"), ("a.mov", "pcm_s16le", "aac"), ("a.mkv", "flac", "aac")],
)
def test_sound_goes_along_in_step(name: str, codec: str, wanted: str, tmp_path: Path) -> None:
    source = beep(tmp_path / name, codec, at_s=1.0)
    made = with_sound_of(source, tmp_path / "made.mp4")
    kind, begins, ends = heard(made)
    assert kind == wanted
    assert begins == pytest.approx(heard(source)[1], abs=0.003)
    assert begins == pytest.approx(1.0, abs=0.06)  # the codecs' own delay
    assert ends == pytest.approx(2.0, abs=0.06)
    info, frames = read_video(made)
    assert (info.fps, len(list(frames)), info.tags["comment"]) == (25, 50, "Synthetic")


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_begins_with_the_first_picture_and_ends_with_the_last(codec: str, tmp_path: Path) -> None:
    source = beep(tmp_path / "late.mov", codec, at_s=1.0, long_s=4.0, late_s=Fraction(2, 5))
    kind, begins, ends = heard(with_sound_of(source, tmp_path / "made.mp4", Fraction(30000, 1001), 45))
    assert kind == "aac"
    assert begins == pytest.approx(0.6, abs=0.06)  # the tone comes 0.6 s after the first picture
    assert ends == pytest.approx(45 * 1001 / 30000, abs=0.05)  # though the recording sounds on
    assert read_video(tmp_path / "made.mp4")[0].fps == Fraction(30000, 1001)


def test_a_video_longer_than_its_sound_and_one_without(tmp_path: Path) -> None:
    source = beep(tmp_path / "a.mp4", "aac", at_s=0.2, long_s=0.5)
    assert heard(with_sound_of(source, tmp_path / "made.mp4"))[2] == pytest.approx(0.5, abs=0.06)
    assert has_sound(source)
    with VideoWriter(tmp_path / "mute.mp4", fps=Fraction(25), size=(16, 16)) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    assert not has_sound(tmp_path / "mute.mp4")
    with pytest.raises(InputError, match="no sound that can be read"):
        with_sound_of(tmp_path / "mute.mp4", tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_damaged_sound_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import av

    source = beep(tmp_path / "a.avi", "mp2", at_s=0.5)
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for place, size in places[40:44]:
        assert place is not None
        data[place : place + size] = b"\xff" * size
    source.write_bytes(bytes(data))
    kind, begins, ends = heard(with_sound_of(source, tmp_path / "made.mp4"))
    assert (kind, begins) == ("aac", pytest.approx(0.5, abs=0.06))
    assert ends == pytest.approx(2.0, abs=0.06)  # what follows the gap is in its place
    assert "damaged pieces of its sound are left out" in caplog.text


PEAK = """
import resource, sys
from fractions import Fraction
import numpy as np
from limner.media.gif import write_gif
from limner.media.video import VideoWriter
def frames(num):
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    for t in range(num): yield np.roll(noise, t, 1)
num, path = int(sys.argv[1]), sys.argv[2]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if path.endswith(".gif"): write_gif(path, frames(num), Fraction(25), samples=list(frames(8)))
else:
    with VideoWriter(path, fps=Fraction(25), size=(96, 96), sound=sys.argv[3]) as writer:
        for frame in frames(num): writer.write(frame)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module there")
@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_memory_of_writing_is_flat(name: str, tmp_path: Path) -> None:
    source = beep(tmp_path / "long.mov", "pcm_s16le", at_s=0.5, long_s=60)

    def peak_kb(num: int) -> int:
        args = [sys.executable, "-c", PEAK, str(num), str(tmp_path / name), str(source)]
        return int(subprocess.run(args, capture_output=True, text=True, check=True).stdout)

    short, long = peak_kb(100), peak_kb(1000)  # 900 frames of 96 x 96 more are 25 MB
    assert long - short < 6_000, (short, long)


def test_a_gif_is_the_frames_whatever_changes_between_them(tmp_path: Path) -> None:
    base = np.zeros((40, 60, 3), np.uint8)
    base[:, 30:] = (255, 0, 0)
    frames = [base.copy() for _ in range(6)]
    frames[2][10:14, 20:22] = (0, 0, 255)  # a part changes, and back
    frames[4][:] = (0, 255, 0)
    write_gif(tmp_path / "a.gif", frames, Fraction(10), samples=frames)
    with Image.open(tmp_path / "a.gif") as gif:
        for t, frame in enumerate(frames):
            gif.seek(t)
            np.testing.assert_allclose(np.asarray(gif.convert("RGB")).astype(int), frame, atol=4)
            assert gif.info["duration"] == 100
    assert sample_frames(1) == [0]
    assert sample_frames(100) == [0, 14, 28, 42, 57, 71, 85, 99]
    shutil.rmtree(tmp_path)
