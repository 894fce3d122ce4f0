"""What every motion model trains on: the sequences of a store, and the held-out faces on which the run is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from limner.papers.monitor import monitor_of
from limner.papers.motion import KINDS
from limner.types import InputError

FACES = 6  # ours: held-out people whose modes are drawn and measured while it trains


def prepare_sequences(config: Any, store: Any, build: Callable, stages: Callable) -> tuple[Any, list]:
    """A motion model of this config, ready to train, and its stages, by the paper's own `build` and `stages`.

    A store without validation people is not watched. InputError where the training people have no labelled sequence of a kind that the
    config asks for, or of a label."""
    from limner.data.samples import load_sequences

    lengths = {"transition": config.num_frames, "smile": getattr(config, "smile_frames", 0)}
    if lengths["smile"] and store.select(kind="transition") and not store.select(kind="smile"):
        raise InputError(
            f"store {store.path} holds no full smiles (kind 'smile'), only transitions, as recordings give them; "
            "add --set smile_frames=0 to learn from these alone"
        )
    training = {kind: load_sequences(store, split="train", kind=kind, num=lengths[kind]) for kind in KINDS if lengths[kind]}
    for kind, sequences in training.items():
        if lacking := [name for number, name in enumerate(sequences.label_names) if number not in sequences.labels]:
            raise InputError(f"store {store.path} has no {kind} labelled {lacking[0]!r} of split 'train'; it learns every label from some")
    model = build(config, training["transition"].label_names, training)
    return model, stages(config, model, training, _monitor(config, store, model))


def _monitor(config: Any, store: Any, model: Any) -> Callable | None:
    """The run as it is watched on the first frames of validation people; None where the store has none."""
    from limner.data.samples import load_sequences

    if not store.select(split="val", kind="transition", where=lambda row: row["label"] is not None):
        return None
    held_out = load_sequences(store, split="val", kind="transition", num=config.num_frames)
    people = sorted({subject: row for row, subject in enumerate(held_out.subjects)}.values())[:FACES]
    return monitor_of(model, [held_out.points_unit[row, 0] for row in people])
