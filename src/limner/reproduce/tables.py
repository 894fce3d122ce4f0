"""Tables 1 and 3 of CMM-Net in the paper's form, from the scores of `evaluate`, with the paper's own figures beside ours.

A table is data: {"title", "head": groups of columns, "rows": [{"name", "cells"}], "paper": the same, "orders", "notes"}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limner.reproduce import paper
from limner.reproduce.methods import ORIGINAL
from limner.reproduce.run import Reproduced

NONE = "-"
NOT_TRAINED = "not trained"
# Key of evaluate's scores -> heading, digits, whether more is better (None: as the originals).
Keys = dict[str, tuple[str, int, bool | None]]
TABLE_1: Keys = {"is": ("IS", 3, None), "is_difference": ("ΔIS", 3, False), "ssim": ("SSIM", 3, True)}
TABLE_3: Keys = {"au_curves": ("AU distance", 2, False)}
Cell = dict[str, Any]  # {"value", "low", "high"} or {"text"}


def table_1(found: Reproduced) -> dict[str, Any]:
    """Inception Score, its difference to the originals', SSIM."""
    title = "Table 1. Inception Score (IS), its difference to the originals' (ΔIS, lower is better) and SSIM (higher is better)"
    theirs = {name: [{"text": _number(value)} for column in row for value in column] for name, row in paper.TABLE_1.items()}
    table = _table(found, title, TABLE_1, theirs)
    table["orders"] = [
        order
        for place, key, more in ((1, "is_difference", False), (2, "ssim", True))
        for order in _orders(found, key, TABLE_1[key][0], more, lambda row, column, place=place: paper.TABLE_1[row][column][place])
    ]
    return table


def table_3(found: Reproduced) -> dict[str, Any]:
    """Distance between the mean AU curves of a method and of the originals."""
    title = "Table 3. Distance between the AU curves (AU6 and AU12) of the methods and of the original sequences; lower is better"
    theirs = {name: [{"text": _number(value)} for value in row] for name, row in paper.TABLE_3.items()}
    table = _table(found, title, TABLE_3, theirs)
    table["orders"] = list(_orders(found, "au_curves", "AU distance", False, lambda row, column: paper.TABLE_3[row][column]))
    return table


def _table(found: Reproduced, title: str, keys: Keys, theirs: dict[str, list[Cell]]) -> dict[str, Any]:
    labels = found.scores["labels"] or ["all"]
    rows = [row for row in found.scores["rows"] if row["name"] != ORIGINAL or "is" in keys]
    return {
        "title": title,
        "store": found.real.path.name,
        "head": [[label, [heading for heading, _, _ in keys.values()]] for label in labels],
        "rows": [{"name": row["name"], "cells": [_cell(found, row, label, key) for label in labels for key in keys]} for row in rows],
        "paper": {
            "head": [[column, [heading for heading, _, _ in keys.values()]] for column in paper.COLUMNS],
            "rows": [{"name": name, "cells": cells} for name, cells in theirs.items()],
        },
        "digits": [digits for _ in labels for _, digits, _ in keys.values()],
        "training": found.training,
        "notes": list(notes(found)),
    }


def _scores(row: dict[str, Any], label: str) -> dict[str, Any]:
    return row["scores"] if label == "all" or not row["labels"] else row["labels"].get(label, {})


def _cell(found: Reproduced, row: dict[str, Any], label: str, key: str) -> Cell:
    if row["name"] in found.untrained:
        return {"text": NOT_TRAINED}
    score = _scores(row, label).get(key)
    if score is None:
        return {"text": NONE}
    return {"text": f"not measured: {score['refused']}"} if "refused" in score else {k: score[k] for k in ("value", "low", "high")}


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _orders(found: Reproduced, key: str, heading: str, more: bool, theirs: Any) -> Iterator[dict[str, Any]]:
    """For each label: the order of the three methods in the paper and here, and whether both agree."""
    columns = list(paper.COLUMNS)
    rows = {row["name"]: row for row in found.scores["rows"]}
    for label in found.scores["labels"]:
        if label not in paper.BESIDE:
            continue
        column = paper.BESIDE[label]
        values = {
            name: _scores(rows[name], label).get(key, {}).get("value")
            for name in paper.METHODS
            if name in rows and name not in found.untrained
        }
        values = {name: value for name, value in values.items() if value is not None}
        if len(values) < 2:
            continue
        here = sorted(values, key=lambda name: values[name], reverse=more)
        there = sorted(values, key=lambda name: theirs(name, columns.index(column)), reverse=more)
        yield {"what": f"{heading}, {label}", "beside": column, "paper": there, "here": here, "agrees": here == there}


def notes(found: Reproduced) -> Iterator[str]:
    """What differs from the paper: data, networks, protocol, training."""
    scores, floors = found.scores, found.floors
    people = len({found.real.row(row)["subject"] for row in found.real.select(split="test")})
    width, height = scores["pixels"]
    yield (
        f"Data: {scores['real']['clips']} test clips of {people} people of the store {found.real.path.name}, {width} x {height}; "
        "the paper's are UvA-NEMO, DISFA and DISFA+. Only figures of one table compare."
    )
    for key, what in (("frames", "Inception Score"), ("points", "AU curves")):
        record = scores["networks"].get(key)
        if record:
            yield f"{what}: by {record['name']}, where the paper names {'no network' if key == 'frames' else 'no estimator'}."
    yield (
        "Protocol (spec A7, where the paper is silent): SSIM of frame t with the original's frame t, 11x11 Gaussian, mean over frames, "
        "clips and modes; the Inception Score over all frames of the test clips; AU distance: L1 of the mean AU6 and AU12 curves over 32 "
        "frames, summed. In brackets: 95 % bootstrap intervals over people."
    )
    yield f"For scale, SSIM of what needs no training: {', '.join(f'{name} {value:.3f}' for name, value in floors.items())}."
    recipes = {run["recipe"] for one in found.training.values() for run in one["runs"]}
    if any(recipe.endswith("-small") for recipe in recipes):
        yield "Networks: the -small recipes have about a quarter of the papers' widths, so that they learn in the time."
    for name, one in found.training.items():
        runs = "; ".join(f"{run['recipe']}: steps {'+'.join(map(str, run['steps']))}, saw {run['saw']}{_best(run)}" for run in one["runs"])
        yield f"{name} trained {lasted(one)}. {runs}."
    if found.untrained:
        yield f"{', '.join(found.untrained)}: no likelier than the mean training face, or still; so not trained, and no figure is given."
    yield paper.FOOTNOTE


def lasted(training: dict[str, Any]) -> str:
    """How long a method trained, in words."""
    return f"{training['seconds'] / 60:.1f} minutes" if training["seconds"] else "a time that its runs, of an older limner, do not tell"


def _best(run: dict[str, Any]) -> str:
    return "".join(f", best of a stage at step {one['done']} (validation SSIM {one['score']:.3f})" for one in run["best"])


def cell_text(cell: Cell, digits: int) -> str:
    """A cell in words."""
    if "text" in cell:
        return cell["text"]
    span = "" if cell["low"] is None else f" ({cell['low']:.{digits}f} to {cell['high']:.{digits}f})"
    return f"{cell['value']:.{digits}f}{span}"


def order_text(order: dict[str, Any], signs: str = " > ") -> str:
    """Best first, in the paper and here."""
    agree = "as in the paper" if order["agrees"] else "DIFFERS from the paper"
    here, there = signs.join(order["here"]), signs.join(order["paper"])
    return f"{order['what']}, best first: {here} here, {there} in the paper ({order['beside']}): {agree}"


def markdown(table: dict[str, Any]) -> str:
    """The whole table as Markdown: ours, the paper's, where the order differs, what else does."""
    lines = [f"# {table['title']}", "", *_grid(table, table["digits"]), "", "The paper's own:", ""]
    lines += [*_grid(table["paper"], [3] * 99), ""]
    lines += [f"- {order_text(order)}" for order in table["orders"]] + [f"- {note}" for note in table["notes"]]
    return "\n".join(lines) + "\n"


def _grid(table: dict[str, Any], digits: list[int]) -> Iterator[str]:
    yield "| | " + " | ".join(f"{group}: {heading}" for group, headings in table["head"] for heading in headings) + " |"
    yield "|---" * (1 + sum(len(headings) for _, headings in table["head"])) + "|"
    for row in table["rows"]:
        yield f"| {row['name']} | " + " | ".join(cell_text(cell, d) for cell, d in zip(row["cells"], digits)) + " |"
