"""Stores of generated clips beside the real one they imitate, a row a store: `limner bench clips REAL FAKE [FAKE ...]`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.store import Store
from limner.evaluation.compare import Scores, Seen, compare, grouped
from limner.generation.films import Progress, silent
from limner.guides.body import GUIDE as BODY
from limner.measures import Flow
from limner.media.files import make_folder, write_text
from limner.media.pictures import write_png

# figure -> what it is and which way is better; None: as the real one's
FIGURES: dict[str, tuple[str, bool | None]] = {
    "ssim": ("SSIM, 11x11 Gaussian, mean of the modes", True),
    "ssim_best": ("SSIM, the best mode of each clip", True),
    "mouth_ssim": ("mouth SSIM, 7x7, mean of the modes", True),
    "mouth_ssim_best": ("mouth SSIM, the best mode of each clip", True),
    "au12_distance": ("AU12 off the real clip's, per frame, 0..5, as detected", False),
    "au12_mean_curve": ("AU12, L1 of the mean curves over 32 frames (Table 3's form)", False),
    "landmark_error_pct": ("points off the real clip's, % of the inter-ocular distance, as detected", False),
    "modes_apart": ("distance of the modes, units, as detected", True),
    "modes_apart_px": ("distance of the modes in the lip box, 0..255", True),
    "jitter": ("jitter of the detected points, units / frame^2", None),
    "jitter_real": ("the same of the real clips", None),
    "flicker_ratio": ("flicker over that of the real clips", None),
    "identity": ("identity: cosine with the first frame", True),
    "identity_real": ("the same of the real clips", None),
}
OF_BODIES: dict[str, tuple[str, bool | None]] = {
    "ssim": ("SSIM, 11x11 Gaussian", True),
    "body_ssim": ("SSIM in the square round the person", True),
    "psnr": ("PSNR, dB", True),
    "body_identity": ("identity distance from the first frame: 1 - cosine", False),
    "body_identity_real": ("the same of the real clips", None),
    "frame_difference_ratio": ("change from frame to frame over that of the real clips", None),
    "flicker_ratio": ("flicker (second difference) over that of the real clips", None),
    "warping_error": ("warping error along the real motion, 0..255", False),
    "warping_error_real": ("the same of the real clips", None),
}
SHEET_ROWS, SHEET_MOMENTS, SHEET_PX = 6, 8, 96


def run(
    real: Path,
    fakes: Sequence[Path],
    out: Path | None = None,
    *,
    limit: int | None = None,
    judge: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Scores every store, prints a table, writes OUT/clips.json and OUT/clips.png where `out` is given; -> store name -> figures.

    limit: only the first so many real clips. judge: of bodies, a folder of `limner bench bodies`, which then tells who they are.
    InputError where a store is none, has no pixels, or was made from other clips.
    """
    truth, stores = Store(Path(real)), {Path(path).name: Store(Path(path)) for path in fakes}
    bodies = all(points == BODY.num_points for points in truth.table["num_points"].to_pylist())
    score, told = _of_bodies(judge) if bodies else _of_faces()
    found: dict[str, Any] = {}
    for name, store in stores.items():
        scores = score(truth, store, limit=limit, progress=progress)
        found[name] = {"figures": scores.table(), "lost": scores.lost, "settings": store.note.get("settings", {})}
    print("\n".join(lines(found, OF_BODIES if bodies else FIGURES)))
    print(told)
    if out is not None:
        make_folder(Path(out))
        write_text(Path(out) / "clips.json", json.dumps(found, indent=1) + "\n")
        write_png(Path(out) / "clips.png", sheet(truth, stores), {})
    return found


def _of_faces() -> tuple[Callable[..., Scores], str]:
    """What compares two stores of faces, and a line on its judge."""
    from limner.detect.face import FaceDetector
    from limner.evaluation.judges.identity import FaceIdentity

    judge, detector, cache = FaceIdentity.load(), FaceDetector(), dict[str, Seen | None]()
    told = f"identity by {judge.record()['name']}, version {judge.version}; held out: {judge.held_out}"
    return lambda real, fake, **more: compare(real, fake, detector, identity=judge.embed, cache=cache, **more), told  # type: ignore[arg-type]


def _of_bodies(folder: Path | None) -> tuple[Callable[..., Scores], str]:
    """What compares two stores of bodies, and a line on its judge."""
    from limner.evaluation.compare_bodies import compare_bodies
    from limner.evaluation.judges.body import BodyIdentity

    flows: dict[str, Flow] = {}
    if folder is None:
        return partial(compare_bodies, flows=flows), "who the people are was not judged: --judge names a judge, of limner bench bodies"
    judge = BodyIdentity.load(folder)
    told = f"identity by {folder}, held out: {judge.held_out}"
    return partial(compare_bodies, identity=judge.of_clip, flows=flows), told


def lines(found: dict[str, Any], figures: dict[str, tuple[str, bool | None]]) -> Iterator[str]:
    """The figures as a Markdown table, a column a store, means with 95 % intervals over people."""
    yield "| figure | " + " | ".join(found) + " |"
    yield "|---|" + "---|" * len(found)
    for name, (what, _) in figures.items():
        cells = [_cell(item["figures"].get(name)) for item in found.values()]
        if any(cells):
            yield f"| {what} | " + " | ".join(cells) + " |"
    if figures is FIGURES:
        yield "| clips in which the detector lost the face | " + " | ".join(str(item["lost"]) for item in found.values()) + " |"


def _cell(figure: dict[str, float] | None) -> str:
    if figure is None:
        return ""
    span = "" if np.isnan(figure["low"]) else f" ({figure['low']:.3g} to {figure['high']:.3g})"
    return f"{figure['mean']:.3g}{span}"


def sheet(real: Store, fakes: dict[str, Store]) -> np.ndarray:
    """A picture: of some people the real clip and, below it, one clip of each store, eight moments of each."""
    rows, people = [], set()
    made = {name: {one.id: clips for one, clips in grouped(real, store)} for name, store in fakes.items()}
    first = next(iter(made.values()))
    shown = [index for index in range(len(real)) if real.row(index)["id"] in first]
    labels = sorted({str(real.row(index)["label"]) for index in shown})
    for index in sorted(shown, key=lambda index: (real.row(index)["subject"], index)):
        row = real.row(index)
        if row["subject"] in people or len(people) >= SHEET_ROWS or str(row["label"]) != labels[len(people) % len(labels)]:
            continue  # the labels take turns
        people.add(row["subject"])
        rows.append(_strip(real[index].frames))
        rows += [_strip(clips[row["id"]][0].frames) for clips in made.values() if row["id"] in clips]
        rows.append(np.full((6, rows[-1].shape[1], 3), 255, np.uint8))
    return np.concatenate(rows)


def _strip(frames: np.ndarray | None) -> np.ndarray:
    from limner.media.pictures import resize

    assert frames is not None
    at = np.linspace(0, len(frames) - 1, SHEET_MOMENTS).round().astype(int)
    return np.concatenate([resize(frames[t], (SHEET_PX, SHEET_PX)) for t in at], 1)
