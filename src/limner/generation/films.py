"""Frames to files while they are rendered: every mode's video, the comparison, the sheet, in one pass and little memory."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from limner.generation.sheets import Sheet, SideBySide, in_step
from limner.media.pictures import resize
from limner.types import Motion

Progress = Callable[[str, int, int], None]  # stage, done, of how many
GIF_PX = 480  # ours: a GIF has no compression to speak of; three seconds of this size take some 5 MB
WAITING = 6  # ours: frames a writer may lag behind; bounds memory


def silent(stage: str, done: int, total: int) -> None:
    """A Progress that says nothing."""


@dataclass
class Clock:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


class Pump:
    """Calls `consume` on each frame in a thread of its own, in order; a fault there is raised at the next `put` or at `close`."""

    def __init__(self, consume: Callable[[Any], None]) -> None:
        self.consume, self.error = consume, None
        self.frames: queue.Queue[Any] = queue.Queue(WAITING)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while (frame := self.frames.get()) is not None:
            if self.error is None:
                try:
                    self.consume(frame)
                except BaseException as error:  # carried to the thread that renders
                    self.error = error

    def put(self, frame: Any) -> None:
        if self.error is not None:
            raise self.error
        self.frames.put(frame)

    def close(self) -> None:
        """Wait until every frame is consumed."""
        self.frames.put(None)
        self.thread.join()

    def __enter__(self) -> Pump:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None and self.error is None:
            self.error = error  # what still waits is dropped
        self.close()
        if error is None and self.error is not None:
            raise self.error


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """What the pass over all frames found.

    sheet: (H, W, 3) uint8. mouth_distance: mean absolute difference between two modes in the mouth box, 0..255; None for one mode.
    """

    sheet: np.ndarray
    mouth_distance: float | None


def small(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames -> the same at most GIF_PX wide and high."""
    for frame in frames:
        scale = min(1.0, GIF_PX / max(frame.shape[:2]))
        yield resize(frame, (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))))


def mouth_box(motions: Sequence[Motion]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that the lips of any mode pass."""
    lips = np.concatenate([m.points[:, 48:68].reshape(-1, 2) for m in motions])
    width, height = motions[0].size
    low, high = np.floor(lips.min(0)).astype(int), np.ceil(lips.max(0)).astype(int)
    x0, y0 = (int(v) for v in np.clip(low, 0, (width - 1, height - 1)))
    return x0, y0, int(np.clip(high[0], x0 + 1, width)), int(np.clip(high[1], y0 + 1, height))


def film(
    folder: Path,
    motions: Sequence[Motion],
    render: Callable[[np.ndarray], Iterator[np.ndarray]],
    *,
    unit_px: float,
    title: str,
    quality: str | int,
    gif: bool,
    tags: dict[str, str],
    clock: Clock,
    progress: Progress = silent,
) -> Filmed:
    """Writes mode_k.mp4 (and mode_k.gif) of each motion and compare.mp4 into `folder`, rendering each frame once.

    motions: of one picture size and fps. render: (T, 68, 2) pixel points -> T frames (H, W, 3) uint8. InputError where the disk refuses.
    """
    fps: Fraction = motions[0].fps
    total = max(m.num_frames for m in motions)
    sheet, beside, box = Sheet(motions, unit_px, title), SideBySide(motions), mouth_box(motions)
    apart: list[float] = []
    with ExitStack() as stack:
        pumps, compare = _videos(stack, folder, motions, beside, {"fps": fps, "quality": quality, "tags": tags})
        frames_of_all = in_step([iter(render(m.points)) for m in motions])
        for t in range(total):
            with clock("render"):
                frames, new = next(frames_of_all)
            with clock("write"):
                for k in np.flatnonzero(new):
                    pumps[k].put(frames[k])
                compare.put(frames)
            with clock("draw"):
                for k in np.flatnonzero(new):
                    sheet.see(int(k), t, frames[k])
                apart.append(_mean_apart(frames, box))
            progress("rendering", t + 1, total)
        with clock("write"):
            stack.close()
    if gif:
        with clock("gif"):
            _write_gifs(folder, len(motions), fps, tags, progress)
    with clock("draw"):
        return Filmed(sheet=sheet.draw(), mouth_distance=float(np.mean(apart)) if len(motions) > 1 else None)


def _videos(
    stack: ExitStack, folder: Path, motions: Sequence[Motion], beside: SideBySide, options: dict[str, Any]
) -> tuple[list[Pump], Pump]:
    """What takes the frames of each mode, and what takes those of all modes at a moment; closed with the stack."""
    from limner.media.video import VideoWriter

    writers = [stack.enter_context(VideoWriter(folder / f"mode_{k + 1}.mp4", size=m.size, **options)) for k, m in enumerate(motions)]
    together = stack.enter_context(VideoWriter(folder / "compare.mp4", size=beside.size, **options))
    pumps = [stack.enter_context(Pump(writer.write)) for writer in writers]
    return pumps, stack.enter_context(Pump(lambda frames: together.write(beside.draw(frames))))


def _write_gifs(folder: Path, num: int, fps: Fraction, tags: dict[str, str], progress: Progress) -> None:
    """mode_k.gif beside each mode_k.mp4, from that video: rather than all frames of all modes in memory."""
    from limner.media.gif import sample_frames, write_gif
    from limner.media.video import read_video

    for k in range(1, num + 1):
        progress("writing GIFs", k - 1, num)
        info, frames = read_video(folder / f"mode_{k}.mp4")
        chosen = sample_frames(info.num_frames)
        samples = [frame for t, frame in enumerate(small(frames)) if t in chosen]
        write_gif(folder / f"mode_{k}.gif", small(read_video(folder / f"mode_{k}.mp4")[1]), fps, tags, samples=samples)


def _mean_apart(frames: Sequence[np.ndarray], box: tuple[int, int, int, int]) -> float:
    """Mean absolute difference of the mouth's pixels over all pairs of modes, 0..255."""
    x0, y0, x1, y1 = box
    mouths = [frame[y0:y1, x0:x1].astype(np.int16) for frame in frames]
    pairs = [(i, j) for i in range(len(mouths)) for j in range(i)]
    return float(np.mean([np.abs(mouths[i] - mouths[j]).mean() for i, j in pairs])) if pairs else 0.0
