"""What a motion file holds: whence it is, how long, how it smiles; and its drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limner import guides
from limner.contents.drawing import Row, cell, contact_sheet
from limner.data.transitions import find_neutral, lip_pull
from limner.generation.sheets import moments
from limner.measures import action_units, jitter
from limner.types import Motion

MARGIN = 0.12  # ours: of the drawing, round the points


def describe_motion(path: Path, motion: Motion) -> dict[str, Any]:
    """What `limner inspect MOTION` tells, as JSON can hold it."""
    guide, seen = guides.load(motion.guide), np.asarray((motion.confidence > 0).any(1))
    said: dict[str, Any] = {
        "kind": "motion",
        "path": str(path),
        "guide": motion.guide,
        "points": guide.num_points,
        "frames": motion.num_frames,
        "fps": str(motion.fps),
        "duration_s": round(float(motion.num_frames / motion.fps), 4),
        "size": list(motion.size),
        "label": motion.label,
        "mode": motion.mode,
        "seed": motion.seed,
        "frames_unseen": int((~seen).sum()),
        "never_seen": [name for name, known in zip(guide.point_names, np.atleast_1d((motion.confidence > 0).any(0))) if not known],
        "confidence_mean": round(float(motion.confidence.mean()), 3),
        "jitter": round(jitter(motion.points, guide), 5) if motion.num_frames > 2 else None,
        "provenance": motion.provenance,
        "au": None,
    }
    if motion.guide == "face" and seen.any():
        said["au"] = _smile(motion, seen)
    return said


def _smile(motion: Motion, seen: np.ndarray) -> dict[str, Any]:
    """AU06 and AU12 at the start, where AU12 is highest, and at the end of the frames that are seen."""
    imagined = motion.mode is not None or motion.seed is not None
    neutral = motion.points[0] if imagined else find_neutral(motion.points, seen)
    curves, pull = action_units(motion.points, neutral), lip_pull(motion.points)
    places = np.flatnonzero(seen)
    peak = max((int(t) for t in places), key=lambda t: (curves[t, 1].round(3), pull[t]))
    at = {"start": int(places[0]), "peak": peak, "end": int(places[-1])}
    return {
        "against": "the first frame" if imagined else "the neutral face found in it",
        **{name: {"frame": t, "AU06": round(float(curves[t, 0]), 2), "AU12": round(float(curves[t, 1]), 2)} for name, t in at.items()},
    }


def motion_sheet(path: Path, motion: Motion) -> np.ndarray:
    """(H, W, 3) uint8: eight moments, drawn."""
    guide = guides.load(motion.guide)
    shown = motion.points[motion.confidence > 0] if (motion.confidence > 0).any() else motion.points.reshape(-1, 2)
    low, high = shown.min(0), shown.max(0)
    side = float((high - low).max()) * (1 + 2 * MARGIN) or 1.0
    moved = motion.points - (low + high) / 2 + side / 2
    at = moments(motion.num_frames)
    square = (round(side) or 1, round(side) or 1)
    cells = tuple(cell(None, moved[t], square, guide.lines, colours=guide.colours, known=motion.confidence[t] > 0) for t in at)
    said = [motion.label or "no label"]
    if motion.guide == "face":
        said.append("conditional" if motion.mode is None else f"mode {motion.mode}")
    rate = f"{float(motion.fps):g}"
    return contact_sheet(
        path.name, [Row(lines=(", ".join(said), f"{motion.num_frames} frames at {rate}", f"moments {at[0]} to {at[-1]}"), cells=cells)]
    )
