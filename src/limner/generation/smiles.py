"""The main job: one photo, K smiles, a folder of files; and what must be loaded once for any number of photos."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner import geometry
from limner.generation.films import Clock, Progress, film, silent
from limner.generation.folder import RESULT, ResultFolder
from limner.generation.reference import Reference, fingerprint, open_reference, summary
from limner.generation.settings import MotionSettings, SettingsError, SmileSettings
from limner.generation.sheets import draw_curves, name_of, title_of
from limner.types import InputError, Motion, Picture

if TYPE_CHECKING:
    from limner.detect.face import FaceDetector
    from limner.generation.renderers import Maker, Renderer
    from limner.papers.motion import MotionModel

RESULT_FORMAT = 1


def version() -> str:
    """limner's own version."""
    from importlib.metadata import version as of

    return of("limner")


def synthetic() -> str:
    """The tag that every file carries."""
    return f"Synthetic: imagined from a single photo by limner {version()}; this is not a recording of the person."


def png_text() -> dict[str, str]:
    """The tag as a PNG holds it."""
    return {"Comment": synthetic(), "Software": f"limner {version()}"}


class Engine:
    """The detector and the motion models, loaded when first needed and then kept: one for a whole batch."""

    def __init__(self) -> None:
        if "torch" not in sys.modules:  # idle threads sleep: spinning ones took nine tenths of a busy machine's time (measured, 2 cores)
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._models: dict[tuple[str, int | str], MotionModel] = {}
        self._renderers: dict[str, Maker] = {}

    @cached_property
    def detector(self) -> FaceDetector:
        from limner.detect.face import FaceDetector

        return FaceDetector()

    def model(self, settings: MotionSettings) -> MotionModel:
        """The motion model of a checkpoint folder, or a shipped one with enough modes. InputError where it cannot be loaded."""
        from limner.papers import load_motion_model

        key = model_identity(settings.model), settings.modes  # by content: a checkpoint that was trained on is loaded anew
        if key not in self._models:
            self._models[key] = load_motion_model(settings.model, modes=settings.modes)
        return self._models[key]

    def renderer(self, reference: Reference, source: str | None = None) -> Renderer:
        """What renders a photo (generation.renderers.open_renderer). SettingsError where there is no such renderer."""
        from limner.generation.renderers import open_renderer, renderer_for

        key = renderer_identity(source)
        if key not in self._renderers:
            try:
                self._renderers[key] = open_renderer(source)
            except InputError as error:
                raise SettingsError(str(error)) from error
        return renderer_for(self._renderers[key], reference)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one photo: its folder, its result.json, and whether finished files were kept.

    curves: of each mode made, (T, 2) of AU6 and AU12, intensities 0..5; none where files were kept, or of bodies.
    """

    folder: Path
    result: dict[str, Any]
    kept: bool
    curves: tuple[np.ndarray, ...] = ()


def identity(picture: Picture, settings: SmileSettings) -> dict[str, Any]:
    """What two runs must share to make the same files."""
    return {**made_with(settings), "photo": fingerprint(picture)[:16]}


def made_with(settings: SmileSettings) -> dict[str, Any]:
    """The settings, the model and the renderer by what they are rather than by where they lie."""
    return {**settings.record(), "model": model_identity(settings.model), "renderer": renderer_identity(settings.renderer)}


def model_identity(source: str | None) -> str:
    """The shipped model by limner's version, a checkpoint by the content of its files."""
    if source is None:
        return f"shipped with limner {version()}"
    path = Path(source)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and file.suffix in (".json", ".safetensors"):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def renderer_identity(source: str | None) -> str:
    """A renderer that ships by its name and limner's version, a run by the content of its files."""
    from limner.generation.renderers import DEFAULT

    name = source or DEFAULT
    return model_identity(name) if Path(name).exists() else f"{name}, {model_identity(None)}"


def make_smiles(
    picture: Picture, out: Path, settings: SmileSettings, engine: Engine, *, force: bool = False, progress: Progress = silent
) -> Outcome:
    """Writes OUT/<name>/ for one photo: the modes' videos, compare.mp4, sheet.png, curves.png, the motion files, result.json last.

    Finished files of the same settings are kept. InputError: a photo without a usable face, other settings in the folder without `force`,
    a disk that refuses; then nothing of this run is left.
    """
    clock, place, same = Clock(), ResultFolder(out, picture.name), identity(picture, settings)
    if (result := place.finished(same, force=force)) is not None:
        return Outcome(folder=place.target, result=result, kept=True)
    progress("finding the face", 0, 1)
    with clock("find the face"):
        reference = open_reference(picture, engine.detector, size=settings.size, face=settings.face)
    progress("imagining the motion", 0, 1)
    with clock("imagine"):
        motions = imagined(reference, engine, settings)
    title = title_of(picture.name, settings.label, settings.seed)
    with place.writing() as folder:
        with clock("prepare the photo"):
            renderer = engine.renderer(reference, settings.renderer)
        filmed = film(
            folder,
            motions,
            renderer.render,
            unit_px=unit_px(reference),
            title=title,
            quality=settings.quality,
            gif=settings.gif,
            tags={"comment": synthetic()},
            clock=clock,
            progress=progress,
        )
        with clock("draw"):
            curves = au_curves(reference, motions)
            write_drawings(folder, filmed.sheet, curves, motions, title)
        write_motions(folder, motions)
        diversity = {"mode_distance": mode_distance(motions), "mouth_pixel_distance": filmed.mouth_distance}
        described = {**describe_all(reference, motions, curves), "diversity": diversity}
        result = _record(same, settings, described, clock, folder)
        (folder / RESULT).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Outcome(folder=place.target, result=result, kept=False, curves=tuple(curves))


def _record(same: dict[str, Any], settings: SmileSettings, described: dict[str, Any], clock: Clock, folder: Path) -> dict[str, Any]:
    """What result.json holds; the folder has every other file by now."""
    return {
        "format": RESULT_FORMAT,
        "synthetic": synthetic(),
        "software": f"limner {version()}",
        "identity": same,
        "settings": settings.record(),
        **described,
        "timings_s": {stage: round(seconds, 3) for stage, seconds in clock.seconds.items()},
        "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if not path.name.startswith(".")},
    }


def imagined(reference: Reference, engine: Engine, settings: MotionSettings) -> list[Motion]:
    """The motions imagined for a reference, each with where it came from. SettingsError where the model cannot give what is asked for."""
    from limner.generation.motion import imagine

    try:
        motions = imagine(engine.model(settings), reference.neutral, reference.face.points, reference.size, settings)
    except InputError as error:
        raise SettingsError(str(error)) from error
    origin = {
        "synthetic": synthetic(),
        "software": f"limner {version()}",
        "photo": reference.name,
        "photo_sha256": reference.sha256,
        "settings": settings.record(),
    }
    return [replace(motion, provenance=origin) for motion in motions]


def unit_px(reference: Reference) -> float:
    """The inter-ocular distance of the reference in pixels."""
    from limner.generation.motion import GUIDE

    return float(geometry.unit_length(reference.face.points, GUIDE))


def au_curves(reference: Reference, motions: list[Motion]) -> list[np.ndarray]:
    """(T, 2) of AU6 and AU12, 0..5, for each motion, relative to the reference's neutral."""
    from limner.measures import action_units

    return [np.asarray(action_units(m.points, reference.neutral)) for m in motions]


def describe_all(reference: Reference, motions: list[Motion], curves: list[np.ndarray]) -> dict[str, Any]:
    """What result.json says of the photo and of its modes."""
    modes = [describe(motion, curve, k) for k, (motion, curve) in enumerate(zip(motions, curves))]
    return {"photo": summary(reference), "video_size": list(reference.size), "modes": modes}


def describe(motion: Motion, curve: np.ndarray, index: int) -> dict[str, Any]:
    """What result.json says of one mode: intensities 0..5 of its curve, (T, 2) of AU6 and AU12."""
    return {
        "video": f"mode_{index + 1}.mp4",
        "motion": f"mode_{index + 1}.motion.json",
        "mode": motion.mode,
        "frames": motion.num_frames,
        "duration_s": round(float(motion.num_frames / motion.fps), 3),
        "au06_peak": round(float(curve[:, 0].max()), 2),
        "au12_start": round(float(curve[0, 1]), 2),
        "au12_peak": round(float(curve[:, 1].max()), 2),
        "au12_end": round(float(curve[-1, 1]), 2),
    }


def mode_distance(motions: list[Motion]) -> float | None:
    """Mean distance between the motions of two modes, in inter-ocular units (measures.mode_distance); None where there is but one."""
    from limner import measures

    return measures.mode_distance([m.points for m in motions]) if len(motions) > 1 else None


def write_motions(folder: Path, motions: list[Motion]) -> None:
    """mode_k.motion.json of each."""
    from limner.media.motion import write_motion

    for k, motion in enumerate(motions):
        write_motion(folder / f"mode_{k + 1}.motion.json", motion)


def write_drawings(folder: Path, sheet: np.ndarray, curves: list[np.ndarray], motions: list[Motion], title: str) -> None:
    """sheet.png and curves.png."""
    from limner.media.pictures import write_png

    write_png(folder / "sheet.png", sheet, png_text())
    draw_curves(folder / "curves.png", curves, [name_of(m) for m in motions], motions[0].fps, title, png_text())
