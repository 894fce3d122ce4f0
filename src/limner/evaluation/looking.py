"""Every clip is looked at once, the real one beside its imitations; what was looked at before comes out of the cache (`kept`).

Clip by clip: memory does not grow with the pixels of a store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limner.evaluation.kept import KeptLooks
from limner.evaluation.looks import Look, Looker, Shown
from limner.evaluation.pairing import ORIGINAL, Frame, Made, common_size, made_of, read, shared, spread
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store
    from limner.evaluation.evaluate import Networks

Progress = Callable[[str, int, int], None]


@dataclass(kw_only=True)
class Found:
    """What was looked at: the originals' looks, and those of each row. kept: how many looks came out of the cache."""

    names: list[str]
    real: list[Look] = field(default_factory=list)
    rows: dict[str, list[Look]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    paired: bool = True
    records: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    kept: int = 0


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What goes on during one evaluation: what looks, what was looked at before, how clips are brought together, what is found."""

    found: Found
    looker: Looker
    kept: KeptLooks
    frame: Frame
    real: Store
    progress: Progress


def look_at(
    real: Store, fakes: Sequence[Store], names: Sequence[str], networks: Networks, *, limit: int | None = None, progress: Progress
) -> Found:
    """What is found in every clip. InputError: nothing in common, nothing that can be read."""
    from limner.evaluation.tools import looker_of

    found = Found(names=list(names))
    rows = [made for fake, name in zip(fakes, names) for made in made_of(real, fake, name)]
    found.size = common_size([real, *fakes], found.notes)
    common = shared(rows, found.notes)
    found.paired = common is not None
    looker = looker_of(real, fakes, networks, found, progress)
    found.rows = {made.name: [] for made in rows}
    frame = Frame(size=found.size, notes=found.notes)
    kept = KeptLooks(networks.cache, looker.version, found.size)
    looking = Looking(found=found, looker=looker, kept=kept, frame=frame, real=real, progress=progress)
    if common is not None:
        _paired(looking, rows, spread(common, limit))
    else:
        _apart(looking, rows, limit)
    found.kept = kept.found
    found.seconds = looker.seconds | {"in the detector": looker.detections.seconds if looker.detections else 0.0}
    if not found.real or not all(found.rows.values()):
        empty = ORIGINAL if not found.real else next(name for name, looks in found.rows.items() if not looks)
        raise InputError(f"nothing of {empty} can be read: " + "; ".join(note for note in found.notes if note.startswith("left out"))[:300])
    return found


def _paired(go: Looking, rows: Sequence[Made], common: Sequence[str]) -> None:
    places = {go.real.row(i)["id"]: i for i in range(len(go.real))}
    for number, name in enumerate(common):
        keys = _keys(go, rows, name, places[name])
        looks = {row: look for row, key in keys.items() if (look := go.kept.get(key)) is not None}
        if len(looks) < len(keys) and not _look(go, rows, name, places[name], keys, looks):
            go.found.notes.append(f"left out: {name}, as not every store has a clip of it that can be read")
        else:
            go.found.real.append(looks[ORIGINAL])
            go.found.shown.append(name)
            for made in rows:
                go.found.rows[made.name].append(looks[made.name])
        go.progress("looking", number + 1, len(common))


def _keys(go: Looking, rows: Sequence[Made], name: str, place: int) -> dict[str, str]:
    """What the looks at a real clip and at each row's imitations of it are kept by. A note where lengths differ."""
    real, num = stamp_of(go.real, place), go.real.row(place)["num_frames"]
    for made in rows:
        if any(made.store.row(row)["num_frames"] != num for row in made.of[name]):
            go.frame.note(f"{made.name}: clips of other lengths than their originals; the longer is sampled at the shorter one's moments")
    imitations = {made.name: [stamp_of(made.store, row) for row in made.of[name]] for made in rows}
    return {ORIGINAL: go.kept.key_of(real)} | {row: go.kept.key_of(real, stamps) for row, stamps in imitations.items()}


def stamp_of(store: Store, row: int) -> str:
    """The clip's stamp; "" where it cannot be read, of which nothing is kept."""
    try:
        return store.stamp(row)
    except InputError:
        return ""


def _look(go: Looking, rows: Sequence[Made], name: str, place: int, keys: dict[str, str], looks: dict[str, Look]) -> bool:
    """Adds what is missing among the looks of a real clip and its imitations; False where a clip cannot be read."""
    one = read(go.real, place, go.found.notes)
    members = {made.name: _members(made, name, go.found.notes) for made in rows if made.name not in looks}
    if one is None or not all(members.values()):
        return False
    full = Shown(clip=go.frame.fitted(one))
    if ORIGINAL in looks:
        go.looker.see(full)
    else:
        looks[ORIGINAL] = go.kept.put(keys[ORIGINAL], go.looker.real(full))
    layers = {one.num_frames: (full, go.looker.layers(full))}
    for made in rows:
        if made.name in looks:
            continue
        clips = members[made.name]
        num = min(one.num_frames, *(clip.num_frames for clip in clips))
        if num not in layers:
            short = Shown(clip=go.frame.fitted(one, num))
            go.looker.see(short)
            layers[num] = (short, go.looker.layers(short))
        shown = [Shown(clip=go.frame.fitted(clip, num), mode=mode_of(clip.id, name)) for clip in clips]
        look = go.looker.made(shown, *layers[num])
        whole = len(clips) == len(made.of[name])  # of a part of the modes nothing is kept: what is missing is to be said each time
        looks[made.name] = go.kept.put(keys[made.name], look) if whole else look
    return True


def mode_of(own: str, name: str) -> str:
    """The mode that an imitation's id names; "" where it has the original's own."""
    return "" if own == name else own.rpartition("/")[2]


def _members(made: Made, name: str, notes: list[str]) -> list[Clip]:
    """The clips that imitate one and can be read."""
    return [clip for row in made.of[name] if (clip := read(made.store, row, notes)) is not None]


def _apart(go: Looking, rows: Sequence[Made], limit: int | None) -> None:
    """Sets against sets: no clip belongs to a real one."""
    chosen = go.real.select(split="test") or list(range(len(go.real)))
    what = "the test clips" if go.real.select(split="test") else "all clips"
    go.found.notes.append(
        f"the generated clips are not named after real ones (<real id>/<mode>), so nothing is compared frame by frame; {what} of "
        f"{go.real.path.name} stand for the originals"
    )
    total = min(len(chosen), limit or len(chosen)) + sum(len(_all(made)[:limit]) for made in rows)
    done = 0
    for store, name, places in ((go.real, ORIGINAL, chosen), *((made.store, made.name, _all(made)) for made in rows)):
        for place in places[:limit]:
            look = _alone(go, store, place, generated=name != ORIGINAL)
            done += 1
            if look is None:
                continue
            if name == ORIGINAL:
                go.found.real.append(look)
                go.found.shown.append(store.row(place)["id"])
            else:
                go.found.rows[name].append(look)
            go.progress("looking", done, total)


def _alone(go: Looking, store: Store, place: int, *, generated: bool) -> Look | None:
    """A clip that is compared with no other; None where it cannot be read."""
    stamp = stamp_of(store, place)
    key = go.kept.key_of(None, [stamp]) if generated else go.kept.key_of(stamp)
    look = go.kept.get(key)
    if look is None:
        clip = read(store, place, go.found.notes)
        if clip is None:
            return None
        shown = Shown(clip=go.frame.fitted(clip))
        look = go.kept.put(key, go.looker.made([shown], None) if generated else go.looker.real(shown))
    return look


def _all(made: Made) -> list[int]:
    return sorted([*made.alone, *(row for rows in made.of.values() for row in rows)])
