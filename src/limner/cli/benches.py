"""`limner bench`: every figure of docs/results.md as a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from limner.cli.session import OK, Bar, parse
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Faces:
    """How true and how sharp the renderer is: real neutral faces driven by their real smile's points, beside a copy and a plain spline."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The Face Research Lab London Set: NNN_neutral.jpg and NNN_smiling.jpg."""
    points: Annotated[Path | None, arg(metavar="NPZ", help_behavior_hint="")] = None
    """The people's points; without it FOLDER_points.npz beside the folder, or else the detector's."""
    renderer: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME|RUN", help_behavior_hint="")] = ()
    """A row more: another renderer, or a run that holds one; can be given several times."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def faces(args: Sequence[str]) -> int:
    """The command `limner bench faces`."""
    asked = parse(Faces, "bench faces", args)
    from limner.bench import faces

    faces.run(asked.folder, asked.points, asked.out, asked.renderer)
    return OK


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whether the renderers keep the person, and how far the judge of that can be trusted: people it never saw, in several lights."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The Face Research Lab London Set: NNN_neutral.jpg and NNN_smiling.jpg."""
    store: Annotated[Path | None, arg(metavar="STORE", help_behavior_hint="")] = None
    """A clip store with pixels, whose test people are asked about too."""
    arcface: Annotated[Path | None, arg(metavar="FILE.onnx", help_behavior_hint="")] = None
    """A second judge: an ArcFace model of your own (needs limner[export])."""
    renderer: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME|RUN", help_behavior_hint="")] = ()
    """A row more: another renderer, or a run that holds one; can be given several times."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def identity(args: Sequence[str]) -> int:
    """The command `limner bench identity`."""
    asked = parse(Identity, "bench identity", args)
    from limner.bench import identity

    identity.run(asked.folder, asked.store, asked.arcface, asked.out, asked.renderer)
    return OK


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast limner is here: a photo to three written videos, cold and again, the renderer, the memory, the share of each stage."""


def speed(args: Sequence[str]) -> int:
    """The command `limner bench speed`."""
    parse(Speed, "bench speed", args)
    from limner.bench import speed

    speed.run()
    return OK


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How true and how different the imagined smiles are, on the test people of a clip store."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The clip store (limner prepare smiles makes one)."""
    run: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """A run of limner train, in place of the model that ships."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write the figures there, as motion.json."""


def motion(args: Sequence[str]) -> int:
    """The command `limner bench motion`."""
    asked = parse(Motion, "bench motion", args)
    from limner.bench import motion

    motion.run(asked.store, asked.run, asked.out)
    return OK


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What each loss does: short trainings with push off, pull off and each pull variant, in one table with the whole models."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The clip store (limner prepare smiles makes one)."""
    out: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Where the trainings and ablation.json go; finished ones are kept."""
    steps: int = 250
    """Training steps of the last phase."""
    cmmnet: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """A whole cmmnet, for its row."""
    points: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """A whole cmmnet-points, for its row; without it the one that ships."""


def ablation(args: Sequence[str]) -> int:
    """The command `limner bench ablation`."""
    asked = parse(Ablation, "bench ablation", args)
    from limner.bench import ablation

    ablation.run(asked.store, asked.out, steps=asked.steps, cmmnet=asked.cmmnet, points=asked.points)
    return OK


@dataclass(frozen=True, kw_only=True)
class ActionUnits:
    """How well AU6 and AU12 are read from points, against real smiles, faces that do not smile, and other estimators."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The folder of real data, with faces/ and annotations/ in it."""


def au(args: Sequence[str]) -> int:
    """The command `limner bench au`."""
    asked = parse(ActionUnits, "bench au", args)
    from limner.bench import action_units

    action_units.run(asked.folder)
    return OK


@dataclass(frozen=True, kw_only=True)
class Media:
    """Videos and detection on real data: colours, sizes, speed, and how the points agree with others'."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The folder above data/ and models/."""


def media(args: Sequence[str]) -> int:
    """The command `limner bench media`."""
    asked = parse(Media, "bench media", args)
    from limner.bench import media

    media.run(asked.folder)
    return OK


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Generated clips beside the real ones they imitate, a column a store: likeness, smiles, modes, jitter, with intervals over people."""

    real: Annotated[Positional[Path], arg(metavar="STORE")]
    """The store of real clips, with pixels."""
    fakes: Annotated[Positional[tuple[Path, ...]], arg(metavar="STORE2...", help_behavior_hint="")]
    """Stores that limner generate made from it."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N real clips."""
    judge: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Of bodies: a judge of who they are, which limner bench bodies makes."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write the figures and a sheet of pictures there, as clips.json and clips.png."""


def clips(args: Sequence[str]) -> int:
    """The command `limner bench clips`."""
    asked = parse(Clips, "bench clips", args)
    from limner.bench import clips

    if not asked.fakes:
        raise InputError("name at least one store of generated clips: limner bench clips STORE STORE2")
    with Bar("bench clips") as bar:
        clips.run(asked.real, asked.fakes, asked.out, limit=asked.limit, judge=asked.judge, progress=bar)
    return OK


@dataclass(frozen=True, kw_only=True)
class Translation:
    """How near a trained translation comes to real frames, beside a copy and the warp, on the test people of a clip store with pixels."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The store of real clips, with pixels."""
    run: Annotated[Path, arg(metavar="RUN")]
    """A run of limner train with a translation in it."""
    landmarks: Annotated[Path | None, arg(metavar="RUN2", help_behavior_hint="")] = None
    """A run with a motion model, to be driven by what it imagines too."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N clips of every person."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write the figures and a sheet of pictures there, as translation.json and translation.png."""


def translation(args: Sequence[str]) -> int:
    """The command `limner bench translation`."""
    asked = parse(Translation, "bench translation", args)
    from limner.bench import translation

    with Bar("bench translation") as bar:
        translation.run(asked.store, asked.run, asked.landmarks, asked.out, limit=asked.limit, progress=bar)
    return OK


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """How face-like the synthetic faces are: found by a detector, points and AUs where they should be; sheets to look at."""

    people: int = 64
    """How many people, of a seed that nothing else uses."""
    guide: Annotated[str, arg(metavar="face|body")] = "face"
    """body: the synthetic bodies instead."""
    photos: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Real photos to stand beside them on the sheet."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write figures and sheets there."""


def synthetic(args: Sequence[str]) -> int:
    """The command `limner bench synthetic`."""
    asked = parse(Synthetic, "bench synthetic", args)
    if asked.guide == "body":
        from limner.bench import synthetic_bodies

        synthetic_bodies.run(asked.people, asked.out)
        return OK
    if asked.guide != "face":
        raise InputError(f"--guide {asked.guide}: there are face and body")
    from limner.bench import synthetic

    synthetic.run(asked.people, asked.photos, asked.out)
    return OK


@dataclass(frozen=True, kw_only=True)
class Video:
    """A real video made again from its first neutral frame and its own points, against the real frames; beside a copy and the warp."""

    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """The video of one face."""
    renderer: Annotated[tuple[str, ...], arg(metavar="NAME|RUN", help_behavior_hint="")] = ()
    """Further rows: weights that ship, or runs of limner train."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write video.json and video.png there."""


def video(args: Sequence[str]) -> int:
    """The command `limner bench video`."""
    asked = parse(Video, "bench video", args)
    from limner.bench import video

    video.run(asked.video, asked.renderer, asked.out)
    return OK


@dataclass(frozen=True, kw_only=True)
class Training:
    """What the training loop costs beside the bare networks: speed, the loader alone, waiting, memory, a checkpoint."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The clip store, with frames for a translation."""
    recipe: str = "translation"
    """Which recipe's first stage."""
    steps: int = 72
    """So many steps of it."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE", help_behavior_hint="")] = ()
    """Change a number of the recipe; can be given several times."""


def training(args: Sequence[str]) -> int:
    """The command `limner bench training`."""
    asked = parse(Training, "bench training", args)
    from limner.bench import training
    from limner.cli.work import parse_overrides

    training.run(asked.store, asked.recipe, asked.steps, parse_overrides(asked.set))
    return OK


@dataclass(frozen=True, kw_only=True)
class BenchStudio:
    """The studio's first page, cold and warm; a click against `limner smile` in a warm process; memory after 5 and after 100 jobs."""


def studio(args: Sequence[str]) -> int:
    """The command `limner bench studio`."""
    parse(BenchStudio, "bench studio", args)
    from limner.bench import studio as bench

    bench.run()
    return OK
