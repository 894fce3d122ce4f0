"""The second paper's experiments in one command: `limner bench scgan STORE OUT [--test STORE2] [--small] [--steps N]`.

    Table III: recognition of real clips (GT) and of what L1, G, L1+G and L1+G+T make of their first frames and skeletons
    structures: siamese, stacked-1 and stacked-2 (all L1+G): likeness, person, time; ours: siamese that is shown the limbs carried
    crossed: the skeletons of some people and the appearance of others

All variants train for equal steps, on STORE's training people; what is finished is kept, and the same command goes on. The figures are of
the test people of STORE2 (without it, of STORE), who must not be among those. Shapes: P people, T frames, S side, D features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner.bench import actions, bodies, clips
from limner.data.store import Store
from limner.evaluation.judges.body import BodyIdentity
from limner.generation.bodies import moved
from limner.generation.clips import GenerateSettings, generate
from limner.generation.films import Progress, silent
from limner.media.files import make_folder, write_text
from limner.media.pictures import write_png
from limner.types import Clip, InputError

# Name -> recipe's name after "scgan-", and losses; the first four are Table III's.
VARIANTS: dict[str, tuple[str, str]] = {
    "L1": ("siamese", "l1"),
    "G": ("siamese", "gan"),
    "L1+G": ("siamese", "l1+gan"),
    "L1+G+T": ("siamese", "l1+gan+triplet"),
    "stacked-1": ("stacked1", "l1+gan"),
    "stacked-2": ("stacked2", "l1+gan"),
    "ours": ("limbs", "l1+gan"),
}
STRUCTURES = ("L1+G", "stacked-1", "stacked-2", "ours")
CROSSED = 6  # people of the matrix
STILL = "first frame"  # repeated: what standing still would reach
Say = Callable[[str], None]


def unsaid(line: str) -> None:
    """Says nothing."""


def run(
    store: Path,
    out: Path,
    *,
    test: Path | None = None,
    variants: Sequence[str] = tuple(VARIANTS),
    progress: Progress = silent,
    say: Say = unsaid,
    **more: Any,
) -> dict[str, Any]:
    """Trains, generates, judges; prints the tables; writes OUT/scgan.json and sheets; -> the figures.

    more: as of `fill`. InputError: an unknown variant, a store of other clips, people who are learned from and tested."""
    out, known, asked = Path(out), Store(Path(store)), Store(Path(test or store))
    made = fill(store, out, test=test, variants=variants, progress=progress, say=say, **more)
    say("judging actions, people and pixels")
    judge, who = out / "judges" / "action", out / "judges" / "identity"
    actions.judge_of(known, judge, None, None)
    bodies.judge_of(known, who, None)
    found: dict[str, Any] = {"actions": actions.run(asked.path, list(made.values()), judge, progress=progress)}
    found["identity"] = bodies.run(asked.path, who)
    found["clips"] = clips.run(asked.path, list(made.values()), out, judge=who, progress=progress)
    found["crossed"] = {name: crossed(out, asked, name, BodyIdentity.load(who)) for name in STRUCTURES if name in made}
    for name, f in found["crossed"].items():
        print(f"crossed, {name}: nearer to whose looks it has than to whose skeleton it follows in {f['kept']:.3f} of the frames;")
        print(f"identity distance {f['distance']:.3f} from the one, {f['distance_other']:.3f} from the other")
    write_text(out / "scgan.json", json.dumps(found, indent=1) + "\n")
    return found


def fill(
    store: Path,
    out: Path,
    *,
    test: Path | None = None,
    small: bool = False,
    steps: int | None = None,
    budget: float | None = None,
    variants: Sequence[str] = tuple(VARIANTS),
    limit: int | None = None,
    progress: Progress = silent,
    say: Say = unsaid,
) -> dict[str, Path]:
    """Trains the variants and moves the test people with each; -> name -> its store OUT/made/NAME, and that of stills.

    small: the recipes `-small`. steps: of every variant; None: the recipe's. budget: seconds of training of each, in place of steps.
    limit: only the first so many test clips are moved. say: told of each variant as it begins. InputError as `run`."""
    from limner.papers.whole import train

    out, known, asked = Path(out), Store(Path(store)), Store(Path(test or store))
    check(known, asked, variants)
    made: dict[str, Path] = {}
    for number, name in enumerate(variants):
        structure, losses = VARIANTS[name]
        changes = {"losses": losses} | ({} if steps is None else {"steps": steps})
        long = "training" if budget is None else f"{budget:.0f} s of training"
        say(f"{name} ({number + 1} of {len(variants)}): {long}, less what is done")
        train(f"scgan-{structure}" + ("-small" if small else ""), known.path, out / "runs" / name, changes, show=False, budget=budget)
        progress("training", number + 1, len(variants))
        made[name] = out / "made" / name
        generate(asked, made[name], GenerateSettings(run=str(out / "runs" / name), limit=limit), progress=progress)
    made[STILL] = still(asked, out / "made" / STILL, limit=limit)
    return made


def check(known: Store, asked: Store, variants: Sequence[str]) -> None:
    """InputError where a variant is none, or a person of the test split is learned from."""
    odd = [name for name in variants if name not in VARIANTS]
    if odd or not variants:
        raise InputError(f"no variant {odd[0] if odd else ''!r}; there are: {', '.join(VARIANTS)}")
    learned = {known.row(row)["subject"] for row in known.select(split=("train", "val"))}
    both = learned & {asked.row(row)["subject"] for row in asked.select(split="test")}
    if both:
        raise InputError(f"{sorted(both)[0]!r} is learned from in {known.path} and tested in {asked.path}; test people nobody learned from")


def still(store: Store, out: Path, split: str | None = "test", limit: int | None = None) -> Path:
    """A store of the clips' first frames, each repeated as long as its clip; -> its folder. split: None for all clips; limit: the first."""
    from dataclasses import replace

    from limner.data.store import StoreWriter

    rows = (list(range(len(store))) if split is None else store.select(split=split))[:limit]
    if not ((out / "manifest.parquet").exists() and len(Store(out)) == len(rows)):
        with StoreWriter(out, fresh=True, note={"made_by": STILL}) as writer:
            for row in rows:
                clip = store[row]
                assert clip.frames is not None
                writer.add(replace(clip, id=f"{clip.id}/still", source=STILL, frames=np.repeat(clip.frames[:1], clip.num_frames, 0)))
    return out


def crossed(out: Path, store: Store, name: str, judge: BodyIdentity) -> dict[str, float]:
    """Each of some people moved by the skeletons of each other; writes OUT/crossed_<name>.png; -> kept: the share of frames whose looks are
    nearer to the first than to the second, and the mean identity distance from both."""
    from limner.papers.load import load_renderer

    model, chosen = load_renderer(out / "runs" / name), different(store, CROSSED)
    firsts_PD = np.concatenate([judge.of_clip(of_size(clip, model.settings.size))[:1] for clip in chosen])
    rows, own, other = [], [], []
    for j, looks in enumerate(chosen):
        cells = [of_size(looks, model.settings.size).frames[0]]  # type: ignore[index]
        for i, skeleton in enumerate(chosen):
            clip = moved(model, skeleton, name="crossed", seed=0, source=name, of=looks)
            assert clip.frames is not None
            cells.append(clip.frames[clip.num_frames // 2])
            if i != j:
                vectors_TD = judge.of_clip(clip)
                own.append(1 - vectors_TD @ firsts_PD[j])
                other.append(1 - vectors_TD @ firsts_PD[i])
        rows.append(np.concatenate(cells, 1))
    head = [skeleton_of(model, clip) for clip in chosen]
    rows.insert(0, np.concatenate([np.zeros_like(head[0]), *head], 1))
    make_folder(out)
    write_png(out / f"crossed_{name}.png", np.concatenate(rows).repeat(2, 0).repeat(2, 1), {})
    mine, theirs = np.concatenate(own), np.concatenate(other)
    return {"kept": float((mine < theirs).mean()), "distance": float(mine.mean()), "distance_other": float(theirs.mean())}


def different(store: Store, num: int) -> list[Clip]:
    """So many test clips, each of another person, the labels taking turns."""
    rows = store.select(split="test")
    labels = sorted({str(store.row(row)["label"]) for row in rows})
    people = sorted({store.row(row)["subject"] for row in rows})[:num]
    found = []
    for number, person in enumerate(people):
        own = [row for row in rows if store.row(row)["subject"] == person]
        wanted = [row for row in own if str(store.row(row)["label"]) == labels[number % len(labels)]]
        found.append(store[(wanted or own)[0]])
    return found


def of_size(clip: Clip, size: int) -> Clip:
    """The clip at size x size pixels."""
    from dataclasses import replace

    from limner.media.pictures import resize

    if clip.size == (size, size):
        return clip
    assert clip.frames is not None
    frames = np.stack([resize(frame, (size, size)) for frame in clip.frames])
    return replace(clip, frames=frames, points=clip.points * (size / clip.size[0]), size=(size, size))


def skeleton_of(model: Any, clip: Clip) -> np.ndarray:
    """(S, S, 3): what the model is shown of the clip's middle frame."""
    import torch

    at = clip.num_frames // 2
    points = torch.from_numpy(clip.points[at : at + 1] * (model.settings.size / clip.size[0]))
    return model.draw(points.float(), torch.from_numpy(clip.confidence[at : at + 1]))[0].permute(1, 2, 0).numpy()
