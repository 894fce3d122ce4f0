"""`limner reproduce`: the papers' tables and figures, from a store to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from limner.cli.session import OK, Bar, parse
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """Trains every method on a store for the same time, fills a store with the clips of each, scores them, and writes the table in the
    paper's form, as Markdown, JSON and a page, with the paper's own beside it. The same command again goes on where it was stopped."""

    data: Annotated[Path, arg(metavar="STORE")]
    """The clip store: its training people are learned from, its test people tested on."""
    out: Annotated[Path, arg(metavar="FOLDER")]
    """Where runs, clips, scores and tables go."""
    budget: Annotated[str | None, arg(metavar="TIME", help_behavior_hint="")] = None
    """Training of each method, such as 90s, 20m or 2h; without it 20m."""
    budget_total: Annotated[str | None, arg(metavar="TIME", help_behavior_hint="")] = None
    """Training of all methods together, shared alike."""
    paper_width: Annotated[bool, arg(help_behavior_hint="")] = False
    """The networks at the papers' width, for a GPU; without it a quarter of it."""
    methods: Annotated[str, arg(metavar="A,B", help_behavior_hint="")] = ""
    """Only these, with commas between: video-gan, cra-net, cmm-net, ours."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N test clips."""


def table1(args: Sequence[str]) -> int:
    """The command `limner reproduce table1`: Inception Score and SSIM."""
    return _faces("table1", args)


def table2(args: Sequence[str]) -> int:
    """The command `limner reproduce table2`: the preference study, and its table once raters have answered."""
    return _faces("table2", args)


def table3(args: Sequence[str]) -> int:
    """The command `limner reproduce table3`: distances of AU curves."""
    return _faces("table3", args)


def figures(args: Sequence[str]) -> int:
    """The command `limner reproduce figures`: CMM-Net's of a store of faces, the MM 2017 paper's of a store of bodies."""
    return _faces("figures", args)


def table_iii(args: Sequence[str]) -> int:
    """The command `limner reproduce table-iii`: recognition of what skeletons move."""
    return _bodies("table-iii", parse(Reproduce, "reproduce table-iii", args))


def _faces(what: str, args: Sequence[str]) -> int:
    asked = parse(Reproduce, f"reproduce {what}", args)
    from limner.data.store import Store
    from limner.guides.body import GUIDE as BODY

    if set(Store(asked.data).table["num_points"].to_pylist()) == {BODY.num_points}:
        if what != "figures":
            raise InputError(f"{what} is of faces; {asked.data} holds clips of bodies: limner reproduce table-iii")
        return _bodies(what, asked)
    from limner.reproduce import commands, methods
    from limner.reproduce.run import Asked, budget_of

    names = tuple(name.strip() for name in asked.methods.split(",") if name.strip())
    chosen = methods.methods_of(names or None)
    seconds = budget_of(_seconds(asked.budget), _seconds(asked.budget_total), len(chosen))
    settings = Asked(
        data=asked.data,
        out=asked.out,
        budget=seconds,
        width=methods.PAPER if asked.paper_width else methods.SMALL,
        limit=asked.limit,
        methods=chosen,
    )
    with Bar("reproduce") as bar:
        run = getattr(commands, what) if what in ("figures", "table2") else partial(commands.table, what)
        run(settings, progress=bar, say=_say)
    return OK


def _bodies(what: str, asked: Any) -> int:
    from limner.reproduce import bodies
    from limner.reproduce.run import budget_of

    if asked.methods:
        raise InputError("--methods is of faces; Table III has the variants of one method")
    seconds = budget_of(_seconds(asked.budget), _seconds(asked.budget_total), len(bodies.VARIANTS))
    with Bar("reproduce") as bar:
        run = bodies.figures if what == "figures" else bodies.table
        run(asked.data, asked.out, budget=seconds, small=not asked.paper_width, limit=asked.limit, progress=bar, say=_say)
    return OK


def _say(line: str) -> None:
    """A line at once, also into a pipe: trainings last long."""
    print(line, flush=True)


def _seconds(text: str | None) -> float | None:
    from limner.papers.budget import seconds_of

    return None if text is None else seconds_of(text)
