"""Stores of generated clips in, a study out: pairs of two methods on the same input, in an order that a seed draws.

Same input: the clip a generated one was made from, which its id begins with (`anna_1/mode_2` of `anna_1`), and the label wished. Of a
method's several modes one is drawn for each pair. A store whose own ids are what others were made from holds the originals, and may take
part as a method.

Shapes: T time, H W pixels.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limner.evaluation.study.plan import ANSWERS, CLIPS, FIRST, NO_LABEL, PLAN, QUESTION, SECOND, Pair, Plan, video_of, write_plan
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

SHOWN_PX = 256  # spec A7: pictures of 64 pixels enlarged 4 times; also keeps H.264's halved colour from blurring them
FPS = 50  # ours: each stored frame is shown within 10 ms of its time
HOLD_S = 0.4  # ours: the first and the last picture rest, so that a posed smile of half a second can be seen
BLOCK = 8  # ours: of an attention check's broken half, blocks a side; no face is left in it
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """per_rater: pairs one rater is asked about, checks aside. checks: attention checks, which every rater sees. limit: only so many inputs
    of each label, drawn. question: what raters are asked. seed: draws inputs, modes and sides."""

    per_rater: int = 36  # spec A7: the paper's percentages fit 20 raters x 36 pairs
    checks: int = 4  # ours: one in ten
    limit: int | None = None
    question: str = QUESTION
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("per_rater", 1), ("checks", 0), ("limit", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} is {value}; it is at least {least}")
        if not self.question.strip() or len(self.question) > 200:
            raise InputError("the question must have 1 to 200 characters")


def build(
    stores: Mapping[str, Store], out: Path, settings: StudySettings, *, force: bool = False, progress: Progress = lambda *_: None
) -> Plan:
    """Fills the folder `out` with a study of the methods that `stores` names -> its plan. The same stores and settings: the same study.

    A study that is there with the same plan is kept, its answers too. InputError: fewer than two methods, no input in common, clips
    without pixels or of different sizes, another study in the way without `force`; answers go only with `force`.
    """
    from limner.media.files import lock_folder, make_folder

    plan = plan_of(stores, settings)
    out = Path(out)
    if _kept(out, plan, force):
        return plan
    make_folder(out / CLIPS)
    lock = lock_folder(out)
    if lock is None:
        raise InputError(f"the study {out} is being served or built; stop that first")
    with lock:
        _write(stores, out, plan, progress)
    return plan


def _write(stores: Mapping[str, Store], out: Path, plan: Plan, progress: Progress) -> None:
    for name in (ANSWERS, f"{ANSWERS}-wal", f"{ANSWERS}-shm", PLAN):
        (out / name).unlink(missing_ok=True)
    for old in (out / CLIPS).glob("*.mp4"):
        old.unlink()
    rows = {name: {store.row(i)["id"]: i for i in range(len(store))} for name, store in stores.items()}
    for number, pair in enumerate(plan.pairs):
        first = stores[pair.first].read(rows[pair.first][pair.first_clip])
        second = stores[pair.second].read(rows[pair.second][pair.second_clip])
        if pair.is_check:
            rng = np.random.default_rng([plan.seed, number])
            first, second = (first, broken(second, rng)) if pair.intact == FIRST else (broken(first, rng), second)
        write_pair(video_of(out, pair.id), first, second)
        progress("writing pairs", number + 1, len(plan.pairs))
    write_plan(out, plan)  # last: a build that was cut has no plan, and is built anew


def _kept(out: Path, plan: Plan, force: bool) -> bool:
    """Whether that very study is there already. InputError where another one is in the way."""
    from limner.evaluation.study.plan import read_plan
    from limner.media.files import LOCK

    if not (out / PLAN).exists():
        if out.exists() and any(path.name not in (CLIPS, LOCK) for path in out.iterdir()) and not force:
            raise InputError(f"{out} is no study and not empty; name another folder with --out")
        return False
    if force:
        return False
    if read_plan(out) == plan and all(video_of(out, pair.id).is_file() for pair in plan.pairs):
        return True
    raise InputError(f"{out} holds another study; --force replaces it, with its answers, or name another folder with --out")


def plan_of(stores: Mapping[str, Store], settings: StudySettings) -> Plan:
    """The pairs of a study, drawn by its seed; reads manifests only. InputError as `build`."""
    if len(stores) < 2:
        raise InputError("a study compares the clips of two methods or more; name two stores")
    inputs = dict(zip(stores, inputs_of(list(stores.values()))))
    _check_sizes(stores)
    rng = np.random.default_rng(settings.seed)
    names, pairs = list(stores), []
    for one, other in itertools.combinations(names, 2):
        common = sorted(set(inputs[one]) & set(inputs[other]))
        if not common:
            raise InputError(f"{one} and {other} have no input in common: no clip of both was made from the same clip with the same label")
        for source, label in _drawn(common, settings):
            sides = [(name, str(rng.choice(inputs[name][source, label]))) for name in (one, other)]
            (first, first_clip), (second, second_clip) = sides if rng.random() < 0.5 else sides[::-1]
            pairs.append(
                Pair(id="", source=source, label=label, first=first, second=second, first_clip=first_clip, second_clip=second_clip)
            )
    for number in range(settings.checks):
        name = names[number % len(names)]
        source, label = sorted(inputs[name])[int(rng.integers(len(inputs[name])))]
        clip, intact = str(rng.choice(inputs[name][source, label])), (FIRST, SECOND)[int(rng.integers(2))]
        pairs.append(Pair(id="", source=source, label=label, first=name, second=name, first_clip=clip, second_clip=clip, intact=intact))
    content = repr((settings, [(name, store.table["hash"].to_pylist()) for name, store in stores.items()]))
    identity = hashlib.sha256(content.encode()).hexdigest()[:16]
    named = [
        Pair(**{**pair.__dict__, "id": hashlib.sha256(f"{identity} {number}".encode()).hexdigest()[:16]})
        for number, pair in enumerate(pairs)
    ]
    order = rng.permutation(len(named))  # the plan's own order tells nothing either
    return Plan(
        id=identity,
        methods=tuple(names),
        pairs=tuple(named[i] for i in order),
        per_rater=settings.per_rater,
        seed=settings.seed,
        question=settings.question,
    )


def inputs_of(stores: Sequence[Store]) -> Iterator[dict[tuple[str, str], list[str]]]:
    """Of each store: (source clip, label) -> ids of the clips made from it. InputError where a store has no pixels."""
    prefixes = [{str(name).rpartition("/")[0] for name in store.table["id"].to_pylist()} for store in stores]
    for number, store in enumerate(stores):
        others = set().union(*(found for i, found in enumerate(prefixes) if i != number)) - {""}
        found: dict[tuple[str, str], list[str]] = {}
        for i in range(len(store)):
            row = store.row(i)
            if row["encoding"] == "none":
                raise InputError(f"store {store.path} has no pixels: clip {row['id']!r} is points alone")
            source = row["id"] if row["id"] in others else row["id"].rpartition("/")[0] or row["id"]
            found.setdefault((source, row["label"] or NO_LABEL), []).append(row["id"])
        yield found


def _check_sizes(stores: Mapping[str, Store]) -> None:
    sizes = {name: {(store.row(i)["width"], store.row(i)["height"]) for i in range(len(store))} for name, store in stores.items()}
    if len(set().union(*sizes.values())) > 1:
        told = "; ".join(f"{name}: {', '.join(f'{w}x{h}' for w, h in sorted(found))}" for name, found in sizes.items())
        raise InputError(f"the clips differ in size, which would tell raters the methods apart ({told}); generate them at one size")


def _drawn(common: list[tuple[str, str]], settings: StudySettings) -> list[tuple[str, str]]:
    """As many inputs of each label as the limit says: the same ones for all methods that have them."""
    drawn = []
    for label in sorted({label for _, label in common}):
        of_label = [key for key in common if key[1] == label]
        ranked = sorted(of_label, key=lambda key: hashlib.sha256(f"{settings.seed} {key}".encode()).digest())
        drawn += sorted(ranked[: settings.limit])
    return drawn


# Pictures


def timed(clip: Clip, seconds: float) -> np.ndarray:
    """Indices of the frames shown, FPS a second over HOLD_S + seconds + HOLD_S: each at its true time, the last one held."""
    at = np.arange(round((2 * HOLD_S + seconds) * FPS)) / FPS - HOLD_S
    return np.rint(at * float(clip.fps)).astype(int).clip(0, clip.num_frames - 1)


def write_pair(path: Path, first: Clip, second: Clip) -> None:
    """Both clips beside each other, begun at once, as one video; the shorter one rests on its last picture."""
    from limner.media.pictures import resize
    from limner.media.video import VideoWriter

    assert first.frames is not None
    assert second.frames is not None
    height, width = first.frames.shape[1:3]
    scale = max(1, round(SHOWN_PX / max(height, width)))
    width, height = scale * width + scale * width % 2, scale * height + scale * height % 2
    seconds = max((clip.num_frames - 1) / float(clip.fps) for clip in (first, second))
    pictures = [[resize(frame, (width, height)) for frame in clip.frames] for clip in (first, second)]  # type: ignore[union-attr]
    tags = {"comment": "Synthetic: clips of a preference study."}
    with VideoWriter(path, fps=Fraction(FPS), size=(2 * width, height), tags=tags) as writer:
        for i, j in zip(timed(first, seconds), timed(second, seconds)):
            writer.write(np.hstack([pictures[0][i], pictures[1][j]]))


def broken(clip: Clip, rng: np.random.Generator) -> Clip:
    """The clip in coarse blocks and with its frames in no order: what no one who looks takes for the better one."""
    from dataclasses import replace

    from limner.media.pictures import resize

    assert clip.frames is not None
    size = (clip.frames.shape[2], clip.frames.shape[1])
    coarse = [resize(frame, (BLOCK, BLOCK)) for frame in clip.frames]
    rows, columns = (np.arange(side) * BLOCK // side for side in size[::-1])
    frames = np.stack([small[rows][:, columns] for small in coarse])
    return replace(clip, frames=frames[rng.permutation(len(frames))])
