"""`limner train RECIPE --budget 20m`: as many steps as fit into a time here, the recipe's stages in their own proportions.

What is tried out before the first step fixes the steps; RUN/config.json keeps them, so that the same command goes on, bit for bit.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from limner.training import checkpoint
from limner.training.config import override
from limner.training.pace import pace
from limner.types import InputError

SHARE = 0.03  # ours: of the budget, for trying out
LOOKS, LOOKING = 20, 0.1  # ours: of a monitor in a training, and the share of its time that they may take
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """ "90s", "20m", "1.5h" -> seconds. InputError for anything else, and for none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip().lower())
    if found is None or not float(found[1]):
        raise InputError(f"a time is a number with s, m or h, such as 90s, 20m or 2h; not {text!r}")
    return float(found[1]) * UNITS[found[2]]


def planned(config: Any, model: Any, stages: list, accelerator: Any, seconds: float) -> Any:
    """The config with the steps that fit into so many seconds of training, monitors included; those that train spoil `model`.

    Of a config with monitor_every, that too is set: LOOKS in all, fewer where they would take more than LOOKING of the time."""
    times = [pace(model, stage, accelerator, seconds=SHARE * seconds / len(stages)) for stage in stages]
    every = getattr(config, "monitor_every", 250)
    looking = max(look for _, look in times)
    parts = getattr(config, "accumulate", 1)
    whole = sum(stage.steps * a_step * parts for stage, (a_step, _) in zip(stages, times))
    changes: dict[str, Any] = {}
    if hasattr(config, "monitor_every") and looking:
        looks = min(LOOKS, max(2.0, LOOKING * seconds / looking))
        changes["monitor_every"] = max(1, int(sum(stage.steps for stage in stages) * seconds / whole / looks))
        seconds -= looks * looking
    elif looking:
        whole += sum(stage.steps * look / every for stage, (_, look) in zip(stages, times))
    factor = max(0.0, seconds) / whole
    return override(config, {"steps": tuple(max(1, round(steps * factor)) for steps in config.steps), **changes})


def kept(config: Any, out: Path, seconds: float) -> Any | None:
    """The config that a budget gave a run at `out` before; None where none was begun. InputError where that had another budget."""
    if not (out / "config.json").is_file():
        return None
    there = checkpoint.read_json(out / "config.json")
    if there.get("budget_s") != seconds:
        had = "none" if there.get("budget_s") is None else f"{there['budget_s']:g} s"
        raise InputError(f"{out} holds a run with a budget of {had}, not {seconds:g} s; name another folder, or repeat its budget")
    own = {name: there["config"][name] for name in ("steps", "monitor_every") if name in there.get("config", {})}
    return override(config, {name: value for name, value in own.items() if name in {field.name for field in dataclasses.fields(config)}})
