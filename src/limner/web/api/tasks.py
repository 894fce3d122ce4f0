"""What a worker of the API does with a photo: the same functions that the commands call, models kept between jobs.

It reads nothing but the job's own folder and what ships with limner: no setting of a client is ever a path.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from limner.types import InputError, Picture
from limner.web.api.checks import ABOUT, PIXELS, POINTS, VIDEO
from limner.web.engines import Engines

Progress = Callable[[str, int, int], None]
SMILE, RENDER, MOVE = "smile", "render", "move"


def work() -> Callable[..., None]:
    """For limner.web.jobs: do("smile" | "render" | "move", settings, folder with the photo, folder for the results, progress)."""
    engines = Engines()
    engines.warm()

    def do(kind: str, settings: dict[str, Any], folder_in: Path, folder_out: Path, progress: Progress) -> None:
        about = json.loads((folder_in / ABOUT).read_text("utf-8"))
        picture = Picture(pixels=np.load(folder_in / PIXELS, allow_pickle=False), name="photo", notes=tuple(about["notes"]))
        {SMILE: smile, RENDER: render, MOVE: move}[kind](engines, picture, settings, folder_in, folder_out, progress)

    return do


def smile(engines: Engines, picture: Picture, settings: dict[str, Any], folder_in: Path, out: Path, progress: Progress) -> None:
    """`limner smile` of one photo."""
    from limner.generation.settings import SmileSettings
    from limner.generation.smiles import make_smiles

    _move_up(make_smiles(picture, out, SmileSettings(**settings), engines.faces, progress=progress).folder)


def render(engines: Engines, picture: Picture, settings: dict[str, Any], folder_in: Path, out: Path, progress: Progress) -> None:
    """`limner render` of one photo: video.mp4 and video.motion.json."""
    from limner.api import render as rendered
    from limner.generation.smiles import synthetic

    progress("reading the motion", 0, 1)
    try:
        clip = rendered(picture.pixels, _motion_in(folder_in), engine=engines.faces, **settings)
        clip.save(out / "video.mp4", progress=progress)
        clip.save(out / "video.motion.json")
    except InputError as error:
        raise InputError(_without_paths(error, folder_in)) from error
    about = {
        "synthetic": synthetic(),
        "how": clip.how,
        "warnings": [*clip.warnings, *clip.notes],
        "frames": len(clip),
        "fps": str(clip.fps),
    }
    (out / "result.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")


def move(engines: Engines, picture: Picture, settings: dict[str, Any], folder_in: Path, out: Path, progress: Progress) -> None:
    """`limner move` of one photo; settings["motion"]: one that ships, unless the job's folder holds one."""
    from limner.generation.moves import MoveSettings, make_move, open_motion

    progress("reading the motion", 0, 1)
    own = any((folder_in / name).exists() for name in (POINTS, VIDEO))
    try:
        motion, _ = open_motion(str(_motion_in(folder_in)) if own else settings["motion"], engines.bodies)
        settings = {**settings, "motion": "uploaded" if own else settings["motion"]}
        _move_up(make_move(picture, motion, out, MoveSettings(**settings), engines.bodies, progress=progress).folder)
    except InputError as error:
        raise InputError(_without_paths(error, folder_in)) from error


def _motion_in(folder: Path) -> Path:
    return folder / POINTS if (folder / POINTS).exists() else folder / VIDEO


def _without_paths(error: InputError, folder: Path) -> str:
    """The refusal without where the server keeps its files."""
    said = str(error)
    for name in (POINTS, VIDEO):
        said = said.replace(str(folder / name), "the motion")
    return said


def _move_up(folder: Path) -> None:
    """What a result folder holds, to the folder around it."""
    for path in folder.iterdir():
        path.replace(folder.parent / path.name)
    folder.rmdir()
