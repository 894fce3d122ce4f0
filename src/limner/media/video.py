"""Videos out (H.264 that plays everywhere) and in (any codec of FFmpeg), on PyAV.

Shapes: frames are (H, W, 3) uint8 sRGB. Colour: BT.709 matrix, primaries and transfer, limited range (ITU-R BT.709-6), tagged as such.
"""

from __future__ import annotations

import contextlib
import numbers
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import REASONS, atomic_write, plain_path, reason_of
from limner.media.sound import Sound
from limner.media.upright import Upright, upright_of
from limner.types import DependencyError, InputError

BT709 = 1  # ITU-T H.273, code points of colour primaries, transfer and matrix
LIMITED = 1  # AVCOL_RANGE_MPEG: luma 16..235
MIN_FPS, MAX_FPS = Fraction(1, 100), 240  # ours: a GIF's frame lasts 655 s at most; beyond what cameras and screens do
MAX_TERM = 2**31 - 1  # numerator and denominator are 32-bit numbers in FFmpeg and in MP4
FPS_TEXT = re.compile(r"\d{1,9}(\.\d{1,9})?|\d{1,10}/\d{1,10}", re.ASCII)  # bounded: Fraction("1e99999999") would never come back
MAX_SIDE = 16384  # x264 opens no larger one
PRESET = "veryfast"  # ours: measured, see docs/results.md
X264 = "chroma-qp-offset=-4"  # ours: flat saturated colours then decode within 2 of 255
QUALITY = {"low": 24, "medium": 18, "high": 14}  # ours: x264's constant rate factor; FFmpeg's guide calls 17 or 18 visually lossless
# swscale's SWS_BICUBIC, SWS_FULL_CHR_H_INT, SWS_FULL_CHR_H_INP, SWS_ACCURATE_RND; PyAV names the last three from 18 on, for Python 3.11
PRECISE = 0x4 | 0x2000 | 0x4000 | 0x40000
BT2020 = 9  # SWS_CS_BT2020, which PyAV names from 18 on too
PLAYLISTS = {"concat", "hls", "dash"}  # they name other files to open


def parse_fps(value: object) -> Fraction:
    """25, 29.97, "30000/1001" or Fraction -> an exact frame rate. InputError if it is no number in 1/100..240."""
    shown = str(value) if isinstance(value, Fraction) else reprlib.repr(value)
    try:
        if isinstance(value, str) and FPS_TEXT.fullmatch(value.strip()):
            fps = Fraction(value.strip())
        elif isinstance(value, numbers.Rational) and not isinstance(value, bool):
            fps = Fraction(int(value.numerator), int(value.denominator))
        elif isinstance(value, numbers.Real) and not isinstance(value, bool):
            fps = Fraction(float(value)).limit_denominator(1001)  # 1001: the NTSC rates, 30000/1001 and its kin
        else:
            raise ValueError
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InputError(f"{shown} is no frame rate; write it as 25, 29.97 or 30000/1001") from error
    if not MIN_FPS <= fps <= MAX_FPS:
        raise InputError(f"a frame rate of {shown} is out of range; it must lie between {MIN_FPS} and {MAX_FPS}")
    if max(fps.numerator, fps.denominator) > MAX_TERM:
        raise InputError(f"a frame rate of {fps} is finer than a video can hold; write it as 25, 29.97 or 30000/1001")
    return fps


class VideoWriter:
    """Writes frames as H.264 in MP4: yuv420p, BT.709 limited range, constant frame rate, faststart. A context manager.

    size: (width, height) of the frames handed in; an odd side gets one more column or row, a copy of its last (yuv420p needs even sides).
    quality: "low", "medium", "high", or x264's constant rate factor 0..51, less is better. tags: MP4 metadata, such as {"comment": ...}.
    sound: a recording whose sound goes along, from its first picture on, as far as the frames go (media.sound).
    The file appears whole when the block ends well, and not at all otherwise. InputError: no frames, a size, rate or
    quality out of range, a folder that cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction,
        size: tuple[int, int],
        quality: str | int = "high",
        tags: dict[str, str] | None = None,
        sound: str | Path | None = None,
        threads: int = 2,
    ) -> None:
        if isinstance(quality, str) and quality not in QUALITY:
            raise InputError(f"no quality {quality!r}; there are: {', '.join(QUALITY)}, or a number 0..51")
        self.crf = QUALITY[quality] if isinstance(quality, str) else int(quality)
        if not 0 <= self.crf <= 51:
            raise InputError(f"quality {quality} is out of range 0..51")
        if min(size) < 1 or max(size) > MAX_SIDE:
            raise InputError(f"a video of {size[0]} x {size[1]} pixels cannot be written; each side must lie in 1..{MAX_SIDE}")
        self.path, self.fps, self.size = Path(path), parse_fps(fps), (int(size[0]), int(size[1]))
        self.tags, self.threads = dict(tags or {}), threads
        self.sound, self._sound = None if sound is None else Path(sound), None
        self.num_frames = 0

    def __enter__(self) -> VideoWriter:
        import av
        from av.codec import codecs_available
        from av.video.reformatter import VideoReformatter

        if "libx264" not in codecs_available:
            raise DependencyError("this build of PyAV has no H.264 encoder (libx264); reinstall it: pip install --force-reinstall av")
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(atomic_write(self.path))
        try:
            self._container: Any = av.open(plain_path(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            self._container.metadata.update(self.tags)
            stream = self._container.add_stream(
                "libx264", rate=self.fps, options={"preset": PRESET, "crf": str(self.crf), "x264-params": X264}
            )
            stream.width, stream.height = self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = 1 / self.fps
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = BT709
            context.color_range, context.thread_count = LIMITED, self.threads
            self._stream, self._reformatter = stream, VideoReformatter()
            if self.sound is not None:
                self._sound = self._stack.enter_context(contextlib.closing(Sound(self.sound, self._container)))
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Adds one (H, W, 3) uint8 frame of the size promised."""
        if frame.shape != (self.size[1], self.size[0], 3) or frame.dtype != np.uint8:
            raise ValueError(f"expected uint8 {(self.size[1], self.size[0], 3)}, got {frame.dtype} {frame.shape}")
        pad = self.size[1] % 2, self.size[0] % 2
        if any(pad):
            frame = np.pad(frame, ((0, pad[0]), (0, pad[1]), (0, 0)), mode="edge")
        picture = _to_yuv(self._reformatter, np.ascontiguousarray(frame))
        picture.pts, picture.time_base = self.num_frames, 1 / self.fps
        with self._disk():
            self._container.mux(self._stream.encode(picture))
            self.num_frames += 1
            if self._sound is not None:  # in step: MP4 is written interleaved, and what waits for the other is held in memory
                self._sound.until(self.num_frames / self.fps)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if error is None and self.num_frames == 0:
                error = InputError(f"no frames to write into {self.path}")
            with self._disk(), contextlib.ExitStack() as closing:
                if hasattr(self, "_container"):
                    closing.callback(self._container.close)
                    if error is None:
                        self._container.mux(self._stream.encode(None))
                        if self._sound is not None:
                            self._sound.finish(self.num_frames / self.fps)
        except BaseException as failure:
            error = error or failure
        self._stack.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        if error is not None and kind is None:
            raise error

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """FFmpeg's words for a full disk and the like -> ours."""
        from av.error import FFmpegError

        try:
            yield
        except FFmpegError as error:
            if getattr(error, "errno", None) in REASONS:
                raise InputError(f"cannot write {self.path}: {reason_of(error)}") from error
            raise


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video says of itself. fps: exact. size: (width, height) as shown. num_frames: as stated, or estimated from the duration.

    rotation, mirrored: how the frames are turned (degrees, anticlockwise), and whether mirrored, to be shown."""

    fps: Fraction
    size: tuple[int, int]
    num_frames: int
    duration_s: float
    rotation: int = 0
    mirrored: bool = False
    tags: dict[str, str] = field(default_factory=dict)


def read_video(path: str | Path) -> tuple[VideoInfo, Iterator[np.ndarray]]:
    """A video file -> (what it is, its frames one by one, upright, (H, W, 3) uint8 sRGB). Memory stays flat.

    Upright: turned and mirrored as its metadata say, its pixels square.
    The matrix is the one tagged; untagged, BT.709 from 720 lines or 1280 columns on, BT.601 below (what players do).
    InputError: missing, a folder, no video, damaged (also while the frames are being read).
    """
    info, frames = read_timed(path)
    return info, (pixels for _, pixels in frames)


def read_timed(path: str | Path) -> tuple[VideoInfo, Iterator[tuple[float | None, np.ndarray]]]:
    """As `read_video`, each frame with the time at which it is shown, in seconds; None where the file does not say."""
    path = Path(path)
    with _opened(path) as (container, stream):
        frame = next(container.decode(stream), None)
        if frame is None:
            raise InputError(f"{path} holds no frames")
        upright = upright_of(frame, stream)
        fps = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)
        duration_s = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
        info = VideoInfo(
            fps=fps,
            size=upright.shown_size(frame.width, frame.height),
            num_frames=stream.frames or max(1, round(duration_s * fps)),
            duration_s=duration_s,
            rotation=upright.rotation,
            mirrored=upright.mirrored,
            tags=dict(container.metadata),
        )
    return info, _frames(path, upright)


def read_tags(path: str | Path) -> dict[str, str]:
    """The metadata of a video, GIF or PNG that says, among others, that it is synthetic and by what. InputError if it cannot be read."""
    path = Path(path)
    if path.suffix.lower() in (".gif", ".png"):
        from PIL import Image

        try:
            with Image.open(path) as image:
                return {
                    str(key): _text(value) for key, value in image.info.items() if isinstance(value, (str, bytes)) and key != "icc_profile"
                }
        except Exception as error:  # a decoder fed with foreign bytes fails in any way it likes
            raise InputError(f"cannot read {path}: {reason_of(error)}") from error
    with _opened(path) as (container, _):
        return dict(container.metadata)


def _to_yuv(reformatter: Any, frame: np.ndarray) -> Any:
    """sRGB -> yuv420p of BT.709, limited range, rounded: FFmpeg's scaler at full precision, 0.4 of 255 from the exact matrix on a photo."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    return reformatter.reformat(
        av.VideoFrame.from_ndarray(frame, format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=PRECISE,
    )


def _to_rgb(reformatter: Any, frame: Any, size: tuple[int, int]) -> np.ndarray:
    """A decoded frame -> sRGB by its tagged matrix and range, (height, width, 3) of that size (width, height)."""
    from av.video.reformatter import ColorRange, Colorspace

    matrices = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M, 9: BT2020}
    untagged = Colorspace.ITU709 if frame.height >= 720 or frame.width >= 1280 else Colorspace.ITU601
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    rgb = reformatter.reformat(
        frame,
        width=size[0],
        height=size[1],
        format="rgb24",
        src_colorspace=matrices.get(int(frame.colorspace), untagged),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=PRECISE,
    )
    return rgb.to_ndarray()


def _frames(path: Path, upright: Upright) -> Iterator[tuple[float | None, np.ndarray]]:
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    with _opened(path) as (container, stream):
        for frame in container.decode(stream):
            if frame.is_corrupt:  # the decoder paints over what it cannot read, and goes on with that
                raise InputError(f"{path} is damaged" + ("" if frame.time is None else f" at {frame.time:.2f} s"))
            yield frame.time, upright.turn(_to_rgb(reformatter, frame, upright.stored_size(frame.width, frame.height)))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """An open container and its first video stream. InputError where there is none."""
    import av
    from av.error import FFmpegError

    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video")
    if not path.exists():
        raise InputError(f"{path} does not exist")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty, 0 bytes")
        with av.open(plain_path(path), metadata_errors="replace") as container:  # old cameras write tags that are no UTF-8
            if container.format.name in PLAYLISTS:
                raise InputError(f"{path} is a list of other files, not a video")
            if not container.streams.video:
                raise InputError(f"{path} holds no video")
            container.streams.video[0].thread_type = "AUTO"
            yield container, container.streams.video[0]
    except EOFError as error:
        raise InputError(f"{path} holds no frames, or is cut short") from error
    except FFmpegError as error:
        raise InputError(f"{path} is not a video that can be read, or is damaged ({error.strerror})") from error


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
