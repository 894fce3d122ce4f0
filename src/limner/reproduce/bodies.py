"""Table III and the figures of the MM 2017 paper, from the parts of `limner bench scgan`, every variant trained for the same time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from limner.bench import actions, scgan
from limner.data.store import Store
from limner.generation.films import Progress, silent
from limner.media.files import make_folder, write_text
from limner.reproduce import methods, page, tables
from limner.reproduce.figures import people
from limner.reproduce.figures.grid import save
from limner.types import Clip

VARIANTS = scgan.VARIANTS
COLUMNS = ("GT", "L1", "G", "L1+G", "L1+G+T")
WHOLE, OURS = "L1+G+T", "ours"


def table(
    data: Path, out: Path, *, budget: float, small: bool, progress: Progress = silent, say: Callable[[str], None] = print, **more: Any
) -> dict[str, Any]:
    """Writes OUT/table-iii.md, .json and .html, and prints the Markdown; -> the table as data. InputError as `bench.scgan.run`."""
    found = scgan.run(data, out, small=small, budget=budget, progress=progress, say=say, **more)
    made = table_iii(found["actions"], Store(Path(data)), trainings(Path(out), found["actions"]))
    text = tables.markdown(made)
    write_text(Path(out) / "table-iii.json", json.dumps(made, indent=1) + "\n")
    write_text(Path(out) / "table-iii.md", text)
    pictures = {f"Sheet of {name}": (Path(out) / name).read_bytes() for name in ("clips.png",) if (Path(out) / name).is_file()}
    page.write(Path(out) / "table-iii.html", made, pictures, {})
    say(text)
    return made


def trainings(out: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Variant -> methods.trained."""
    return {name: methods.trained([out / "runs" / name]) for name in found if (out / "runs" / name).is_dir()}


def table_iii(found: dict[str, Any], store: Store, training: dict[str, Any]) -> dict[str, Any]:
    """found: as `bench.actions.run` gives it. Rows are actions, as in the paper."""
    columns = [column for column in (*COLUMNS, OURS) if column == "GT" or column in found]
    stores = {column: found[actions.REAL if column == "GT" else column] for column in columns}
    labels = [label for label in stores["GT"] if label != actions.ALL] + [actions.ALL]
    still = found.get(scgan.STILL)
    untrained = [column for column in columns if column != "GT" and not learned(stores[column], still)]
    cells = {column: (lambda counts: {"text": tables.NOT_TRAINED}) if column in untrained else _cell for column in columns}
    rows = [{"name": label, "cells": [cells[column](stores[column].get(label)) for column in columns]} for label in labels]
    theirs = [{"name": label, "cells": [{"text": f"{row[c]:g}"} for c in COLUMNS]} for label, row in actions.PAPER.items()]
    return {
        "title": "Table III. Recognition of generated sequences, accuracy in %",
        "store": store.path.name,
        "head": [["accuracy, %", columns]],
        "rows": rows,
        "paper": {"head": [["accuracy, %", list(COLUMNS)]], "rows": theirs},
        "digits": [1] * len(columns),
        "training": training,
        "orders": list(_orders({column: own for column, own in stores.items() if column not in untrained})),
        "notes": [*_notes(stores, store, training, still), *_none_of(untrained)],
    }


def learned(own: dict[str, Any], still: dict[str, Any] | None) -> bool:
    """Whether more is recognised of a variant's clips than of their first frames repeated, over all actions."""
    return still is None or actions.ALL not in own or own[actions.ALL]["share"] > still[actions.ALL]["share"]


def _none_of(untrained: list[str]) -> Any:
    if untrained:
        yield f"{', '.join(untrained)}: no more is recognised than of the first frame repeated; so not trained, and no figure is given."


def _cell(counts: dict[str, float] | None) -> dict[str, Any]:
    return {"text": tables.NONE} if counts is None else {"value": 100 * counts["share"], **{k: 100 * counts[k] for k in ("low", "high")}}


def _orders(stores: dict[str, Any]) -> Any:
    for label, row in actions.PAPER.items():
        plain = {name: {key.replace("-", " "): counts for key, counts in own.items()} for name, own in stores.items() if name != "GT"}
        known = {name: own[label]["share"] for name, own in plain.items() if label in own and name in row}
        if len(known) < 2:
            continue
        here, there = (sorted(known, key=lambda name, by=by: -by[name]) for by in (known, row))
        agrees = all((known[a] - known[b]) * (row[a] - row[b]) >= 0 for a in known for b in known)  # equal ones in any order
        yield {"what": f"accuracy, {label}", "beside": "KTH", "paper": there, "here": here, "agrees": agrees}


def _notes(stores: dict[str, Any], store: Store, training: dict[str, Any], still: dict[str, Any] | None) -> Any:
    num = sum(counts["n"] for label, counts in stores["GT"].items() if label != actions.ALL)
    yield (
        f"Data: {num:.0f} test clips of the store {store.path.name}; the paper's are 65 of each action, of KTH (spec B4). Only figures of "
        "one table compare."
    )
    yield (
        "The judge: a small 3-D CNN trained on the store's real training clips; the paper names none. In brackets: 95 % intervals (Wilson)."
    )
    if still is not None:
        named = ", ".join(f"{label} {100 * counts['share']:.1f}" for label, counts in still.items())
        yield f"For scale, accuracy on the first frame repeated, which needs no training: {named}."
    yield "In the paper the triplet term changes nothing in this table; what it does over time: limner bench scgan."
    if OURS in stores:
        yield "ours: L1+G, the network also shown the reference with its limbs carried to where the skeleton has them (limb_warp)."
    for name, one in training.items():
        runs = "; ".join(f"{run['recipe']}: steps {'+'.join(map(str, run['steps']))}, saw {run['saw']}" for run in one["runs"])
        yield f"{name} trained {tables.lasted(one)}. {runs}."


def figures(
    data: Path, out: Path, *, budget: float, small: bool, progress: Progress = silent, say: Callable[[str], None] = print, **more: Any
) -> list[Path]:
    """Writes figures 5, 6 (of a store of Human3.6M: 7) and 8 into OUT/figures, as PNG and SVG; -> the files. more: as of `scgan.fill`."""
    scgan.fill(data, out, small=small, budget=budget, progress=progress, say=say, **more)
    store, folder = Store(Path(data)), make_folder(Path(out) / "figures")
    made = {name: Store(Path(out) / "made" / name) for name in VARIANTS}
    size = made[WHOLE].row(0)["width"]
    originals = one_of_each(store, {made[WHOLE].row(row)["id"].rpartition("/")[0] for row in range(len(made[WHOLE]))})
    first = scgan.of_size(originals[0], size)
    files = save(people.figure_5(first, {_shown(name): made_of(made[name], first) for name in scgan.STRUCTURES}), folder, "figure_5")
    pairs = [(scgan.of_size(clip, size), {_shown(name): made_of(made[name], clip) for name in (WHOLE, OURS)}) for clip in originals]
    recorded = any("human36m" in str(source) for source in set(store.table["source"].to_pylist()))
    drawn = people.figure_7(pairs, store.path.name) if recorded else people.figure_6(pairs, where=store.path.name)
    files += save(drawn, folder, "figure_7" if recorded else "figure_6")
    files += save(people.figure_8(first, {name: made_of(made[name], first) for name in ("L1+G", WHOLE)}), folder, "figure_8")
    for path in files:
        say(str(path))
    return files


def _shown(name: str) -> str:
    """What a figure calls a variant."""
    return {"L1+G": "siamese", WHOLE: "generated"}.get(name, name)


def one_of_each(store: Store, names: set[str]) -> list[Clip]:
    """A test clip of each label among those of these ids, of different people where there are as many."""
    test, found = [row for row in store.select(split="test") if store.row(row)["id"] in names], []
    for label in sorted({str(store.row(row)["label"]) for row in test}):
        rows = [row for row in test if str(store.row(row)["label"]) == label]
        others = [row for row in rows if store.row(row)["subject"] not in {clip.subject for clip in found}]
        found.append(store.read((others or rows)[0]))
    return found


def made_of(made: Store, original: Clip) -> Clip:
    """What a variant made of a clip."""
    return next(made.read(row) for row in range(len(made)) if made.row(row)["id"].rpartition("/")[0] == original.id)
