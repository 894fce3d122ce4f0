"""What the processes of one training must agree on, so that none of them waits for ever for another that has stopped."""

from __future__ import annotations

from typing import Any

from accelerate import Accelerator

from limner.types import InputError


def refuse_together(accelerator: Accelerator, refusal: str | None) -> None:
    """InputError in every process with the first `refusal` that any of them brings; nothing where all bring None."""
    refusals = [refusal]
    if accelerator.num_processes > 1:
        from accelerate.utils import gather_object

        refusals = gather_object(refusals)
    for said in refusals:
        if said is not None:
            raise InputError(said)


def agree(accelerator: Accelerator, value: int, otherwise: str) -> None:
    """InputError(otherwise) in every process where the processes' values differ."""
    if accelerator.num_processes > 1:
        from accelerate.utils import gather_object

        if len(set(gather_object([value]))) > 1:
            raise InputError(otherwise)


def said_by_first(accelerator: Accelerator, value: Any) -> Any:
    """The first process' value, in every process."""
    if accelerator.num_processes == 1:
        return value
    from accelerate.utils import gather_object

    return gather_object([value])[0]
