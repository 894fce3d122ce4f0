"""Scores as Markdown: a table for each thing that they are seen with, so that figures of different networks never share a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limner.evaluation import catalog

# by -> heading of its table, and the record in scores["networks"] it names
SECTIONS: dict[str, tuple[str, str]] = {
    catalog.PIXELS: ("Pixels", ""),
    catalog.FRAMES: ("Frames, by limner's own network", "frames"),
    catalog.FILMS: ("Clips, by limner's own network", "films"),
    catalog.INCEPTION: ("Frames, by Inception v3", "inception"),
    catalog.ALEX: ("Frames, by AlexNet (LPIPS)", "alexnet"),
    catalog.I3D: ("Clips, by I3D", "i3d"),
    catalog.POINTS: ("Points and action units", "points"),
    catalog.IDENTITY: ("Who it is", "identity"),
    catalog.LABELS: ("Labels", "labels"),
}
WAY = {catalog.HIGH: "higher is better", catalog.LOW: "lower is better", catalog.AS_REAL: "best as the originals'"}


def sections(scores: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Heading, a line on what it was seen with, and the keys of its scores, in order."""
    for by, (heading, network) in SECTIONS.items():
        keys = [key for key, metric in scores["metrics"].items() if metric["by"] == by]
        if keys:
            yield heading, seen_with(scores["networks"].get(network, {})), keys


def seen_with(record: dict[str, Any]) -> str:
    """A network's record as a line: its name, version, and how it did on what it never saw."""
    if not record:
        return ""
    parts = [str(record["name"]) + (f" (weights {record['version']})" if record.get("version") else "")]
    parts += [str(record[key]) for key in ("sees",) if record.get(key)]
    if record.get("heads", {}).get("what"):
        parts.append("classes: " + ", ".join(map(str, record["heads"]["what"])))
    held = record.get("held_out")
    if isinstance(held, dict) and "what" in held:
        parts.append(
            f"on people it never saw it names what is shown in {100 * held['what']:.1f} % (the commonest class: "
            f"{100 * held['what_by_chance']:.1f} %), which disturbance in {100 * held['harm']:.1f} % (by chance "
            f"{100 * held['harm_by_chance']:.1f} %)"
        )
    elif isinstance(held, dict) and held:
        found = [(name, value) for name, value in held.items() if isinstance(value, dict) and "top1" in value]
        parts += [f"{name}: {100 * value['top1']:.0f} % of {value['people']} people found again" for name, value in found]
        named = held.get("all")
        if isinstance(named, dict) and "share" in named:
            parts.append(f"it names {100 * named['share']:.1f} % of {named['n']:.0f} real clips of people it never saw")
    elif held:
        parts.append(str(held))
    return "; ".join(parts)


def cell(score: dict[str, Any] | None, digits: int) -> str:
    """A score as text: value (low to high), or why there is none."""
    if score is None:
        return ""
    if "refused" in score:
        return f"not measured: {score['refused']}"
    span = "" if score["low"] is None else f" ({score['low']:.{digits}f} to {score['high']:.{digits}f})"
    return f"{score['value']:.{digits}f}{span}"


def markdown(scores: dict[str, Any]) -> str:
    """The whole report as Markdown."""
    lines = [f"# {scores['real']['store']}: {scores['real']['clips']} original clips, {len(scores['fakes'])} stores of generated ones", ""]
    lines += [summary(scores), ""] + [f"- {note}" for note in scores["notes"]] + [""]
    lines += list(_tables(scores, lambda row: row["scores"]))
    for label in scores["labels"] if len(scores["labels"]) > 1 else []:
        lines += ["", f"# Label {label} alone", ""]
        lines += list(_tables(scores, lambda row, label=label: row["labels"].get(label, {}), told=False))
    return "\n".join(lines).rstrip() + "\n"


def summary(scores: dict[str, Any]) -> str:
    """What the numbers in brackets are, and how clips were compared."""
    how = "each with the original it imitates" if scores["paired"] else "as sets, as their names tell of no original"
    width, height = scores["pixels"]
    return (
        f"Clips are compared {how}, at {width} x {height} pixels. In brackets: 95 % bootstrap intervals over people. Figures of one table "
        "compare with one another, never with those of another network or size."
    )


def notes_of(rows: list[dict[str, Any]], of: Any, keys: list[str]) -> list[str]:
    """What is said of these scores, once for all rows of which it is said."""
    said: dict[str, list[str]] = {}
    for row in rows:
        for note in dict.fromkeys(of(row)[key]["note"] for key in keys if of(row).get(key, {}).get("note")):
            said.setdefault(note, []).append(row["name"])
    return [f"{'; '.join(names)}: {note}" for note, names in said.items()]


def _tables(scores: dict[str, Any], of: Any, *, told: bool = True) -> Iterator[str]:
    names = [row["name"] for row in scores["rows"]]
    for heading, network, keys in sections(scores):
        yield f"## {heading}"
        if told and network:
            yield f"{network}."
        yield ""
        yield "| | " + " | ".join(names) + " | |"
        yield "|---" * (len(names) + 2) + "|"
        for key in keys:
            metric = scores["metrics"][key]
            cells = [cell(of(row).get(key), catalog.SCORES[key].digits) for row in scores["rows"]]
            yield f"| {metric['title']} | " + " | ".join(cells) + f" | {WAY[metric['better']]} |"
        for note in notes_of(scores["rows"], of, keys):
            yield f"\n{note}."
        yield ""
    if told:
        yield lost_of(scores)


def lost_of(scores: dict[str, Any]) -> str:
    """In which clips the detector lost the face; nothing where none looked."""
    if "sees" not in scores["networks"].get("points", {}):
        return ""
    lost = ", ".join(f"{row['name']} {row['lost']} of {row['clips']}" for row in scores["rows"] if row["lost"])
    return f"Clips in which the detector lost the face: {lost or 'none'}."
