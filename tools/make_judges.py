#!/usr/bin/env python3
"""The feature networks that ship (weights/judges): trained on synthetic train people, then asked about the test people.

    python tools/make_judges.py FACES [BODIES] [--work FOLDER] [--steps N]

FACES, BODIES: clip stores with pixels (limner prepare synthetic-faces, synthetic-bodies). The folder keeps the runs (default: runs/judges);
the same command goes on where it was stopped. Minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

from limner.data.store import Store
from limner.evaluation.judges import feature_training
from limner.evaluation.judges.features import SHIPPED

CARD = """---
library_name: limner
license: apache-2.0
tags: [evaluation, feature-extraction, fid, video]
---
# {title}

{sees} {parameters:,} parameters, as float16. `limner.evaluation.judges.features.{kind}.load()` opens it.

Made to compare sets of generated clips with real ones where no larger network is at hand. Figures by it compare with one another alone:
never beside those by Inception, I3D or AlexNet.

## Data and credit
Synthetic people of limner's own, of the training split: {people}. No photo, no generated clip, no person of the test split.

## How it was made
`tools/make_judges.py`; {steps} steps. It learned to tell what is shown ({what}), who it is, and which disturbance was
laid over it ({harms}).

## Metrics
On people it never saw: what is shown {held[what]:.3f} (the commonest class: {held[what_by_chance]:.3f}), the disturbance {held[harm]:.3f}
(by chance {held[harm_by_chance]:.3f}).

## Limits
- It has seen drawn people alone: on photos it still parts sharp from blurred and rest from smile, less surely.
- What is finer than 64 x 64 pixels it cannot see.
"""
SEES = {
    "frames": "Sees single frames at 64 x 64 pixels; gives {d} features (FID, KID), classes (Inception Score), layers (LPIPS).",
    "clips": "Sees 16 moments of a clip, 64 x 64 pixels, grey; gives {d} features (FVD).",
}


def ship(stores: list[Store], name: str, work: Path, steps: int | None) -> None:
    """Train, ask about people kept apart, and put it where the package keeps its weights."""
    films = name == "clips"
    config = feature_training.CLIPS if films else feature_training.FRAMES
    config = config if steps is None else replace(config, steps=steps)
    judge = feature_training.train(stores, films=films, out=work / name, config=config, show=True)
    folder = SHIPPED / name
    beside = folder.with_name(f".{name}")
    shutil.rmtree(beside, ignore_errors=True)
    judge.save(beside)
    (beside / "model.safetensors").chmod(0o644)
    content = judge.config
    card = CARD.format(
        title=f"judges/{name}: limner's own features of {name}",
        sees=SEES[name].format(d=config.features),
        parameters=sum(parameter.numel() for parameter in judge.net.parameters()),
        kind=type(judge).__name__,
        people=", ".join(f"{num} of {source}" for source, num in content["trained_on"].items()),
        steps=config.steps,
        what=", ".join(content["heads"]["what"]),
        harms=", ".join(content["heads"]["harm"][1:]),
        held=content["held_out"],
    )
    (beside / "README.md").write_text(card)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    print(json.dumps({name: content["held_out"], "bytes": sum(file.stat().st_size for file in folder.iterdir())}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, default=Path("runs/judges"))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--only", choices=sorted(SEES))
    asked = parser.parse_args()
    SHIPPED.mkdir(exist_ok=True)
    for name in [asked.only] if asked.only else SEES:
        ship([Store(path) for path in asked.stores], name, asked.work, asked.steps)


if __name__ == "__main__":
    main()
