"""Whether it shows what a generated body does, as in Table III of Yan et al. (ACM MM 2017).

    limner bench actions REAL [FAKE ...] --judge FOLDER [--leave-one-out]

The judge is trained on REAL's training clips where FOLDER holds none yet; its accuracy on REAL's test clips comes first, then on each store
of generated ones. With --leave-one-out, on small sets: a judge for each person, trained on all others, and no test split.

Shapes: N clips.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.store import Store
from limner.evaluation.judges.action import ActionConfig, ActionJudge, labelled
from limner.generation.films import Progress, silent
from limner.media.files import make_folder, write_text
from limner.types import Clip, InputError

REAL, ALL = "real", "all"
LEAST = 0.98  # the issue: on real test clips of synthetic bodies
Z = 1.959964  # 95 %
# Yan et al. 2017, Table III: accuracy in % on 65 sequences of each action (spec B4).
PAPER: dict[str, dict[str, float]] = {
    "walking": {"GT": 100, "L1": 83.1, "G": 43.1, "L1+G": 93.8, "L1+G+T": 93.8},
    "running": {"GT": 98.5, "L1": 76.9, "G": 41.5, "L1+G": 92.3, "L1+G+T": 92.3},
    "hand waving": {"GT": 100, "L1": 95.4, "G": 47.7, "L1+G": 100, "L1+G+T": 100},
}


def run(
    real: Path,
    fakes: Sequence[Path],
    judge: Path,
    *,
    labels: Sequence[str] | None = None,
    leave_one_out: bool = False,
    split: str = "test",
    out: Path | None = None,
    config: ActionConfig | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Prints the table, writes it to OUT (JSON) where given; -> {"real" or store: {label: {"right", "n", "low", "high"}}}.

    judge: a folder; kept where one was trained before on the same labels. labels: only clips of these; None: all of the training split.
    InputError: a store without labels or pixels, a judge of other labels."""
    truth, stores = Store(Path(real)), {Path(path).name: Store(Path(path)) for path in fakes}
    if leave_one_out:
        found = left_out(truth, stores, Path(judge), labels, config, progress)
    else:
        one = judge_of(truth, Path(judge), labels, config)
        found = {REAL: counts(judged(one, truth, labelled(truth, split=split, labels=one.labels), progress))}
        one.held_out = {"store": truth.path.name, **found[REAL]}
        one.save(Path(judge))
        for name, store in stores.items():
            found[name] = counts(judged(one, store, labelled(store, split=None, labels=one.labels), progress))
    print("\n".join(lines(found)))
    if out is not None:
        make_folder(Path(out).parent)
        write_text(Path(out), json.dumps({"judge": str(judge), "stores": found, "paper": PAPER}, indent=1) + "\n")
    return found


def judge_of(
    store: Store, folder: Path, labels: Sequence[str] | None, config: ActionConfig | None, without: str | None = None
) -> ActionJudge:
    """The judge in a folder, or one trained on the store's training clips and kept there; without: on all clips but that person's."""
    if (folder / "config.json").exists():
        judge = ActionJudge.load(folder)
        if labels is not None and set(labels) != set(judge.labels):
            raise InputError(f"the judge in {folder} knows {', '.join(judge.labels)}, not {', '.join(sorted(labels))}; name another folder")
        return judge
    rows = labelled(store, split="train" if without is None else None, labels=labels)
    clips = (store[row] for row in rows if without is None or store.row(row)["subject"] != without)
    judge = ActionJudge.train(clips, out=folder / "training", config=config)
    judge.save(folder)
    return judge


Told = list[tuple[str, str]]  # of each clip its label, and what the judge says


def judged(judge: ActionJudge, store: Store, rows: Sequence[int], progress: Progress) -> Told:
    """Each clip's label, and the judge's."""
    told = []
    for number, row in enumerate(rows):
        clip: Clip = store[row]
        told.append((str(clip.label), judge.predict([clip])[0]))
        progress(f"judging {store.path.name}", number + 1, len(rows))
    return told


def left_out(
    truth: Store, stores: dict[str, Store], folder: Path, labels: Sequence[str] | None, config: ActionConfig | None, progress: Progress
) -> dict[str, Any]:
    """As `run`, each person's clips judged by a judge that never saw that person."""
    people = sorted({truth.row(row)["subject"] for row in labelled(truth, split=None, labels=labels)})
    if len(people) < 2:
        raise InputError(f"store {truth.path} has one person alone; nobody is left to learn from without that one")
    told: dict[str, Told] = {name: [] for name in (REAL, *stores)}
    for person in people:
        judge = judge_of(truth, folder / person, labels, config, without=person)
        for name, store in {REAL: truth, **stores}.items():
            own = [i for i in range(len(store)) if store.row(i)["subject"] == person]
            rows = sorted(set(own) & set(labelled(store, split=None, labels=judge.labels)))
            told[name] += judged(judge, store, rows, progress)
    return {name: counts(of) for name, of in told.items()}


def counts(told: Told) -> dict[str, dict[str, float]]:
    """Label, and "all" -> how many of n were named right, the share and its 95 % interval."""
    found = {}
    for label in (*sorted({label for label, _ in told}), ALL):
        own = [said == label_of for label_of, said in told if label in (label_of, ALL)]
        low, high = wilson(sum(own), len(own))
        found[label] = {"right": sum(own), "n": len(own), "share": sum(own) / len(own), "low": low, "high": high}
    return found


def wilson(right: int, num: int) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `num` (Wilson 1927)."""
    share, z2 = right / num, Z * Z / num
    middle, half = (share + z2 / 2) / (1 + z2), Z * np.sqrt(share * (1 - share) / num + z2 / (4 * num)) / (1 + z2)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The figures as a Markdown table, a row an action, a column a store, then the paper's own table."""
    yield "| accuracy, % (95 %) | " + " | ".join(found) + " |"
    yield "|---|" + "---|" * len(found)
    for label in found[REAL]:
        yield f"| {label} | " + " | ".join(_cell(column.get(label)) for column in found.values()) + " |"
    met = found[REAL][ALL]["share"] >= LEAST
    yield f"real clips of people never seen, all actions >= {100 * LEAST:.0f} %: {'met' if met else 'MISSED'}"
    for label, row in PAPER.items():
        yield f"the paper's Table III, {label}: " + ", ".join(f"{name} {value}" for name, value in row.items())


def _cell(figure: dict[str, float] | None) -> str:
    if figure is None:
        return ""
    return f"{100 * figure['share']:.1f} ({100 * figure['low']:.1f} to {100 * figure['high']:.1f}), n = {figure['n']:.0f}"
