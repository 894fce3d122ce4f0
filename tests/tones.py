"""Small videos that sound: a tone from a known moment on; and when it is heard in a video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

RATE = 44100


def beep(path: Path, codec: str, *, at_s: float, long_s: float = 2.0, num: int = 50, fps: int = 25, late_s: Fraction = Fraction(0)) -> Path:
    """A grey video of `num` frames, the first shown at `late_s`, whose sound of `long_s` is silent but for a tone from `at_s` on."""
    import av

    with av.open(str(path), "w") as container:
        pictures, sound = container.add_stream("mpeg4", rate=fps), container.add_stream(codec, rate=RATE, layout="mono")
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        times = np.arange(round(long_s * RATE)) / RATE
        wave = (0.5 * np.sin(2 * np.pi * 1000 * times) * (times >= at_s)).astype(np.float32)
        for t in range(num):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = t + round(late_s * fps), Fraction(1, fps)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        for start in range(0, len(wave), 1024):
            part = av.AudioFrame.from_ndarray((wave[None, start : start + 1024] * 32767).astype(np.int16), format="s16", layout="mono")
            part.sample_rate, part.pts, part.time_base = RATE, start, Fraction(1, RATE)
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def heard(path: Path) -> tuple[str, float, float]:
    """The codec of a video's sound, when the tone begins in it, and when the sound ends; seconds."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        codec, parts, start = stream.codec_context.codec.canonical_name, [], None
        for frame in container.decode(stream):
            start = frame.time if start is None else start
            wave = frame.to_ndarray()
            parts.append(np.abs(wave[0] / (32768 if wave.dtype == np.int16 else 1)))
        level = np.concatenate(parts)
        rate = stream.codec_context.sample_rate
    assert start is not None
    return codec, start + int(np.argmax(level > 0.1)) / rate, start + len(level) / rate
