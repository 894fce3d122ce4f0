"""Videos that decode to the colours put in, at the rate asked for, whole or not there; and videos read."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from limner.bench import media as bench
from limner.bench.media import PATCHES
from limner.media.gif import sample_frames, write_gif
from limner.media.pictures import read_picture
from limner.media.video import BT2020, PRECISE, VideoWriter, parse_fps, read_tags, read_video
from limner.types import InputError


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return astronaut()[:256, 128:384]


def write(path: Path, frames: list[np.ndarray], fps: Fraction = Fraction(25), **more) -> Path:
    with VideoWriter(path, fps=fps, size=(frames[0].shape[1], frames[0].shape[0]), **more) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def test_the_first_frame_decodes_to_the_photos_colours(tmp_path: Path, photo: np.ndarray) -> None:
    _, frames = read_video(write(tmp_path / "a.mp4", [photo] * 4))
    first = next(frames).astype(float)
    assert np.abs((first - photo).mean((0, 1))).max() < 0.5
    assert np.abs(first - photo).mean() < 2
    flat = np.repeat(np.repeat(np.array(PATCHES, np.uint8).reshape(4, 4, 3), 64, 0), 64, 1)
    decoded = next(read_video(write(tmp_path / "b.mp4", [flat] * 3))[1]).astype(int)
    off = np.abs(decoded - flat).reshape(4, 64, 4, 64, 3)[:, 16:48, :, 16:48].max((1, 3, 4))
    assert off.max() <= 2, off


def test_the_matrix_is_bt709_by_independent_arithmetic(tmp_path: Path) -> None:
    import av

    path = write(tmp_path / "a.mp4", [np.full((64, 64, 3), (200, 30, 60), np.uint8)] * 2)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        planes = frame.to_ndarray()  # yuv420p
    r, g, b = 200 / 255, 30 / 255, 60 / 255
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b  # ITU-R BT.709-6, 3.2
    wanted = [16 + 219 * luma, 128 + 224 * (b - luma) / 1.8556, 128 + 224 * (r - luma) / 1.5748]
    got = [planes[32, 32], planes[64 + 8, 16], planes[64 + 16 + 8, 16]]
    assert np.abs(np.array(got, float) - wanted).max() <= 1
    assert (int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc)) == (1, 1, 1, 1)


def test_the_scalers_flags_are_pyavs_where_it_names_them() -> None:
    from av.video.reformatter import Colorspace, Interpolation

    assert getattr(Colorspace, "BT2020", BT2020) == BT2020
    names = [name for name in ("BICUBIC", "FULL_CHR_H_INT", "FULL_CHR_H_INP", "ACCURATE_RND") if hasattr(Interpolation, name)]
    assert names[0] == "BICUBIC"
    if len(names) == 4:  # from PyAV 18 on
        assert sum(int(Interpolation[name]) for name in names) == PRECISE


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50), Fraction(15, 2)])
def test_frame_rate_is_exact_and_constant(fps: Fraction, tmp_path: Path) -> None:
    import av

    path = write(tmp_path / "a.mp4", [np.full((32, 48, 3), i * 10, np.uint8) for i in range(12)], fps)
    info, frames = read_video(path)
    assert info.fps == fps
    assert (info.size, info.num_frames, len(list(frames))) == ((48, 32), 12, 12)
    assert abs(info.duration_s - 12 / fps) < 1e-3
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].format.name == "yuv420p"
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [i / fps for i in range(12)]
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")  # faststart


def test_odd_sizes_are_padded_and_tags_read_back(tmp_path: Path) -> None:
    frame = np.full((31, 45, 3), (10, 120, 200), np.uint8)
    path = write(tmp_path / "a.mp4", [frame] * 2, tags={"comment": "Synthetic video made by limner", "title": "é"})
    info, frames = read_video(path)
    assert info.size == (46, 32)
    assert np.abs(next(frames).astype(int) - frame[0, 0]).max() <= 2
    assert read_tags(path)["comment"] == "Synthetic video made by limner"
    assert info.tags["title"] == "é"


def test_the_largest_side_can_be_written(tmp_path: Path) -> None:
    assert read_video(write(tmp_path / "a.mp4", [np.zeros((16, 16384, 3), np.uint8)]))[0].size == (16384, 16)


def test_same_frames_same_bytes(tmp_path: Path, photo: np.ndarray) -> None:
    a, b = (write(tmp_path / name, [photo, photo[::-1]], tags={"comment": "x"}).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert a == b


def test_nothing_half_written(tmp_path: Path, photo: np.ndarray) -> None:
    def interrupted(error: type[BaseException]):
        yield photo
        raise error

    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(256, 256)) as writer:
            any(writer.write(frame) for frame in interrupted(error))
    with pytest.raises(InputError, match="no frames to write"), VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(8, 8)):
        pass
    with pytest.raises(ValueError, match="expected uint8"), VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(8, 8)) as writer:
        writer.write(photo)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="its folder does not exist"):
        write(tmp_path / "none" / "a.mp4", [photo])


@pytest.mark.skipif(sys.platform == "win32", reason="no colon in a file's name there")
def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run:1").mkdir()
    info, frames = read_video(write(Path("run:1") / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 2))
    assert (info.num_frames, len(list(frames))) == (2, 2)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_ctrl_c_while_encoding_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\nfrom fractions import Fraction\nfrom limner.media.video import VideoWriter\n"
        "with VideoWriter(sys.argv[1], fps=Fraction(25), size=(512, 512)) as w:\n print('on', flush=True)\n"
        " while True: w.write(np.random.randint(0, 255, (512, 512, 3)).astype(np.uint8))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a.mp4")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()  # it would write for ever
    assert b"KeyboardInterrupt" in said
    assert not list(tmp_path.iterdir())


def test_bad_writer_arguments(tmp_path: Path) -> None:
    for more, message in (
        ({"quality": "best"}, "no quality 'best'"),
        ({"quality": 99}, "out of range"),
        ({"fps": 0}, "out of range"),
        ({"size": (0, 8)}, "0 x 8 pixels cannot be written"),
        ({"size": (16385, 8)}, "each side must lie in 1..16384"),
    ):
        with pytest.raises(InputError, match=message):
            VideoWriter(tmp_path / "a.mp4", **{"fps": Fraction(25), "size": (8, 8), **more})
    endless = ("1e99999999", "9" * 5000, "1/" + "9" * 5000)  # Fraction would work on the first for hours
    finer = (Fraction(2**31 + 1, 2**28), Fraction(1, 10**9), 1e-9)  # than FFmpeg's 32-bit numbers, or a GIF's delays
    for fps in (0, -5, "abc", "1/0", "-25", "0x10", float("nan"), float("inf"), 1000, None, True, [25], *endless, *finer):
        with pytest.raises(InputError, match="frame rate") as caught:
            parse_fps(fps)
        assert len(str(caught.value)) < 200
    assert parse_fps(np.float32(29.97)) == Fraction(2997, 100)
    assert parse_fps(np.int64(25)) == 25
    assert parse_fps(" 15/2 ") == Fraction(15, 2)
    assert parse_fps(29.97) == Fraction(2997, 100)
    assert parse_fps("30000/1001") == Fraction(30000, 1001)


def test_bad_videos(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = write(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 3).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:200])
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile a.mp4\n")
    with pytest.raises(InputError, match=r"list\.mp4 is a list of other files"):
        read_video(tmp_path / "list.mp4")
    for name in ("text.mp4", "empty.mp4", "cut.mp4", "none.mp4"):
        with pytest.raises(InputError, match=name):
            read_video(tmp_path / name)
    with pytest.raises(InputError, match="is a folder"):
        read_video(tmp_path)


def test_tags_that_are_no_utf_8_do_not_hide_the_video(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 2, tags={"comment": "cafe-cafe"})
    path.write_bytes(path.read_bytes().replace(b"cafe-cafe", "café-café".encode("latin-1")))
    assert read_video(path)[0].num_frames == 2
    assert read_tags(path)["comment"] == "caf\ufffd-caf\ufffd"
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\5IHDR" + bytes(20))
    with pytest.raises(InputError, match=r"cannot read .*a\.png"):
        read_tags(tmp_path / "a.png")


def test_rotation_metadata_turns_the_frames(tmp_path: Path) -> None:
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, :32] = (250, 20, 20)  # red on the left
    path = write(tmp_path / "a.mp4", [frame] * 3)
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40  # version 0: flags, times, id, duration, layer, volume, then the matrix (ISO/IEC 14496-12, 8.3.2)
    assert data[at : at + 4] == struct.pack(">i", 0x10000)
    one = 0x10000
    data[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 32 * one, 0, 0x40000000)  # turn by 90 degrees clockwise
    path.write_bytes(data)
    info, frames = read_video(path)
    shown = next(frames)
    assert info.size == (32, 64)
    assert shown.shape == (64, 32, 3)
    assert shown[10, 16, 0] > 200  # the left edge came to the top
    assert shown[54, 16, 0] < 50


@pytest.mark.shared
def test_real_videos(shared: Path) -> None:
    info, frames = read_video(shared / "data/faces/video/smile_single_face.mp4")
    assert (info.fps, info.size) == (Fraction(30), (640, 360))
    assert sum(1 for _ in frames) == 72
    info, frames = read_video(shared / "data/faces/video/smile_then_no_face.mov")
    assert next(frames).shape == (540, 960, 3)
    with pytest.raises(InputError, match="is a video"):
        read_picture(shared / "data/faces/video/smile_single_face.mp4")


@pytest.mark.parametrize(("fps", "num"), [(Fraction(25), 10), (Fraction(30), 10), (Fraction(24000, 1001), 12), (Fraction(100), 20)])
def test_gif_keeps_the_duration(fps: Fraction, num: int, tmp_path: Path, photo: np.ndarray) -> None:
    small = photo[::4, ::4]
    frames = [np.roll(small, i, 1) for i in range(num)]
    samples = [frames[i] for i in sample_frames(num)]
    write_gif(tmp_path / "a.gif", iter(frames), fps, {"comment": "Synthetic, by limner"}, samples=samples)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.info["loop"] == 0
        total = 0
        for i in range(gif.n_frames):
            gif.seek(i)
            assert gif.info["duration"] >= 20
            total += gif.info["duration"]
        gif.seek(0)
        first = np.asarray(gif.convert("RGB")).astype(float)
    assert abs(total / 1000 - num / fps) <= 0.0101
    assert np.abs(first - frames[0]).mean() < 8  # 256 colours, dithered
    assert np.abs((first - frames[0]).mean((0, 1))).max() < 1.5
    assert read_tags(tmp_path / "a.gif")["comment"] == "Synthetic, by limner"
    with pytest.raises(InputError, match="no frames"):
        write_gif(tmp_path / "b.gif", [], fps, samples=[])
    with pytest.raises(InputError, match="no frames"):
        write_gif(tmp_path / "b.gif", [], fps, samples=samples)
    assert not (tmp_path / "b.gif").exists()


@pytest.mark.shared
def test_the_bench_finds_the_colours_true(shared: Path) -> None:
    figures = [figure for figure in bench.videos(shared / "data" / "faces") if figure.unit == "of 255"]
    assert len(figures) == 3
    assert all(figure.met for figure in figures), [figure.line() for figure in figures]


def test_the_bench_wants_the_real_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no data/faces/london_points\.npz"):
        bench.run(tmp_path)
