"""`limner move`: photos of people and a skeleton's motion in, videos out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from limner.cli.batch import each
from limner.cli.photos import Flag
from limner.cli.session import Bar, parse, say
from limner.types import InputError, Motion

if TYPE_CHECKING:
    from limner.generation.moves import BodyEngine, MoveSettings


@dataclass(frozen=True, kw_only=True)
class Move:
    """The person in each photo does what a skeleton does, in OUT/<photo's name>/.

    move.mp4, sheet.png (eight moments and their skeletons), retargeted.motion.json (the joints, editable; limner move plays them) and
    result.json. The person keeps their own proportions, place and ground. The view stays the photo's: nobody turns round.
    """

    photos: Annotated[Positional[tuple[Path, ...]], arg(metavar="PERSON.jpg|FOLDER...", help_behavior_hint="")]
    """Photos of people, or folders of photos."""
    motion: Annotated[str, arg(metavar="FILE|NAME|VIDEO")]
    """A motion file of a body, the name of a motion that ships (limner motion list), or a video whose largest person is followed."""
    renderer: Annotated[str | None, arg(metavar="warp|RUN", help_behavior_hint="")] = None
    """What turns the skeleton into pixels: warp, which needs no training, or a run of limner train. Without it warp."""
    speed: Annotated[float, arg(metavar="0.1..10")] = 1.0
    """2: twice as fast."""
    loop: Flag = False
    """The end leads back to the beginning, so that it repeats without a jump; without it the video begins in the photo's own pose."""
    mirror: Flag = False
    """Left and right changed over in the motion."""
    person: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Which person, counted from 1, the largest first. Without it the largest."""
    size: Annotated[int | None, arg(metavar="PIXELS", help_behavior_hint="")] = None
    """The longest side of the video; without it the photo's own, at most 1024."""
    quality: Annotated[str, arg(metavar="low|medium|high|0..51")] = "high"
    """Of the video; as a number, x264's rate factor: less is better."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("limner-out")
    """Where the results go."""
    force: Flag = False
    """Replace a result made with other settings."""

    def settings(self) -> MoveSettings:
        """The options that decide what the video shows. InputError out of range."""
        from limner.generation.moves import MoveSettings

        return MoveSettings(**{name: getattr(self, name) for name in MoveSettings.__dataclass_fields__})


def move(args: Sequence[str]) -> int:
    """The command `limner move`. -> 0, or 2 where a photo was refused."""
    asked = parse(Move, "move", args)
    if not asked.photos:
        raise InputError("name at least one photo or folder: limner move PERSON.jpg --motion NAME")
    settings = asked.settings()
    from limner.generation.moves import BodyEngine, open_motion

    engine = BodyEngine()
    motion, notes = open_motion(asked.motion, engine)
    engine.maker(settings.renderer)  # a renderer that is not there is said before any photo is looked at
    for note in notes:
        say(f"limner: {asked.motion}: {note}")
    return each(asked.photos, asked.out, lambda path, name: _move_one(path, motion, asked, settings, engine, name))


def _move_one(path: Path, motion: Motion, asked: Move, settings: MoveSettings, engine: BodyEngine, name: str) -> bool:
    """One photo of a batch; -> whether finished files were kept. InputError where it is refused."""
    from limner.generation.moves import make_move
    from limner.generation.reference import read_photo

    start = time.monotonic()
    with Bar(name) as bar:
        outcome = make_move(read_photo(path), motion, asked.out, settings, engine, force=asked.force, progress=bar)
    if outcome.kept:
        print(f"{path.name}: already done with these settings, kept -> {outcome.folder} (--force makes it anew)")
        return True
    result = outcome.result
    for warning in [*result["photo"]["warnings"], *result["notes"]]:
        say(f"limner: {path.name}: {warning}")
    print(f"{path.name}: {result['how']}; {result['frames']} frames in {time.monotonic() - start:.1f} s -> {outcome.folder}")
    return False
