"""The main job for bodies: one photo of a person, one skeleton in motion, a folder with the video."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.generation.films import Clock, Progress, Pump, silent
from limner.generation.folder import RESULT, ResultFolder
from limner.generation.move_sheet import sheet_of
from limner.generation.reference import even_size, fingerprint, fit
from limner.generation.retarget import Retargeted, retarget
from limner.generation.settings import MIN_SIZE, SettingsError, check_size, parse_quality
from limner.generation.sheets import moments
from limner.generation.smiles import RESULT_FORMAT, Outcome, model_identity, png_text, synthetic, version
from limner.guides.body import GUIDE
from limner.media.pictures import write_png
from limner.types import Body, InputError, Motion, Picture

if TYPE_CHECKING:
    from limner.detect.body import BodyDetector
    from limner.generation.body_renderers import BodyMaker

MIN_SPEED, MAX_SPEED = 0.1, 10.0  # ours
MAX_FRAMES = 3000  # ours: as generation.settings


@dataclass(frozen=True, kw_only=True)
class MoveSettings:
    """How a person is moved. motion: as named; mirror, speed, loop: as generation.retarget. renderer: "warp", or a run; None: the warp.

    size: the longest side of the video in pixels; None: the photo's own, at most 1024. person: which, 1 the largest. quality: as of smile.
    InputError on making one out of range.
    """

    motion: str
    renderer: str | None = None
    speed: float = 1.0
    loop: bool = False
    mirror: bool = False
    person: int | None = None
    size: int | None = None
    quality: str | int = "high"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and MIN_SPEED <= self.speed <= MAX_SPEED):
            raise InputError(f"speed is {self.speed}; it must lie between {MIN_SPEED:g} and {MAX_SPEED:g}")
        if self.person is not None and self.person < 1:
            raise InputError(f"person is {self.person}; people are counted from 1, the largest first")
        check_size(self.size)
        object.__setattr__(self, "quality", parse_quality(self.quality))


class BodyEngine:
    """The detector and the renderer's network, loaded when first needed and then kept: one for a whole batch."""

    def __init__(self) -> None:
        self._makers: dict[str, BodyMaker] = {}

    @cached_property
    def detector(self) -> BodyDetector:
        from limner.detect.body import BodyDetector

        return BodyDetector()

    def maker(self, source: str | None) -> BodyMaker:
        """What makes renderers. SettingsError where there is none of that name."""
        from limner.generation.body_renderers import open_body_renderer

        key = renderer_identity(source)
        if key not in self._makers:
            try:
                self._makers[key] = open_body_renderer(source)
            except InputError as error:
                raise SettingsError(str(error)) from error
        return self._makers[key]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A photo at the video's size, with the person in it. pixels: (H, W, 3) uint8, sides even. body: in those pixels."""

    name: str
    pixels: np.ndarray
    body: Body
    photo_size: tuple[int, int]
    sha256: str
    notes: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the video."""
        return self.pixels.shape[1], self.pixels.shape[0]


def open_person(picture: Picture, detector: BodyDetector, *, size: int | None = None, person: int | None = None) -> Person:
    """A read photo -> Person. InputError: nobody in it, no such person, one too small (detect.body.pick_body)."""
    height, width = picture.pixels.shape[:2]
    if min(width, height) < MIN_SIZE:
        raise InputError(f"{picture.name} is {width}x{height} pixels; a person needs at least {MIN_SIZE}")
    pixels = fit(picture.pixels, even_size((width, height), size))
    return Person(
        name=picture.name,
        pixels=pixels,
        body=detector.find(pixels, person),
        photo_size=(width, height),
        sha256=fingerprint(picture),
        notes=picture.notes,
    )


def open_motion(source: str, engine: BodyEngine) -> tuple[Motion, tuple[str, ...]]:
    """A motion file, a motion that ships by name, or a video whose largest person is followed -> the motion, and what is doubtful of it.

    InputError: none of these, a motion of another guide or of a single frame, a video that shows nobody.
    """
    motion, notes = _opened_motion(source, engine)
    if motion.num_frames < 2:
        raise InputError(f"{source} has {'a single frame' if motion.num_frames else 'no frames'}, so nothing moves")
    return motion, notes


def _opened_motion(source: str, engine: BodyEngine) -> tuple[Motion, tuple[str, ...]]:
    from limner.generation.recorded import is_motion_file
    from limner.media.motion import read_motion

    path = Path(source)
    if not path.is_file() and path.suffix.lower() != ".json":
        from limner.data.sources.kinematics.shipped import motion_named

        return motion_named(source), ()
    if is_motion_file(path):
        return read_motion(path, GUIDE.name), ()
    from limner.data.walkers import motion_of_body

    followed = motion_of_body(path, engine.detector)
    return followed.motion, followed.notes


def renderer_identity(source: str | None) -> str:
    """A renderer that ships by its name and limner's version, a run by the content of its files."""
    from limner.generation.body_renderers import WARP

    name = source or WARP
    return model_identity(name) if Path(name).exists() else f"{name}, {model_identity(None)}"


def motion_identity(motion: Motion) -> str:
    """A motion by its content."""
    import hashlib

    digest = hashlib.sha256(f"{motion.guide} {motion.fps} {motion.size}".encode())
    for values in (motion.points, motion.confidence):
        digest.update(np.ascontiguousarray(values, np.float32).tobytes())
    return digest.hexdigest()[:16]


def fitted(motion: Motion, person: Person, settings: MoveSettings) -> Retargeted:
    """The motion for this person; one made for this very photo plays as it is, at any size of it."""
    own = motion.guide == GUIDE.name and motion.provenance.get("photo_sha256") == person.sha256
    if own and motion.num_frames > 1 and not settings.mirror and settings.speed == 1 and not settings.loop:
        scale = np.array(person.size) / motion.size
        points = (motion.points * scale).astype(np.float32)
        return Retargeted(motion=replace(motion, points=points, size=person.size), how="the photo's own motion", notes=(), moved=())
    options = {"mirror": settings.mirror, "speed": settings.speed, "loop": settings.loop}
    made = retarget(motion, person.body.points, person.body.confidence, person.size, **options)
    if made.motion.num_frames > MAX_FRAMES:
        raise SettingsError(f"the motion has {made.motion.num_frames} frames at this speed; at most {MAX_FRAMES} are rendered")
    return made


def make_move(
    picture: Picture,
    motion: Motion,
    out: Path,
    settings: MoveSettings,
    engine: BodyEngine,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Writes OUT/<name>/ for one photo: move.mp4, sheet.png, retargeted.motion.json, result.json last.

    Finished files of the same settings are kept. InputError: nobody in the photo, a motion that does not fit, other settings in the folder
    without `force`, a disk that refuses; then nothing of this run is left.
    """
    clock, place = Clock(), ResultFolder(out, picture.name)
    same = {**asdict(settings), "motion": motion_identity(motion), "renderer": renderer_identity(settings.renderer)}
    same["photo"] = fingerprint(picture)[:16]
    if (result := place.finished(same, force=force)) is not None:
        return Outcome(folder=place.target, result=result, kept=True)
    progress("finding the person", 0, 1)
    with clock("find the person"):
        person = open_person(picture, engine.detector, size=settings.size, person=settings.person)
    with clock("retarget"):
        made = fitted(motion, person, settings)
    with place.writing() as folder:
        result = write_move(folder, person, made, motion, same, settings, engine, clock, progress)
    return Outcome(folder=place.target, result=result, kept=False)


def write_move(
    folder: Path,
    person: Person,
    made: Retargeted,
    motion: Motion,
    same: dict[str, Any],
    settings: MoveSettings,
    engine: BodyEngine,
    clock: Clock,
    progress: Progress,
) -> dict[str, Any]:
    """Renders and writes all files of a result into a folder, result.json last -> what that says.

    same: what tells this result from others."""
    from limner.media.motion import write_motion

    origin = {"synthetic": synthetic(), "software": f"limner {version()}", "photo": person.name, "photo_sha256": person.sha256}
    moved = replace(made.motion, provenance={**origin, "settings": asdict(settings), "from": motion.provenance})
    with clock("prepare the photo"):
        progress("taking the person apart", 0, 1)
        renderer = engine.maker(settings.renderer)(person.pixels, person.body)
    sheet = filmed(folder / "move.mp4", renderer.render(moved.points), person, moved, settings, clock, progress)
    with clock("draw"):
        write_png(folder / "sheet.png", sheet, png_text())
    write_motion(folder / "retargeted.motion.json", moved)
    result = {
        "format": RESULT_FORMAT,
        "synthetic": synthetic(),
        "software": f"limner {version()}",
        "identity": same,
        "settings": asdict(settings),
        "photo": summary(person),
        "video_size": list(person.size),
        "frames": moved.num_frames,
        "duration_s": round(float(moved.num_frames / moved.fps), 3),
        "how": made.how,
        "moved": list(made.moved),
        "notes": list(made.notes),
        "timings_s": {stage: round(seconds, 3) for stage, seconds in clock.seconds.items()},
        "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if not path.name.startswith(".")},
    }
    (folder / RESULT).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def filmed(path: Path, frames: Any, person: Person, motion: Motion, settings: MoveSettings, clock: Clock, progress: Progress) -> np.ndarray:
    """Writes the video frame by frame -> the sheet of its moments."""
    from limner.media.video import VideoWriter

    chosen = set(moments(motion.num_frames))
    kept: dict[int, np.ndarray] = {}
    options: dict[str, Any] = {"fps": motion.fps, "size": person.size, "quality": settings.quality, "tags": {"comment": synthetic()}}
    frames = iter(frames)
    with VideoWriter(path, **options) as writer, Pump(writer.write) as pump:
        for t in range(motion.num_frames):
            with clock("render"):
                frame = next(frames)
            with clock("write"):
                pump.put(frame)
            if t in chosen:
                kept[t] = frame
            progress("rendering", t + 1, motion.num_frames)
    with clock("draw"):
        return sheet_of(kept, motion, person.body, person.name)


def summary(person: Person) -> dict[str, Any]:
    """What result.json says of the photo."""
    return {
        "name": person.name,
        "sha256": person.sha256,
        "size": list(person.photo_size),
        "person_box_px": [round(float(v), 1) for v in person.body.box],
        "joints_seen": int((np.asarray(person.body.confidence) > 0).sum()),
        "notes": list(person.notes),
        "warnings": list(person.body.warnings),
    }
