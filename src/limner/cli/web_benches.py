"""`limner bench study | serve`: whether what limner serves holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from limner.cli.session import OK, parse
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Study:
    """Simulated raters at once against the study server, killed (-9) and started again amid their answers: lost, doubled, how fast."""

    raters: int = 50
    """How many, each with a connection of its own."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def study(args: Sequence[str]) -> int:
    """The command `limner bench study`."""
    asked = parse(Study, "bench study", args)
    if asked.raters < 1:
        raise InputError(f"--raters {asked.raters}: at least 1")
    from limner.bench import study

    study.run(raters=asked.raters, out=asked.out)
    return OK


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Many clients at once against the HTTP API: replies, jobs lost, how long light calls take, how fair the queue is."""

    clients: int = 20
    """How many at once."""
    seconds: float = 120.0
    """For how long they send photos."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def serve(args: Sequence[str]) -> int:
    """The command `limner bench serve`."""
    asked = parse(Serve, "bench serve", args)
    if asked.clients < 1 or not asked.seconds > 0:
        raise InputError("--clients is at least 1, and --seconds more than 0")
    from limner.bench import serve

    serve.run(clients=asked.clients, seconds=asked.seconds, out=asked.out)
    return OK
