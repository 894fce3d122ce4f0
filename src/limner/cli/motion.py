"""`limner motion`: motions out of videos and of other tools' files, into them, and those that ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from limner.cli.session import OK, parse, say
from limner.types import InputError, Motion

FOLLOWED = ("face", "body")


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The motion of a face or a body in a video, the largest where one is first seen, as a file that moves any photo."""

    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """The video, of any format that FFmpeg reads."""
    guide: str = "face"
    """What is followed: face, for limner render, or body, for limner move."""
    person: Annotated[int | None, arg(help_behavior_hint="")] = None
    """Of several bodies, the one to follow, counted from 1 and the largest where anybody is first seen."""
    out: Annotated[Path, arg(aliases=("-o",), metavar="X.motion.json")]
    """The motion file."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a motion file that is already there."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """A skeleton's motion of another tool as a motion file: BVH, OpenPose JSON (a file a frame), COCO JSON, Penn Action, CSV."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """The file (.bvh, .json, .mat, .csv), or a folder of OpenPose's files."""
    fps: Annotated[str | None, arg(help_behavior_hint="")] = None
    """Frames a second, where the file states none (25 if left out); a BVH is brought to it."""
    size: Annotated[str | None, arg(metavar="WxH", help_behavior_hint="")] = None
    """Size of the picture that the points lie in, where the file does not say."""
    person: Annotated[int | None, arg(help_behavior_hint="")] = None
    """Of several people, the one to take, counted from 1 and the largest in the first frame."""
    yaw: float = 0.0
    """How far the person of a BVH is turned from the viewer, in degrees; 90 faces the picture's right."""
    out: Annotated[Path, arg(aliases=("-o",), metavar="X.motion.json")]
    """The motion file."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a motion file that is already there."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A body's motion for other tools: .csv, .json (COCO), or, named without a suffix, a folder of OpenPose's files."""

    motion: Annotated[Positional[str], arg(metavar="MOTION")]
    """A motion file, or the name of a motion that ships (limner motion list)."""
    out: Annotated[Path, arg(aliases=("-o",), metavar="OUT")]
    """A .csv, a .json, a folder; or .motion.json, for a motion that ships."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a file that is already there."""


@dataclass(frozen=True, kw_only=True)
class List:
    """The motions that ship: their names are taken wherever a motion file of a body is."""

    json: Annotated[bool, arg(help_behavior_hint="")] = False
    """Print JSON."""


def extract(args: Sequence[str]) -> int:
    """The command `limner motion extract`."""
    asked = parse(Extract, "motion extract", args)
    if asked.guide not in FOLLOWED:
        raise InputError(f"no motion of the guide {asked.guide!r} can be extracted; there are: {', '.join(FOLLOWED)}")
    if asked.guide == "face" and asked.person is not None:
        raise InputError("--person is for bodies (--guide body)")
    _check_out(asked.out, asked.force)
    from limner.media.motion import write_motion

    if asked.guide == "body":
        from limner.data.walkers import motion_of_body
        from limner.detect.body import BodyDetector

        followed = motion_of_body(asked.video, BodyDetector(), asked.person)
    else:
        from limner.data.film import motion_of
        from limner.detect.face import FaceDetector

        followed = motion_of(asked.video, FaceDetector())
    motion = followed.motion
    write_motion(asked.out, motion)
    for note in followed.notes:
        say(f"limner: {asked.video.name}: {note}")
    what = "face" if asked.guide == "face" else "person"
    without = f", {followed.unseen} without a {what}" if followed.unseen else f", the {what} seen in each"
    print(f"{asked.video.name}: {_length(motion)}{without} -> {asked.out}")
    return OK


def import_(args: Sequence[str]) -> int:
    """The command `limner motion import`."""
    asked = parse(Import, "motion import", args)
    _check_out(asked.out, asked.force)
    from limner.media.motion import write_motion
    from limner.media.poses.imports import import_motion
    from limner.media.video import parse_fps

    fps = None if asked.fps is None else parse_fps(asked.fps)
    size = None if asked.size is None else _size(asked.size)
    imported = import_motion(asked.file, fps=fps, size=size, person=asked.person, yaw_deg=asked.yaw)
    write_motion(asked.out, imported.motion)
    for note in imported.notes:
        say(f"limner: {asked.file.name}: {note}")
    print(f"{asked.file.name}: {_length(imported.motion)} -> {asked.out}")
    return OK


def export(args: Sequence[str]) -> int:
    """The command `limner motion export`."""
    asked = parse(Export, "motion export", args)
    if asked.out.is_file() and not asked.force:
        raise InputError(f"{asked.out} is already there; --force replaces it, or name another with --out")
    from limner.data.sources.kinematics.shipped import motion_named
    from limner.media.motion import write_motion
    from limner.media.poses.exports import export_motion

    motion = motion_named(asked.motion)
    if asked.out.name.lower().endswith(".motion.json"):
        write_motion(asked.out, motion)
    else:
        export_motion(asked.out, motion)
    print(f"{asked.motion}: {_length(motion)} -> {asked.out}")
    return OK


def list_(args: Sequence[str]) -> int:
    """The command `limner motion list`."""
    asked = parse(List, "motion list", args)
    from limner.data.sources.kinematics import shipped

    rows = [(name, shipped.load(name), words) for name, (_, _, words) in shipped.MOTIONS.items()]
    if asked.json:
        import json

        print(json.dumps([{"name": n, "frames": m.num_frames, "fps": str(m.fps), "shows": words} for n, m, words in rows], indent=1))
        return OK
    wide = max(len(name) for name, _, _ in rows)
    for name, motion, words in rows:
        print(f"{name:{wide}}  {motion.num_frames:3d} frames at {float(motion.fps):g}  {words}")
    return OK


def _check_out(out: Path, force: bool) -> None:
    if out.suffix.lower() != ".json":
        raise InputError(f"{out} is no name of a motion file; name one that ends in .motion.json")
    if out.exists() and not force:
        raise InputError(f"{out} is already there; --force replaces it, or name another with --out")


def _length(motion: Motion) -> str:
    return f"{motion.num_frames} frame{'' if motion.num_frames == 1 else 's'} at {float(motion.fps):g} a second"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise InputError(f"--size {text}: write it as 640x480")
    return int(width), int(height)
