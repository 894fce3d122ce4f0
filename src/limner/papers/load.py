"""One door to every trained model, of motion or of pixels: shipped, or out of a run folder."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from limner.papers.motion import MotionModel
from limner.training.checkpoint import load_weights, read_json, read_tensors
from limner.types import InputError

CLASSES = {"cmmnet-points": ("limner.papers.cmmnet_points", "CMMNetPoints"), "cmmnet": ("limner.papers.cmmnet", "CMMNet")}
# The recipes' first names -> modules that render; their class takes settings=, and its `family` is that name.
RENDERERS: dict[str, tuple[str, str]] = {
    "translation": ("limner.papers.translation", "Translation"),
    "warp-refine": ("limner.papers.warp_refine", "WarpRefine"),
    "scgan": ("limner.papers.scgan", "Scgan"),
}
# The recipes' first names -> models that make whole films out of a first frame and a label; their class takes settings=, label_names=.
FILMS: dict[str, tuple[str, str]] = {
    "video-gan": ("limner.papers.video_gan", "VideoGan"),
    "cra-net": ("limner.papers.cra_net", "CraNet"),
}
SHIPPED = Path(__file__).parents[1] / "weights"


def load_motion_model(source: str | Path | None = None, *, modes: int | str = 3) -> MotionModel:
    """A trained motion model. source: a folder of safetensors + JSON, or a run folder of `limner train`; None: the shipped cmmnet-points.

    modes: of the shipped models, the smallest with so many. InputError where the folder is missing, not whole, or holds a pickle.
    """
    if source is None:
        return load_motion_model(_shipped(modes))
    folder, content = _opened(Path(source))
    recipe = str(content.get("settings", {}).get("recipe", ""))
    if not recipe.startswith("cmmnet") or "label_names" not in content:
        raise InputError(f"{folder / 'config.json'} is no config of a motion model of limner")
    family = "cmmnet-points" if recipe.startswith("cmmnet-points") else "cmmnet"
    return _built(folder, CLASSES[family], settings=content["settings"], label_names=content["label_names"])


def load_renderer(source: str | Path) -> Any:
    """A trained network that renders. source: the name of one that ships, or a run folder of `limner train`.

    Of a run that trained motion and translation (cmmnet), the translation. -> a module with `family`, the recipe's first name.
    InputError where there is none of that name, or the folder is missing, not whole, or holds none.
    """
    named = SHIPPED / str(source).replace("-", "_")
    folder = named if (named / "config.json").is_file() and not Path(source).exists() else Path(source)
    if not folder.exists():
        raise InputError(f"no renderer {str(source)!r}: there are warp, what ships by name, and runs of `limner train` by their folder")
    apart = folder / "translation"
    folder, content = _opened(apart if apart.is_dir() else folder)
    recipe = str(content.get("settings", {}).get("recipe", ""))
    family = next((name for name in RENDERERS if recipe.startswith(name)), None)
    if family is None:
        raise InputError(f"{folder / 'config.json'} is no config of a renderer of limner (its recipe is {recipe or 'not there'!r})")
    return _built(folder, RENDERERS[family], **{name: content[name] for name in ("settings", "critic") if name in content})


def load_film_model(source: str | Path) -> Any:
    """A trained model that makes whole films (Video-GAN, CRA-Net), out of a run folder of `limner train`. InputError as `load_renderer`."""
    folder, content = _opened(Path(source))
    recipe = str(content.get("settings", {}).get("recipe", ""))
    family = next((name for name in FILMS if recipe.startswith(name)), None)
    if family is None or "label_names" not in content:
        raise InputError(f"{folder / 'config.json'} is no config of a model of films of limner (its recipe is {recipe or 'not there'!r})")
    return _built(folder, FILMS[family], settings=content["settings"], label_names=content["label_names"])


def recipe_of_run(source: str | Path) -> str:
    """Which recipe a run folder, or a model's folder, was trained with; "" where it does not say. InputError as `load_renderer`."""
    _, content = _opened(Path(source))
    return str(content.get("settings", {}).get("recipe", ""))


def _opened(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder that holds a model's files, and its config. InputError where it is missing, not whole, or holds a pickle."""
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
    return folder, read_json(folder / "config.json")


def _built(folder: Path, of: tuple[str, str], **arguments: Any) -> Any:
    module, name = of
    try:
        model = getattr(importlib.import_module(module), name)(**arguments)
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
