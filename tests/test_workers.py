"""Work spread over processes: in order, few ahead, and a worker that is killed ends the run with one line; the same command goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from limner.data.prepare import Procedural, _prepare, prepare_smiles
from limner.data.sources import smiles
from limner.data.store import Store, StoreWriter
from limner.data.workers import WAITING, spread
from limner.types import Clip, InputError

EACH = smiles.clips_per_person()


def test_results_come_in_order_and_few_are_made_ahead() -> None:
    given: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(12):
            given.append(number)
            yield number

    with spread(abs, pieces(), 2) as results:
        for number, result in enumerate(results):
            assert result == number
            assert len(given) <= number + 2 * WAITING
    assert len(given) == 12
    with spread(abs, range(3), 1) as results:
        assert list(results) == [0, 1, 2]


def test_what_a_worker_raises_is_raised_here_and_none_is_left() -> None:
    with pytest.raises(ValueError, match="invalid literal"), spread(int, ["1", "a", "2"], 2) as results:
        list(results)
    for child in multiprocessing.active_children():
        child.join(10)
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_a_killed_worker_ends_the_run_and_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = 40
    made = Procedural(
        settings={"people": people, "seed": 0}, of_person=partial(smiles.person_clips, seed=0), each=EACH, shard=2, workers=2
    )  # fmt: skip
    add, added = StoreWriter.add, []

    def kill_after_some(writer: StoreWriter, clip: Clip) -> None:
        add(writer, clip)
        added.append(clip.id)
        if len(added) == 3:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    monkeypatch.setattr(StoreWriter, "add", kill_after_some)
    with pytest.raises(
        InputError, match="a worker was killed, most likely for lack of memory; the same command with fewer --workers goes on"
    ):
        _prepare(tmp_path / "store", made, 0, force=False, quiet=True)
    monkeypatch.undo()
    assert 2 <= len(Store(tmp_path / "store")) < people * EACH
    whole = _prepare(tmp_path / "store", replace(made, shard=512), 0, force=False, quiet=True)
    straight = prepare_smiles(tmp_path / "straight", people=people, quiet=True)
    assert len(whole) == people * EACH
    assert whole.table["hash"] == straight.table["hash"]
