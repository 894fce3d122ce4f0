"""limner render PHOTO VIDEO, and motion extract, through the real command: sound, rate, tag; videos that are none, one clear line each."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from limner.media.motion import read_motion
from limner.media.video import VideoWriter, read_video
from tones import RATE, beep, heard

SIZE = 160


@pytest.fixture(scope="module")
def portrait(astronaut: np.ndarray) -> np.ndarray:
    return astronaut[:256, 96:352]


def filmed(path: Path, frames: list[np.ndarray], fps: Fraction = Fraction(25), sound: Path | None = None) -> Path:
    with VideoWriter(path, fps=fps, size=(frames[0].shape[1], frames[0].shape[0]), sound=sound) as writer:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame))
    return path


def test_a_video_drives_a_photo_with_sound_at_its_own_rate(limner, portrait: np.ndarray, astronaut_png: Path, tmp_path: Path) -> None:
    tone = beep(tmp_path / "tone.mov", "pcm_s16le", at_s=0.2, long_s=3)
    fps = Fraction(30000, 1001)
    driver = filmed(tmp_path / "a friend é.mp4", [np.roll(portrait, -t, 1) for t in range(12)], fps, tone)
    code, said, errors = limner("render", astronaut_png, driver, "--size", SIZE, "--gif", "--out", tmp_path / "out")
    assert (code, errors) == (0, [])
    assert "another face's motion" in said
    made = tmp_path / "out" / "astronaut_a friend é.mp4"
    info, frames = read_video(made)
    assert (info.fps, len(list(frames))) == (fps, 12)
    assert info.tags["comment"].startswith("Synthetic")
    kind, begins, ends = heard(made)
    assert (kind, begins) == ("aac", pytest.approx(heard(driver)[1], abs=0.005))
    assert begins == pytest.approx(0.2, abs=0.05)
    assert ends == pytest.approx(12 / fps, abs=0.05)
    assert made.with_suffix(".gif").stat().st_size > 1000
    assert limner("render", astronaut_png, driver, "--size", SIZE, "--absolute", "--out", tmp_path / "b.mp4")[0] == 0
    code, _, errors = limner("render", astronaut_png, driver, "--relative", "--absolute", "--out", tmp_path / "c.mp4")
    assert (code, errors) == (2, ["limner: --relative and --absolute exclude one another; name one of them"])


def sounding_only(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        part.sample_rate = RATE
        container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def without_frames(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        container.start_encoding()
    return path


@pytest.mark.parametrize("command", ["extract", "render"])
def test_videos_that_cannot_drive_are_refused_in_one_line(
    command: str, limner, portrait: np.ndarray, astronaut_png: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "letter.mp4").write_text("dear all, " * 100)
    whole = filmed(tmp_path / "whole.mp4", [portrait] * 3).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a folder").mkdir()
    cases = {
        "empty.mp4": "is empty, 0 bytes",
        "letter.mp4": "is not a video that can be read, or is damaged",
        "cut.mp4": "",  # its frames may be there, its face not: refused or held, never a fault
        "gone.mp4": "does not exist",
        "a folder": "is a folder",
        sounding_only(tmp_path / "sound.m4a").name: "holds no video",
        without_frames(tmp_path / "none.avi").name: "",
        filmed(tmp_path / "grey.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3).name: "none of the 3 frames shows a face",
        filmed(tmp_path / "one grey.mp4", [np.full((64, 64, 3), 90, np.uint8)]).name: "its only frame shows no face",
    }
    for name, words in cases.items():
        made = tmp_path / ("x.motion.json" if command == "extract" else "x.mp4")
        asked = ("motion", "extract", tmp_path / name) if command == "extract" else ("render", astronaut_png, tmp_path / name)
        code, _, errors = limner(*asked, "--out", made)
        assert code == 2, (name, errors)
        assert len(errors) == 1
        assert errors[0].startswith("limner: ")
        assert name in errors[0]
        assert words in errors[0], name
        assert not made.exists()
    assert not list(tmp_path.glob(".limner-*"))


def test_what_is_doubtful_is_said(limner, portrait: np.ndarray, tmp_path: Path) -> None:
    def notes(name: str, frames: list[np.ndarray]) -> list[str]:
        code, _, errors = limner("motion", "extract", filmed(tmp_path / f"{name}.mp4", frames), "-o", tmp_path / f"{name}.json")
        assert code == 0
        return errors

    beside = np.concatenate([portrait, portrait[:, ::-1]], 1)
    assert any("2 faces are seen at once" in line for line in notes("two", [beside] * 3))
    assert any("a single frame: nothing moves" in line for line in notes("one", [portrait]))
    grey = np.full_like(portrait, 90)
    assert any("no face is seen at 0.2 to 0.6 s; what was seen" in line for line in notes("lost", [*[portrait] * 5, *[grey] * 10]))
    assert not notes("plain", [portrait] * 4)
    elsewhere = np.roll(portrait[:, ::-1], 60, 0)
    said = notes("cut", [*[portrait] * 8, *[elsewhere] * 8])
    assert any("leaps at frame 8: a cut" in line for line in said)
    assert read_motion(tmp_path / "cut.json").provenance["cuts"] == [8]


FULL = """
import resource, sys
from limner.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module there")
def test_a_disk_that_fills_up_keeps_what_was_there_and_leaves_no_part(portrait: np.ndarray, astronaut_png: Path, tmp_path: Path) -> None:
    driver = filmed(tmp_path / "driver.mp4", [np.roll(portrait, -t, 1) for t in range(24)])
    (tmp_path / "out").mkdir()
    for there in (None, b"a video of before"):
        if there:
            (tmp_path / "out" / "a.mp4").write_bytes(there)
        args = [sys.executable, "-c", FULL, "render", str(astronaut_png), str(driver), "--out", str(tmp_path / "out" / "a.mp4"), "--force"]
        done = subprocess.run([*args, "--renderer", "warp"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.strip().splitlines() == [f"limner: cannot write {tmp_path / 'out' / 'a.mp4'}: the file grew larger than allowed"]
        assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == ([there] if there else [])


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("moment", ["reading", "writing"])
def test_ctrl_c_leaves_no_part(portrait: np.ndarray, astronaut_png: Path, tmp_path: Path, moment: str) -> None:
    driver = filmed(tmp_path / "driver.mp4", [np.roll(portrait, -(t % 12), 1) for t in range(60)])
    out = tmp_path / "out"
    args = [sys.executable, "-c", "import sys; from limner.cli import main, session; print('begins', flush=True); sys.exit(main())"]
    args += ["render", str(astronaut_png), str(driver), "--out", str(out)]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    if moment == "reading":
        time.sleep(1)
    while moment == "writing" and not any(out.glob(".limner-*.mp4")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip().splitlines()[-1]) == (130, "limner: interrupted; nothing half-written is left")
    assert "Traceback" not in errors
    assert not out.exists() or not any(out.iterdir())


PEAK = """
import resource, sys
from limner.cli import main
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform == "win32", reason="no resource module there")
@pytest.mark.parametrize(("renderer", "seconds"), [("warp", 600), ("warp-refine", 40)])
def test_memory_of_rendering_is_flat(astronaut_png: Path, tmp_path: Path, renderer: str, seconds: int) -> None:
    """Ten minutes by the warp; by the refiner, which takes 20 times as long, less. Small, yet larger by far than a frame's points."""
    from limner import smile
    from limner.media.motion import write_motion

    size = 96
    motion = smile(astronaut_png, modes=1, frames=25, size=size, renderer=renderer)[0].motion

    def peak_mb(seconds: int) -> float:
        there = np.arange(25 * seconds) % 25
        write_motion(tmp_path / "long.json", replace(motion, points=motion.points[there], confidence=motion.confidence[there]))
        args = [sys.executable, "-c", PEAK, "render", str(astronaut_png), str(tmp_path / "long.json"), "--size", str(size), "--force"]
        args += ["--gif", "--renderer", renderer, "--out", str(tmp_path / "a.mp4")]
        done = subprocess.run(args, capture_output=True, text=True, check=True)
        return int(done.stdout.split()[-1]) / 1024

    short, long = peak_mb(4), peak_mb(seconds)
    frames_mb = 25 * (seconds - 4) * size * size * 3 / 2**20
    print(f"{renderer}: {short:.0f} MB for 4 s, {long:.0f} MB for {seconds} s; the frames more would be {frames_mb:.0f} MB")
    assert long < short + 0.35 * frames_mb, (short, long)  # the points themselves, and their file's text, are 0.2 of the frames


@pytest.mark.shared
def test_a_real_video_drives_another_face_with_its_sound(limner, shared: Path, astronaut_png: Path, tmp_path: Path) -> None:
    driver = shared / "data" / "faces" / "video" / "smile_single_face.mp4"
    assert limner("render", astronaut_png, driver, "--size", SIZE, "--out", tmp_path / "a.mp4")[0] == 0
    info, frames = read_video(tmp_path / "a.mp4")
    assert (info.fps, len(list(frames))) == (30, 72)
    assert heard(tmp_path / "a.mp4")[0] == "mp3"  # as it was
