"""What a run that moves bodies makes of a store: every clip's first frame, moved by the clip's own points.

real clip -> first frame, points -> one clip `<id>/recorded`, of the same person, action and split, in the run's size
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from limner.generation.smiles import model_identity
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

NAME = "recorded"


def moves_bodies(run: str) -> bool:
    """Whether a run is one of skeleton-aided motion. InputError where it is no run."""
    from limner.papers.load import recipe_of_run

    return recipe_of_run(run).startswith("scgan")


class BodyMaker:
    """The model of a run, and the clip it makes of one row. identity: the model by content. InputError where the run is none."""

    clips_per_row = 1

    def __init__(self, store: Store, run: str, *, split: str, seed: int = 0, limit: int | None = None, source: str = "limner.generate"):
        from limner.papers.load import load_renderer

        self.store, self.split, self.seed, self.limit, self.source = store, split, seed, limit, source
        self.model = load_renderer(run)
        self.identity = model_identity(run)

    def rows(self) -> list[int]:
        """The clips that are imitated, in the store's order. InputError where there is none, or they do not fit the run."""
        from limner.data.frames import check_frames

        try:
            rows = check_frames(self.store, size=self.model.settings.size, guide=self.model.guide, split=self.split, kinds=None)
        except InputError as error:
            raise InputError(f"{self.model.settings.recipe} cannot move this store: {error}") from None
        return rows[: self.limit]

    def clips(self, row: int) -> Iterator[Clip]:
        """The generated clip of one real one."""
        yield moved(self.model, self.store.read(row), name=NAME, seed=self.seed, source=self.source)


def moved(model: Any, real: Clip, *, name: str, seed: int | None, source: str, of: Clip | None = None) -> Clip:
    """The person in the first frame of `of` (None: of the clip itself), moved by the points of `real`."""
    from limner.media.pictures import resize

    size, of = model.settings.size, real if of is None else of
    assert of.frames is not None
    reference = of.frames[0] if of.size[0] == size else resize(of.frames[0], (size, size))
    points, own = real.points * (size / real.size[0]), of.points[0] * (size / of.size[0])
    frames = model.move(points, reference, own=own, confidence=real.confidence, own_confidence=of.confidence[0], seed=seed)
    return replace(of, id=f"{real.id}/{name}", source=source, label=real.label, points=points, confidence=real.confidence, frames=frames,
                   size=(size, size), fps=real.fps, duration_s=real.duration_s, kind=real.kind, au=None)  # fmt: skip
