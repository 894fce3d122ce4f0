"""A Motion of the body guide -> the files of other tools: OpenPose's JSON files, one a frame, a COCO annotation file, or a CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from limner.guides.body import GUIDE
from limner.media.files import atomic_write, make_folder, write_text
from limner.media.poses.layouts import LAYOUTS
from limner.types import InputError, Motion

COCO_NAMES = [
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
]
DECIMALS = 3  # of a pixel, as in motion files


def export_motion(path: Path, motion: Motion) -> None:
    """Writes by the name: .csv, .json (COCO), or, without a suffix, a folder of OpenPose's files (model COCO, 18 points).

    A joint of confidence 0 is written as each format writes one that is not seen. InputError: another guide, another suffix, a folder with
    something in it, or it cannot be written."""
    if motion.guide != GUIDE.name:
        raise InputError(f"a motion of the guide {motion.guide!r} cannot be written as a skeleton's; there is: {GUIDE.name}")
    kind = path.suffix.lower()
    if kind == ".csv":
        write_text(path, _csv(motion))
    elif kind == ".json":
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(_coco(motion)), encoding="utf-8")
    elif not kind:
        if path.is_dir() and any(path.iterdir()):
            raise InputError(f"the folder {path} is not empty; name a new one for OpenPose's files")
        make_folder(path)
        for t, rows in enumerate(_rows(motion)):
            person = {"person_id": [-1], "pose_keypoints_2d": rows.ravel().tolist()}
            write_text(path / f"{path.name}_{t:012d}_keypoints.json", json.dumps({"version": 1.3, "people": [person]}))
    else:
        raise InputError(
            f"{path}: a motion is exported as .csv, as .json (COCO), or, named without a suffix, as a folder of OpenPose's files"
        )


def _rows(motion: Motion) -> np.ndarray:
    """(T, 18, 3): x, y, confidence; all 0 where a joint is not seen, as OpenPose writes it."""
    rows = np.concatenate([motion.points, motion.confidence[..., None]], -1).astype(np.float64).round(DECIMALS)
    return np.where(motion.confidence[..., None] > 0, rows, 0.0)


def _csv(motion: Motion) -> str:
    head = ",".join(f"{name}_{part}" for name in GUIDE.point_names for part in "xyc")
    lines = [",".join(",".join("" if c <= 0 else f"{v:g}" for v in (x, y, c)) for x, y, c in frame) for frame in _rows(motion)]
    return "\n".join(["frame," + head, *(f"{t},{line}" for t, line in enumerate(lines))]) + "\n"


def _coco(motion: Motion) -> dict[str, Any]:
    order = _coco_order()
    images = [{"id": t, "file_name": f"{t:06d}.png", "width": motion.size[0], "height": motion.size[1]} for t in range(motion.num_frames)]
    marked = []
    for t, rows in enumerate(_rows(motion)[:, order]):
        seen = rows[:, 2] > 0
        keys = np.concatenate([rows[:, :2], 2.0 * seen[:, None]], 1)
        low, high = (rows[seen, :2].min(0), rows[seen, :2].max(0)) if seen.any() else (np.zeros(2), np.zeros(2))
        marked.append(
            {
                "id": t,
                "image_id": t,
                "category_id": 1,
                "keypoints": keys.ravel().tolist(),
                "num_keypoints": int(seen.sum()),
                "bbox": [*low.round(DECIMALS).tolist(), *(high - low).round(DECIMALS).tolist()],
                "score": round(float(rows[seen, 2].mean()), 3) if seen.any() else 0.0,
            }
        )
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": COCO_NAMES}
    return {"info": {"fps": str(motion.fps)}, "images": images, "annotations": marked, "categories": [category]}


def _coco_order() -> list[int]:
    """Which of the guide's points each of COCO's 17 is."""
    where = LAYOUTS["coco-17"][1]
    place = {at[0]: name for name, at in where.items() if len(at) == 1}
    return [GUIDE.point_names.index(place[k]) for k in range(len(COCO_NAMES))]
