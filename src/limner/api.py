"""limner from Python: `smile` and `render`, on the same engine as the command.

from limner import smile, render

for clip in smile("me.jpg", label="posed", modes=3, seed=7):
    print(clip.mode, len(clip), clip.au[:, 1].max())      # AU12, the smile itself, 0..5
    clip.save(f"mode_{clip.mode}.mp4")
render("you.jpg", clip.motion).save("you.mp4")             # the same motion on another face
render("me.jpg", "friend.mov").save("me.mp4")              # a friend's recorded motion, with the sound
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limner.generation.films import Progress, silent, small
from limner.generation.reference import Reference, open_reference, read_photo
from limner.generation.settings import MotionSettings, check_intensity, check_size
from limner.generation.smiles import Engine, au_curves, imagined, synthetic
from limner.types import InputError, Motion, Picture

if TYPE_CHECKING:
    from PIL import Image

    Photo = str | Path | Image.Image | np.ndarray | Picture  # one that is read already


@dataclass(frozen=True, eq=False, repr=False)
class RenderedClip:
    """One motion of one photo. Frames are rendered when asked for: iterate for one at a time, `frames` for all (kept once made).

    motion: its points, fps, label, mode and seed. au: (T, 2) intensities 0..5 of AU6 and AU12 relative to the photo's neutral face.
    neutral: (68, 2) points of that neutral face. how: where the motion came from, in words. warnings: what is doubtful about the photo.
    sound: the driving video, where it has sound; an .mp4 gets it. notes: what is doubtful about the driving video.
    """

    motion: Motion
    reference: Reference
    how: str
    engine: Engine
    renderer: str | None = None
    sound: Path | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        (width, height), mode = self.motion.size, "" if self.mode is None else f", mode {self.mode}"
        return f"RenderedClip({self.how}{mode}: {len(self)} frames of {width}x{height} at {float(self.fps):g} a second)"

    def __len__(self) -> int:
        return self.motion.num_frames

    def __iter__(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 sRGB frames, one by one, in flat memory."""
        return iter(self.engine.renderer(self.reference, self.renderer).render(self.motion.points))

    @cached_property
    def frames(self) -> np.ndarray:
        """(T, H, W, 3) uint8 sRGB."""
        return np.stack(list(self))

    @cached_property
    def au(self) -> np.ndarray:
        """(T, 2): AU6 and AU12, 0..5, relative to the photo's neutral face."""
        return au_curves(self.reference, [self.motion])[0]

    @property
    def points(self) -> np.ndarray:
        """(T, 68, 2) float32, pixels of the frames."""
        return self.motion.points

    @property
    def neutral(self) -> np.ndarray:
        """(68, 2) float32, pixels: the points of the photo's neutral face."""
        return self.reference.neutral

    @property
    def fps(self) -> Fraction:
        """Frames a second."""
        return self.motion.fps

    @property
    def label(self) -> str | None:
        """Which smile was imagined, "spontaneous" or "posed"; None of any other motion."""
        return self.motion.label

    @property
    def mode(self) -> int | None:
        """Which of the K modes, from 1 on; None of any other motion."""
        return self.motion.mode

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the photo, a line each."""
        return self.reference.warnings

    def save(self, path: str | Path, *, quality: str | int = "high", progress: Progress = silent) -> Path:
        """Writes the clip: .mp4, .gif (at most 480 pixels), or .json (the motion file). -> the path.

        All say in their metadata that they are synthetic. quality: low, medium, high, or 0 (best) to 51, of an .mp4.
        InputError for another suffix, an unknown quality, or where the place cannot be written.
        """
        from limner.media.files import make_folder
        from limner.media.gif import sample_frames, write_gif
        from limner.media.motion import write_motion
        from limner.media.video import VideoWriter

        path = Path(path)
        if path.suffix.lower() not in (".mp4", ".gif", ".json"):
            raise InputError(f"cannot save a clip as {path.name}; the name must end in .mp4, .gif or .json")
        make_folder(path.parent)
        if path.suffix.lower() == ".json":
            write_motion(path, self.motion)
            return path
        tags = {"comment": synthetic()}
        if path.suffix.lower() == ".gif":
            renderer = self.engine.renderer(self.reference, self.renderer)
            samples = small(renderer.render(self.points[sample_frames(len(self))]))
            write_gif(path, small(renderer.render(self.points)), self.fps, tags, samples=list(samples))
            return path
        with VideoWriter(path, fps=self.fps, size=self.motion.size, quality=quality, tags=tags, sound=self.sound) as writer:
            for t, frame in enumerate(self):
                writer.write(frame)
                progress("rendering", t + 1, len(self))
        return path


def smile(
    photo: Photo,
    *,
    label: str = "spontaneous",
    modes: int | str = 3,
    frames: int | None = None,
    fps: float | str | Fraction = 25,
    duration: float | None = None,
    intensity: float = 1.0,
    start: str = "neutral",
    hold: float = 0.0,
    returns: bool = False,
    loop: bool = False,
    seed: int = 0,
    size: int | None = None,
    face: int | None = None,
    model: str | Path | None = None,
    renderer: str | Path | None = None,
    engine: Engine | None = None,
) -> list[RenderedClip]:
    """One photo -> K different smiles of the very face in it, as clips of the whole photo.

    photo: a path, a PIL picture, or an array (H, W), (H, W, 3) or (H, W, 4). label: "spontaneous" or "posed". modes: how many, or
    "conditional" for the one sequence before it is split into modes. frames, fps, duration (seconds), intensity (0..2), start ("neutral"
    or "photo"), hold (seconds), returns (the whole smile, as --return), loop, seed: see generation.settings.MotionSettings.
    size: the longest side of the frames in pixels; None: the photo's own, at most 1024 (1920 where the face is small).
    face: 1 the largest. model: a checkpoint folder. renderer: "warp", or a run of limner train; None: the best that ships.
    engine: hand the same `limner.generation.smiles.Engine()` to many calls and the detector and the model load once.
    InputError (a ValueError), one line that says what to do: a photo or a setting that is refused.
    """
    asked = {"label": label, "modes": modes, "frames": frames, "fps": fps, "duration": duration, "intensity": intensity, "start": start,
             "hold": hold, "returns": returns, "loop": loop, "seed": seed, "model": _named(model)}  # fmt: skip
    settings = MotionSettings(**asked)
    check_size(size)
    engine = engine or shared_engine()
    reference = open_reference(read_photo(photo), engine.detector, size=size, face=face)
    motions, how = imagined(reference, engine, settings), f"an imagined {label} smile"
    return [RenderedClip(motion=m, reference=reference, how=how, engine=engine, renderer=_named(renderer)) for m in motions]


def render(
    photo: Photo,
    motion: str | Path | Motion,
    *,
    size: int | None = None,
    face: int | None = None,
    absolute: bool = False,
    intensity: float = 1.0,
    renderer: str | Path | None = None,
    engine: Engine | None = None,
) -> RenderedClip:
    """A photo moved by a motion: a motion file, a video whose largest face drives it, or the `motion` of another clip -> a clip.

    Its `how` says whether the motion was the photo's own (scaled where the size differs) or another face's. Another's is transferred in
    inter-ocular units relative to its neutral frame, so that a recording that begins in the middle of a smile does not bend the photo's
    neutral face; absolute=True gives the photo the driver's own shape of lips and lids (generation.transfer.absolute). A video's sound
    goes into the .mp4; its rate is kept, a varying one at its mean, true in time.

    intensity: times the displacement from the neutral face (of the photo's own motion: from its first frame), 0..2. renderer: as of smile.
    InputError: a photo, a motion file, a video or a renderer that is refused.
    """
    from limner.generation.recorded import open_driver, recorded

    check_size(size)
    check_intensity(intensity)
    engine = engine or shared_engine()
    reference = open_reference(read_photo(photo), engine.detector, size=size, face=face)
    driver = open_driver(motion, engine.detector, is_absolute=absolute)
    fitted, how = recorded(driver.motion, reference, is_absolute=absolute, intensity=intensity)
    drawn = _named(renderer)
    return RenderedClip(
        motion=fitted, reference=reference, how=how, engine=engine, renderer=drawn, sound=driver.sound, notes=driver.warnings
    )


def _named(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


@cache
def shared_engine() -> Engine:
    """The engine that calls without one of their own share: made by the first, kept for the process."""
    return Engine()
