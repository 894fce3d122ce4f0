"""How much like people the synthetic bodies are: `limner bench synthetic --guide body [--out DIR]`.

A detector that never saw them must find them, and its joints must lie where the exact ones lie. People of a seed that nothing else uses, an
action each in turn, three frames of a clip, at 256 px. It says processor time a frame too, at 64 and 256 px.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from limner.data.sources import synthetic_bodies as bodies
from limner.data.sources.bodies.draw import Drawn, draw
from limner.data.sources.bodies.looks import draw_look, draw_outfit, draw_scene
from limner.evaluation.metrics.motion import interval
from limner.geometry import unit_length
from limner.guides.body import GUIDE
from limner.media.files import make_folder, write_text
from limner.media.pictures import write_png

SEED = 20_000  # ours: no corpus, no training uses it
MOMENTS = (3, 14, 25)
LIMBS = list(range(2, 14))
SHEET_COLUMNS = 9


def run(people: int = 36, out: Path | None = None) -> dict[str, Any]:
    """Measures, prints, and where `out` is given writes synthetic_bodies.json and bodies.png there. -> the figures."""
    from limner.detect.body import BodyDetector

    detector = BodyDetector()
    rows, shown = [], []
    for index in range(people):
        action = list(bodies.ACTIONS)[index % len(bodies.ACTIONS)]
        drawn = moments(index, action)
        shown += list(drawn.frames)
        rows += [(action, *look(drawn, k, detector)) for k in range(len(MOMENTS))]
    found: dict[str, Any] = {"people": people, "seed": SEED, "frames": len(rows)}
    found |= summary(rows) | {f"ms_a_frame_{size}": cpu_ms(size) for size in (64, 256)}
    found["actions"] = {action: summary([row for row in rows if row[0] == action]) for action in dict.fromkeys(row[0] for row in rows)}
    print("\n".join(lines(found)))
    if out is not None:
        make_folder(Path(out))
        write_text(Path(out) / "synthetic_bodies.json", json.dumps(found, indent=1) + "\n")
        columns = min(SHEET_COLUMNS, len(shown))
        grid = [np.concatenate(shown[k : k + columns], 1) for k in range(0, len(shown) - columns + 1, columns)]
        write_png(Path(out) / "bodies.png", np.concatenate(grid), {})
    return found


def moments(index: int, action: str) -> Drawn:
    """Three frames of one clip of a person at 256 px."""
    number = index // len(bodies.ACTIONS) % bodies.CLIPS
    look_, code = draw_look(index, SEED), list(bodies.ACTIONS).index(action)
    scene = draw_scene(index, code, number, SEED)
    figure, camera = bodies.staged(action, look_, scene, 256, np.random.default_rng([SEED, index]))
    few = type(figure)(**{field.name: getattr(figure, field.name)[list(MOMENTS)] for field in fields(figure)})
    return draw(few, look_, draw_outfit(index, number % 2, SEED), scene, camera, 256, fists=bodies.ACTIONS[action][1])


def look(drawn: Drawn, k: int, detector: Any) -> tuple[bool, np.ndarray]:
    """Whether the detector finds the person of a frame, and how far its joints of arms and legs that show lie off, in torsos."""
    seen = detector.bodies(drawn.frames[k])
    if not seen:
        return False, np.zeros(0)
    torso = float(unit_length(drawn.points[k], GUIDE))
    both = [j for j in LIMBS if drawn.seen[k, j] and seen[0].confidence[j] > 0]
    return True, np.linalg.norm(seen[0].points[both] - drawn.points[k, both], axis=1) / torso


def summary(rows: list[tuple[str, bool, np.ndarray]]) -> dict[str, Any]:
    """Share found; median error of a joint, torsos; PCK@0.1 and @0.2 with the share's interval over frames."""
    errors = np.concatenate([row[2] for row in rows])
    if not len(errors):
        return {"found": 0.0}
    per_frame = np.array([(row[2] < 0.2).mean() for row in rows if len(row[2])])
    return {
        "found": float(np.mean([row[1] for row in rows])), "error_torso": float(np.median(errors)), "pck_01": float((errors < 0.1).mean()),
        "pck_02": float((errors < 0.2).mean()), "pck_02_interval": list(interval(per_frame)),
    }  # fmt: skip


def cpu_ms(size: int) -> float:
    """Processor time of a frame, over a whole clip, setting up included."""
    clips = itertools.islice(bodies.person_clips(0, SEED, size, actions=("walking",)), 2)
    start = time.process_time()
    return sum(1 for _ in clips) and (time.process_time() - start) / 2 / bodies.NUM * 1000


def lines(found: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
    said = [f"{name:18} {value:8.3f}" for name, value in found.items() if isinstance(value, float)]
    for action, row in found["actions"].items():
        said.append(f"  {action:16} found {row['found']:.2f}" + (f"  PCK@0.2 {row['pck_02']:.2f}" if "pck_02" in row else ""))
    return said
