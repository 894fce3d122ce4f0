"""One door to every trained motion model: shipped, or out of a run folder."""

from __future__ import annotations

import importlib
from pathlib import Path

from limner.papers.motion import MotionModel
from limner.training.checkpoint import load_weights, read_json, read_tensors
from limner.types import InputError

CLASSES = {"cmmnet-points": ("limner.papers.cmmnet_points", "CMMNetPoints"), "cmmnet": ("limner.papers.cmmnet", "CMMNet")}
SHIPPED = Path(__file__).parents[1] / "weights"


def load_motion_model(source: str | Path | None = None, *, modes: int | str = 3) -> MotionModel:
    """A trained motion model. source: a folder of safetensors + JSON, or a run folder of `limner train`; None: the shipped cmmnet-points.

    modes: of the shipped models, the smallest with so many. InputError where the folder is missing, not whole, or holds a pickle.
    """
    if source is None:
        return load_motion_model(_shipped(modes))
    folder = Path(source)
    if folder.is_file():
        if folder.suffix == ".safetensors":
            folder = folder.parent
        else:
            read_tensors(folder)
            raise InputError(f"{folder} is a file; name the folder that holds model.safetensors and config.json")
    if not folder.is_dir():
        raise InputError(f"no checkpoint at {folder}; train one with `limner train`, or leave it out for the shipped one")
    if not (folder / "config.json").is_file() and any(folder.glob("*.pt*")) | any(folder.glob("*.bin")):
        raise InputError(
            f"{folder} holds a pickle (a PyTorch .pt, .pth or .bin), which may run code when opened; limner reads safetensors only"
        )
    if (folder / "model").is_dir():
        folder = folder / "model"
    elif (folder / "checkpoints").is_dir():
        raise InputError(f"{folder} is a run that is not finished; go on with the same `limner train` command")
    content = read_json(folder / "config.json")
    recipe = str(content.get("settings", {}).get("recipe", ""))
    family = "cmmnet-points" if recipe.startswith("cmmnet-points") else "cmmnet"
    if not recipe.startswith("cmmnet") or "label_names" not in content:
        raise InputError(f"{folder / 'config.json'} is no config of a motion model of limner")
    module, name = CLASSES[family]
    try:
        model = getattr(importlib.import_module(module), name)(settings=content["settings"], label_names=content["label_names"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{folder / 'config.json'} does not fit this limner: {error}") from None
    load_weights(model, read_tensors(folder / "model.safetensors"), folder)
    return model.eval()


def _shipped(modes: int | str) -> Path:
    """The shipped model with the fewest modes that are enough; InputError naming the largest."""
    there = {}
    for path in sorted(SHIPPED.glob("cmmnet_points*/config.json")):
        there[int(read_json(path)["settings"]["modes"])] = path.parent
    if not there:
        raise InputError("the shipped weights are missing: install limner again, or run `make weights`")
    wanted = modes if isinstance(modes, int) else 1
    enough = [number for number in sorted(there) if number >= wanted]
    if not enough:
        raise InputError(
            f"{modes} modes asked for, but {max(there)} were trained; ask for at most {max(there)}, or train with modes={modes}"
        )
    return there[enough[0]]
