"""`limner generate`: the people of a store, imagined anew: a store of generated clips out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from limner.cli.session import OK, Bar, parse


@dataclass(frozen=True, kw_only=True)
class Generate:
    """A clip for every mode of every clip of a split, from its first frame and its label: a store like any other, to compare with."""

    run: Annotated[Positional[str], arg(metavar="RUN|ours")]
    """A run of limner train; ours: what ships."""
    data: Annotated[Path, arg(metavar="STORE")]
    """The clip store whose first frames and labels are taken."""
    out: Annotated[Path, arg(metavar="STORE2")]
    """The store that is made; the same command goes on where it was stopped."""
    split: Annotated[str, arg(metavar="train|val|test")] = "test"
    """Whose first frames."""
    motion: Annotated[str, arg(metavar="imagined|recorded")] = "imagined"
    """recorded: each clip's own points drive its first frame, which shows what the renderer alone does."""
    label: Annotated[str | None, arg(metavar="LABEL", help_behavior_hint="")] = None
    """The wish in place of each clip's own label."""
    renderer: Annotated[str | None, arg(metavar="NAME|RUN", help_behavior_hint="")] = None
    """What turns points into pixels; without it the run's own, or the best that ships."""
    modes: Annotated[int | None, arg(metavar="K", help_behavior_hint="")] = None
    """How many modes; without it all that were trained."""
    drive: Annotated[str, arg(metavar="maps|points")] = "maps"
    """What a translation is given of cmmnet: the landmark images it decodes, as in the paper, or drawings of the points read from them."""
    conditional: Annotated[bool, arg(help_behavior_hint="")] = False
    """Also the one sequence before it is split into modes."""
    seed: int = 0
    """0: the model's mean. Any other: its own set."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only from the first N clips of the split."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a store made with other settings."""


def generate(args: Sequence[str]) -> int:
    """The command `limner generate`."""
    asked = parse(Generate, "generate", args)
    from limner.data.store import Store
    from limner.generation.clips import GenerateSettings
    from limner.generation.clips import generate as make

    names = GenerateSettings.__dataclass_fields__
    settings = GenerateSettings(**{name: getattr(asked, name) for name in names})
    with Bar("generate") as bar:
        made = make(Store(asked.data), asked.out, settings, force=asked.force, progress=bar)
    pixels = "with pixels" if made.row(0)["encoding"] != "none" else "points alone, as the store has no pixels"
    print(f"{len(made)} clips ({pixels}) of split {asked.split} -> {asked.out}")
    return OK
