"""How far the judge of bodies' identity can be trusted: `limner bench bodies STORE --judge FOLDER` trains it where FOLDER holds none yet.

On the store's test people: does the first frame of each clip find another clip of the same person among all clips, and how well do the
cosines of pairs of one person part from those of two (ROC AUC)? Shapes: N clips, D features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limner import measures
from limner.data.store import Store
from limner.evaluation.judges.body import BodyConfig, BodyIdentity
from limner.types import InputError


def run(store: Path, judge: Path, *, config: BodyConfig | None = None) -> dict[str, Any]:
    """Prints the figures and keeps them with the judge; -> them. InputError: a store without two test people, each with two clips."""
    clips, folder = Store(Path(store)), Path(judge)
    one = judge_of(clips, folder, config)
    one.held_out = {"store": clips.path.name, **found_again(one, clips)}
    one.save(folder)
    h = one.held_out
    print(f"{h['people']} people never seen, {h['clips']} clips; a clip's first frame finds another clip of its person in {h['top1']:.3f}")
    print(
        f"of the cases (by chance {h['chance']:.3f}), AUC {h['auc']:.3f}; distance of one person {h['same']:.3f}, of two {h['other']:.3f}"
    )
    return one.held_out


def judge_of(store: Store, folder: Path, config: BodyConfig | None) -> BodyIdentity:
    """The judge in a folder, or one trained on the store's training people and kept there."""
    if (folder / "config.json").exists():
        return BodyIdentity.load(folder)
    judge = BodyIdentity.train(store, out=folder / "training", config=config)
    judge.save(folder)
    return judge


def found_again(judge: BodyIdentity, store: Store, split: str = "test") -> dict[str, Any]:
    """The figures on the people of a split."""
    rows = store.select(split=split, where=lambda row: row["encoding"] != "none")
    people = np.array([store.row(row)["subject"] for row in rows])
    if len(set(people)) < 2 or len(set(people)) == len(people):
        raise InputError(f"store {store.path} has no two people with two clips each in split {split!r}")
    vectors_ND = np.concatenate([judge.of_clip(store.read(row, slice(0, 1))) for row in rows])
    cosine_NN = vectors_ND @ vectors_ND.T
    same_NN = people[:, None] == people
    off = ~np.eye(len(rows), dtype=bool)
    nearest = np.where(off, cosine_NN, -np.inf).argmax(1)
    pairs = np.triu_indices(len(rows), 1)
    return {
        "people": len(set(people)),
        "clips": len(rows),
        "top1": float((people[nearest] == people).mean()),
        "chance": float((same_NN & off).sum(1).mean() / (len(rows) - 1)),
        "auc": measures.roc_auc(cosine_NN[pairs][same_NN[pairs]], cosine_NN[pairs][~same_NN[pairs]]),
        "same": float(1 - cosine_NN[same_NN & off].mean()),
        "other": float(1 - cosine_NN[~same_NN].mean()),
    }
