"""`limner bench actions`, `bodies`, `scgan`, `move`: the figures of clips of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from limner.cli.session import OK, Bar, parse


@dataclass(frozen=True, kw_only=True)
class Actions:
    """Whether one sees what the bodies do: a judge trained on the real training clips, on real test clips first, then on generated ones."""

    real: Annotated[Positional[Path], arg(metavar="STORE")]
    """The store of real clips, with pixels and labels."""
    fakes: Annotated[Positional[tuple[Path, ...]], arg(metavar="STORE2...", help_behavior_hint="")] = ()
    """Stores that limner generate made from it."""
    judge: Annotated[Path, arg(metavar="FOLDER")]
    """Where the judge is kept; trained first where there is none."""
    labels: Annotated[str | None, arg(metavar="LABEL,LABEL...", help_behavior_hint="")] = None
    """Only these actions."""
    leave_one_out: Annotated[bool, arg(help_behavior_hint="")] = False
    """For small sets: a judge for each person, trained on all the others."""
    out: Annotated[Path | None, arg(metavar="FILE.json", help_behavior_hint="")] = None
    """Also write the figures there."""


def actions(args: Sequence[str]) -> int:
    """The command `limner bench actions`."""
    asked = parse(Actions, "bench actions", args)
    from limner.bench import actions

    labels = None if asked.labels is None else [label.strip() for label in asked.labels.split(",")]
    with Bar("bench actions") as bar:
        options = {"labels": labels, "leave_one_out": asked.leave_one_out, "out": asked.out, "progress": bar}
        actions.run(asked.real, asked.fakes, asked.judge, **options)
    return OK


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """How well a judge of who a body is finds people that it never saw; for limner bench clips --judge."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The store of real clips, with pixels."""
    judge: Annotated[Path, arg(metavar="FOLDER")]
    """Where the judge is kept; trained first, on the training people, where there is none."""


def bodies(args: Sequence[str]) -> int:
    """The command `limner bench bodies`."""
    asked = parse(Bodies, "bench bodies", args)
    from limner.bench import bodies

    bodies.run(asked.store, asked.judge)
    return OK


@dataclass(frozen=True, kw_only=True)
class Scgan:
    """The second paper's experiments: Table III, the three structures, skeletons crossed with looks, of six variants trained alike."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The clip store to learn from, with pixels."""
    out: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Where runs, generated stores, judges, figures and sheets go; what is finished is kept."""
    test: Annotated[Path | None, arg(metavar="STORE2", help_behavior_hint="")] = None
    """Another store, whose test people are moved and judged in place of the first one's."""
    small: Annotated[bool, arg(help_behavior_hint="")] = False
    """The small recipes, 64 px, for a CPU."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Training steps of each variant."""
    variants: Annotated[str | None, arg(metavar="NAME,NAME...", help_behavior_hint="")] = None
    """Only these of L1, G, L1+G, L1+G+T, stacked-1, stacked-2, ours."""
    leave_one_out: Annotated[bool, arg(help_behavior_hint="")] = False
    """For sets of few people, such as strips: each is moved by a network that learned from all the others (L1+G, unless --variants)."""


def scgan(args: Sequence[str]) -> int:
    """The command `limner bench scgan`."""
    asked = parse(Scgan, "bench scgan", args)
    from limner.bench import left_out, scgan
    from limner.types import InputError

    if asked.leave_one_out and asked.test is not None:
        raise InputError("--leave-one-out tests each person of the store itself: leave --test out")
    all_of_them = ("L1+G",) if asked.leave_one_out else tuple(scgan.VARIANTS)
    variants = all_of_them if asked.variants is None else tuple(name.strip() for name in asked.variants.split(","))
    with Bar("bench scgan") as bar:
        if asked.leave_one_out:
            left_out.run(asked.store, asked.out, small=asked.small, steps=asked.steps, variants=variants, progress=bar)
        else:
            options = {"test": asked.test, "small": asked.small, "steps": asked.steps, "variants": variants, "progress": bar}
            scgan.run(asked.store, asked.out, **options)
    return OK


@dataclass(frozen=True, kw_only=True)
class Move:
    """Whether people in real photos come to stand where the skeleton says, what is left alone, and how long it takes."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Photos of people, or folders of them."""
    renderer: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="RUN", help_behavior_hint="")] = ()
    """A row more: a run that moves bodies; can be given several times."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Also write move.json and move.png there."""


def move(args: Sequence[str]) -> int:
    """The command `limner bench move`."""
    asked = parse(Move, "bench move", args)
    from limner.bench import move

    move.run(asked.folder, asked.renderer, asked.out)
    return OK
