"""What each loss of the modes does: push off, pull off, each pull, multiple choice, and CMM-Net on maps, side by side.

    python -m limner.bench.ablation STORE OUT [--steps 250] [--cmmnet RUN] [--points RUN]

The variants are phase 3 of cmmnet-points (transitions alone) from one and the same end of phase 2, so that nothing else differs; L1 over
points stands for BCE. Rows of finished runs (cmmnet on maps, cmmnet-points as it ships) are measured as they are.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from limner.bench import motion
from limner.evaluation.metrics import motion as metrics
from limner.guides.face import GUIDE

PAPER = {"choice_weight": 0.0, "push_weight": 1.0, "pull_weight": 1.0, "pull": "mean_bce"}  # spec A3: 1 : 1
VARIANTS = {
    "push + pull of the mean": PAPER,
    "push off": PAPER | {"push_weight": 0.0},
    "pull off": PAPER | {"pull_weight": 0.0},
    "push + pull of each mode": PAPER | {"pull": "per_mode_bce"},
    "push + pull of the embedding": PAPER | {"pull": "embed_l2"},
    "multiple choice": {"push_weight": 0.0},
    "multiple choice + push": {},
}
COLUMNS = {
    "modes_over_people": "distance of modes / of people",
    "phi": "phi names the mode",
    "judge": "judge, weakest mode",
    "nearest_ratio": "nearest real / train's",
    "pattern": "mean of modes to truth",
    "au12_end": "least AU12 at the end",
}


def run(store: Path, out: Path, *, steps: int = 250, cmmnet: Path | None = None, points: Path | None = None) -> dict[str, Any]:
    """Train the variants under OUT (finished ones are kept), measure all rows, write OUT/ablation.json; -> row -> label -> figures."""
    import torch

    from limner.data.store import Store
    from limner.papers import load_motion_model
    from limner.papers.recipes import recipe
    from limner.papers.train import prepare
    from limner.training import checkpoint
    from limner.training.loop import accelerator_of, fit

    clips = Store(Path(store))
    real = motion.prepare(clips, "transition", 32)
    base = replace(recipe("cmmnet-points"), smile_share=0.0)
    model, stages = prepare(base, clips)
    fit(model, stages[:2], out=Path(out) / "phases 1 and 2", seed=base.seed, accelerator=accelerator_of(cpu=True))
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rows = {}
    for name, changes in VARIANTS.items():
        torch.manual_seed(base.seed)
        variant, stages = prepare(replace(base, steps=(0, 0, steps), **changes), clips)
        checkpoint.load_weights(variant, start, Path(out))
        fit(variant, stages[2:], out=Path(out) / name, seed=base.seed, accelerator=accelerator_of(cpu=True))
        rows[name] = measure(variant.eval(), real)
    for name, source in (("cmmnet on maps", cmmnet), ("cmmnet-points", points)):
        if source is not None:
            rows[name] = measure(load_motion_model(source), real)
    print_table(rows)
    (Path(out) / "ablation.json").write_text(json.dumps({"steps": steps, "rows": rows}, indent=1) + "\n")
    return rows


def measure(model: Any, real: motion.Real) -> dict[str, dict[str, float]]:
    """-> label -> figures of one row."""
    rows = {}
    for label in model.label_names:
        figures = motion.measure(model, real, label)
        rows[label] = {key: figures[key] for key in ("modes_over_people", "nearest_ratio", "au12_end")}
        rows[label] |= {"judge": min(figures["judge_modes"]), "phi": model.phi_accuracy(real.neutrals, label=label)}
        rows[label]["pattern"] = pattern(model, real, label)
    return rows


def pattern(model: Any, real: motion.Real, label: str) -> float:
    """Mean distance between a face's real smiles and the average of the modes for it, units: what the pull of the mean asks for."""
    of_label = real.test.labels == real.test.label_names.index(label)
    found = []
    for subject in np.unique(real.test.subjects):
        true = metrics.displacements(real.test.points_unit[of_label & (real.test.subjects == subject)], GUIDE)
        neutral = real.test.points_unit[real.test.subjects == subject][0, 0]
        modes = np.array([m.points_unit for m in model.generate(neutral, label=label, modes=model.max_modes)])
        mean = metrics.displacements(modes, GUIDE).mean(0, keepdims=True)
        found.append(metrics.distances(true, mean).mean())
    return float(np.mean(found))


def print_table(rows: dict[str, dict[str, dict[str, float]]]) -> None:
    """A Markdown table: each cell posed / spontaneous."""
    print("| phase 3 | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, labels in rows.items():
        cells = [" / ".join(f"{figures[key]:.3g}" for figures in labels.values()) for key in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--cmmnet", type=Path)
    parser.add_argument("--points", type=Path)
    asked = parser.parse_args()
    run(asked.store, asked.out, steps=asked.steps, cmmnet=asked.cmmnet, points=asked.points)


if __name__ == "__main__":
    main()
