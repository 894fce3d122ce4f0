"""Videos are shown as their metadata say: turned by quarters, mirrored, their pixels square; of any codec, at their exact rate."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from limner.media.video import VideoWriter, read_timed, read_video

ONE = 0x10000
WIDE, HIGH = 64, 32
CORNERS = np.array(
    [[230, 30, 30], [30, 230, 30], [30, 30, 230], [230, 230, 30]], np.uint8
)  # top left, top right, bottom left, bottom right


def picture() -> np.ndarray:
    return np.repeat(np.repeat(CORNERS.reshape(2, 2, 3), HIGH // 2, 0), WIDE // 2, 1)


def corners_of(shown: np.ndarray) -> list[int]:
    """Which of CORNERS each quarter of a picture shows."""
    h, w = shown.shape[:2]
    middles = shown[[h // 4, h // 4, 3 * h // 4, 3 * h // 4], [w // 4, 3 * w // 4, w // 4, 3 * w // 4]].astype(int)
    return [int(np.abs(CORNERS.astype(int) - middle).sum(1).argmin()) for middle in middles]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("upright") / "a.mp4"
    with VideoWriter(path, fps=Fraction(25), size=(WIDE, HIGH)) as writer:
        for _ in range(2):
            writer.write(picture())
    return path.read_bytes()


@pytest.mark.parametrize(
    ("matrix", "rotation", "mirrored", "corners"),
    [
        ((1, 0, 0, 1), 0, False, [0, 1, 2, 3]),
        ((0, 1, -1, 0), 270, False, [2, 0, 3, 1]),  # clockwise: what was bottom left comes to the top left
        ((-1, 0, 0, -1), 180, False, [3, 2, 1, 0]),
        ((0, -1, 1, 0), 90, False, [1, 3, 0, 2]),
        ((-1, 0, 0, 1), 0, True, [1, 0, 3, 2]),  # left and right exchanged, as a camera's own picture of its user
        ((1, 0, 0, -1), 180, True, [2, 3, 0, 1]),
        ((0, 1, 1, 0), 270, True, [0, 2, 1, 3]),  # rows and columns exchanged
        ((0, -1, -1, 0), 90, True, [3, 1, 2, 0]),
    ],
)
def test_every_turn_and_mirror(
    plain: bytes, matrix: tuple[int, ...], rotation: int, mirrored: bool, corners: list[int], tmp_path: Path
) -> None:
    """The display matrix of ISO/IEC 14496-12, 8.3.2: (x, y) is shown at (a x + c y + tx, b x + d y + ty)."""
    a, b, c, d = matrix
    data = bytearray(plain)
    at = data.find(b"tkhd") + 4 + 40
    shift = (WIDE if a < 0 else HIGH if c < 0 else 0, HIGH if d < 0 else WIDE if b < 0 else 0)
    data[at : at + 36] = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, shift[0] * ONE, shift[1] * ONE, 0x40000000)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    info, frames = read_video(path)
    shown = next(frames)
    assert (info.rotation, info.mirrored) == (rotation, mirrored)
    assert info.size == (shown.shape[1], shown.shape[0]) == ((HIGH, WIDE) if a == 0 else (WIDE, HIGH))
    assert corners_of(shown) == corners


def encode(path: Path, codec: str, rate: Fraction, times: list[int], aspect: Fraction | None = None, **options: str) -> Path:
    """A video of 64 x 32 pixels with its k-th frame, grey 20 + 20 k, shown at `times`[k] / 90000 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90000)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((HIGH, WIDE, 3), 20 + 20 * k, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(2), (128, 32)), (Fraction(1, 2), (64, 64)), (Fraction(16, 15), (68, 32))])
def test_pixels_become_square(aspect: Fraction, size: tuple[int, int], tmp_path: Path) -> None:
    info, frames = read_video(encode(tmp_path / "a.mp4", "libx264", Fraction(25), [0, 3600], aspect))
    assert info.size == size
    assert next(frames).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx265"), ("a.mov", "libx265"), ("a.mkv", "libx265"), ("a.webm", "libvpx-vp9")])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_other_codecs_at_their_exact_rate(name: str, codec: str, rate: Fraction, tmp_path: Path) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    times = [round(k * 90000 / rate) for k in range(6)]
    info, frames = read_timed(encode(tmp_path / name, codec, rate, times, **({"x265-params": "log-level=none"} if "265" in codec else {})))
    seen = list(frames)
    assert info.fps == rate
    assert [round((pixels.mean() - 20) / 20) for _, pixels in seen] == list(range(6))
    shown = [time for time, _ in seen if time is not None]
    np.testing.assert_allclose(np.subtract(shown, shown[0]), np.arange(6) / float(rate), atol=1.1e-3)  # Matroska counts milliseconds


def test_a_varying_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0, 3000, 6000, 12000, 24000, 27000]
    _, frames = read_timed(encode(tmp_path / "a.mp4", "libx264", Fraction(30), times))
    np.testing.assert_allclose([time for time, _ in frames], np.array(times) / 90000, atol=1e-6)
