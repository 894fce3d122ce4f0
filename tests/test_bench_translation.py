"""`limner bench translation`: its figures by hand, its rows against what makes them, and the command on a small store."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from drawn_faces import drawn_store
from limner.bench import translation as bench
from limner.data.clips import crop_matrix
from limner.data.store import StoreWriter
from limner.evaluation.compare import Scores
from limner.papers.cmmnet import CMMNet
from limner.papers.load import load_renderer
from limner.papers.recipes import recipe
from limner.papers.translation import Translation
from limner.types import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_store(tmp_path_factory.mktemp("bench") / "store", people=20)


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    """A small cmmnet, untrained: what its halves say means nothing, that each row shows what they say does."""
    out = tmp_path_factory.mktemp("run") / "run"
    torch.manual_seed(0)
    motion = CMMNet(settings=asdict(recipe("cmmnet-tiny")), label_names=["posed", "spontaneous"])
    motion.duration_s.fill_(0.8)
    motion.save_pretrained(out / "model")
    Translation(settings=asdict(recipe("translation-tiny"))).save_pretrained(out / "translation" / "model")
    return out


def test_the_share_of_the_gap_by_hand():
    assert bench.share(np.array([[0.9, 0.8], [0.8, 0.6]])) == pytest.approx((0.85 - 0.7) / 0.3)
    copied, made = Scores(), Scores()
    for person, copy_of, of in (("a", 0.8, 0.9), ("a", 0.8, 1.0), ("b", 0.6, 0.8)):
        for measure in bench.GAPS:
            copied.add(measure, copy_of, person)
            made.add(measure, of, person)
    found = bench.figures({bench.COPY: copied, bench.TRUE: made})
    gap = found["rows"][bench.TRUE]["gap_ssim"]
    assert gap["mean"] == pytest.approx((0.875 - 0.7) / 0.3)  # a person counts once, whatever the number of clips
    assert gap["low"] == pytest.approx(0.5)  # person b alone
    assert gap["high"] == pytest.approx(0.75)  # person a alone
    assert found["met"] == {"ssim": False, "mouth_ssim": False}
    assert "gap_ssim" not in found["rows"][bench.COPY]


def test_the_clip_itself_is_perfect_and_the_best_mode_is_the_best(store):
    clip = store[bench.test_rows(store, 1)[0]]
    scores = Scores()
    bench.score(scores, clip, [clip.frames, np.repeat(clip.frames[:1], clip.num_frames, 0)])
    assert scores.values["ssim_best"] == scores.values["mouth_ssim_best"] == [pytest.approx(1.0)]
    assert scores.values["ssim"][0] < 1
    alone = Scores()
    bench.score(alone, clip, [clip.frames])
    assert alone.values["sharpness"] == alone.values["mouth_sharpness"] == [1.0]
    assert alone.values["psnr"] == [np.inf]
    assert "ssim_best" not in alone.values


def test_a_row_is_what_the_network_says(store, run):
    index = bench.test_rows(store, 1)[0]
    clip, model = store[index], load_renderer(run)
    assert np.abs(crop_matrix(clip.points[0], 32) - [[1, 0, 0], [0, 1, 0]]).max() < 0.05  # a store's clip is the crop itself
    rows = bench.rows_of(store, str(run), str(run))
    assert len(rows) == 8
    made = {name: row(index, clip) for name, row in rows.items()}
    said = model.translate(clip.points, clip.frames[0])
    assert np.abs(made[bench.TRUE][0].astype(int) - said).max() <= 1  # batches of another size round otherwise
    assert len(made["translation, imagined maps: Cond-LSTM"]) == 1
    assert len(made["translation, imagined maps"]) == len(made["translation, imagined points"]) == 3
    assert all(frames.shape == clip.frames.shape for of_row in made.values() for frames in of_row)


def test_the_command_writes_figures_and_a_sheet(limner, store, run, tmp_path):
    code, said, errors = limner(
        "bench", "translation", store.path, "--run", run, "--landmarks", run, "--limit", 1, "--out", tmp_path / "out"
    )
    assert code == 0, errors
    assert "| translation, imagined maps, the best mode |" in said
    assert "share of the gap on real points, ssim >= 0.6: " in said
    found = json.loads((tmp_path / "out" / "translation.json").read_text())
    people = {store.row(i)["subject"] for i in store.select(split="test")}
    assert found["rows"][bench.TRUE]["ssim"]["n"] == len(people)
    assert (tmp_path / "out" / "translation.png").is_file()


def test_what_cannot_be_judged_is_one_line(limner, store, run, tmp_path):
    bare = tmp_path / "bare"
    with StoreWriter(bare) as writer:
        writer.add(replace(store[bench.test_rows(store, 1)[0]], frames=None))
    code, _, errors = limner("bench", "translation", bare, "--run", run)
    assert code == 2
    assert "has no transition with pixels in split 'test'" in errors[0]
    with pytest.raises(InputError, match="no renderer"):
        bench.run(store.path, tmp_path / "nothing")
