"""`limner doctor`, `prepare`, `train` and `bench`: the commands around the main one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from limner.cli.session import OK, REFUSED, parse
from limner.types import InputError


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Uses each part of the installation once and says what is wrong and what to do. Exit code 0 if all is well, else 2."""


def doctor(args: Sequence[str]) -> int:
    """The command `limner doctor`."""
    parse(Doctor, "doctor", args)
    from limner.doctor import examine, report

    wrong = 0
    for finding in examine():
        print(report(finding), flush=True)
        wrong += not finding.ok
    print("limner is ready" if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to mend, see above")
    return REFUSED if wrong else OK


def parse_value(text: str) -> object:
    """'3' -> 3, '1e-3' -> 0.001, 'true' -> True, anything else stays text ('none' too: a field says what that means)."""
    import json

    try:
        return json.loads(text.lower())
    except ValueError:
        return text


def parse_overrides(pairs: Sequence[str]) -> dict[str, object]:
    """['steps=200', 'lr=1e-3'] -> {'steps': 200, 'lr': 0.001}. InputError for what is no key=value."""
    overrides: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--set {pair!r} is not of the form key=value, such as --set batch_size=32")
        overrides[key] = parse_value(value)
    return overrides


@dataclass(frozen=True, kw_only=True)
class PrepareSmiles:
    """The corpus that the motion models learn from: procedural smiles of invented people, shapes and timing taken from real ones."""

    store: Annotated[Positional[Path], arg(metavar="STORE")]
    """The folder of the clip store."""
    people: int = 400
    """How many people."""
    seed: int = 0
    """Another seed: other people."""
    force: Annotated[bool, arg(help_behavior_hint="")] = False
    """Replace a store made with other settings."""


def prepare_smiles(args: Sequence[str]) -> int:
    """The command `limner prepare smiles`."""
    asked = parse(PrepareSmiles, "prepare smiles", args)
    from limner.data import prepare

    prepare.prepare_smiles(asked.store, people=asked.people, seed=asked.seed, force=asked.force)
    return OK


@dataclass(frozen=True, kw_only=True)
class PrepareFaces(PrepareSmiles):
    """Synthetic faces with pixels: the same people and smiles, each with a look of her own; exact points and AU curves."""

    people: int = 200
    """How many people."""
    size: int = 64
    """Side of the frames, pixels: 64 to 256 are what the skin is made for."""
    limit: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Only the first N clips."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Processes; without it one a core. The store is the same for any number."""


def prepare_synthetic_faces(args: Sequence[str]) -> int:
    """The command `limner prepare synthetic-faces`."""
    import os

    asked = parse(PrepareFaces, "prepare synthetic-faces", args)
    from limner.data import prepare

    workers = (os.cpu_count() or 1) if asked.workers is None else asked.workers
    options = {"people": asked.people, "seed": asked.seed, "size": asked.size, "limit": asked.limit, "force": asked.force}
    prepare.prepare_faces(asked.store, workers=workers, **options)
    return OK


@dataclass(frozen=True, kw_only=True)
class PrepareBodies(PrepareFaces):
    """Synthetic people in motion, with pixels and the exact joints of every frame; the label is the action."""

    people: int = 60
    """How many people."""
    size: int = 64
    """Side of the frames, pixels: 64 to 256 are what the bodies are made for."""
    actions: Annotated[str, arg(metavar="A,B", help_behavior_hint="")] = ""
    """Only these: walking, jogging, running, hand-waving, boxing, hand-clapping, with commas between; without it all."""
    background: Annotated[bool, arg(help_behavior_hint="")] = True
    """A place behind them and their shadow on the ground; --no-background: plain grey."""


def prepare_synthetic_bodies(args: Sequence[str]) -> int:
    """The command `limner prepare synthetic-bodies`."""
    import os

    asked = parse(PrepareBodies, "prepare synthetic-bodies", args)
    from limner.data import prepare

    workers = (os.cpu_count() or 1) if asked.workers is None else asked.workers
    options = {"people": asked.people, "seed": asked.seed, "size": asked.size, "limit": asked.limit, "force": asked.force}
    actions = tuple(name.strip() for name in asked.actions.split(",") if name.strip())
    prepare.prepare_bodies(asked.store, actions=actions, background=asked.background, workers=workers, **options)
    return OK


@dataclass(frozen=True, kw_only=True)
class Train:
    """Trains a model in all its phases; the same command again goes on where it was stopped, and ends the same."""

    recipe: Annotated[Positional[str], arg(metavar="RECIPE")]
    """cmmnet-points, cmmnet (motion, then the translation to pixels), translation alone, scgan-siamese, the baselines video-gan and
    cra-net, and their variants."""
    data: Annotated[Path, arg(metavar="STORE")]
    """The clip store to learn from (limner prepare smiles makes one)."""
    out: Annotated[Path, arg(metavar="RUN")]
    """The folder of the run: checkpoints, TensorBoard scalars and sheets, and at the end the model."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE", help_behavior_hint="")] = ()
    """Change a number of the recipe; can be given several times."""
    budget: Annotated[str | None, arg(metavar="TIME", help_behavior_hint="")] = None
    """Train for about so long (90s, 20m, 2h) in place of the recipe's number of steps."""
    log: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="wandb", help_behavior_hint="")] = ()
    """Log to Weights & Biases too, beside TensorBoard (needs limner[wandb])."""
    dry_run: Annotated[bool, arg(help_behavior_hint="")] = False
    """Say what would be trained, setting by setting, and write nothing."""


def train(args: Sequence[str]) -> int:
    """The command `limner train`."""
    asked = parse(Train, "train", args)
    from limner.papers.budget import seconds_of

    more: dict[str, Any] = {} if asked.budget is None else {"budget": seconds_of(asked.budget)}
    if asked.dry_run:
        from limner.papers.whole import plan

        for line in plan(asked.recipe, asked.data, asked.out, parse_overrides(asked.set)):
            print(line, flush=True)
        if asked.budget is not None:
            print(f"with --budget {asked.budget} the steps above are set anew when it begins, by how fast they are here")
        return OK
    from limner.papers.whole import train as run

    run(asked.recipe, asked.data, asked.out, parse_overrides(asked.set), logs=("tensorboard", *asked.log), warp=_warp, **more)
    return OK


def _warp(*arguments: Any) -> Any:
    """The renderer's warp, for the recipe that learns on warped frames; nothing of it is imported before."""
    from limner.generation.refine import warps

    return warps(*arguments)
