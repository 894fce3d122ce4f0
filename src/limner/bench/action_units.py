"""How well AU6 and AU12 are read from 68 points: on the corpus' own curves, and on real photos, videos and annotations.

limner bench au ../shared
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from limner.bench.faces import VALIDATION
from limner.bench.speed import Figure
from limner.guides.face import FROM_MEDIAPIPE
from limner.measures import action_units
from limner.types import InputError

CORPUS_PEOPLE, CORPUS_SEED = 60, 1  # ours: other people than those of `limner prepare smiles`, whose seed is 0
# How many frames a clip starts at rest (data/README.md: neutral at 17); 0: it does not.
CLIPS = {"smile_single_face.mp4": 18, "smile_then_no_face.mov": 18, "hand_over_face_then_smile.mp4": 0}
QUIET = 0.5  # the issue: AU12 of people who talk
BLENDSHAPES = {
    "AU12 ~ mouthSmile": (1, ("mouthSmileLeft", "mouthSmileRight")),
    "AU6 ~ cheekSquint": (0, ("cheekSquintLeft", "cheekSquintRight")),
    "AU6 ~ eyeSquint": (0, ("eyeSquintLeft", "eyeSquintRight")),
}
MODEL = Path("models") / "face_landmarker.task"


def run(shared: Path) -> dict[str, Any]:
    """Measures everything that `shared` has, prints a line each, returns the figures by name.

    shared: the folder of real data, with faces/ and annotations/ in it, or the one above it with data/ and models/. InputError otherwise.
    """
    from rich.progress import Progress

    data, model = Path(shared) / "data", Path(shared) / MODEL
    if not (data / "faces").is_dir():
        data, model = Path(shared), Path(shared).parent / MODEL
    for part in ("faces/london_points.npz", "faces/video/grid", *(f"faces/video/{name}" for name in CLIPS), "annotations/au"):
        if not (data / part).exists():
            raise InputError(f"{shared} holds no {part}; name the folder of real data, with faces/ and annotations/ in it")
    steps: dict[str, Callable[[], list[Figure]]] = {
        "corpus": corpus,
        "London": lambda: london(data / "faces" / "london_points.npz"),
        "GRID": lambda: grid(data / "faces" / "video" / "grid", model),
        "clips": lambda: clips(data / "faces" / "video", model),
        "annotations": lambda: annotated(data / "annotations" / "au"),
    }
    figures: list[Figure] = []
    with Progress(transient=True) as progress:
        task = progress.add_task("reading action units", total=len(steps))
        for name, step in steps.items():
            progress.update(task, description=f"reading action units: {name}")
            figures += step()
            progress.advance(task)
    for figure in figures:
        print(figure.line())
    return {figure.name: figure.value for figure in figures}


def corpus() -> list[Figure]:
    """Correlation with the curves that drove the procedural smiles, over all frames, relative to the clips' own neutral and without it."""
    from limner.data.prepare import prepare_smiles

    with tempfile.TemporaryDirectory() as folder:
        store = list(prepare_smiles(Path(folder) / "store", people=CORPUS_PEOPLE, seed=CORPUS_SEED, quiet=True))
    true = np.concatenate([clip.au for clip in store if clip.au is not None])
    figures = []
    for how, target in (("", 0.95), (", no neutral", None)):
        read = np.concatenate([action_units(clip.points, None if how else clip.points[0]) for clip in store])
        figures += [
            Figure(name=f"corpus: r of AU{k}{how}", value=_r(read[:, i], true[:, i]), unit="", target=target, at_least=True)
            for i, k in ((0, 6), (1, 12))
        ]
    return figures


def london(path: Path) -> list[Figure]:
    """Spearman correlation of AU12, smiling photo against neutral photo, with the strength of the smile."""
    points = np.load(path)
    dense_to_68, strength = list(FROM_MEDIAPIPE), points["smile"]
    smiling, neutral = points["smiling"][:, dense_to_68], points["neutral"][:, dense_to_68]
    held_out = np.isin(points["ids"], VALIDATION)
    relative = action_units(smiling[:, None], neutral)[:, 0, 1]
    absolute = action_units(smiling[:, None])[:, 0, 1]
    everyone = np.ones(len(strength), bool)
    rows: list[tuple[str, np.ndarray, np.ndarray, float | None]] = [
        ("82 people", relative, everyone, 0.85),
        ("66 training people", relative, ~held_out, None),
        ("16 validation people", relative, held_out, None),
        ("82 people, no neutral", absolute, everyone, None),
    ]
    return [
        Figure(
            name=f"London: Spearman of AU12, {who}", value=_spearman(au[chosen], strength[chosen]), unit="", target=target, at_least=True
        )
        for who, au, chosen, target in rows
    ]


def grid(folder: Path, model: Path) -> list[Figure]:
    """Share of the frames of people who talk whose AU12 stays small; the neutral is the median of the clip's points."""
    from limner.detect.face import FaceDetector
    from limner.media.video import read_video

    detector = FaceDetector(model if model.is_file() else None)
    tracks = [detector.track(read_video(path)[1])[0] for path in sorted(folder.glob("*.mpg"))]
    read = np.concatenate([action_units(points, np.median(points, 0)) for points in tracks])
    alone = np.concatenate([action_units(points) for points in tracks])
    return [
        Figure(
            name=f"GRID: share of frames with AU12 <= {QUIET}",
            value=float((read[:, 1] <= QUIET).mean()),
            unit="",
            target=0.9,
            at_least=True,
        ),
        Figure(name=f"GRID: share of frames with AU12 <= {QUIET}, no neutral", value=float((alone[:, 1] <= QUIET).mean()), unit=""),
    ]


def clips(folder: Path, model: Path) -> list[Figure]:
    """Correlation with the blendshapes of MediaPipe's Tasks model over the frames that show a face; none without the model."""
    from limner.detect.face import FaceDetector
    from limner.media.video import read_video

    if not model.is_file():
        return []
    detector = FaceDetector(model)
    figures = []
    for name, rest in CLIPS.items():
        frames = list(read_video(folder / name)[1])
        points, confidence, _ = detector.track(frames)
        shapes, names = detector.blendshapes(frames)
        seen = (confidence > 0) & np.isfinite(shapes).all(1)
        read = action_units(points[seen], np.median(points[:rest], 0) if rest else None)
        how = f"neutral: frames 0-{rest - 1}" if rest else "no neutral"
        for what, (unit, parts) in BLENDSHAPES.items():
            target = shapes[seen][:, [names.index(part) for part in parts]].mean(1)
            figures.append(Figure(name=f"{name} ({how}): r of {what}", value=_r(read[:, unit], target), unit=""))
    return figures


def annotated(folder: Path) -> list[Figure]:
    """Correlation with the AU columns of OpenFace and py-feat, from their own 68 points; NaN where a column never changes."""
    figures = []
    for path, columns in ((folder / "OpenFace_Test.csv", ("AU06_r", "AU12_r")), (folder / "pyfeat_news_001.csv", ("AU06", "AU12"))):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
        points = np.array([[[float(row[f"{axis}_{k}"]) for axis in "xy"] for k in range(68)] for row in rows])
        read = action_units(points)
        for unit, column in enumerate(columns):
            true = np.array([float(row[column]) for row in rows])
            figures.append(
                Figure(
                    name=f"{path.name}: r of {column}, no neutral ({len(rows)} frames, spread {true.std():.3f})",
                    value=_r(read[:, unit], true),
                    unit="",
                )
            )
    return figures


def _r(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; NaN where one of them does not change."""
    return float("nan") if a.std() < 1e-6 or b.std() < 1e-6 else float(np.corrcoef(a, b)[0, 1])


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(np.asarray(spearmanr(a, b))[0])
