#!/usr/bin/env python3
"""The identity judge that ships: trained on photos of the London training people and on synthetic train people, then asked about others.

    python tools/make_identity.py LONDON [--store STORE] [--work FOLDER] [--steps N]

LONDON: the folder of NNN_neutral.jpg and NNN_smiling.jpg. STORE: a clip store with pixels (limner prepare synthetic-faces). The folder
keeps the run (default: runs/identity); the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from limner.bench import faces
from limner.bench import identity as bench
from limner.data.store import Store
from limner.evaluation.judges.identity import CONFIG, SHIPPED, FaceIdentity
from limner.evaluation.judges.identity_training import IdentityConfig, Portraits, train
from limner.training.config import to_json

SYNTHETIC_PEOPLE, SHOTS = 320, 8  # ours: of the store, and frames of each
CARD = """---
library_name: limner
license: apache-2.0
tags: [face-identity, evaluation]
---
# identity: does a picture still show this person?

Takes a picture and the 68 points (iBUG order) of its face; gives a vector of {features} numbers and length 1, whose cosine with another
picture's is the identity similarity. `limner.evaluation.judges.identity.FaceIdentity.load()` opens it. {parameters:,} parameters,
as float16. It sees 64 x 64 pixels inside the outline of the face alone, each colour brought to mean 0 and spread 1, over the face and then
about each place: no hair, clothes or background, no exposure and no tint, no light from one side.

Made to judge limner's own frames (whether they keep the person in a photo), not to recognise people: with {people} real people it has seen
too few for that, and it must not be used so.

## Data and credit
The 66 training people of the Face Research Lab London Set (CC BY 4.0, DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666.v5), a neutral
and a smiling photo each{synthetic}. Never a generated picture, never a validation or test person.

## How it was made
`tools/make_identity.py`; supervised contrastive loss on pairs of one person's pictures, each disturbed (light, colours, place, blur, JPEG,
noise, a part covered), eight tenths of the people of a batch changed into people who are nobody. {steps} steps.

## Metrics
On people it never saw (`limner bench identity`): the smiling picture looks for the neutral one.

{table}

"same" and "other": mean similarity of two pictures of one person, and of two people. Bare pixels of the same view find {pixels:.2f} as
photographed (both photos are of one session), so the row of another light and camera is the one that tells; there they find
{pixels_hard:.2f}.

## Limits
- Adults photographed from the front; a head turned to the side looks like another person.
- It knows faces as 64 x 64 pixels: what is finer (pores, lashes) it cannot miss.
- The London people are {people} adults, most of them young; faces unlike theirs lie closer together.
"""


def table(rows: dict[str, dict[str, Any]], judge: str) -> str:
    """The judge's own figures as Markdown."""
    lines = ["| | people | top-1 | AUC | same | other |", "|---|---|---|---|---|---|"]
    for condition, by_judge in rows.items():
        row = by_judge[judge]
        lines.append(f"| {condition} | {row['people']} | {row['top1']:.2f} | {row['auc']:.3f} | {row['same']:.2f} | {row['other']:.2f} |")
    return "\n".join(lines)


def portraits(london: Path, store: Path | None) -> Portraits:
    """Everyone the judge may learn from."""
    found = Portraits()
    readings = [one for one in faces.readings_of(london, None) if str(one["id"]) not in faces.VALIDATION]
    for kind in ("neutral", "smiling"):
        photos = bench.photos_of(london, readings, kind)
        for picture, points, person in zip(photos.pictures, photos.points, photos.people):
            found.add("london", person, picture, points)
    if store is not None:
        found.add_store(Store(store), split="train", most_people=SYNTHETIC_PEOPLE, shots=SHOTS)
    return found


def ship(london: Path, store: Path | None, work: Path, config: IdentityConfig) -> None:
    """Train, measure on people kept apart, and put it where the package keeps its weights."""
    learned_from = portraits(london, store)
    judge = FaceIdentity(train(config, learned_from, out=work, show=True), version="")
    readings = [one for one in faces.readings_of(london, None) if str(one["id"]) in faces.VALIDATION]
    neutral, smiling = (bench.photos_of(london, readings, kind) for kind in ("neutral", "smiling"))
    asked = bench.conditions(neutral, smiling) | (bench.synthetic(store) if store else {})
    rows = {name: {one.name: bench.recognition(one, *sides) for one in (judge, bench.Pixels())} for name, sides in asked.items()}
    judge.held_out = {name: by_judge[judge.name] for name, by_judge in rows.items()}
    beside = SHIPPED.with_name(f".{SHIPPED.name}")
    shutil.rmtree(beside, ignore_errors=True)
    people = {source: len(own) for source, own in learned_from.people.items()}
    judge.save(beside, settings=to_json(config), trained_on=people)
    more = sum(number for source, number in people.items() if source != "london")
    card = CARD.format(
        features=config.features,
        parameters=sum(parameter.numel() for parameter in judge.net.parameters()),
        people=people["london"],
        synthetic=f", and {more} synthetic people of limner's own (`limner prepare synthetic-faces`), {SHOTS} pictures each"
        if more
        else "",
        steps=config.steps,
        table=table(rows, judge.name),
        pixels=rows["as photographed"]["bare pixels"]["top1"],
        pixels_hard=rows["another light and camera"]["bare pixels"]["top1"],
    )
    (beside / "README.md").write_text(card)
    shutil.rmtree(SHIPPED, ignore_errors=True)
    beside.rename(SHIPPED)
    print((SHIPPED / CONFIG).read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("london", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/identity"))
    parser.add_argument("--steps", type=int, default=IdentityConfig().steps)
    asked = parser.parse_args()
    ship(asked.london, asked.store, asked.work, replace(IdentityConfig(), steps=asked.steps))


if __name__ == "__main__":
    main()
