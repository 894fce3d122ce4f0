"""One training step: the updates of an objective, over the micro-batches of this process and over all processes.

Accumulation. The micro-batches of a step go through the objective in lockstep: its first update is computed for each of them, their
gradients are averaged, the optimizer steps; then its second update, which thus sees what the first has changed (a critic, say), and so on.
So A micro-batches of N are one batch of A N, for losses that are means over the batch and networks without batch statistics; with
BatchNorm each micro-batch is normalised by itself. Processes are averaged over in the same way, each with micro-batches of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator

from limner.types import InputError

Batch = Mapping[str, torch.Tensor]
Update = tuple[str, dict[str, torch.Tensor], dict[str, torch.Tensor]]  # optimizer, losses whose sum it minimises, notes to log
Draw = tuple[torch.Generator, Batch]


def take_step(
    objective: Any,
    draws: Sequence[Draw],
    optimizers: Mapping[str, torch.optim.Optimizer],
    accelerator: Accelerator,
    *,
    clip: float,
    place: str,
) -> dict[str, torch.Tensor]:
    """Runs every update of one step; -> losses and notes by name, averaged over the micro-batches.

    draws: a generator, as the batch left it, and the batch, for each micro-batch. clip: the gradient's norm is held below it.
    InputError, before the optimizer steps, when a loss or a gradient is not finite in any process; `place` says where in the run that was.
    """
    parts = [objective.updates({name: _to(tensor, accelerator) for name, tensor in batch.items()}, generator) for generator, batch in draws]
    seen: dict[str, torch.Tensor] = {}
    while True:
        owner, losses = _backward(parts, optimizers, accelerator, seen)
        if owner is None:
            return seen
        optimizer = optimizers[owner]
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        total = average_gradients(parameters, sum(losses.values(), start=torch.zeros((), device=accelerator.device)), accelerator)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        loss_now, norm_now = torch.stack([total, norm.to(total)]).tolist()  # one wait for the device
        if not math.isfinite(loss_now + norm_now):
            raise InputError(_not_finite(losses, loss_now, place))
        if norm_now + 1e-6 > clip:
            torch._foreach_mul_(gradients, clip / (norm + 1e-6))
        optimizer.step()


def _backward(
    parts: Sequence[Iterator[Update]],
    optimizers: Mapping[str, torch.optim.Optimizer],
    accelerator: Accelerator,
    seen: dict[str, torch.Tensor],
) -> tuple[str | None, dict[str, torch.Tensor]]:
    """The next update of every micro-batch, its gradients summed up; -> its optimizer (None at the end) and its mean losses."""
    owners, losses, notes = [], {}, {}
    for part in parts:
        with accelerator.autocast():
            update = next(part, None)
        owners.append(None if update is None else update[0])
        if owners[-1] != owners[0]:
            raise ValueError("an objective must yield the same updates for every micro-batch of a step")
        if update is None:
            continue
        if len(owners) == 1:
            optimizers[update[0]].zero_grad(set_to_none=True)
        total = sum(update[1].values(), start=torch.zeros((), device=accelerator.device))
        accelerator.backward(total / len(parts))
        _add(losses, update[1], len(parts))
        _add(notes, update[2], len(parts))
    seen |= losses | notes
    return owners[0], losses


def _add(sums: dict[str, torch.Tensor], values: Mapping[str, Any], num: int) -> None:
    for name, value in values.items():
        value = torch.as_tensor(value).detach().float() / num
        sums[name] = sums[name] + value if name in sums else value


def average_gradients(parameters: Sequence[torch.nn.Parameter], total: torch.Tensor, accelerator: Accelerator) -> torch.Tensor:
    """Replaces each gradient by its mean over the processes, in one exchange; -> the mean of `total`, the loss.

    A parameter without a gradient in every process keeps none; without one in some, counts as 0 there.
    """
    total = total.detach().float()
    if accelerator.num_processes == 1:
        return total
    has = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float32, device=total.device)
    flat = torch.cat([total[None], has, *(torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters)])
    flat = accelerator.reduce(flat, "mean")
    assert isinstance(flat, torch.Tensor)
    there, rest = flat[1 : 1 + len(parameters)].tolist(), flat[1 + len(parameters) :]
    for parameter, some, gradient in zip(parameters, there, rest.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = gradient.view_as(parameter) if some else None
    return flat[0]


def _to(tensor: torch.Tensor, accelerator: Accelerator) -> torch.Tensor:
    return tensor.to(accelerator.device, non_blocking=True)


def _not_finite(losses: Mapping[str, torch.Tensor], total: float, place: str) -> str:
    odd = [name for name, value in losses.items() if not math.isfinite(float(value))]
    what = f"the loss ({', '.join(odd)})" if odd else "the gradient" if math.isfinite(total) else "the loss of another process"
    return (
        f"training stopped: {what} is not a finite number at {place}; the last good checkpoint is kept; "
        "lower the learning rate and go on with the same command in a new folder"
    )
