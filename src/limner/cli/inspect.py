"""`limner inspect`: what a clip store, a run or a motion file holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from limner.cli.session import OK, REFUSED, parse, say
from limner.types import InputError

if TYPE_CHECKING:
    import numpy as np

MANIFEST = "manifest.parquet"
SHEET_HINT = "a contact sheet of it: --out sheet.png"
Told = tuple[dict[str, Any], "Callable[[], np.ndarray]"]


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """What a clip store, a run of limner train or a motion file holds; whether a store is whole, and how far a run is."""

    path: Annotated[Positional[Path], arg(metavar="STORE|RUN|MOTION")]
    """The folder of a store or of a run, or a motion file."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="SHEET.png", help_behavior_hint="")] = None
    """Draw it as well: clips of the store, or the motion, eight moments each; curves and pictures that the run logged."""
    rows: int = 12
    """Clips on the sheet of a store."""
    points: Annotated[bool, arg(help_behavior_hint="")] = False
    """Draw the points over the clips' frames."""
    json: Annotated[bool, arg(help_behavior_hint="")] = False
    """Print JSON."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a sheet that is already there."""


def inspect(args: Sequence[str]) -> int:
    """The command `limner inspect`. -> 2 where the store holds damaged clips."""
    asked = parse(Inspect, "inspect", args)
    if asked.rows < 1:
        raise InputError(f"--rows {asked.rows}: at least 1")
    if asked.out is not None and asked.out.suffix.lower() != ".png":
        raise InputError(f"{asked.out} is no name of a sheet; name one that ends in .png")
    if asked.out is not None and asked.out.exists() and not asked.force:
        raise InputError(f"{asked.out} is already there; --force replaces it, or name another with --out")
    told, sheet = _told(asked)
    if asked.out is not None:
        from limner.media.pictures import write_png

        write_png(asked.out, sheet())
    if asked.json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        from limner.contents.words import lines_of

        print("\n".join([*lines_of(told), f"drawn: {asked.out}" if asked.out else SHEET_HINT]))
    if damaged := told.get("damaged"):
        say(f"limner: {len(damaged)} of {told['clips']} clips of {asked.path} are damaged, the first: {damaged[0]['why']}")
        return REFUSED
    return OK


def _told(asked: Inspect) -> Told:
    """What is told of the path, and what draws it. InputError where it is none of the three."""
    path = asked.path
    if not path.exists():
        raise InputError(f"{path} does not exist; name a clip store, a run or a motion file")
    if path.is_dir():
        from limner.contents import runs

        if (path / MANIFEST).exists():
            from limner.contents import stores
            from limner.data.store import Store

            store = Store(path)
            return stores.describe_store(store), lambda: stores.store_sheet(store, asked.rows, asked.points)
        if runs.is_run(path):
            return runs.describe_run(path), lambda: runs.run_sheet(path)
        raise InputError(f"{path} is neither a clip store (no {MANIFEST}) nor a run (no config.json beside checkpoints or a model)")
    if path.suffix.lower() != ".json":
        raise InputError(f"{path} is no motion file (.motion.json), and no folder of a clip store or of a run")
    from limner.contents import motions
    from limner.media.motion import read_motion

    motion = read_motion(path)
    return motions.describe_motion(path, motion), lambda: motions.motion_sheet(path, motion)
