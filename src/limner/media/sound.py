"""The sound of a recording, put into the video that it drives: the same packets where MP4 holds their kind, else AAC.

Times: 0 is the recording's first picture. What sounds before it is left out, and so is what sounds after the new video's end.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import plain_path, reason_of
from limner.types import InputError

COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})  # ours: what both MP4 and common players take; Opus in MP4 many do not
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})  # ISO/IEC 14496-3
OTHER_RATE = 48000  # ours: for sound of a rate that AAC has not
GAP_S = 0.1  # ours: sound that pauses for longer goes on at its own time; less is a container's rounding


def has_sound(path: str | Path) -> bool:
    """Whether a video has sound that can be read. InputError where it cannot be opened."""
    with _opened(Path(path)) as container:
        return _stream_of(container) is not None


class Sound:
    """Reads the sound of `path` and writes it into an open MP4, in step with its pictures; memory stays flat.

    Damaged packets are left out, and it is said how many.
    """

    def __init__(self, path: Path, into: Any) -> None:
        self.path, self.into = path, into
        self.damaged = 0
        self._stack = contextlib.ExitStack()
        container = self._stack.enter_context(_opened(path))
        stream = _stream_of(container)
        if stream is None:
            self._stack.close()
            raise InputError(f"{path} has no sound that can be read")
        pictures = container.streams.video[0] if container.streams.video else None
        first = pictures.start_time if pictures is not None else None
        self.start_s = Fraction(0) if pictures is None or first is None else first * pictures.time_base
        self.copied = stream.codec_context.codec.canonical_name in COPIED
        write = self._copied if self.copied else self._encoded
        self._parts = write(container, stream)
        self._next = next(self._parts, None)

    def until(self, seconds: Fraction | float) -> None:
        """Write all that begins before that time."""
        while self._next is not None and self._next[0] < seconds:
            for packet in self._next[1]:
                self.into.mux(packet)
            self._next = next(self._parts, None)

    def finish(self, seconds: Fraction | float) -> None:
        """Write what is left before the video's end, `seconds`, and what the encoder still holds."""
        self.until(seconds)
        if not self.copied:
            self.into.mux(self._out.encode(None))
        if self.damaged:
            logging.getLogger(__name__).warning("limner: %s: %d damaged pieces of its sound are left out", self.path, self.damaged)

    def close(self) -> None:
        """Let the recording go."""
        self._stack.close()

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """The packets of the sound. One that cannot be read ends it."""
        from av.error import FFmpegError

        try:
            yield from container.demux(stream)
        except FFmpegError:
            self.damaged += 1

    def _copied(self, container: Any, stream: Any) -> Iterator[tuple[Fraction, list[Any]]]:
        """(when it begins, packets) of the sound as it is. One packet before 0 is kept: the decoder starts on it, the file hides it."""
        self._out = self.into.add_stream_from_template(stream)
        base = stream.time_base
        shift = round(self.start_s / base)
        return self._shifted(container, stream, shift, base)

    def _shifted(self, container: Any, stream: Any, shift: int, base: Fraction) -> Iterator[tuple[Fraction, list[Any]]]:
        for packet in self._packets(container, stream):
            if packet.pts is None or packet.dts is None or packet.pts - shift + 2 * (packet.duration or 0) <= 0:
                continue
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self._out
            yield packet.pts * base, [packet]

    def _encoded(self, container: Any, stream: Any) -> Iterator[tuple[Fraction, list[Any]]]:
        """(when it begins, AAC packets) of the sound decoded: at its own rate where AAC has it, in one or two channels."""
        from av import AudioResampler

        rate = stream.codec_context.sample_rate
        rate = rate if rate in AAC_RATES else OTHER_RATE
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._out = self.into.add_stream("aac", rate=rate, layout=layout)
        return self._resampled(container, stream, AudioResampler(format="fltp", layout=layout, rate=rate), rate)

    def _resampled(self, container: Any, stream: Any, resampler: Any, rate: int) -> Iterator[tuple[Fraction, list[Any]]]:
        at, begun = 0, False  # the sample that comes next, counted from the first picture
        for frame in self._decoded(container, stream):
            stated = None if frame.pts is None else round((frame.pts * frame.time_base - self.start_s) * rate)
            frame.pts = None
            for part in resampler.resample(frame):
                if not begun:
                    at, begun = stated or 0, True
                if stated is not None and stated - at > GAP_S * rate:
                    start, at = max(at, 0), stated
                    if at > start:
                        yield Fraction(start, rate), self._encode(_silence(part, at - start), start, rate)
                stated = None  # what the resampler still held comes with this frame: only the first part is told by it
                kept = _without(part, -at) if at < 0 else part
                if kept is not None:
                    yield Fraction(max(at, 0), rate), self._encode(kept, max(at, 0), rate)
                at += part.samples

    def _encode(self, part: Any, at: int, rate: int) -> list[Any]:
        part.pts, part.time_base = at, Fraction(1, rate)
        return self._out.encode(part)

    def _decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        from av.error import FFmpegError

        for packet in self._packets(container, stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                self.damaged += 1
                continue
            yield from frames


def _silence(like: Any, num: int) -> Any:
    """A frame of `num` silent samples."""
    return _planar(np.zeros((like.to_ndarray().shape[0], num), np.float32), like)


def _without(frame: Any, num: int) -> Any:
    """A planar audio frame without its first `num` samples; None where nothing is left."""
    return None if num >= frame.samples else _planar(frame.to_ndarray()[:, num:].copy(), frame)


def _planar(samples: np.ndarray, like: Any) -> Any:
    """(channels, samples) float32 -> a frame of the same kind as another."""
    from av import AudioFrame

    frame = AudioFrame.from_ndarray(samples, format=like.format.name, layout=like.layout.name)
    frame.sample_rate = like.sample_rate
    return frame


def _stream_of(container: Any) -> Any:
    """The first sound of a container of which there is a decoder; None where there is none."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import av
    from av.error import FFmpegError

    try:
        with av.open(plain_path(path), metadata_errors="replace") as container:
            yield container
    except FFmpegError as error:
        raise InputError(f"the sound of {path} cannot be read: {reason_of(error)}") from error
