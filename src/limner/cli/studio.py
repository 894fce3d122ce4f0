"""`limner studio`: limner in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from limner.cli.session import OK, parse, say
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Studio:
    """limner in your browser: smiles, driven and moved photos, edited motions. Needs pip install 'limner[studio]'.

    Nothing is asked of any other computer, and what a page was given and made is deleted when the page is closed.
    """

    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1"
    """Where it listens. The address as it stands: this computer alone. 0.0.0.0: everybody who can reach it may use it."""
    port: Annotated[int, arg(metavar="N")] = 7860
    """0: any free one."""
    data: Annotated[tuple[Path, ...], arg(metavar="FOLDER...", help_behavior_hint="")] = (Path(),)
    """Whose clip stores and runs the page may open, three folders deep. Without it those where the studio is started."""
    share_nothing: Annotated[bool, arg(help_behavior_hint="")] = False
    """No folder of this computer can be opened from the page, whoever opens it."""


def studio(args: Sequence[str]) -> int:
    """The command `limner studio`; it ends with Ctrl-C."""
    asked = parse(Studio, "studio", args)
    roots = () if asked.share_nothing else tuple(folder.expanduser().resolve() for folder in asked.data)
    if wrong := next((folder for folder in roots if not folder.is_dir()), None):
        raise InputError(f"--data {wrong} is no folder")
    from limner.web.studio.app import run

    run(asked.host, asked.port, say, roots)
    return OK
