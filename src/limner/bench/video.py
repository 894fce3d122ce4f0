"""A real video made again from one of its frames: the first neutral frame and the clip's own points -> video, against the real frames.

    limner bench video FILE [--renderer NAME|RUN ...] [--out FOLDER]

Each frame's points come from the detector, smoothed over time as a user's are (data.film). The photo is the first neutral frame
(transfer.first_neutral). Rows: the photo held still (copy), the warp, every further renderer. Measured inside a box round all places that
the face takes, against the real frames: SSIM (7 x 7 window) and PSNR, SSIM of the mouth; how far the detector finds the points in the made
frames from where it finds them in the real ones; the jitter of what it finds; how much frames change over time (mean absolute difference
of neighbours) and how unevenly (mean absolute second difference, flicker). For the last three the real frames are the measure: made
frames should not exceed them.

Shapes: T frames, K = 68 points, H W pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limner import geometry
from limner.data.film import motion_of
from limner.generation.recorded import filled
from limner.generation.reference import Reference, open_reference
from limner.generation.renderers import WARP, open_renderer, renderer_for
from limner.generation.sheets import Text, moments, write_on
from limner.generation.transfer import first_neutral
from limner.guides.face import GUIDE
from limner.measures import jitter, landmark_error, psnr, ssim
from limner.measures.image import mouth_ssim
from limner.measures.video import flicker, frame_difference
from limner.media.files import make_folder, write_text
from limner.media.pictures import resize, write_png
from limner.media.video import read_video
from limner.types import InputError, Picture

COPY, REAL = "copy", "real"
MARGIN_UNIT = 0.25  # ours: round the face's points: forehead and chin
MOST_FRAMES = 600  # ours: all frames of the box are held in memory, of every row
CELL_PX = 180  # ours: of the sheet
MEASURES = ("ssim", "psnr", "mouth_ssim", "landmark_error_percent", "jitter", "change", "flicker")
SHOWN = ("SSIM", "PSNR", "mouth SSIM", "landmarks %", "jitter x1000", "change", "flicker")


def run(video: Path, renderers: Sequence[str] = (), out: Path | None = None) -> dict[str, Any]:
    """Scores the rows on one video, prints the table, writes it and a sheet where `out` is given, and returns it.

    renderers: names or runs beside the warp (generation.renderers). InputError: no video, no face, a part of it without one, or too long.
    """
    from limner.detect.face import FaceDetector

    detector = FaceDetector()
    motion = motion_of(video, detector).motion
    if motion.num_frames > MOST_FRAMES:
        raise InputError(f"{video} has {motion.num_frames} frames; the bench takes at most {MOST_FRAMES}")
    seen = np.asarray((motion.confidence > 0).all(1))
    stop = int(seen.argmin()) if not seen.all() else len(seen)  # from where no face is seen there is nothing to compare
    points = filled(motion)[:stop].astype(np.float32)
    if len(points) < 4:
        raise InputError(f"{video} shows a face in fewer than 4 frames from its start")
    real = [frame for _, frame in zip(range(stop), read_video(video)[1])]
    neutral = first_neutral(points, np.ones(len(points), bool))
    reference = _reference(real[neutral], video, detector)
    box = face_box(points, motion.size)
    # Both sides are cut to even by open_reference, which leaves every pixel in its place
    made: dict[str, list[np.ndarray]] = {REAL: _cut(real, box), COPY: _cut([real[neutral]] * len(points), box)}
    own = points - points[neutral] + reference.face.points  # the photo's face as the single picture shows it, moved as the clip's
    for name in (WARP, *renderers):
        renderer = renderer_for(open_renderer(name), reference)
        made[Path(name).name if name != WARP else WARP] = _cut(renderer.render(own), box)
    offset = np.array(box[:2], np.float32)
    found = {name: _found(frames, detector) for name, frames in made.items()}
    rows = {name: score(frames, made[REAL], points - offset, found[name], found[REAL]) for name, frames in made.items()}
    result = {"video": video.name, "frames": len(points), "neutral_frame": neutral, "box_px": list(box), "rows": rows}
    print("\n".join(table_lines(result)))
    if out is not None:
        make_folder(out)
        write_text(out / "video.json", json.dumps(result, indent=1) + "\n")
        write_png(out / "video.png", sheet(made, neutral), {})
    return result


def _reference(frame: np.ndarray, video: Path, detector: Any) -> Reference:
    height, width = frame.shape[:2]
    picture = Picture(name=video.stem, pixels=frame)
    reference = open_reference(picture, detector, size=max(height, width))
    if reference.size != (width // 2 * 2, height // 2 * 2):
        raise InputError(f"{video} is {width} x {height} pixels; the bench needs frames that are rendered at their own size")
    return reference


def face_box(points: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(T, 68, 2) points in a picture of `size` (width, height) -> x0, y0, x1, y1 round all of them, within the picture, of even sides."""
    margin = MARGIN_UNIT * float(geometry.unit_length(points, GUIDE).max())
    low, high = np.floor(points.min((0, 1)) - margin), np.ceil(points.max((0, 1)) + margin)
    x0, y0 = (int(v) for v in low.clip(0))
    x1, y1 = (int(v) for v in np.minimum(high, np.array(size) // 2 * 2))
    return x0, y0, x1, y1


def _cut(frames: Any, box: tuple[int, int, int, int]) -> list[np.ndarray]:
    x0, y0, x1, y1 = box
    return [np.ascontiguousarray(frame[y0:y1, x0:x1]) for frame in frames]


def _found(frames: list[np.ndarray], detector: Any) -> np.ndarray:
    """(T, 68, 2): where the detector finds the points, frame by frame, not smoothed."""
    return detector.track(frames)[0]


def score(frames: list[np.ndarray], real: list[np.ndarray], points: np.ndarray, found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """One row: frames against the real ones. points: (T, 68, 2) in the box's pixels; found, truth: the detector's on either."""
    pairs = list(zip(frames, real))
    values = {
        "ssim": np.mean([ssim(a, b) for a, b in pairs]),
        "psnr": np.mean([min(psnr(a, b), 99.0) for a, b in pairs]),
        "mouth_ssim": np.mean([mouth_ssim(a, b, p) for (a, b), p in zip(pairs, points)]),
        "landmark_error_percent": 100 * landmark_error(found, truth),
        "jitter": jitter(found),
        "change": frame_difference(np.stack(frames)),
        "flicker": flicker(np.stack(frames)),
    }
    return {name: round(float(value), 5) for name, value in values.items()}


def table_lines(result: dict[str, Any]) -> Iterator[str]:
    """The result as lines of text."""
    yield f"{result['video']}: {result['frames']} frames from frame {result['neutral_frame']}"
    yield f"{'row':22}" + "".join(f"{name:>14}" for name in SHOWN)
    for name, row in result["rows"].items():
        shown = [row[measure] * (1000 if measure == "jitter" else 1) for measure in MEASURES]
        yield f"{name:22}" + "".join(f"{value:14.3f}" for value in shown)


def sheet(made: dict[str, list[np.ndarray]], neutral: int) -> np.ndarray:
    """(H, W, 3) uint8: a row for each way, eight moments of the clip."""
    left, top = 130, 30
    height, width = next(iter(made.values()))[0].shape[:2]
    cell = CELL_PX, round(CELL_PX * height / width)
    chosen = moments(len(made[REAL]))
    canvas = np.full((top + len(made) * (cell[1] + 4), left + len(chosen) * (cell[0] + 4), 3), 255, np.uint8)
    texts = [Text(at=(left, 8), text=f"frames {', '.join(map(str, chosen))}; the photo is frame {neutral}")]
    for row, (name, frames) in enumerate(made.items()):
        y = top + row * (cell[1] + 4)
        texts.append(Text(at=(8, y + cell[1] // 2), text=name, anchor="lm"))
        for column, index in enumerate(chosen):
            x = left + column * (cell[0] + 4)
            canvas[y : y + cell[1], x : x + cell[0]] = resize(frames[index], cell)
    return write_on(canvas, texts)
