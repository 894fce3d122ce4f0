"""`limner study`: which of two methods' videos people prefer. Build the pairs, serve the page, report the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from limner.cli.session import OK, Bar, parse, say
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.store import Store

QUESTION = "Which of the two looks more like a real smile?"  # evaluation.study.plan's, which help must not wait for


@dataclass(frozen=True, kw_only=True)
class Build:
    """Pairs of two methods' clips of the same input, sides and order drawn, names hidden, and attention checks."""

    stores: Annotated[Positional[tuple[str, ...]], arg(metavar="[NAME=]STORE...")]
    """Stores of generated clips, two or more; a method is called by its folder, or by the name before the =."""
    out: Annotated[Path, arg(metavar="STUDY")]
    """The folder of the study."""
    per_rater: Annotated[int, arg(metavar="N")] = 36
    """How many pairs one rater is asked about, attention checks aside."""
    checks: Annotated[int, arg(metavar="N")] = 4
    """Attention checks, which every rater sees: a clip beside itself broken."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only so many inputs of each label."""
    question: Annotated[str, arg(metavar="TEXT")] = QUESTION
    """What raters are asked."""
    seed: int = 0
    """Draws inputs, modes, sides and order."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace another study in that folder, and its answers."""


def build(args: Sequence[str]) -> int:
    """The command `limner study build`."""
    asked = parse(Build, "study build", args)
    from limner.evaluation.study.build import StudySettings
    from limner.evaluation.study.build import build as make

    settings = StudySettings(**{name: getattr(asked, name) for name in StudySettings.__dataclass_fields__})
    with Bar("study") as bar:
        plan = make(stores_of(asked.stores), asked.out, settings, force=asked.force, progress=bar)
    print(f"{len(plan.compared)} pairs of {', '.join(plan.methods)} and {len(plan.checks)} attention checks -> {asked.out}")
    print(f"next: limner study serve {asked.out}")
    return OK


def stores_of(told: Sequence[str]) -> dict[str, Store]:
    """["runs/7/clips", "CRA-Net=runs/8/clips"] -> the stores by name. InputError where two have one name."""
    from limner.data.store import Store

    stores: dict[str, Store] = {}
    for one in told:
        named, is_named, path = one.partition("=")
        if not is_named or Path(one).exists():
            named, path = Path(one).name or one, one
        if not named or named == "~":
            raise InputError(f"{one}: a method needs a name before the = (and ~ means no difference)")
        if named in stores:
            raise InputError(f"two methods are called {named!r}; name them apart: {named}_2={path}")
        stores[named] = Store(Path(path))
    return stores


@dataclass(frozen=True, kw_only=True)
class Serve:
    """A web page for any number of raters at once, until Ctrl-C; every answer is on disk before the next pair is shown."""

    study: Annotated[Positional[Path], arg(metavar="STUDY")]
    """The folder that limner study build made."""
    host: str = "127.0.0.1"
    """0.0.0.0: also other devices of this network, such as phones."""
    port: int = 8750
    """0: any that is free."""


def serve(args: Sequence[str]) -> int:
    """The command `limner study serve`."""
    asked = parse(Serve, "study serve", args)
    from limner.evaluation.study.answers import Answers
    from limner.evaluation.study.plan import read_plan, video_of
    from limner.media.files import lock_folder
    from limner.web import require

    require("study", "fastapi", "uvicorn")
    from limner.web import serving
    from limner.web.study.server import study_app

    plan = read_plan(asked.study)
    if lost := [pair.id for pair in plan.pairs if not video_of(asked.study, pair.id).is_file()]:
        raise InputError(f"{asked.study} lacks the videos of {len(lost)} pairs; build the study again")
    lock = lock_folder(asked.study)
    if lock is None:
        raise InputError(f"the study {asked.study} is being served already")
    with lock, serving.listen(asked.host, asked.port) as bound:
        answers = Answers(asked.study, plan)
        say(f"limner: {len(plan.compared)} pairs for raters at {serving.address_of(bound)} (Ctrl-C stops; answers are in {answers.path})")
        serving.serve(study_app(asked.study, plan, answers, hosts=serving.names_of(asked.host)), bound)
        answers.close()
    return OK


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the answers say, also while the study is being served: shares with intervals, a sign test, strengths, agreement."""

    study: Annotated[Positional[Path], arg(metavar="STUDY")]
    """The folder of the study."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER", help_behavior_hint="")] = None
    """Also write report.md, report.json, table.csv and votes.csv there."""
    keep_all: Annotated[bool, arg(help_behavior_hint="")] = False
    """Count raters who missed an attention check too."""
    json: Annotated[bool, arg(help_behavior_hint="")] = False
    """Print JSON."""


def report(args: Sequence[str]) -> int:
    """The command `limner study report`."""
    asked = parse(Report, "study report", args)
    from limner.evaluation.study import report as reports
    from limner.evaluation.study.answers import Answers
    from limner.evaluation.study.plan import ANSWERS, read_plan

    plan = read_plan(asked.study)
    if not (asked.study / ANSWERS).exists():
        raise InputError(f"nobody has answered the study {asked.study} yet; limner study serve {asked.study} lets raters in")
    answers = Answers(asked.study, plan)
    try:
        votes = answers.votes()
    finally:
        answers.close()
    told = reports.report(plan, votes, keep_all=asked.keep_all)
    print(json.dumps(told, ensure_ascii=False, indent=1) if asked.json else reports.markdown(told), end="\n" if asked.json else "")
    if asked.out is not None:
        print(f"-> {reports.write_report(asked.out, told, votes)}")
    return OK
