#!/usr/bin/env python3
"""`make weights`: from nothing to what ships. The corpus, cmmnet-points for three and for six modes, their figures and cards.

    python tools/make_weights.py [--work FOLDER] [--faces STORE [--bodies STORE2]] [--london FOLDER]

The folder keeps the corpus and the runs (default: runs/weights); the same command goes on where it was stopped. With --faces (a store of
synthetic faces; --bodies: of synthetic bodies) the feature networks of the evaluation too (tools/make_judges.py). With --london (the folder
of NNN_neutral.jpg and NNN_smiling.jpg) the identity judge (tools/make_identity.py), from a store of synthetic faces beside it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from limner.bench import motion
from limner.data.prepare import prepare_smiles
from limner.data.store import Store
from limner.papers.load import SHIPPED
from limner.papers.train import train

SHIPS = {"cmmnet-points": "cmmnet_points", "cmmnet-points-6": "cmmnet_points_6"}
CARD = """---
library_name: limner
license: apache-2.0
tags: [facial-landmarks, motion-generation, smile]
---
# {name}: one neutral face in, {modes} smiles out

Takes 68 points (iBUG order) of a neutral face and a label (posed, spontaneous); gives {modes} motions of that face, each with its duration:
neutral to apex (32 frames) or the full smile and back (64 frames). `limner.papers.load_motion_model()` loads it. {parameters:,} parameters.

## Data and credit
Trained on limner's procedural corpus alone (`limner prepare smiles`, 400 people, seed 0; 320 to train). The corpus' shapes were fitted from
the 66 training people of the Face Research Lab London Set (CC BY 4.0, DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666.v5) and the
expression directions of ICT-FaceKit (MIT, USC Institute for Creative Technologies). No photo, no real person's points are in the weights.

## How it was made
`make weights` (tools/make_weights.py); the recipe `{name}` of limner/papers/recipes.py, {steps} steps of its three phases.

## Metrics
On the corpus' 40 test people, transitions, seed 0 (`limner bench motion STORE`); distances in inter-ocular units after alignment.

{table}

## Limits
- Smiles only, of frontal faces. The people are procedural: their time courses follow the literature's statistics, not recordings.
- Seed 0 shows what is typical of each mode; blinks and small head motion come mostly with other seeds.
- A face far from the 66 people's shapes moves like the nearest ones.
- Motions are synthetic: say so where you show them.
"""
ROWS = {
    "judge_real": "label judge on real sequences",
    "judge_modes": "label judge on each mode",
    "modes_over_people": "distance of the modes / distance of people's smiles",
    "nearest_ratio": "nearest real smile, generated / train (<= 1.2)",
    "jerk_inside": "part of the motions whose jerk lies in the real range",
    "au12_start": "AU12 at the start, highest",
    "au12_end": "AU12 at the end, lowest",
    "seeds_over_people": "distance of ten seeds' triples / distance of people's smiles",
    "duration_s": "mean duration of each mode, s",
    "duration_real_s": "mean real duration, s",
}


def card(name: str, model, figures) -> str:
    """The model card: what it is, data, credit, metrics, limits."""
    labels = list(figures["transition"])
    lines = ["| | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for key, words in ROWS.items():
        values = [figures["transition"][label][key] for label in labels]
        cells = [", ".join(f"{v:.2f}" for v in value) if isinstance(value, list) else f"{value:.2f}" for value in values]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    steps = " + ".join(map(str, model.settings.steps))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return CARD.format(name=name, modes=model.max_modes, parameters=parameters, steps=steps, table="\n".join(lines))


def ship(name: str, run: Path, store: Path) -> None:
    """Measure a finished run and put it where the package keeps its weights."""
    from limner.papers import load_motion_model

    model = load_motion_model(run)
    figures = motion.run(store, run, run)
    folder = SHIPPED / SHIPS[name]
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside)  # type: ignore[attr-defined]
    (beside / "model.safetensors").chmod(0o644)
    (beside / "README.md").write_text(card(name, model, figures))
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    print(json.dumps({name: sum(file.stat().st_size for file in folder.iterdir())}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/weights"))
    parser.add_argument("--london", type=Path)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--bodies", type=Path)
    asked = parser.parse_args()
    work = asked.work
    store = work / "smiles"
    prepare_smiles(store)
    for name in SHIPS:
        train(name, store, work / name)
        ship(name, work / name, store)
    if asked.faces is not None:
        import make_judges

        known = [Store(path) for path in (asked.faces, asked.bodies) if path is not None]
        for name in make_judges.SEES:
            make_judges.ship(known, name, work / "judges", None)
    if asked.london is not None:
        import make_identity

        make_identity.ship(asked.london, asked.faces, work / "identity", make_identity.IdentityConfig())


if __name__ == "__main__":
    main()
