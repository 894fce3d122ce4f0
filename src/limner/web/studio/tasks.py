"""What the studio's warm process does: the same functions that the commands call, told how far they are and asked to stop in between.

Only files that the server names are read and written; paths come as text. What is refused comes back as the terminal's one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.types import InputError, Motion
from limner.web.engines import Engines

if TYPE_CHECKING:
    from limner.api import RenderedClip
    from limner.web.worker import Do, Progress

ANSWER = "answer.json"  # in the job's folder of results
MOST_DRIVER_FRAMES = 3000  # ours: as many as limner smile renders; two minutes at 25 frames a second
SHEET_ROWS = 12  # as limner inspect


def work() -> Do:
    """What limner.web.worker calls for each job, once everything is warm: its answer lies in ANSWER."""
    engines = Engines()
    engines.warm()

    def do(kind: str, settings: dict[str, Any], given: Path, out: Path, progress: Progress) -> None:
        try:
            answer = TASKS[kind](engines, progress, **settings)
        except RuntimeError as error:
            if "allocate memory" in str(error) or "out of memory" in str(error):  # torch's way to say it
                raise MemoryError from error
            raise
        (out / ANSWER).write_text(json.dumps(answer, default=str), encoding="utf-8")

    return do


def smile(engines: Engines, progress: Progress, *, photo: str, name: str, out: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`limner smile` of one photo into out/<name>/ -> its folder, its result.json and the curves of its modes."""
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import make_smiles
    from limner.media.pictures import read_picture

    progress("reading the photo", 0, 1)
    checked = SmileSettings(**settings)
    outcome = make_smiles(read_picture(photo, name=name), Path(out), checked, engines.faces, progress=progress)
    return {"folder": outcome.folder, "result": outcome.result, "curves": [curve.tolist() for curve in outcome.curves]}


def drive(
    engines: Engines,
    progress: Progress,
    *,
    photo: str,
    name: str,
    driver: str | None,
    out: str,
    is_absolute: bool = False,
    intensity: float = 1.0,
    size: int | None = None,
    renderer: str | None = None,
) -> dict[str, Any]:
    """`limner render`: the photo moved by a motion file or a video into out/ -> what `clip_files` tells. driver None: the example's."""
    from limner import api
    from limner.generation.settings import check_intensity, check_size
    from limner.media.pictures import read_picture

    check_size(size)
    check_intensity(intensity)
    progress("reading the photo", 0, 1)
    picture = read_picture(photo, name=name)
    progress("following the face that drives", 0, 1)
    motion = example_motion() if driver is None else checked_driver(Path(driver))
    options: dict[str, Any] = {"size": size, "intensity": intensity, "renderer": renderer, "engine": engines.faces}
    clip = api.render(picture, motion, absolute=is_absolute, **options)
    return clip_files(clip, Path(out), progress)


def checked_driver(path: Path) -> Path:
    """The path, unless it is a video that is too long. InputError then, and where it is neither a motion file nor a video."""
    from limner.generation.recorded import is_motion_file
    from limner.media.video import read_video

    if not is_motion_file(path):
        frames = read_video(path)[0].num_frames
        if frames > MOST_DRIVER_FRAMES:
            raise InputError(
                f"{path} has {frames} frames; at most {MOST_DRIVER_FRAMES} drive a photo here (limner render takes any number)"
            )
    return path


def example_motion() -> Motion:
    """A posed smile of an invented person, neutral face to neutral face."""
    from limner.data.sources.smiles import person_clips

    clip = next(clip for clip in person_clips(3, 0) if clip.kind == "smile" and clip.label == "posed")  # ours: a clear one
    return Motion(guide="face", points=clip.points, confidence=clip.confidence, fps=clip.fps, size=clip.size, label=clip.label, seed=0)


def edit(
    engines: Engines, progress: Progress, *, photo: str, name: str, motions: list[str], edits: str, out: str, renderer: str | None = None
) -> dict[str, Any]:
    """The photo moved by its own motion, motions[0], with changes; mixed with motions[1] where there is one -> as `drive`."""
    from limner import api
    from limner.media.motion import read_motion
    from limner.media.pictures import read_picture
    from limner.web.studio.edits import apply_edits, parse_edits

    progress("changing the motion", 0, 1)
    first, *more = (read_motion(path, "face") for path in motions)
    changed = apply_edits(first, parse_edits(edits), more[0] if more else None)
    if changed.num_frames > MOST_DRIVER_FRAMES:
        raise InputError(f"the motion would have {changed.num_frames} frames; at most {MOST_DRIVER_FRAMES}: choose a higher speed")
    picture = read_picture(photo, name=name)
    clip = api.render(picture, changed, size=max(first.size), renderer=renderer, engine=engines.faces)
    return clip_files(clip, Path(out), progress)


def clip_files(clip: RenderedClip, out: Path, progress: Progress) -> dict[str, Any]:
    """Writes out/video.mp4 and out/video.motion.json -> the folder, the curves, the rate and what is to be said of the clip."""
    clip.save(out / "video.mp4", progress=progress)
    clip.save(out / "video.motion.json")
    return {
        "folder": out,
        "curves": [clip.au.tolist()],
        "fps": str(clip.fps),
        "frames": len(clip),
        "how": clip.how,
        "notes": [*clip.warnings, *clip.notes],
        "sound": clip.sound is not None,
    }


def move(engines: Engines, progress: Progress, *, photo: str, name: str, motion: str, out: str, settings: dict[str, Any]) -> dict[str, Any]:
    """`limner move` of one photo into out/<name>/ -> its folder, its result.json and the rate. motion: a file's path, or a shipped name."""
    from limner.generation.moves import MoveSettings, make_move, open_motion
    from limner.generation.recorded import is_motion_file
    from limner.media.pictures import read_picture

    progress("reading the photo", 0, 1)
    checked = MoveSettings(motion=Path(motion).name, **settings)
    picture = read_picture(photo, name=name)
    if Path(motion).is_absolute() and not is_motion_file(Path(motion)):
        progress("following the person who drives", 0, 1)
        checked_driver(Path(motion))
    driving, notes = open_motion(motion, engines.bodies)
    outcome = make_move(picture, driving, Path(out), checked, engines.bodies, progress=progress)
    return {"folder": outcome.folder, "result": outcome.result, "fps": str(driving.fps), "notes": list(notes)}


def look(engines: Engines, progress: Progress, *, path: str, out: str, points: bool) -> dict[str, Any]:
    """`limner inspect` of a store or a run, with its sheet -> the lines; out/sheet.png."""
    from limner.contents import runs, stores
    from limner.contents.words import lines_of
    from limner.data.store import Store
    from limner.media.pictures import write_png

    folder = Path(path)
    progress("reading every clip" if (folder / "manifest.parquet").exists() else "reading what was logged", 0, 1)
    if (folder / "manifest.parquet").exists():
        store = Store(folder)
        told = stores.describe_store(store)
        progress("drawing the sheet", 0, 1)
        sheet = stores.store_sheet(store, SHEET_ROWS, points)
    else:
        told = runs.describe_run(folder)
        progress("drawing the curves", 0, 1)
        sheet = runs.run_sheet(folder)
    write_png(Path(out) / "sheet.png", sheet)
    return {"lines": lines_of(told)}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "smile": smile,
    "drive": drive,
    "edit": edit,
    "move": move,
    "look": look,
}
