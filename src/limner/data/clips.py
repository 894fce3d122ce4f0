"""One raw recording -> its neutral-to-smile transitions as clips: aligned, cropped, of one length; and for what gives none, why.

The recording is read twice: once to follow the face and find the transitions, once for the pixels of those alone. One similarity a clip,
fitted on eyes and nose of the onset frame, takes frames and points to the crop: the head's own motion stays.

Shapes: T time, K = 68 points, H W pixels, A action units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.film import Film, Follower, NoFace, frames_of, watch
from limner.data.page import jpeg_strip
from limner.data.sources.raw import RawClip
from limner.data.tracks import in_pieces
from limner.data.transitions import (
    NUM,
    Selection,
    Transition,
    TransitionConfig,
    find_neutral,
    lip_pull,
    manual_labels,
    resample_transition,
    select,
)
from limner.detect.face import CUT_SHARE, MIN_FACE_PX
from limner.detect.search import cut
from limner.geometry import apply_affine, compose_affine, invert_affine, scale_of, to_unit, unit_to_map
from limner.guides.face import GUIDE
from limner.measures import action_units
from limner.media.pictures import resize
from limner.types import Clip, InputError

AU_NAMES: tuple[str, ...] = ("AU06", "AU12")
ROWS_APART = 2  # ours: data sets differ by a row or two from their videos; more, and the labels are of another video
FAULT = "fault of ours"
LEAVES_SHARE = 0.05  # ours: points may leave the crop by this share of its side; the head moves while it smiles


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """size: side of the frames. num: frames of a clip. smiles: which stretches are kept."""

    size: int = 64  # paper
    num: int = NUM
    smiles: TransitionConfig = field(default_factory=TransitionConfig)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What came of a recording. entry: the report's words on it, as JSON can hold them; its `reason` is None where there are clips."""

    clips: tuple[Clip, ...]
    entry: dict[str, Any] = field(default_factory=dict)


def prepare_clip(raw: RawClip, detector: Follower, config: ClipConfig | None = None) -> Prepared:
    """Every neutral-to-smile transition of a recording. What is wrong with one is no error: the entry says it."""
    config = config or ClipConfig()
    entry: dict[str, Any] = {
        "id": raw.id, "file": raw.path.name, "subject": raw.subject, "split": raw.split, "label": raw.label, "notes": list(raw.notes),
        "reason": None, "why": None, "kept": [], "rejected": [],
    }  # fmt: skip
    try:
        film = watch(raw.path, detector, raw.fps)
        entry |= _facts(film) | {"notes": [*raw.notes, *film.notes]}
        selection, entry["au"] = _select(raw, film, config.smiles)
        entry["curves"] = {name: [round(float(value), 2) for value in selection.au[:, i]] for i, name in enumerate(AU_NAMES)}
        entry["rejected"] = [{"start": r.start, "stop": r.stop, "reason": r.reason, "why": r.why} for r in selection.rejected]
        clips = tuple(_clips(raw, film, selection, config, entry))
    except NoFace as error:
        seen = {"notes": [*raw.notes, *error.notes], "pictures": jpeg_strip(error.moments)}
        return Prepared(clips=(), entry=entry | {"reason": "no face", "why": str(error)} | seen)
    except InputError as error:
        return Prepared(clips=(), entry=entry | {"reason": "unreadable", "why": " ".join(str(error).split())})
    except Exception as error:  # a fault of ours at one recording must not cost the others; report and exit code tell of it
        return Prepared(clips=(), entry=entry | {"reason": FAULT, "why": f"{type(error).__name__}: {' '.join(str(error).split())}"})
    if not clips:
        whys = "; ".join(f"frames {r['start']} to {r['stop'] - 1}: {r['why']}" for r in entry["rejected"])
        entry |= {
            "reason": "smile not fit" if selection.transitions else "no smile",
            "why": whys or f"AU12 stays under {config.smiles.rest:g}",
            "pictures": jpeg_strip(film.moments),
        }
    return Prepared(clips=clips, entry=entry)


def _facts(film: Film) -> dict[str, Any]:
    """What the report says of every recording that could be watched."""
    jitter = [None if math.isnan(value) else round(value, 5) for value in (film.track.jitter_before, film.track.jitter_after)]
    return {
        "frames": film.num_frames,
        "fps": str(film.fps),
        "size": list(film.size),
        "cuts": list(film.cuts),
        "faces_at_once": film.num_faces,
        "frames_without_face": int((~film.seen).sum()),
        "jitter_before": jitter[0],
        "jitter_after": jitter[1],
        "times": f"counted at {film.fps}" if film.counted else "the file's own",
    }


def _select(raw: RawClip, film: Film, config: TransitionConfig) -> tuple[Selection, dict[str, str]]:
    """The transitions, and where each AU's curve comes from: the data set's labels where it has them, else the estimator."""
    track, au = film.track, np.zeros((film.num_frames, len(AU_NAMES)))
    for start, stop in film.shots:  # each against a neutral of its own: it may show another person
        points, known = track.points[start:stop], track.confidence[start:stop] > 0
        if known.any():
            au[start:stop] = in_pieces(partial(action_units, neutral=find_neutral(points, known)), points)
    runs, origin = track.runs, dict.fromkeys(AU_NAMES, "estimated")
    for column, name in enumerate(AU_NAMES):
        labels = _labels(raw, name, film.num_frames)
        known = np.zeros(film.num_frames, bool) if labels is None else np.isfinite(labels)
        if name == "AU12" and known.any():
            runs, config = _within(runs, known), manual_labels(config)
        elif labels is None or not known.all():
            continue
        assert labels is not None
        au[:, column], origin[name] = np.where(known, labels, 0), "labels"
    by_hand = au[:, 0] if origin["AU06"] == "labels" else np.zeros(film.num_frames)  # labels are equal for long: noise must not choose
    tie = by_hand if origin["AU12"] == "labels" else in_pieces(lip_pull, track.points)
    return select(au, float(film.fps), runs=runs, tie=tie, config=config), origin


def _labels(raw: RawClip, name: str, num: int) -> np.ndarray | None:
    """(T,) labels of an AU, a row a frame; None where the data set has none. InputError where they are of another length than the film."""
    if raw.au is None or name not in raw.au_names:
        return None
    labels = raw.au[:, raw.au_names.index(name)]
    if abs(len(labels) - num) > ROWS_APART:
        raise InputError(
            f"{raw.path} has {num} frames, its {name} labels {len(labels)} rows; they are of another video, or one is cut short"
        )
    return np.pad(labels[:num], (0, max(0, num - len(labels))), mode="edge")


def _within(runs: tuple[tuple[int, int], ...], known: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The parts of the runs in which every frame has a label."""
    inside = np.zeros(len(known), bool)
    parts = []
    for start, stop in runs:
        inside[:] = False
        inside[start:stop] = known[start:stop]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
        parts += [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    return tuple(parts)


def _clips(raw: RawClip, film: Film, selection: Selection, config: ClipConfig, entry: dict[str, Any]) -> Iterator[Clip]:
    """The clips of the transitions that can be cropped; entry: gets what was kept, and why others were not."""
    crops: list[tuple[Transition, np.ndarray]] = []
    for found in selection.transitions:
        matrix = crop_matrix(film.track.points[found.onset], config.size)
        if refusal := _refusal(film, found, matrix, config.size):
            entry["rejected"].append({"start": found.onset, "stop": found.apex + 1, "reason": refusal[0], "why": refusal[1]})
        else:
            crops.append((found, matrix))
    entry["rejected"].sort(key=lambda item: item["start"])
    for number, ((found, matrix), frames) in enumerate(zip(crops, _pixels(raw.path, raw.fps, crops, config.size)), 1):
        inside = slice(found.onset, found.apex + 1)
        whole = replace(found, onset=0, apex=found.apex - found.onset)

        def cut_out(values: np.ndarray, whole: Transition = whole, times_s: np.ndarray = film.times_s[inside]) -> np.ndarray:
            return resample_transition(values, times_s, whole, config.num)[0]

        duration_s = float(film.times_s[found.apex] - film.times_s[found.onset])
        clip = Clip(
            id=f"{raw.id}__{number}",
            source=raw.source,
            subject=raw.subject,
            split=raw.split,
            label=raw.label,
            kind="transition",
            points=cut_out(apply_affine(matrix, film.track.points[inside])),
            confidence=np.repeat(cut_out(film.track.confidence[inside])[:, None], GUIDE.num_points, 1),
            au=cut_out(selection.au[inside]),
            au_names=AU_NAMES,
            frames=cut_out(frames.astype(np.float32)).round().astype(np.uint8),
            fps=Fraction((config.num - 1) / duration_s).limit_denominator(1001),
            duration_s=duration_s,
            size=(config.size, config.size),
        )
        entry["kept"].append({"clip": clip.id, **vars(found), "duration_s": round(duration_s, 6)})
        yield clip


def crop_matrix(points: np.ndarray, size: int) -> np.ndarray:
    """(68, 2) points of the onset frame -> the similarity (2, 3) from the picture to the crop of size x size, upright and of one scale."""
    return compose_affine(to_unit(points.astype(np.float64), GUIDE), unit_to_map(GUIDE, size))


def _refusal(film: Film, found: Transition, matrix: np.ndarray, size: int) -> tuple[str, str] | None:
    """Why a transition cannot be cropped: (reason, in words)."""
    points = film.track.points[found.onset : found.apex + 1]
    side = float(np.ptp(points[0], axis=0).max())
    if side < MIN_FACE_PX:
        return "small", f"the face is only {side:.0f} pixels large; it must have at least {MIN_FACE_PX}"
    if max(float(-points.min()), float((points - np.array(film.size)).max())) > CUT_SHARE * side:
        return "cut off", "the face is cut by the picture's border"
    inside = apply_affine(matrix, points)
    if inside.min() < -LEAVES_SHARE * size or inside.max() > (1 + LEAVES_SHARE) * size:
        return "moves", "the head moves out of the crop"
    return None


def _pixels(path: Path, fps: Fraction | None, crops: list[tuple[Transition, np.ndarray]], size: int) -> Iterator[np.ndarray]:
    """The crops (onset..apex, H, W, 3) uint8 of each transition, one transition after the other, in one pass over the recording."""
    waiting, frames = list(crops), []
    for t, (_, pixels) in enumerate(frames_of(path, fps)[1] if crops else ()):
        found, matrix = waiting[0]
        if t >= found.onset:
            frames.append(crop(pixels, matrix, size))
        if t == found.apex:
            yield np.stack(frames)
            waiting, frames = waiting[1:], []
        if not waiting:
            return


def crop(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """(H, W, 3) uint8 and the similarity from its pixels to the crop's -> (size, size, 3) uint8, antialiased; grey outside the picture."""
    back = invert_affine(matrix)
    centre = apply_affine(back, np.array([[size / 2, size / 2]]))[0]
    side = size * float(scale_of(back))
    fine = max(size, math.ceil(side))  # no smaller than the picture shows it: what is left to shrink, Lanczos shrinks
    turned, _ = cut(pixels, centre, side, math.degrees(math.atan2(back[1, 0], back[0, 0])), fine)
    return resize(turned, (size, size))
