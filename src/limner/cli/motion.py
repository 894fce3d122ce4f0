"""`limner motion extract`: a video of a face in, its motion file out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from limner.cli.session import OK, parse, say
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The motion of a face in a video, the largest where one is first seen, as a file that limner render plays on any photo."""

    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """The video, of any format that FFmpeg reads."""
    guide: str = "face"
    """What is followed."""
    out: Annotated[Path, arg(aliases=("-o",), metavar="X.motion.json")]
    """The motion file."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a motion file that is already there."""


def extract(args: Sequence[str]) -> int:
    """The command `limner motion extract`."""
    asked = parse(Extract, "motion extract", args)
    if asked.guide != "face":
        raise InputError(f"no motion of the guide {asked.guide!r} can be extracted; there is: face")
    if asked.out.suffix.lower() != ".json":
        raise InputError(f"{asked.out} is no name of a motion file; name one that ends in .motion.json")
    if asked.out.exists() and not asked.force:
        raise InputError(f"{asked.out} is already there; --force replaces it, or name another with --out")
    from limner.data.film import motion_of
    from limner.detect.face import FaceDetector
    from limner.media.motion import write_motion

    followed = motion_of(asked.video, FaceDetector())
    motion = followed.motion
    write_motion(asked.out, motion)
    for note in followed.notes:
        say(f"limner: {asked.video.name}: {note}")
    frames = f"{motion.num_frames} frame{'' if motion.num_frames == 1 else 's'}"
    without = f", {followed.unseen} without a face" if followed.unseen else ", the face seen in each"
    print(f"{asked.video.name}: {frames} at {float(motion.fps):g} a second{without} -> {asked.out}")
    return OK
