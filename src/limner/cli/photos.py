"""`limner smile` and `limner render`: photos in, videos out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from limner.cli.batch import each
from limner.cli.session import OK, Bar, parse, say
from limner.generation.settings import SmileSettings, check_intensity, check_size, parse_quality
from limner.types import InputError

if TYPE_CHECKING:
    from limner.generation.smiles import Engine


SMILES = 0.6  # ours: of a common smile; from here on the face is brought to neutral in full (generation.neutral)
BROUGHT = "the mouth smiles or is open; the videos begin at an estimated neutral face (--start photo begins as the photo is)"
NO_FOLDERS = (".gif", ".mov", ".m4v", ".mkv", ".webm", ".avi")  # meant as a video's name
Flag = Annotated[bool, arg(help_behavior_hint="")]


@dataclass(frozen=True, kw_only=True)
class Smile:
    """K different smile videos of the very face in each photo, in OUT/<photo's name>/.

    mode_1.mp4 ... mode_K.mp4, compare.mp4 (side by side), sheet.png (a row a mode, eight moments), curves.png (AU6 and AU12 over time),
    mode_k.motion.json (the points, editable; limner render plays them) and result.json.
    """

    photos: Annotated[Positional[tuple[Path, ...]], arg(metavar="PHOTO|FOLDER...", help_behavior_hint="")]
    """Photos, or folders of photos."""
    label: Annotated[str, arg(metavar="spontaneous|posed")] = "spontaneous"
    """The kind of smile."""
    modes: Annotated[str, arg(metavar="K|conditional")] = "3"
    """How many different smiles; conditional: the one sequence before it is split into modes."""
    frames: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Resample each motion to exactly N frames. Without it each lasts as long as predicted, or --duration."""
    fps: Annotated[str, arg(metavar="RATE")] = "25"
    """Frames a second: 25, 29.97, 30000/1001."""
    duration: Annotated[float | None, arg(metavar="SECONDS", help_behavior_hint="")] = None
    """How long each motion lasts, in place of its own predicted time."""
    intensity: Annotated[float, arg(metavar="0..2")] = 1.0
    """How strong: times the displacement from the neutral face."""
    start: Annotated[str, arg(metavar="neutral|photo")] = "neutral"
    """Begin at the neutral face (a photo that smiles is brought there first), or at the photo's own expression."""
    hold: Annotated[float, arg(metavar="SECONDS")] = 0.0
    """Hold the last frame."""
    returns: Annotated[bool, arg(name="return", help_behavior_hint="")] = False
    """The whole smile: onset, peaks, offset."""
    loop: Flag = False
    """Forward and back, so that it repeats without a jump."""
    size: Annotated[int | None, arg(metavar="PIXELS", help_behavior_hint="")] = None
    """The longest side of the video; without it the photo's own, at most 1024, or 1920 where the face is small."""
    seed: int = 0
    """0: the model's mean. Any other: its own set of smiles."""
    face: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Which face, counted from 1, the largest first. Without it the largest."""
    gif: Flag = False
    """Also write mode_k.gif, at most 480 pixels wide and high."""
    quality: Annotated[str, arg(metavar="low|medium|high|0..51")] = "high"
    """Of the videos; as a number, x264's rate factor: less is better."""
    model: Annotated[str | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """A checkpoint of limner train, in place of the one that ships."""
    renderer: Annotated[str | None, arg(metavar="NAME|FOLDER", help_behavior_hint="")] = None
    """What turns points into pixels: warp, or a run of limner train; without it the best that ships."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("limner-out")
    """Where the results go."""
    force: Flag = False
    """Replace a result made with other settings."""

    def settings(self) -> SmileSettings:
        """The options that decide what the videos show. InputError out of range."""
        names = SmileSettings.__dataclass_fields__
        return SmileSettings(**{name: getattr(self, name) for name in names})


def smile(args: Sequence[str]) -> int:
    """The command `limner smile`. -> 0, or 2 where a photo was refused."""
    asked = parse(Smile, "smile", args)
    if not asked.photos:
        raise InputError("name at least one photo or folder: limner smile PHOTO")
    settings = asked.settings()
    from limner.api import shared_engine

    engine = shared_engine()
    return each(asked.photos, asked.out, lambda path, name: _smile_one(path, asked, settings, engine, name))


def _smile_one(path: Path, asked: Smile, settings: SmileSettings, engine: Engine, name: str) -> bool:
    """One photo of a batch; -> whether finished files were kept. InputError where it is refused."""
    from limner.generation.reference import read_photo
    from limner.generation.smiles import make_smiles

    start = time.monotonic()
    with Bar(name) as bar:
        outcome = make_smiles(read_photo(path), asked.out, settings, engine, force=asked.force, progress=bar)
    if outcome.kept:
        print(f"{path.name}: already done with these settings, kept -> {outcome.folder} (--force makes it anew)")
        return True
    for warning in outcome.result["photo"]["warnings"]:
        say(f"limner: {path.name}: {warning}")
    if settings.start == "neutral" and outcome.result["photo"]["own_smile"] > SMILES:
        say(f"limner: {path.name}: {BROUGHT}")
    lasting = ", ".join(f"{mode['duration_s']:.1f} s" for mode in outcome.result["modes"])
    what = f"{settings.modes} {settings.label} smile{'' if len(outcome.result['modes']) == 1 else 's'}"
    print(f"{path.name}: {what} ({lasting}) in {time.monotonic() - start:.1f} s -> {outcome.folder}")
    return False


@dataclass(frozen=True, kw_only=True)
class Render:
    """A video of a photo moved by a motion file, or by the face of another video: OUT/<photo>_<motion>.mp4.

    A motion made for this photo plays as it is, at any size of it. Another face's is transferred in inter-ocular units; the output says
    which. A video's sound goes along, and its frame rate is kept exactly (one that varies: its mean, true in time).
    """

    photo: Annotated[Positional[Path], arg(metavar="PHOTO")]
    """The photo that is to move."""
    motion: Annotated[Positional[Path], arg(metavar="MOTION.json|VIDEO")]
    """A motion file (limner smile writes them, and they can be edited), or a video whose largest face is followed."""
    relative: Flag = False
    """Another face's motion since its first neutral frame is added to the photo's neutral face. So it is without either flag."""
    absolute: Flag = False
    """Another face's lips and lids give the photo's their very shape, whatever that face is like at rest."""
    out: Annotated[Path, arg(metavar="FOLDER|FILE.mp4")] = Path("limner-out")
    """The folder, or the video itself."""
    size: Annotated[int | None, arg(metavar="PIXELS", help_behavior_hint="")] = None
    """The longest side of the video; without it the photo's own, at most 1024, or 1920 where the face is small."""
    face: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Which face, counted from 1, the largest first. Without it the largest."""
    intensity: Annotated[float, arg(metavar="0..2")] = 1.0
    """How strong: times the displacement from the neutral face."""
    gif: Flag = False
    """Also write a GIF beside the video, at most 480 pixels wide and high."""
    quality: Annotated[str, arg(metavar="low|medium|high|0..51")] = "high"
    """Of the video; as a number, x264's rate factor: less is better."""
    renderer: Annotated[str | None, arg(metavar="NAME|FOLDER", help_behavior_hint="")] = None
    """What turns points into pixels: warp, or a run of limner train; without it the best that ships."""
    force: Flag = False
    """Replace a video that is already there."""


def render(args: Sequence[str]) -> int:
    """The command `limner render`. -> 0; InputError where the photo or the motion is refused."""
    asked = parse(Render, "render", args)
    check_size(asked.size)
    quality = parse_quality(asked.quality)
    check_intensity(asked.intensity)
    if asked.out.suffix.lower() in NO_FOLDERS:
        raise InputError(f"{asked.out} is no video that limner writes; name an .mp4 or a folder (--gif makes a GIF beside the video)")
    target = asked.out if asked.out.suffix.lower() == ".mp4" else asked.out / f"{asked.photo.stem}_{motion_stem(asked.motion)}.mp4"
    if target.exists() and not asked.force:
        raise InputError(f"{target} is already there; --force replaces it, or name another with --out")
    if asked.relative and asked.absolute:
        raise InputError("--relative and --absolute exclude one another; name one of them")
    from limner import api

    start = time.monotonic()
    with Bar(asked.photo.name) as bar:
        bar("finding the face", 0, 1)
        options = {"size": asked.size, "face": asked.face, "intensity": asked.intensity, "renderer": asked.renderer}
        clip = api.render(asked.photo, asked.motion, absolute=asked.absolute, **options)
        clip.save(target, quality=quality, progress=bar)
        if asked.gif:
            clip.save(target.with_suffix(".gif"), progress=bar)
    for warning in clip.warnings:
        say(f"limner: {asked.photo.name}: {warning}")
    for note in clip.notes:
        say(f"limner: {asked.motion.name}: {note}")
    frames = f"{len(clip)} frame{'s' if len(clip) > 1 else ''}"
    print(f"{asked.photo.name}: {clip.how}; {frames} in {time.monotonic() - start:.1f} s -> {target}")
    return OK


def motion_stem(path: Path) -> str:
    """'a/mode_1.motion.json' -> 'mode_1', 'a/film.mp4' -> 'film'."""
    return path.stem.removesuffix(".motion")
