"""The rows of the tables: how each method is trained on a store, for equal times, and how it fills a store of clips.

OUT/runs/<method> holds its runs, OUT/made/<method> its clips of the test people. What is finished is kept; the same command goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.generation.clips import GenerateSettings, generate
from limner.generation.films import Progress, silent
from limner.types import InputError

if TYPE_CHECKING:
    from limner.data.store import Store

ORIGINAL, OURS = "Original", "ours"
SMALL, TINY, PAPER = "small", "tiny", "paper"  # widths: a quarter of the paper's, for tests, the paper's


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row. recipes: width -> what `limner train` is given, one after another; they share the method's time alike. renderer: which of them
    renders, where that is not the first. conditional: also the sequence before it is split into modes."""

    name: str
    recipes: dict[str, tuple[str, ...]]
    renderer: int = 0
    conditional: bool = False

    @property
    def folder(self) -> str:
        return self.name.lower()


METHODS = (
    Method(name="Video-GAN", recipes={SMALL: ("video-gan-small",), TINY: ("video-gan-tiny",), PAPER: ("video-gan",)}),
    Method(name="CRA-Net", recipes={SMALL: ("cra-net-small",), TINY: ("cra-net-tiny",), PAPER: ("cra-net",)}),
    Method(name="CMM-Net", recipes={SMALL: ("cmmnet-small",), TINY: ("cmmnet-tiny",), PAPER: ("cmmnet",)}, conditional=True),
    Method(
        name=OURS,
        recipes={
            SMALL: ("cmmnet-points", "warp-refine-small"),
            TINY: ("cmmnet-points-tiny", "warp-refine-tiny"),
            PAPER: ("cmmnet-points", "warp-refine"),
        },
        renderer=1,
    ),
)


def train(method: Method, store: Path, out: Path, *, budget: float, width: str, show: bool = True) -> list[Path]:
    """Trains a method for so many seconds in all; -> its run folders. InputError as `limner train`."""
    from limner.data.store import Store
    from limner.generation.refine import warps
    from limner.papers.whole import train as run

    names = method.recipes[width]
    folders = [out / "runs" / method.folder / (name if len(names) > 1 else "") for name in names]
    kinds = set(Store(Path(store)).table["kind"].to_pylist())
    for name, folder in zip(names, folders):
        alone = name.startswith("cmmnet-points") and "smile" not in kinds
        run(name, store, folder, {"smile_frames": 0} if alone else {}, budget=budget / len(names), warp=warps, show=show)
    return folders


def fill(method: Method, store: Store, folders: list[Path], made: Path, *, limit: int | None = None, progress: Progress = silent) -> Store:
    """The method's clips of the store's test people, in the store `made`; -> it. limit: of only so many clips."""
    renderer = str(folders[method.renderer]) if method.renderer else None
    settings = GenerateSettings(run=str(folders[0]), limit=limit, renderer=renderer, conditional=method.conditional)
    return generate(store, made, settings, progress=progress)


def trained(folders: list[Path]) -> dict[str, Any]:
    """What a method's training was: recipes, steps, seconds that it truly took, parameters at test and of critics, what it saw."""
    from limner.papers.whole import APART
    from limner.training import checkpoint

    runs = []
    for folder in [part for one in folders for part in (one, one / APART) if (part / "config.json").is_file()]:
        settings = checkpoint.read_json(folder / "config.json")["config"]
        latest = checkpoint.latest(folder)
        state = {} if latest is None else checkpoint.read_json(latest / "state.json")
        runs.append(
            {
                "recipe": settings["recipe"],
                "steps": settings["steps"],
                "seconds": state.get("seconds"),
                "saw": saw(settings),
                "best": bests(folder, len(settings["steps"])),
            }
        )
    return {"runs": runs, "seconds": sum(run["seconds"] or 0 for run in runs)}


def bests(folder: Path, most: int) -> list[dict[str, Any]]:
    """Of each stage that was watched for its best: the score and the step at which it was found."""
    from limner.training.best import best_of

    return [found for number in range(max(most, 2)) if (found := best_of(folder, number)) is not None]


def saw(settings: dict[str, Any]) -> str:
    """How many samples a training saw, in words."""
    name, steps, batch = str(settings["recipe"]), settings["steps"], int(settings["batch"]) * int(settings.get("accumulate", 1))
    if name.startswith("video-gan"):
        return f"{sum(steps) * batch} films{' of each label' if settings['labels'] == 'apart' else ''}"
    if name.startswith("cra-net"):
        return f"{steps[0] * settings['batch_images']} pictures, then {steps[1] * batch} films"
    if name.startswith("cmmnet-points"):
        return f"{sum(steps) * batch} sequences"
    if name.startswith("cmmnet"):
        return f"{(steps[0] + steps[3]) * settings['batch_images']} landmark images and {(steps[1] + steps[2]) * batch} sequences"
    return f"{sum(steps) * batch} pairs of frames"


def methods_of(names: tuple[str, ...] | None) -> tuple[Method, ...]:
    """The methods of those names, in the tables' order; None: all. InputError that lists them."""
    known = {method.folder: method for method in METHODS}
    odd = [name for name in names or () if name.lower() not in known]
    if odd:
        raise InputError(f"no method {odd[0]!r}; there are: {', '.join(known)}")
    return tuple(method for method in METHODS if names is None or method.folder in {name.lower() for name in names})
