"""Leaving one person out: stores in which that person alone is tested, the made clips together again, and the whole way (slow)."""

import json

import numpy as np
import pytest

from drawn_bodies import drawn_bodies
from limner.bench.left_out import fold, joined, run
from limner.bench.scgan import still
from limner.data.store import Store
from limner.types import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_bodies(tmp_path_factory.mktemp("left_out") / "store", people=3, num=16)


def test_one_person_is_tested_and_all_others_are_learned_from(store, tmp_path):
    own = Store(fold(store, "p1", tmp_path / "p1"))
    assert {own.row(row)["subject"] for row in own.select(split="test")} == {"p1"}
    assert {own.row(row)["subject"] for row in own.select(split="train")} == {"p0", "p2"}
    for mine, original in zip(own, store):
        np.testing.assert_array_equal(mine.frames, original.frames)


def test_a_fold_that_was_cut_short_is_made_anew_and_a_whole_one_kept(store, tmp_path):
    from limner.data.store import StoreWriter

    with StoreWriter(tmp_path / "p1") as writer:
        writer.add(store[0])
    assert len(Store(fold(store, "p1", tmp_path / "p1"))) == len(store)
    before = (tmp_path / "p1" / "manifest.parquet").stat().st_mtime_ns
    fold(store, "p1", tmp_path / "p1")
    assert (tmp_path / "p1" / "manifest.parquet").stat().st_mtime_ns == before


def test_parts_come_together_and_first_frames_stand_still(store, tmp_path):
    parts = [Store(still(store, tmp_path / split, split=split)) for split in ("train", "val", "test")]
    assert len(Store(joined(parts, tmp_path / "made"))) == len(store)
    held = Store(still(store, tmp_path / "still", split=None))
    assert len(held) == len(store)
    assert all((clip.frames == original.frames[:1]).all() for clip, original in zip(held, store))


def test_what_cannot_be_left_out(store, tmp_path):
    with pytest.raises(InputError, match="no variant 'L3'"):
        run(store.path, tmp_path / "out", variants=("L3",))
    alone = drawn_bodies(tmp_path / "alone", people=1, num=16)
    with pytest.raises(InputError, match="has one person alone"):
        run(alone.path, tmp_path / "out")


@pytest.mark.slow
def test_the_whole_way(tmp_path):
    store = drawn_bodies(tmp_path / "store", people=2, num=16, size=64)
    found = run(store.path, tmp_path / "out", small=True, steps=2)
    assert found["actions"]["real"]["all"]["n"] == len(store)
    assert set(found["clips"]) == {"L1+G", "first frame"}
    assert json.loads((tmp_path / "out" / "left_out.json").read_text()) == json.loads(json.dumps(found))
