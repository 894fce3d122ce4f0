"""What a run of `limner train` holds, or a finished model: read from its files alone. No network is built, no model code imported."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from limner.media.files import reason_of
from limner.media.pictures import resize
from limner.types import InputError

WEIGHTS, CONFIG, STATE = "model.safetensors", "config.json", "state.json"
MOST_HEADER = 100 * 2**20  # ours: bytes of the names and shapes of a weights file; a larger one is none
SHEET_PX = 1100  # ours: width of the sheet of curves


def is_run(path: Path) -> bool:
    """Whether a folder is a run, or a finished model."""
    return (path / CONFIG).is_file() and any((path / name).exists() for name in ("checkpoints", "model", "logs", WEIGHTS))


def describe_run(path: Path) -> dict[str, Any]:
    """What `limner inspect RUN` tells, as JSON can hold it. InputError where a file of it is damaged."""
    content = _json(path / CONFIG)
    settings = content.get("config") or content.get("settings") or {}
    models = [folder for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())) if (folder / WEIGHTS).is_file()]
    steps = sorted(folder for folder in (path / "checkpoints").glob("step_*") if folder.is_dir())
    state = _json(steps[-1] / STATE) if steps and (steps[-1] / STATE).is_file() else {}
    planned = settings.get("steps")
    total = sum(planned) if isinstance(planned, list) else planned
    done = state.get("done", total if models else 0)
    return {
        "kind": "run" if "config" in content else "model",
        "path": str(path),
        "recipe": settings.get("recipe"),
        "seed": settings.get("seed"),
        "steps_done": done,
        "steps_planned": total,
        "stage": state.get("stage"),
        "stages": _stages(planned, done),
        "finished": bool(models),
        "models": {folder.name if folder != path else ".": parameters(folder / WEIGHTS) for folder in models},
        "checkpoint": str(steps[-1].relative_to(path)) if steps else None,
        "parameters_in_training": parameters(steps[-1] / WEIGHTS) if steps and (steps[-1] / WEIGHTS).is_file() else None,
        "store_fingerprint": content.get("data"),
        "logged": {name: {"step": step, "value": value} for name, (step, value) in _last(path / "logs").items()},
        "bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        "settings": settings,
    }


def parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, from its head alone. InputError where it is none."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MOST_HEADER:
                raise ValueError("its head is too long")
            header = json.loads(file.read(length))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, struct.error) as error:
        why = reason_of(error) if isinstance(error, OSError) else "it is damaged, or of another kind"
        raise InputError(f"{path} is no safetensors file that can be read: {why}") from error


def _stages(planned: Any, done: int) -> list[dict[str, int]] | None:
    """How far each stage is, where the recipe plans several."""
    if not isinstance(planned, list) or not all(isinstance(steps, int) for steps in planned):
        return None
    starts = [sum(planned[:i]) for i in range(len(planned))]
    return [{"steps": steps, "done": max(0, min(steps, done - start))} for steps, start in zip(planned, starts)]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} should hold a JSON object")
    return content


def _events(logs: Path) -> Any:
    """What TensorBoard kept, or None."""
    if not any(logs.glob("events.out.tfevents.*")):
        return None
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(logs), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    return events


def _last(logs: Path) -> dict[str, tuple[int, float | None]]:
    """{name: (step, value)}: what was logged last; None for what is no number."""
    events = _events(logs)
    found = {}
    for name in events.Tags()["scalars"] if events else ():
        last = events.Scalars(name)[-1]
        found[name] = (last.step, round(last.value, 6) if math.isfinite(last.value) else None)
    return found


def run_sheet(path: Path) -> np.ndarray:
    """(H, W, 3) uint8: every logged number over the steps; under them the pictures logged last. InputError where nothing is logged."""
    import io

    from PIL import Image

    events = _events(path / "logs")
    curves = {name: events.Scalars(name) for name in events.Tags()["scalars"]} if events else {}
    logged = [events.Images(name)[-1] for name in events.Tags()["images"]] if events else []
    pictures = [item.encoded_image_string for item in logged if item.step == max(other.step for other in logged)]
    if not curves and not pictures:
        raise InputError(f"{path} has logged nothing to draw")
    parts = [_draw(curves)] if curves else []
    for encoded in pictures:
        shown = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        wide = min(SHEET_PX, shown.shape[1])
        shown = resize(shown, (wide, max(1, round(shown.shape[0] * wide / shown.shape[1]))))
        parts.append(np.pad(shown, ((8, 0), (0, SHEET_PX - wide), (0, 0)), constant_values=255))
    return np.concatenate(parts)


def _draw(curves: dict[str, Any]) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(SHEET_PX / 100, 1.9 * rows), dpi=100, layout="constrained")
    for i, (name, values) in enumerate(sorted(curves.items())):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.plot(
            [value.step for value in values],
            [value.value for value in values],
            color="#1b6ca8",
            linewidth=1.2,
            marker="." if len(values) < 20 else "",
        )
        axes.set_title(name, fontsize=8, parse_math=False)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
