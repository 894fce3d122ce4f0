"""Files of key points that other tools and data sets write -> people, frame by frame: OpenPose JSON, COCO JSON, Penn Action MAT, CSV.

A frame is a list of people, each points (18, 2) in pixels and confidence (18,), missing joints NaN with confidence 0.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from limner.guides.body import GUIDE
from limner.media.files import reason_of
from limner.media.poses.layouts import convert
from limner.types import InputError

Person = tuple[np.ndarray, np.ndarray]
MAX_BYTES = 512 * 2**20  # ours
OPENPOSE_KEYS = ("pose_keypoints_2d", "pose_keypoints")
COUNTS = {18: "openpose-18", 25: "body-25", 17: "coco-17"}


@dataclass(frozen=True, kw_only=True)
class Frames:
    """people: of each frame. size: (width, height) of the picture, None where the file does not say. missing: points it never has."""

    people: list[list[Person]]
    size: tuple[int, int] | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def read_bytes(path: Path) -> bytes:
    """A file's bytes. InputError: none, too large, or it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has {path.stat().st_size / 2**20:.0f} MB; at most {MAX_BYTES // 2**20} are read")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error


def read_json(path: Path) -> Any:
    try:
        return json.loads(read_bytes(path).decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {str(error)[:100]}") from error


def openpose_folder(folder: Path) -> Frames:
    """A folder of OpenPose's files, one a frame, in the order of their names."""
    try:
        paths = sorted((path for path in folder.iterdir() if path.suffix.lower() == ".json"), key=_natural)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {reason_of(error)}") from error
    if not paths:
        raise InputError(f"{folder} holds no .json files; a folder of OpenPose's has one a frame")
    return Frames(people=[openpose_frame(path, read_json(path)) for path in paths])


def openpose_frame(path: Path, document: Any) -> list[Person]:
    """The people of one OpenPose file, of its COCO (18) or BODY_25 model."""
    people = document.get("people") if isinstance(document, dict) else None
    if not isinstance(people, list):
        raise InputError(f"{path} is no OpenPose file: it has no list of 'people'")
    found = []
    for number, person in enumerate(people):
        keys = next((person[key] for key in OPENPOSE_KEYS if isinstance(person, dict) and person.get(key)), None)
        if keys is None:
            continue
        rows = _numbers(keys, f"{path}: person {number}")
        if rows.size % 3 or rows.size // 3 not in COUNTS:
            raise InputError(f"{path}: person {number} has {rows.size} numbers; OpenPose writes 54 (COCO) or 75 (BODY_25)")
        rows = rows.reshape(-1, 3)
        found.append(convert(COUNTS[len(rows)], rows[:, :2], rows[:, 2].clip(0, 1)))
    return found


def coco(path: Path, document: Any) -> Frames:
    """A COCO annotation file: each image a frame, in the order of the file."""
    images, marked = document.get("images"), document.get("annotations")
    if not isinstance(images, list) or not isinstance(marked, list) or not images:
        raise InputError(f"{path} is no COCO file of key points: it needs 'images' and 'annotations'")
    try:
        frames: dict[Any, list[Person]] = {image["id"]: [] for image in images}
        for item in marked:
            rows = _numbers(item.get("keypoints") or [], f"{path}: annotation {item.get('id')}")
            if rows.size == 0 or not item.get("num_keypoints", 1):
                continue
            if rows.size != 51:
                raise InputError(f"{path}: annotation {item.get('id')} has {rows.size} numbers; a COCO person has 51")
            if item["image_id"] in frames:
                rows = rows.reshape(17, 3)
                frames[item["image_id"]].append(convert("coco-17", rows[:, :2], (rows[:, 2] / 2).clip(0, 1)))
        sizes = {(int(image["width"]), int(image["height"])) for image in images if image.get("width")}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no COCO file of key points: an entry lacks {error}") from error
    size = None if not sizes else (max(w for w, _ in sizes), max(h for _, h in sizes))
    notes = ("its pictures have several sizes: are they frames of one video?",) if len(sizes) > 1 else ()
    return Frames(people=list(frames.values()), size=size, notes=notes)


def penn(path: Path) -> Frames:
    """A label file of Penn Action (MATLAB 5): x, y, visibility (T, 13), dimensions (rows, columns, frames)."""
    from scipy.io import loadmat

    raw = read_bytes(path)
    try:
        label = loadmat(io.BytesIO(raw))
    except Exception as error:  # SciPy fails in many ways on bytes that are no MAT file
        raise InputError(f"{path} is no MAT file that can be read, or is damaged") from error
    if missing := [key for key in ("x", "y", "visibility") if key not in label]:
        raise InputError(f"{path} is no label file of Penn Action: it lacks {', '.join(missing)}")
    try:
        points = np.stack([label["x"], label["y"]], -1).astype(np.float64)
        seen = np.asarray(label["visibility"], np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: x, y and visibility do not fit together") from error
    if points.ndim != 3 or points.shape[1:] != (13, 2) or seen.shape != points.shape[:2]:
        raise InputError(f"{path}: x has the shape {points.shape[:-1]}; Penn Action has 13 joints a frame")
    joints, confidence = convert("penn-13", points, seen.clip(0, 1))
    rows = np.ravel(label.get("dimensions", []))
    size = (int(rows[1]), int(rows[0])) if len(rows) >= 2 and min(rows[:2]) >= 1 else None
    return Frames(people=[[person] for person in zip(joints, confidence)], size=size)


def table(path: Path) -> Frames:
    """A CSV with a row a frame and columns NAME_x, NAME_y and, where it has them, NAME_c (confidence) of the guide's points."""
    text = read_bytes(path).decode("utf-8-sig", errors="replace")
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise InputError(f"{path} is no CSV that can be read: {error}") from error
    head = [word.strip().lower() for word in rows[0]] if rows else []
    known = [name for name in GUIDE.point_names if f"{name}_x" in head and f"{name}_y" in head]
    if not known:
        raise InputError(f"{path} has none of the columns {GUIDE.point_names[0]}_x, {GUIDE.point_names[0]}_y ... of the body's points")
    people: list[list[Person]] = []
    for number, row in enumerate(row for row in rows[1:] if any(word.strip() for word in row)):
        if len(row) != len(head):
            raise InputError(f"{path}: frame {number} has {len(row)} fields, the head {len(head)}")
        values = dict(zip(head, row))
        points, confidence = np.full((GUIDE.num_points, 2), np.nan), np.zeros(GUIDE.num_points)
        for name in known:
            k = GUIDE.point_names.index(name)
            x, y, sure = (_cell(values.get(f"{name}_{part}"), path, number) for part in "xyc")
            if not np.isnan(x + y):
                points[k] = (x, y)
                confidence[k] = 1.0 if np.isnan(sure) else min(1.0, max(0.0, sure))
        points[confidence <= 0] = np.nan
        people.append([(points, confidence)])
    return Frames(people=people, missing=tuple(name for name in GUIDE.point_names if name not in known))


def _cell(word: str | None, path: Path, frame: int) -> float:
    """A field as a number; empty is not seen (NaN)."""
    if word is None or not word.strip() or word.strip().lower() == "nan":
        return float("nan")
    try:
        number = float(word)
    except ValueError as error:
        raise InputError(f"{path}: frame {frame} holds {word.strip()[:20]!r} where a number should be") from error
    if not np.isfinite(number):
        raise InputError(f"{path}: frame {frame} holds {word.strip()[:20]!r}, no finite place")
    return number


def _numbers(values: Any, where: str) -> np.ndarray:
    """A list of numbers as JSON has it; null and NaN are not seen."""
    try:
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} holds something among its key points that is no number") from error


def _natural(path: Path) -> tuple[Any, ...]:
    """frame_2 before frame_10."""
    import re

    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name))
