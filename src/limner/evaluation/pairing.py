"""Which clips are compared: a generated clip belongs to the real one whose id its own begins with, `anna_1/mode_2` to `anna_1`, or equals.

A store whose clips belong to none (another method's, say, with names of its own) is compared as a whole: sets with sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from limner.data.records import check_clip
from limner.media.pictures import resize
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

Item = TypeVar("Item")
CONDITIONAL = "conditional"  # the Cond-LSTM's own sequence, beside the modes: a row of its own
ORIGINAL = "Original"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The clips of one row of the tables. of: real id -> rows of the store (its modes); alone: rows that belong to no real clip."""

    name: str
    store: Store
    of: dict[str, list[int]] = field(default_factory=dict)
    alone: list[int] = field(default_factory=list)


def names_of(stores: Sequence[Store]) -> list[str]:
    """A short name of each store: its folder's, with that of the folder above where two are alike."""
    short = [store.path.name or str(store.path) for store in stores]
    long = [f"{store.path.resolve().parent.name}/{name}" if short.count(name) > 1 else name for store, name in zip(stores, short)]
    return [f"{name} ({number + 1})" if long.count(name) > 1 else name for number, name in enumerate(long)]


def check_stores(real: Store, fakes: Sequence[Store]) -> None:
    """InputError: no store to judge, an empty one, or one of another guide."""
    if not fakes:
        raise InputError("name at least one store of generated clips: --fake STORE2")
    for store in (real, *fakes):
        if not len(store):
            raise InputError(f"store {store.path} is empty: it holds no clip to evaluate")
    points = {store.path: set(store.table["num_points"].to_pylist()) for store in (real, *fakes)}
    if len(set.union(*points.values())) > 1:
        told = ", ".join(f"{path.name} {' and '.join(map(str, sorted(nums)))}" for path, nums in points.items())
        raise InputError(f"these stores are of different guides (points of a clip: {told}); faces and bodies cannot be compared")


def made_of(real: Store, fake: Store, name: str) -> list[Made]:
    """The store's rows of the tables: its modes, and its conditional clips apart where it has both."""
    known = {real.row(i)["id"] for i in range(len(real))}
    modes, single = Made(name=name, store=fake), Made(name=f"{name}, {CONDITIONAL}", store=fake)
    for i in range(len(fake)):
        own = fake.row(i)["id"]
        parent, _, mode = own.rpartition("/")
        of = own if own in known else parent
        if of not in known:
            modes.alone.append(i)
        else:
            (single if mode == CONDITIONAL else modes).of.setdefault(of, []).append(i)
    if modes.of and modes.alone:
        odd = fake.row(modes.alone[0])["id"]
        raise InputError(f"clip {odd!r} of store {fake.path} was made from no clip of {real.path}, others were; name the store they are of")
    if not modes.of and not modes.alone:
        return [replace(single, name=name)]
    return [made for made in (modes, single) if made.of or made.alone]


def shared(rows: Sequence[Made], notes: list[str]) -> list[str] | None:
    """The real clips that every row imitates; None where a row imitates none by name. A note where rows imitate others besides."""
    if any(made.alone for made in rows):
        return None
    common = set.intersection(*(set(made.of) for made in rows))
    if not common:
        raise InputError("these stores imitate no clip in common; evaluate them one by one, or generate them from the same clips")
    for made in rows:
        if len(made.of) > len(common):
            notes.append(f"{made.name}: {len(made.of)} clips are imitated, {len(common)} by every store; those alone are compared")
    return sorted(common)


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """So many of the items, evenly over all of them, so that people and labels are mixed."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[int(i * len(items) / max(1, limit))] for i in range(max(1, limit))]


@dataclass(kw_only=True)
class Frame:
    """At which size and length clips are compared: size (width, height) of all; a clip and its original at the shorter one's length."""

    size: tuple[int, int]
    notes: list[str]
    said: set[str] = field(default_factory=set)

    def note(self, what: str) -> None:
        if what not in self.said:
            self.said.add(what)
            self.notes.append(what)

    def fitted(self, clip: Clip, num: int | None = None) -> Clip:
        """The clip at the common size, and with `num` frames: the nearest ones at as many even moments."""
        if clip.size != self.size:
            frames = clip.frames if clip.frames is None else np.stack([resize(frame, self.size) for frame in clip.frames])
            clip = replace(clip, frames=frames, points=clip.points * np.float32(self.size[0] / clip.size[0]), size=self.size)
        if num is not None and num != clip.num_frames:
            at = np.linspace(0, clip.num_frames - 1, num).round().astype(int)
            parts = {name: getattr(clip, name) for name in ("points", "confidence", "frames", "au")}
            clip = replace(clip, **{name: None if value is None else value[at] for name, value in parts.items()})
        return clip


def common_size(stores: Sequence[Store], notes: list[str]) -> tuple[int, int]:
    """The smallest size of all clips. InputError: sizes of different shape. A note where sizes differ."""
    sizes = {size for store in stores for size in zip(store.table["width"].to_pylist(), store.table["height"].to_pylist())}
    if len({round(width / height, 2) for width, height in sizes}) > 1:
        raise InputError(f"clips of {' and '.join(f'{w} x {h}' for w, h in sorted(sizes))} pixels differ in shape; crop them alike first")
    size = min(sizes)
    if len(sizes) > 1:
        sides = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        notes.append(f"clips come in {sides} pixels; all are compared at {size[0]} x {size[1]}, larger ones scaled down (Lanczos)")
    return size


def read(store: Store, row: int, notes: list[str]) -> Clip | None:
    """A clip, or None with a note where it cannot be read or holds what is no number."""
    try:
        clip = store[row]
        check_clip(clip)
    except InputError as error:
        notes.append(f"left out: store {store.path.name}, {' '.join(str(error).split())}")
        return None
    return clip
