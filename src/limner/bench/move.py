"""How true `limner move` is on real photos of people, what it leaves alone, and how long it takes.

    limner bench move FOLDER [--renderer NAME|RUN] [--out FOLDER2]

FOLDER holds photos, or folders of photos. Every person whom the detector finds there, large enough, does the motions that ship; then the
detector looks for the joints in the made frames, where they should be. PCK@0.1: the share of joints found within a tenth of the torso's
length of the retargeted ones; a joint that is not found counts as missed. It looks afresh into a square round where the person should be
(bench.move_joints, with what tells the detector's errors from the renderer's).
Beside it two bounds: the floor, the same for the photo held still (copy), which is what a renderer that moves nothing would reach; and the
ceiling that may be hoped for, its share of the joints of the photo itself, as it was made, that it finds again in the same square: less
than 1 is the detector's own doing, with another person in the square, say; moved limbs may be easier to find. Then the pixels that nobody
comes near, which must be the photo's own, and seconds for 64 frames of a photo of 720 pixels.

Shapes: T frames, K = 18 points.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limner import geometry
from limner.bench.move_joints import hits, placed
from limner.detect.body import BodyDetector
from limner.generation import limbs
from limner.generation.body_renderers import COPY, WARP, BodyRenderer, open_body_renderer
from limner.generation.retarget import retarget
from limner.generation.sheets import Text, moments, write_on
from limner.guides.body import GUIDE
from limner.media.files import make_folder, write_text
from limner.media.pictures import SUFFIXES, read_picture, resize, write_png
from limner.types import Body, InputError

MOTIONS = ("hand-waving", "two-hand-waving", "jumping-jack", "walking-side")
PHOTO_PX, NUM_FRAMES = 720, 64  # issue 4
LEAST_PX = 110.0  # ours: joints of smaller people span less than the detector's own error asks
EVERY = 12  # ours: of the frames, so many apart are looked at
ARM_JOINTS = (2, 3, 4, 5, 6, 7)
FOUND_AGAIN = 0.9  # ours: of the photo's own joints; with less the detector judges itself
AWAY = 0.3  # ours: torsos from every bone, now and in the photo, from which a pixel must be the photo's own
# Statures that a hand, a foot or a head reaches beyond its joint: Drillis & Contini 1966
BEYOND = {4: 0.108, 7: 0.108, 10: 0.152, 13: 0.152, 0: 0.130}
CELL_PX = 200
# What is measured of a clip -> its title in the table
COLUMNS = {
    "pck_arms": "arms",
    "pck": "all",
    "pck_moved": "moved",
    "exchanged_arms": "sides",
    "paired_arms": "paired",
    "placed": "placed",
    "in_sight": "sight",
    "ceiling_arms": "(arms",
    "ceiling": "all)",
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One person of one photo."""

    name: str
    photo: np.ndarray
    body: Body

    @property
    def torso(self) -> float:
        """The torso's length in pixels, or what the shoulders let expect of it."""
        seen = np.asarray(self.body.confidence) > 0
        if seen[[1, 8, 11]].all():
            return float(geometry.unit_length(self.body.points, GUIDE))
        return float(np.linalg.norm(self.body.points[5] - self.body.points[2])) * limbs.SHARE_TORSO / limbs.SHARE_SHOULDERS


def run(folder: Path, renderers: Sequence[str] = (), out: Path | None = None) -> dict[str, Any]:
    """Prints the table, writes move.json and a sheet where `out` is given, and returns the figures. InputError: no photo shows anybody."""
    detector = BodyDetector()
    people = list(subjects(Path(folder), detector))
    if not people:
        raise InputError(f"{folder} holds no photo of a person large enough")
    names = (WARP, *renderers)
    rows: list[dict[str, Any]] = []
    pictures: list[tuple[str, list[np.ndarray]]] = []
    makers = {name: open_body_renderer(name) for name in (*names, COPY)}
    for person in people:
        made = {Path(name).name: maker(person.photo, person.body) for name, maker in makers.items()}
        for motion in MOTIONS:
            found = scored(person, motion, made, detector)
            if found is None:
                continue
            rows += found[0]
            pictures.append((f"{person.name}: {motion}", found[1]))
    result = {"people": [p.name for p in people], "rows": rows, "mean": means(rows), "speed": timed(people[0])}
    print("\n".join(table_lines(result)))
    if out is not None:
        make_folder(out)
        write_text(out / "move.json", json.dumps(result, indent=1) + "\n")
        write_png(out / "move.png", sheet(pictures), {})
    return result


def subjects(folder: Path, detector: BodyDetector) -> Iterator[Subject]:
    """Everybody in the photos of a folder and its folders, the photos brought to PHOTO_PX."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        pixels = read_picture(path).pixels
        scale = PHOTO_PX / max(pixels.shape[:2])
        size = (round(pixels.shape[1] * scale) // 2 * 2, round(pixels.shape[0] * scale) // 2 * 2)
        photo = resize(pixels, size)
        for i, body in enumerate(detector.bodies(photo)):
            x0, y0, x1, y1 = body.box
            if max(x1 - x0, y1 - y0) >= LEAST_PX:
                yield Subject(name=f"{path.stem}/{i + 1}", photo=photo, body=body)


def scored(
    person: Subject, motion: str, renderers: dict[str, BodyRenderer], detector: BodyDetector
) -> tuple[list[dict[str, Any]], list[np.ndarray]] | None:
    """A row for each renderer, and the warp's moments; None where the motion does not fit what the photo shows."""
    from limner.data.sources.kinematics.shipped import load

    height, width = person.photo.shape[:2]
    try:
        made = retarget(load(motion), person.body.points, person.body.confidence, (width, height))
    except InputError:
        return None
    at = np.arange(0, made.motion.num_frames, EVERY)
    points, seen = made.motion.points[at], made.motion.confidence[0] > 0
    rows, shown = [], []
    arms = [k for k in ARM_JOINTS if seen[k]]
    own = hits(detector, person.photo, person.body.points, seen, person.torso).strict[None]
    driven = [k for limb in limbs.LIMBS if limb in made.moved for k in limbs.LIMBS[limb][1:] if seen[k]]
    for name, renderer in renderers.items():
        frames = list(renderer.render(points))
        read = [hits(detector, frame, p, seen, person.torso) for frame, p in zip(frames, points)]
        every = np.array([one.strict for one in read])
        rows.append(
            {
                "person": person.name,
                "motion": motion,
                "renderer": name,
                "pck_arms": share(every, arms),
                "pck": share(every, np.flatnonzero(seen)),
                "pck_moved": share(every, driven),
                "exchanged_arms": share(np.array([one.exchanged for one in read]), arms),
                "paired_arms": share(np.array([one.paired for one in read]), arms),
                **placed(renderer, points, arms, person.torso),
                "ceiling_arms": share(own, arms),
                "ceiling": share(own, np.flatnonzero(seen)),
                "changed_away": max(changed_away(person, frame, p, seen) for frame, p in zip(frames, points)),
            }
        )
        shown = shown or [frames[i] for i in moments(len(frames))]
    return rows, [cut_out(person, made.motion.points, frame) for frame in shown]


def share(hits: np.ndarray, joints: Sequence[int] | np.ndarray) -> float | None:
    """The share of hits (T, K) among some joints; None where there are none of them."""
    return round(float(hits[:, joints].mean()), 4) if len(joints) else None


def changed_away(person: Subject, frame: np.ndarray, points: np.ndarray, seen: np.ndarray) -> int:
    """How many pixels differ from the photo among those that are away from the person in the photo and in the frame."""
    import cv2

    near_by = (np.asarray(person.body.mask) > 0.02).astype(np.uint8)
    stature = person.torso / limbs.SHARE_TORSO
    for places in (person.body.points, points):
        for start, end in [*limbs.BONES, *((1, k) for k in (0, 2, 5, 8, 11, 14, 15, 16, 17)), (8, 11)]:
            if seen[start] and seen[end]:
                cv2.polylines(near_by, [np.round(places[[start, end]]).astype(np.int32)], False, 1, thickness=3)
        for k, share in BEYOND.items():
            if seen[k]:
                cv2.circle(near_by, [round(float(v)) for v in places[k]], round(share * stature), 1, -1)
    away = cv2.distanceTransform(1 - near_by, cv2.DIST_L2, 5) > AWAY * person.torso
    return int(((frame != person.photo).any(-1) & away).sum())


def means(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each renderer: means over people and motions, and the pixels changed in all; the same of those who are found again."""
    table = {}
    for name in dict.fromkeys(row["renderer"] for row in rows):
        own = [row for row in rows if row["renderer"] == name]
        again = [row for row in own if row["ceiling"] >= FOUND_AGAIN]
        table[name] = {**_mean(own), "changed_away": int(sum(row["changed_away"] for row in own)), "found_again": _mean(again)}
    return table


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of every share over the clips that have one; None where none has."""
    found: dict[str, Any] = {"clips": len(rows)}
    for key in COLUMNS:
        values = [row[key] for row in rows if row[key] is not None]
        found[key] = round(float(np.mean(values)), 4) if values else None
    return found


def timed(person: Subject) -> dict[str, float]:
    """Wall and processor seconds of the warp for NUM_FRAMES frames of a photo of PHOTO_PX, from pixels to a written video."""
    import tempfile

    from limner.data.sources.kinematics.shipped import load
    from limner.generation.moves import BodyEngine, MoveSettings, make_move
    from limner.types import Picture

    motion = load("two-hand-waving", seconds=NUM_FRAMES / 25)
    speed = motion.num_frames / NUM_FRAMES
    engine = BodyEngine()
    with tempfile.TemporaryDirectory() as folder:
        wall, spent = time.perf_counter(), time.process_time()
        picture = Picture(pixels=person.photo, name="photo")
        outcome = make_move(picture, motion, Path(folder), MoveSettings(motion="two-hand-waving", speed=speed), engine)
        seconds = time.perf_counter() - wall
    return {"frames": outcome.result["frames"], "wall_s": round(seconds, 1), "cpu_s": round(time.process_time() - spent, 1)}


def table_lines(result: dict[str, Any]) -> Iterator[str]:
    """The result as lines of text."""
    yield f"{'person':18}{'motion':18}{'renderer':12}" + "".join(f"{title:>8}" for title in COLUMNS.values()) + f"{'changed':>9}"
    for row in result["rows"]:
        yield f"{row['person']:18}{row['motion']:18}{row['renderer']:12}" + _figures(row) + f"{row['changed_away']:9d}"
    yield "PCK@0.1 of the joints of arms, of all, and of the limbs that move; of arms with right and left exchanged where nearer, and of"
    yield "the nearest person in three squares; arms by the renderer itself: put there, in sight; in brackets the detector's on the photo"
    for name, row in result["mean"].items():
        yield f"mean of {row['clips']} clips, {name}".ljust(48) + _figures(row) + f"{row['changed_away']:9d}"
        again = row["found_again"]
        yield f"of the {again['clips']} of people found again".ljust(48) + _figures(again)
    speed = result["speed"]
    yield f"{speed['frames']} frames of a photo of {PHOTO_PX} px: {speed['wall_s']} s, {speed['cpu_s']} s of processor time"


def _figures(row: dict[str, Any]) -> str:
    return "".join(f"{'-':>8}" if row[key] is None else f"{row[key]:8.3f}" for key in COLUMNS)


def cut_out(person: Subject, points: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The frame's part round all places that the person goes, CELL_PX high."""
    seen = np.asarray(person.body.confidence) > 0
    every = np.concatenate([points[:, seen].reshape(-1, 2), person.body.points[seen]])
    low, high = every.min(0) - 0.4 * person.torso, every.max(0) + 0.4 * person.torso
    height, width = frame.shape[:2]
    x0, y0 = (int(v) for v in low.clip(0, (width - 8, height - 8)))
    x1, y1 = max(x0 + 8, int(min(high[0], width))), max(y0 + 8, int(min(high[1], height)))
    return resize(np.ascontiguousarray(frame[y0:y1, x0:x1]), (max(8, round(CELL_PX * (x1 - x0) / (y1 - y0))), CELL_PX))


def sheet(pictures: list[tuple[str, list[np.ndarray]]]) -> np.ndarray:
    """(H, W, 3) uint8: a row a person and motion, eight moments."""
    width = max(sum(cell.shape[1] + 4 for cell in cells) for _, cells in pictures)
    canvas = np.full((len(pictures) * (CELL_PX + 24), width + 8, 3), 255, np.uint8)
    texts = []
    for i, (name, cells) in enumerate(pictures):
        y, x = i * (CELL_PX + 24), 4
        texts.append(Text(at=(6, y + 3), text=name, size=14))
        for cell in cells:
            canvas[y + 22 : y + 22 + CELL_PX, x : x + cell.shape[1]] = cell
            x += cell.shape[1] + 4
    return write_on(canvas, texts)
