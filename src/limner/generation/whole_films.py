"""What a run that makes whole films (Video-GAN, CRA-Net) makes of a store: of every clip's first frame and label, films of that person.

    real clip -> first frame, label -> films `<id>/mode_1` .. `<id>/mode_K`, in the run's size

Such a run knows no landmarks: only the points of the frame that was given are known; the other frames repeat them, with confidence 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.generation.smiles import model_identity
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store


def makes_films(run: str) -> bool:
    """Whether a run makes whole films. InputError where it is no run."""
    from limner.papers.load import FILMS, recipe_of_run

    return recipe_of_run(run).startswith(tuple(FILMS))


class FilmMaker:
    """The model of a run, and the clips it makes of one row. identity: the model by content.

    modes: so many films of each, from seeds that follow one another; None: one. InputError: a run that is none, more modes than it has."""

    def __init__(
        self, store: Store, run: str, *, split: str, label: str | None, modes: int | None, seed: int, limit: int | None, source: str
    ):
        from limner.papers.load import load_film_model

        self.store, self.split, self.label, self.limit, self.source, self.seed = store, split, label, limit, source, seed
        self.model, self.clips_per_row = load_film_model(run), modes or 1
        self.identity = model_identity(run)
        if self.clips_per_row > self.model.max_modes:
            raise InputError(
                f"{modes} modes asked for, but {self.model.family} makes {self.model.max_modes} of a face and a label; leave --modes out"
                if self.model.max_modes == 1
                else f"{modes} modes asked for; {self.model.family} gives at most {self.model.max_modes}"
            )

    def rows(self) -> list[int]:
        """The clips that are imitated, in the store's order. InputError: none there, one that does not fit the run, or without a label."""
        from limner.data.frames import check_frames

        try:
            rows = check_frames(self.store, size=self.model.settings.size, guide=self.model.guide, split=self.split, kinds=("transition",))
        except InputError as error:
            raise InputError(f"{self.model.settings.recipe} cannot imitate this store: {error}") from None
        bare = [self.store.row(i)["id"] for i in rows if self.store.row(i)["label"] is None]
        if bare and self.label is None:
            raise InputError(f"clip {bare[0]!r} of store {self.store.path} has no label; say which smile is wished with --label")
        return rows[: self.limit]

    def clips(self, row: int) -> Iterator[Clip]:
        """The generated clips of one real one."""
        real = self.store.read(row, slice(0, 1))
        num, label = self.store.row(row)["num_frames"], self.label or real.label
        for mode in range(self.clips_per_row):
            made = filmed(self.model, real, num, label=str(label), seed=self.seed + mode)
            yield replace(made, id=f"{real.id}/mode_{mode + 1}", source=self.source)


def filmed(model: Any, real: Clip, num: int, *, label: str, seed: int) -> Clip:
    """The first frame of a clip, made into a film of `num` frames, the nearest in time of the model's own, as long as the real clip."""
    from limner.media.pictures import resize

    size = model.settings.size
    assert real.frames is not None
    first = real.frames[0] if real.size[0] == size else resize(real.frames[0], (size, size))
    film = model.film(first, label=label, seed=seed)
    frames = film[np.linspace(0, len(film) - 1, num).round().astype(int)]
    points = np.repeat(real.points[:1] * (size / real.size[0]), num, 0).astype(np.float32)
    known = np.zeros(points.shape[:2], np.float32)
    known[0] = real.confidence[0]
    return replace(real, label=label, points=points, confidence=known, frames=frames, size=(size, size), au=None)
