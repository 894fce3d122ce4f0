"""A trained judge as a folder: its weights, its config, and what is known of its accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from limner.training.checkpoint import load_weights, read_json, read_tensors, write_json
from limner.types import InputError
from limner.weights.fetch import sha256_of

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def save(folder: Path, net: torch.nn.Module, **content: Any) -> None:
    """Writes the weights and a config of `content`."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / WEIGHTS)
    write_json(folder / CONFIG, content)


def config_of(folder: Path, judge: str, what: str, *needed: str) -> dict[str, Any]:
    """The content that `save` wrote for the judge of that name. InputError where it is missing, another's ("no config of a judge of
    <what>"), or lacks what is needed of it."""
    content = read_json(Path(folder) / CONFIG)
    if content.get("judge") != judge or any(key not in content for key in needed):
        raise InputError(f"{Path(folder) / CONFIG} is no config of a judge of {what}")
    return content


def load_net(folder: Path, net: torch.nn.Module) -> None:
    """The weights that `save` wrote, ready to judge. InputError where they are not whole, or another network's."""
    load_weights(net, read_tensors(Path(folder) / WEIGHTS), Path(folder))
    net.eval()


def version_of(folder: Path) -> str:
    """The weights' hash, 12 hexadecimal digits."""
    return sha256_of(Path(folder) / WEIGHTS)[:12]
