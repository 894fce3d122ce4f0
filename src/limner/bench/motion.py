"""How true and how different imagined smiles are, on the test people of a store: `limner bench motion STORE [--run RUN]`.

Every figure is per label. The judge is trained here, on the store's real train sequences. Distances: evaluation/metrics/motion.py.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limner.evaluation.metrics import motion as metrics
from limner.guides.face import GUIDE

SEEDS = 10  # ten seeds give ten different triples
FRAMES = {"transition": 32, "smile": 64}
REPEATS = 5  # ours: draws of the train subset as large as the generated set
# What the issue asks of the shipped model: figure -> (lowest, highest) allowed.
TARGETS = {
    "judge_real": (0.90, 1.0),
    "judge_lead": (-1.0, 0.05),
    "modes_over_people": (0.5, np.inf),
    "nearest_ratio": (0.0, 1.2),
    "au12_start": (0.0, 0.3),
    "au12_end": (1.5, 5.0),
    "modes_over_people_drawn_least": (0.5, np.inf),
    "au12_drawn": (1.5, 5.0),
    "jerk_inside": (0.5, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class Real:
    """One kind of real sequences of a store, and their judge."""

    train: Any
    test: Any
    judge: Any
    kind: str

    @property
    def neutrals(self) -> np.ndarray:
        """(people, 68, 2): the first neutral frame of each test person."""
        return self.test.points_unit[np.unique(self.test.subjects, return_index=True)[1], 0]


def run(store: Path, run: Path | None = None, out: Path | None = None) -> dict[str, Any]:
    """Measure the shipped model, or that of a run, on a store; print a table, write OUT/motion.json where `out` is given; -> the figures.

    InputError where the store or the run is none.
    """
    from limner.data.store import Store
    from limner.papers import load_motion_model

    clips, model = Store(Path(store)), load_motion_model(run)
    figures = {}
    for kind in model.kinds:
        real = prepare(clips, kind, FRAMES[kind])
        figures[kind] = {label: measure(model, real, label) for label in model.label_names}
        for label, found in figures[kind].items():
            found |= measure_seeds(model, real, label, found["people_distance"])
        if hasattr(model, "reader"):
            for label in model.label_names:
                figures[kind][label] |= maps(model, real, label)
    print_table(figures)
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        (Path(out) / "motion.json").write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def prepare(store: Any, kind: str, num: int, *, judge_steps: int = 1500) -> Real:
    """The real sequences of one kind, and a label judge trained on the train people's."""
    from limner.data.samples import load_sequences
    from limner.evaluation.judges.label import LabelJudge

    train, test = (load_sequences(store, split=split, kind=kind, num=num) for split in ("train", "test"))
    with tempfile.TemporaryDirectory() as folder:
        judge = LabelJudge(GUIDE, train.label_names).train(train.points_unit, train.labels, out=Path(folder), steps=judge_steps)
    return Real(train=train, test=test, judge=judge, kind=kind)


def measure(model: Any, real: Real, label: str) -> dict[str, Any]:
    """The figures of one label at seed 0: how true its modes are, and how they differ."""
    number = real.test.label_names.index(label)
    rows = np.flatnonzero(real.test.labels == number)
    true_points, true = real.test.points_unit[rows], metrics.displacements(real.test.points_unit[rows], GUIDE)
    train = metrics.displacements(real.train.points_unit[real.train.labels == number], GUIDE)
    made = [model.generate(n, label=label, modes=model.max_modes, kind=real.kind) for n in real.neutrals]
    points = np.array([[m.points_unit for m in modes] for modes in made])
    moved = np.array([metrics.displacements(modes, GUIDE) for modes in points])
    flat = moved.reshape(-1, *moved.shape[2:])
    people = metrics.people_distance(true, real.test.subjects[rows])
    apart = metrics.mode_distances(moved) if moved.shape[1] > 1 else np.zeros((len(moved), 1))
    rng = np.random.default_rng(0)
    fair = [rng.choice(len(train), min(len(flat), len(train)), replace=False) for _ in range(REPEATS)]
    near = float(np.median(metrics.nearest(flat, true)))
    accuracy = [real.judge.accuracy(points[:, k], np.full(len(points), number)) for k in range(points.shape[1])]
    judged = real.judge.accuracy(true_points, real.test.labels[rows])
    return {
        "judge_real": judged,
        "judge_modes": accuracy,
        "judge_lead": judged - min(accuracy),
        "people_distance": people,
        "modes_over_people": float(apart.mean() / people),
        "modes_over_people_95": [v / people for v in metrics.interval(apart.mean(1))],
        "closest_pair_over_people": float(apart.mean(0).min() / people),
        "nearest": near,
        "nearest_ratio": float(near / np.mean([np.median(metrics.nearest(train[some], true)) for some in fair])),
        **_pace(points, true_points, real.kind),
        "duration_s": [float(v) for v in np.mean([[m.duration_s for m in modes] for modes in made], 0)],
        "duration_real_s": float(real.test.duration_s[rows].mean()),
    }


def _pace(points: np.ndarray, true_points: np.ndarray, kind: str) -> dict[str, Any]:
    """Jerk beside the real range, and AU12 at both ends, of (N, K, T, 68, 2) motions."""
    from limner.measures import action_units, jerk

    low, high = np.quantile([jerk(p, GUIDE) for p in true_points], [0.025, 0.975])
    found = np.array([jerk(p, GUIDE) for modes in points for p in modes])
    au12 = np.array([[action_units(p, p[0])[:, 1] for p in modes] for modes in points])
    return {
        "jerk": float(np.median(found)),
        "jerk_real_95": [float(low), float(high)],
        "jerk_inside": float(((found >= low) & (found <= high)).mean()),
        "au12_start": float(au12[..., 0].max()),
        "au12_end": float((au12[..., -1] if kind == "transition" else au12.max(-1)).min()),
    }


def measure_seeds(model: Any, real: Real, label: str, people: float) -> dict[str, float]:
    """What other seeds give, on ten faces: how far the triples of ten seeds lie apart, and whether the modes of each still differ."""
    from limner.measures import action_units

    faces = real.neutrals[:10]
    ask = {"label": label, "modes": model.max_modes, "kind": real.kind}
    drawn = np.array([[[m.points_unit for m in model.generate(n, seed=seed, **ask)] for seed in range(SEEDS)] for n in faces])
    triples = np.array([[metrics.displacements(modes, GUIDE) for modes in of_face] for of_face in drawn])
    i, j = np.triu_indices(SEEDS, 1)
    between = np.linalg.norm(triples[:, i] - triples[:, j], axis=-1).mean((-1, -2, -3)) / people
    others = range(1, SEEDS)
    apart = np.array([metrics.mode_distances(triples[:, seed]).mean() for seed in others]) / people if model.max_modes > 1 else np.zeros(1)
    au12 = [action_units(p, p[0])[:, 1].max() for of_face in drawn[:, 1:] for modes in of_face for p in modes]
    return {
        "modes_over_people_drawn": float(apart.mean()),
        "modes_over_people_drawn_least": float(apart.min()),
        "au12_drawn": float(min(au12)),
        "seeds_over_people": float(between.mean()),
        "nearest_seeds_over_people": float(between.min(1).mean()),
    }


def maps(model: Any, real: Real, label: str) -> dict[str, float]:
    """What a model of maps does on them, on test people: BCE per pixel against real sequences, of the Cond-LSTM, of the average of the
    modes and of the weakest mode; and the error of points read out of real drawings and of drawings decoded by the VAE, in % of the
    inter-ocular distance."""
    import torch

    from limner.losses import bce, bce_of_mean

    pixels = model.settings.size**2
    rows = np.flatnonzero(real.test.labels == real.test.label_names.index(label))
    rows = rows[np.unique(real.test.subjects[rows], return_index=True)[1]]  # one sequence a person
    found: dict[str, list[float]] = {
        key: [] for key in ("bce_conditional", "bce_mean", "bce_worst", "read_drawn_percent", "read_decoded_percent")
    }
    with torch.no_grad():
        for points in real.test.points_unit[rows]:
            true = torch.from_numpy(points)
            drawn = model.draw(true)
            common, modes = (model.maps(points[0], label=label, modes=m).logit(1e-6)[:, :, None] for m in ("conditional", model.max_modes))
            found["bce_conditional"].append(float(bce(common[0], drawn)) / pixels)
            found["bce_mean"].append(float(bce_of_mean(modes[None], drawn[None])) / pixels)
            found["bce_worst"].append(max(float(bce(mode, drawn)) for mode in modes) / pixels)
            decoded = torch.sigmoid(model.net.embedding.decode(model.net.embedding.encode(drawn)[0]).float())
            for key, seen in (("read_drawn_percent", drawn), ("read_decoded_percent", decoded)):
                found[key].append(100 * float((model.reader(seen) - true).norm(dim=-1).mean()))
    return {key: float(np.mean(values)) for key, values in found.items()}


def verdict(name: str, value: Any) -> bool | None:
    """Whether a figure is what the issue asks; None where it asks nothing."""
    if name not in TARGETS:
        return None
    low, high = TARGETS[name]
    return bool(low <= value <= high)


def print_table(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = [(kind, label) for kind, labels in figures.items() for label in labels]
    table = Table(title="motion on the test people (ok / short: what the issue asks)")
    table.add_column("figure")
    for kind, label in columns:
        table.add_column(f"{kind}, {label}")
    for name in next(iter(next(iter(figures.values())).values())):
        cells = []
        for kind, label in columns:
            value = figures[kind][label][name]
            good = verdict(name, value)
            text = ", ".join(f"{v:.3g}" for v in value) if isinstance(value, list) else f"{value:.3g}"
            cells.append(text if good is None else f"{text} {'ok' if good else 'short'}")
        table.add_row(name, *cells)
    Console().print(table)
