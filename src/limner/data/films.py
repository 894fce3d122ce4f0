"""Whole clips with pixels to learn from: films of one length, each with its label.

Shapes: M films in all, N samples, T time, S the side of a frame in pixels.
"""

from __future__ import annotations

import numpy as np
import torch

from limner.data.frames import KINDS, Frames, has_frames, shifted
from limner.data.store import Store
from limner.types import Guide, InputError


class Films:
    """The labelled clips of one split as films of `num_frames` frames, the nearest ones in time, first and last kept.

    label_names: all labels of the store, sorted. labels: (M,) numbers into them. rows: (M, T) of `frames` (data.frames.Frames, from which
    the pixels come). InputError: no labelled clip with frames, none of some label, frames that do not fit (as Frames).
    """

    def __init__(self, store: Store, *, split: str, size: int, num_frames: int, guide: Guide):
        self.frames = Frames(store, split=split, size=size, guide=guide)
        self.label_names = labels_of(store)
        starts = np.unique(self.frames.first)
        known = [start for start in starts if store.row(int(self.frames.clips[start]))["label"] is not None]
        names = [store.row(int(self.frames.clips[start]))["label"] for start in known]
        if lacking := [name for name in self.label_names if name not in names] or ([] if names else ["at all"]):
            raise InputError(f"store {store.path} has no clip with frames labelled {lacking[0]!r} of split {split!r}")
        self.labels = np.array([self.label_names.index(name) for name in names])
        self.rows = np.stack([np.linspace(start, self.frames.last[start], num_frames).round().astype(int) for start in known])

    def __len__(self) -> int:
        return len(self.rows)

    def film(self, number: int) -> np.ndarray:
        """(T, S, S, 3) uint8."""
        return np.stack([self.frames.picture(row) for row in self.rows[number]])

    def draw(
        self,
        num: int,
        generator: torch.Generator,
        *,
        label: int | None = None,
        moments: int | None = None,
        flip: bool = False,
        jitter: int = 0,
    ) -> dict[str, torch.Tensor]:
        """Films drawn by a generator, each label as likely as any other, or all of one `label`.

        moments: only so many frames of each, the same ones for all, in order. flip, jitter: of whole films, as of Frames.draw.
        -> films (N, T, 3, S, S) uint8, first (N, 3, S, S) their first frames, labels (N,), moments (T,) which frames they are.
        """
        total = self.rows.shape[1]
        at = torch.arange(total) if moments is None else torch.randperm(total, generator=generator)[:moments].sort().values
        names = torch.randint(len(self.label_names), (num,), generator=generator) if label is None else torch.full((num,), label)
        place = torch.rand(num, generator=generator).numpy()
        own = [np.flatnonzero(self.labels == name) for name in names.numpy()]
        chosen = np.array([rows[int(part * len(rows))] for rows, part in zip(own, place)])
        flips = torch.rand(num, generator=generator).numpy() < 0.5 * flip
        shifts = torch.randint(-jitter, jitter + 1, (num, 2), generator=generator).numpy()
        films = []
        for number, flipped, shift in zip(chosen, flips, shifts):
            film = np.stack([self.frames.picture(row) for row in self.rows[number][[0, *at.tolist()]]])
            film = film[..., ::-1, :] if flipped else film
            films.append(shifted(film, shift) if jitter else film)
        pictures = torch.from_numpy(np.ascontiguousarray(np.stack(films).transpose(0, 1, 4, 2, 3)))
        return {"films": pictures[:, 1:], "first": pictures[:, 0], "labels": names, "moments": at}


def labels_of(store: Store) -> tuple[str, ...]:
    """All labels of a store, sorted."""
    return tuple(sorted({label for label in store.table["label"].to_pylist() if label is not None}))


def held_out_films(store: Store, *, size: int, num_frames: int, guide: Guide) -> Films | None:
    """The films of the validation people, on whom a run is watched; None where they have none of every label. InputError as Films."""
    rows = store.select(split="val", where=lambda row: has_frames(row) and row["kind"] in KINDS)
    if not rows or {store.row(row)["label"] for row in rows} - {None} != set(labels_of(store)):
        return None
    return Films(store, split="val", size=size, num_frames=num_frames, guide=guide)
