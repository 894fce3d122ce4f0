"""`limner reproduce table1 | table2 | table3 | figures`: from a store to the page, and on again where it was stopped."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.evaluation.pairing import CONDITIONAL, made_of
from limner.generation.films import Progress, silent
from limner.media.files import make_folder, write_text
from limner.reproduce import page, tables
from limner.reproduce.figures import curves, smiles
from limner.reproduce.figures.grid import save
from limner.reproduce.run import Asked, Reproduced, make_clips, reproduce
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

SHOWN = 4  # faces of figure 7, the labels taking turns
TABLES: dict[str, Callable[[Reproduced], dict[str, Any]]] = {"table1": tables.table_1, "table3": tables.table_3}


def table(what: str, asked: Asked, *, progress: Progress = silent, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Writes OUT/<what>.md, .json and .html, and prints the Markdown; -> the table as data. InputError as `reproduce`."""
    found = reproduce(asked, progress=progress, say=say)
    made = TABLES[what](found)
    text = tables.markdown(made)
    write_text(asked.out / f"{what}.json", json.dumps(made, indent=1) + "\n")
    write_text(asked.out / f"{what}.md", text)
    pictures = {"The methods on the same faces": _png(smiles.figure_7(compared(found)))}
    if drawable(found):
        pictures["Action units"] = _png(curves.figure_8(found.scores["curves"], found.scores["labels"], found.untrained))
    page.write(asked.out / f"{what}.html", made, pictures, {"All scores, with players": "scores/index.html"})
    say(text)
    return made


def table2(asked: Asked, *, progress: Progress = silent, say: Callable[[str], None] = print) -> dict[str, Any] | None:
    """The preference study of the methods, in OUT/study: built first, then it waits for raters (limner study serve); once they have
    answered, the same command prints Table 2. -> the report; None while nobody has answered."""
    from limner.evaluation.study.table2 import table2 as study

    _, made, _ = make_clips(asked, progress=progress, say=say)
    told, text = study(at_one_size(made, asked.out / "made"), asked.out / "study", progress=progress)
    say(text)
    return told


def at_one_size(made: dict[str, Store], folder: Path) -> dict[str, Store]:
    """The stores, those of larger clips as copies at the smallest size, in FOLDER: a size would tell raters the methods apart."""
    from limner.bench.scgan import of_size
    from limner.data.store import Store, StoreWriter

    size = min(store.row(0)["width"] for store in made.values())
    found = {}
    for name, store in made.items():
        found[name] = store
        if store.row(0)["width"] != size:
            with StoreWriter(folder / f"{store.path.name}-{size}", note=store.note, fresh=True) as writer:
                for clip in store:
                    writer.add(of_size(clip, size))
            found[name] = Store(writer.path)
    return found


def figures(asked: Asked, *, progress: Progress = silent, say: Callable[[str], None] = print) -> list[Path]:
    """Writes CMM-Net's figures 1 and 4 to 8 of a store of faces into OUT/figures, as PNG and SVG; -> the files."""
    found = reproduce(asked, progress=progress, say=say)
    folder = make_folder(asked.out / "figures")
    real = found.real
    rows = [row for row in real.select(split="train", kind="transition") if real.row(row)["encoding"] != "none"]
    spontaneous = [row for row in rows if real.row(row)["label"] == "spontaneous"] or rows
    others = [real.read(row) for row in spontaneous[:200]]
    first, second = two_of(real, spontaneous)
    files = save(smiles.figure_1(first, second, others), folder, "figure_1")
    with_units = [row for row in rows if real.row(row)["au_names"]]
    if with_units:
        files += save(curves.figure_4([real.read(row) for row in with_units[:400]]), folder, "figure_4")
    files += _modes(found, folder)
    files += save(smiles.figure_7(compared(found)), folder, "figure_7")
    if drawable(found):
        drawn = curves.figure_8(found.scores["curves"], found.scores["labels"], found.untrained)
        files += save(drawn, folder, "figure_8")
    for path in files:
        say(str(path))
    return files


def _modes(found: Reproduced, folder: Path) -> list[Path]:
    """Figures 5 and 6, of CMM-Net's conditional sequence and its modes; nothing where it is not among the methods, or not trained."""
    if "CMM-Net" not in found.made or "CMM-Net" in found.untrained:
        return []
    real, made = found.real, found.made["CMM-Net"]
    rows = {one.name: one.of for one in made_of(real, made, "CMM-Net")}
    modes, single = rows["CMM-Net"], rows[f"CMM-Net, {CONDITIONAL}"]
    by_label: dict[str, list[Clip]] = {}
    for (clip,) in ([made.read(row) for row in own] for own in single.values()):
        chosen = by_label.setdefault(str(clip.label), [])
        if len(chosen) < 2 and clip.subject not in {one.subject for one in chosen}:
            chosen.append(clip)
    name = next(iter(single))
    original = next(real.read(row) for row in range(len(real)) if real.row(row)["id"] == name)
    files = save(smiles.figure_5(by_label), folder, "figure_5")
    drawn = smiles.figure_6(original, made.read(single[name][0]), [made.read(row) for row in modes[name]])
    return files + save(drawn, folder, "figure_6")


def two_of(real: Store, rows: list[int]) -> tuple[Clip, Clip]:
    """The first clip, and the first of another person. InputError where there are not two."""
    if not rows:
        raise InputError(f"store {real.path} has no transition with pixels of split 'train'")
    first = real.row(rows[0])
    other = next((row for row in rows if real.row(row)["subject"] != first["subject"]), rows[-1])
    return real.read(rows[0]), real.read(other)


def compared(found: Reproduced) -> list[tuple[Clip, dict[str, Clip | None]]]:
    """Some test clips of different people, the labels taking turns, each with what every method made of it (None: not trained)."""
    real, places = found.real, {found.real.row(i)["id"]: i for i in range(len(found.real))}
    groups = {name: made_of(real, store, name)[0].of for name, store in found.made.items()}
    common = [places[name] for name in next(iter(groups.values())) if all(name in group for group in groups.values())]
    labels, people, shown = sorted({str(real.row(row)["label"]) for row in common}), set(), []
    for row in sorted(common, key=lambda row: (real.row(row)["subject"], row)):
        entry = real.row(row)
        if entry["subject"] in people or str(entry["label"]) != labels[len(shown) % len(labels)]:
            continue
        people.add(entry["subject"])
        own = {name: None if name in found.untrained else found.made[name].read(group[entry["id"]][0]) for name, group in groups.items()}
        shown.append((real.read(row), own))
        if len(shown) == SHOWN:
            break
    return shown


def drawable(found: Reproduced) -> bool:
    """Whether there are curves of a row that is more than untrained."""
    return bool(set(found.scores["curves"]) - set(found.untrained))


def _png(figure: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", facecolor="white", metadata={"Software": None})
    return sink.getvalue()
