"""How near a translation comes to the real frames, beside a copy and a warp: `limner bench translation STORE --run RUN`.

Every row is what `limner generate` makes of the first frame of a test person's clip, compared with the clip's later frames one by one (the
first was given): driven by the clip's own points, and with --landmarks by what a motion model imagines. A row's share of the gap is
(its score - the copy's) / (1 - the copy's). Real drawings through the VAE lose what the decoder blurs; what imagined maps lose beyond that
is that an imagined smile is another one than the recorded.

Shapes: P people, T time, K = 68 points, H W pixels.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limner import measures
from limner.bench.faces import gradient
from limner.evaluation.compare import Scores
from limner.evaluation.metrics.motion import interval
from limner.generation.clips import RECORDED, GenerateSettings, Maker, face_of
from limner.generation.films import Progress, silent
from limner.media.files import make_folder, write_text
from limner.media.pictures import resize, write_png
from limner.types import Clip, InputError

if TYPE_CHECKING:
    from limner.data.store import Store

COPY, TRUE = "copy of the neutral frame", "translation, real points"
TARGET = 0.6  # issue 3: the share of the gap that the translation closes on real points
MEASURES = {
    "ssim": "SSIM, 11x11 Gaussian",
    "mouth_ssim": "mouth SSIM, 7x7",
    "psnr": "PSNR, dB",
    "sharpness": "sharpness over the real frame's",
    "mouth_sharpness": "mouth sharpness",
}
GAPS = {"ssim": "share of the gap closed, SSIM", "mouth_ssim": "the same, mouth SSIM"}
SHEET_PEOPLE, SHEET_MOMENTS, SHEET_PX, SHEET_NAME_PX = 4, 8, 96, 190

Frames = list[np.ndarray]  # (T, H, W, 3) uint8 of each mode
Row = Callable[[int, Clip], Frames]  # a row of the store, and its clip


def run(
    store: Path,
    run: Path,
    landmarks: Path | None = None,
    out: Path | None = None,
    *,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Scores every row, prints a table, writes OUT/translation.json and OUT/translation.png where `out` is given; -> the figures.

    landmarks: a run with a motion model, for the imagined rows. limit: only the first so many clips of every person.
    InputError where the store has no test clips with pixels, or one of the runs is none.
    """
    from limner.data.store import Store as StoreOf

    clips = StoreOf(Path(store))
    chosen = test_rows(clips, limit)
    rows, scores, shown = rows_of(clips, str(run), None if landmarks is None else str(landmarks)), {}, {}
    for number, index in enumerate(chosen):
        real = clips.read(index)
        made = {name: row(index, real) for name, row in rows.items()}
        for name, frames in made.items():
            score(scores.setdefault(name, Scores()), real, frames)
        if real.subject not in shown and len(shown) < SHEET_PEOPLE:
            shown[real.subject] = {"real": real.frames} | {name: frames[0] for name, frames in made.items()}
        progress("translating", number + 1, len(chosen))
    found = figures(scores)
    print("\n".join(lines(found)))
    if out is not None:
        make_folder(Path(out))
        write_text(Path(out) / "translation.json", json.dumps(found, indent=1) + "\n")
        write_png(Path(out) / "translation.png", sheet(shown), {})
    return found


def test_rows(store: Store, limit: int | None) -> list[int]:
    """The test people's transitions with pixels, at most `limit` a person. InputError where there is none."""
    rows = store.select(split="test", kind="transition", where=lambda row: row["encoding"] != "none")
    if not rows:
        raise InputError(f"store {store.path} has no transition with pixels in split 'test'; prepare one with frames")
    people = itertools.groupby(sorted(rows, key=lambda i: (store.row(i)["subject"], i)), lambda i: store.row(i)["subject"])
    return [row for _, of_person in people for row in list(of_person)[:limit]]


def rows_of(store: Store, run: str, landmarks: str | None) -> dict[str, Row]:
    """name -> what makes its frames. InputError where a run is none."""

    def generated(name: str = "", **settings: Any) -> Row:
        maker = Maker(store, GenerateSettings(**settings))
        return lambda index, real: [clip.frames for clip in maker.clips(index) if clip.id.rpartition("/")[2].startswith(name)]  # type: ignore[misc]

    rows: dict[str, Row] = {
        COPY: lambda index, real: [np.repeat(real.frames[:1], real.num_frames, 0)],  # type: ignore[index]
        "warp, real points": generated(motion=RECORDED, renderer="warp"),
        TRUE: generated(motion=RECORDED, renderer=run),
    }
    if landmarks is None:
        return rows
    asked: dict[str, Any] = {"run": landmarks, "renderer": run}
    maker = Maker(store, GenerateSettings(**asked))
    if hasattr(maker.model, "maps"):
        rows["translation, real drawings through the VAE"] = lambda index, real: [through_vae(maker, real)]
        rows["translation, imagined maps: Cond-LSTM"] = generated("conditional", conditional=True, modes=1, **asked)
        rows["translation, imagined maps"] = generated("mode", **asked)
    rows["translation, imagined points"] = generated("mode", drive="points", **asked)
    rows["warp, imagined points"] = generated("mode", run=landmarks, renderer="warp")
    return rows


def through_vae(maker: Maker, real: Clip) -> np.ndarray:
    """The clip's own drawings, encoded and decoded by the motion model's VAE, translated -> frames (T, H, W, 3)."""
    import torch

    from limner import geometry
    from limner.guides.face import GUIDE

    model: Any = maker.model
    assert real.frames is not None
    units = geometry.apply_affine(geometry.to_unit(real.points[0].astype(np.float64), GUIDE), real.points)
    with torch.no_grad():
        embedding = model.net.eval().embedding
        maps = torch.sigmoid(embedding.decode(embedding.encode(model.draw(torch.from_numpy(units).float()))[0]).float())[:, 0]
    renderer: Any = maker.renderer(real.frames[0], face_of(real.points[0]), neutral_points=real.points[0])
    return np.stack(list(renderer.render_maps(maps)))


def score(scores: Scores, real: Clip, made: Frames) -> None:
    """Adds a clip's figures, the mean of its modes; of several also the best mode's likeness."""
    assert real.frames is not None
    truth, points = real.frames[1:], real.points[1:]
    boxes = [measures.lip_box(p, real.size) for p in points]
    found = []
    for frames in (one[1:] for one in made):
        mouths = [(a[y0:y1, x0:x1], b[y0:y1, x0:x1]) for a, b, (x0, y0, x1, y1) in zip(frames, truth, boxes)]
        found.append(
            {
                "ssim": measures.ssim(frames, truth, window="gaussian"),
                "mouth_ssim": float(np.mean([measures.mouth_ssim(a, b, p) for a, b, p in zip(frames, truth, points)])),
                "psnr": measures.psnr(frames, truth),
                "sharpness": float(np.mean([gradient(a) / gradient(b) for a, b in zip(frames, truth)])),
                "mouth_sharpness": float(np.mean([gradient(a) / gradient(b) for a, b in mouths])),
            }
        )
    for name in MEASURES:
        scores.add(name, float(np.mean([one[name] for one in found])), real.subject)
    if len(found) > 1:
        for name in GAPS:
            scores.add(f"{name}_best", max(one[name] for one in found), real.subject)


def figures(scores: dict[str, Scores]) -> dict[str, Any]:
    """Row -> figure -> mean with its 95 % interval over people; `gap_*`: the share that a row closes, `met`: what the issue asks."""
    found: dict[str, Any] = {"rows": {name: one.table() for name, one in scores.items()}}
    for name, one in scores.items():
        if name == COPY:
            continue
        for measure in (key for key in one.values if key.removesuffix("_best") in GAPS):
            floor = means(scores[COPY], measure.removesuffix("_best"))
            pairs = np.stack([means(one, measure), floor], 1)
            low, high = interval(pairs, share)
            found["rows"][name][f"gap_{measure}"] = {"mean": share(pairs), "low": low, "high": high, "n": len(one.values[measure])}
    found["met"] = {measure: found["rows"][TRUE][f"gap_{measure}"]["mean"] >= TARGET for measure in GAPS}
    return found


def means(scores: Scores, measure: str) -> np.ndarray:
    """(P,) the mean of each person's clips."""
    people, values = np.array(scores.people[measure]), np.array(scores.values[measure])
    return np.array([values[people == person].mean() for person in np.unique(people)])


def share(pairs_P2: np.ndarray) -> float:
    """People's scores beside the copy's -> the share closed of the gap between the copy and a perfect 1."""
    made, copied = pairs_P2.mean(0)
    return float((made - copied) / (1 - copied))


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The figures as a Markdown table, a row a renderer, then what the issue asks."""
    yield "| row | " + " | ".join([*MEASURES.values(), *GAPS.values()]) + " |"
    yield "|---|" + "---|" * (len(MEASURES) + len(GAPS))
    for name, row in found["rows"].items():
        yield f"| {name} | " + " | ".join(_cell(row.get(key)) for key in (*MEASURES, *(f"gap_{measure}" for measure in GAPS))) + " |"
        if "ssim_best" in row:
            best = [_cell(row.get(f"{key}_best")) for key in MEASURES]
            yield f"| {name}, the best mode | " + " | ".join([*best, *(_cell(row[f"gap_{key}_best"]) for key in GAPS)]) + " |"
    for measure, met in found["met"].items():
        yield f"share of the gap on real points, {measure.replace('_', ' ')} >= {TARGET}: {'met' if met else 'MISSED'}"


def _cell(figure: dict[str, float] | None) -> str:
    return "" if figure is None else f"{figure['mean']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def sheet(shown: dict[str, dict[str, np.ndarray]]) -> np.ndarray:
    """A picture: of some people every row, eight moments of each, its name beside it."""
    from limner.generation.sheets import Text, moments, write_on

    strips, texts, y = [], [], 0
    for rows in shown.values():
        for name, frames in rows.items():
            cells = [resize(frames[t], (SHEET_PX, SHEET_PX)) for t in moments(len(frames), SHEET_MOMENTS)]
            strips.append(np.concatenate([np.full((SHEET_PX, SHEET_NAME_PX, 3), 255, np.uint8), *cells], 1))
            head, _, tail = name.partition(", ")
            texts += [Text(at=(6, y + 28 + 20 * i), text=words, size=13) for i, words in enumerate(_wrapped(head, tail))]
            y += SHEET_PX
        strips.append(np.full((8, strips[-1].shape[1], 3), 255, np.uint8))
        y += 8
    return write_on(np.concatenate(strips), texts)


def _wrapped(head: str, tail: str) -> list[str]:
    import textwrap

    return [head, *textwrap.wrap(tail, 26)]
