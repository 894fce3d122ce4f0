"""Checkpoints: folders of safetensors and JSON, written all or nothing; a kill at any moment leaves the last whole one.

RUN/config.json                       what is trained, and from what
RUN/checkpoints/step_00001200/        model.safetensors, optimizers.safetensors, state.json; average.safetensors where the recipe has an EMA

A checkpoint is written beside its place, flushed to the disk, renamed, and only then are the older ones dropped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from limner.media.files import reason_of
from limner.types import InputError

PREFIX = "step_"


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file. InputError where it is missing, truncated, or a pickle (which limner never opens)."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise InputError(f"{path} is missing: the checkpoint is not whole; train again with the same command, or copy the whole folder")
    with path.open("rb") as file:
        head = file.read(9)
    if head[8:] != b"{" and (head[:2] == b"PK" or head[:1] == b"\x80"):  # a safetensors file begins with its head's length, any number
        raise InputError(f"{path} is a pickle (a PyTorch .pth or .bin), which may run code when opened; limner reads safetensors only")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is no whole safetensors file ({error}); copy or train it again") from None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. InputError where it is missing or no JSON object."""
    try:
        content = json.loads(path.read_text())
    except OSError:
        raise InputError(f"{path} is missing or cannot be read: {path.parent} is no limner checkpoint") from None
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error}); copy or train the checkpoint again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} should hold a JSON object")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON beside `path` and rename it into place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    beside.replace(path)


def load_weights(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], where: Path) -> None:
    """Put tensors into a module. InputError, naming the first odd one, where names or shapes differ."""
    own = module.state_dict()
    for name in sorted(set(own) | set(tensors)):
        if name not in tensors or name not in own or own[name].shape != tensors[name].shape:
            raise InputError(f"{where} does not fit its config: tensor {name!r} is missing, unknown or of another shape")
    module.load_state_dict(dict(tensors))


def save(
    run: Path,
    model: torch.nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
    state: Mapping[str, Any],
    total_step: int,
    average: Mapping[str, torch.Tensor] | None = None,
) -> Path:
    """Write RUN/checkpoints/step_<total_step> beside its place, rename it there, then drop the older ones. -> its folder.

    InputError where it cannot be written (a full disk, say), or where a weight is not a finite number: the one before stays.
    """
    from safetensors import SafetensorError

    folder = run / "checkpoints" / f"{PREFIX}{total_step:08d}"
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    _check_finite(model, folder)
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        _write(beside, model, optimizers, state, average)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        _flush(folder.parent)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise InputError(f"cannot write {folder} ({reason(error)}); the checkpoint before it is kept") from None
    for other in (run / "checkpoints").iterdir():
        if other != folder and (other.name.startswith(PREFIX) or other.name.startswith(f".{PREFIX}")):
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _check_finite(model: torch.nn.Module, folder: Path) -> None:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(f"training stopped: {name} is not finite any more, so {folder} is not written; the one before is kept")


def reason(error: Exception) -> str:
    """What the disk said, in the user's words, though safetensors wraps it into a message of its own."""
    number = re.search(r"os error (\d+)", str(error))
    return reason_of(OSError(int(number[1]), str(error)) if number else error)


def _write(
    folder: Path,
    model: torch.nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
    state: Mapping[str, Any],
    average: Mapping[str, torch.Tensor] | None,
) -> None:
    from safetensors.torch import save_file

    tensors, groups = _flat(optimizers)
    save_file(_plain(model.state_dict()), folder / "model.safetensors")
    save_file(tensors, folder / "optimizers.safetensors")
    if average is not None:
        save_file(_plain(average), folder / "average.safetensors")
    write_json(folder / "state.json", {**state, "optimizers": groups})
    for path in (*folder.iterdir(), folder):
        _flush(path)


def _plain(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Contiguous tensors of their own memory, on the CPU, as safetensors wants them; copied only where they are not that already."""
    seen: set[int] = set()
    plain = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        shared = tensor.untyped_storage().data_ptr() in seen or tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()
        plain[name] = tensor.clone() if shared else tensor
        seen.add(tensor.untyped_storage().data_ptr())
    return plain


def _flush(path: Path) -> None:
    """Wait until a file or a folder is on the disk, so that even a power cut leaves no empty checkpoint. Windows flushes no folders."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def latest(run: Path) -> Path | None:
    """The newest whole checkpoint of a run, or None."""
    found = sorted(path for path in (run / "checkpoints").glob(f"{PREFIX}*") if path.is_dir())
    return found[-1] if found else None


def restore_optimizers(folder: Path, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Bring optimizers back to what `save` wrote. InputError where the file is damaged."""
    tensors, groups = read_tensors(folder / "optimizers.safetensors"), read_json(folder / "state.json")["optimizers"]
    for name, optimizer in optimizers.items():
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            owner, index, slot = key.split("/")
            if owner == name:
                state.setdefault(int(index), {})[slot] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": groups[name]})
        _lay_out_as_owners(optimizer)


def _lay_out_as_owners(optimizer: torch.optim.Optimizer) -> None:
    """The moments in the memory format of their parameters, as in the run that was stopped: torch's fused Adam on a CPU walks through
    both side by side and does not look at the strides, so that moments of another layout would go to other weights."""
    for parameter, slots in optimizer.state.items():
        for slot, value in slots.items():
            if torch.is_tensor(value) and value.shape == parameter.shape and value.stride() != parameter.stride():
                slots[slot] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _flat(optimizers: Mapping[str, torch.optim.Optimizer]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    tensors, groups = {}, {}
    for name, optimizer in optimizers.items():
        content = optimizer.state_dict()
        groups[name] = content["param_groups"]
        for index, slots in content["state"].items():
            for slot, value in slots.items():
                tensors[f"{name}/{index}/{slot}"] = torch.as_tensor(value)
    return _plain(tensors), groups
