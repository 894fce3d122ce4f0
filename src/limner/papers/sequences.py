"""What every motion model trains on: the sequences of a store, and the held-out faces on which the run is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from limner.papers.monitor import monitor_of
from limner.papers.motion import KINDS

FACES = 6  # ours: held-out people whose modes are drawn and measured while it trains


def prepare_sequences(config: Any, store: Any, build: Callable, stages: Callable) -> tuple[Any, list]:
    """A motion model of this config, ready to train, and its stages, by the paper's own `build` and `stages`.

    InputError where the store has no labelled sequence of a kind that the config asks for."""
    from limner.data.samples import load_sequences

    lengths = {"transition": config.num_frames, "smile": getattr(config, "smile_frames", 0)}
    training = {kind: load_sequences(store, split="train", kind=kind, num=lengths[kind]) for kind in KINDS if lengths[kind]}
    held_out = load_sequences(store, split="val", kind="transition", num=config.num_frames)
    model = build(config, training["transition"].label_names, training)
    people = sorted({subject: row for row, subject in enumerate(held_out.subjects)}.values())[:FACES]
    return model, stages(config, model, training, monitor_of(model, [held_out.points_unit[row, 0] for row in people]))
