"""`limner train --dry-run` says the whole recipe and writes nothing; what any recipe may set; a run begun by an older limner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limner.data.prepare import prepare_smiles
from limner.papers.train import train
from limner.training import checkpoint
from limner.training.config import override
from limner.types import InputError

TINY = "cmmnet-points-tiny"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "store"
    prepare_smiles(path, people=10, seed=0, quiet=True)
    return path


def test_the_dry_run_says_every_setting_and_writes_nothing(limner, store: Path, tmp_path: Path):
    code, said, _ = limner("train", TINY, "--data", store, "--out", tmp_path / "run", "--set", "batch=16", "--dry-run")
    assert code == 0
    assert not list(tmp_path.iterdir())
    lines = said.splitlines()
    assert any(line.startswith("* batch") and "16" in line and f"{TINY} has 8" in line for line in lines)
    assert any(line.startswith("~ hidden") and "128" in line for line in lines)
    assert any(line.startswith("  sigma_unit") and "ours: what counts as one unit of error" in line for line in lines)
    assert any(line.split()[:5] == ["train", "96", "clips", "of", "8"] for line in lines)
    assert any(line.split()[:4] == ["3", "modes", "10", "steps"] for line in lines)
    assert lines[-1] == f"{tmp_path / 'run'}: a new run of 20 steps"


def test_the_dry_run_says_where_a_run_stands_and_what_a_checkpoint_takes(limner, store: Path, tmp_path: Path):
    command = ("train", TINY, "--data", store, "--out", tmp_path, "--dry-run", "--set", "ema=0.9")
    train(TINY, store, tmp_path, {"ema": 0.9}, stop_after=15, show=False)
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    said = limner(*command)[1].splitlines()
    assert said[-1] == f"{tmp_path}: goes on from step 15 of 20"
    kept = checkpoint.latest(tmp_path)
    assert kept is not None
    size = sum((kept / f"{name}.safetensors").stat().st_size for name in ("model", "optimizers", "average")) / 1e6
    told = next(line for line in said if line.startswith("a checkpoint takes about"))
    assert float(told.split()[4]) == pytest.approx(size, abs=0.6)  # it is said in whole MB
    code, _, errors = limner(*command, "--set", "seed=1")
    assert (code, len(errors)) == (2, 1)
    assert errors[0].startswith(f"limner: {tmp_path} holds a run with seed = 0, not 1")
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*")) == before


def test_a_recipe_with_an_average_and_micro_batches_ends_with_the_average(store: Path, tmp_path: Path):
    changes = {"ema": "0.9", "accumulate": "2"}
    train(TINY, store, tmp_path, changes, stop_after=13, show=False)
    model = train(TINY, store, tmp_path, changes, show=False)
    assert model is not None
    kept, ended = checkpoint.latest(tmp_path), checkpoint.read_tensors(model / "model.safetensors")
    assert kept is not None
    average = checkpoint.read_tensors(kept / "average.safetensors")
    assert average
    assert all(ended[name].equal(value) for name, value in average.items())
    trained = checkpoint.read_tensors(kept / "model.safetensors")
    assert not all(ended[name].equal(trained[name]) for name in average)


def test_a_run_begun_by_an_older_limner_goes_on_and_one_of_a_newer_is_named(store: Path, tmp_path: Path):
    train(TINY, store, tmp_path, stop_after=1, show=False)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    del content["config"]["accumulate"]
    path.write_text(json.dumps(content))
    assert train(TINY, store, tmp_path, stop_after=2, show=False) is None
    content["config"]["warmth"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="holds a run with warmth = 3, not None"):
        train(TINY, store, tmp_path, show=False)
    del content["config"]["warmth"]
    path.write_text(json.dumps(content | {"data": "other"}))
    with pytest.raises(InputError, match="holds a run on other clips; name the store that it was begun with"):
        train(TINY, store, tmp_path, show=False)


def test_none_is_a_value_where_the_field_says_so_and_a_name_elsewhere():
    from limner.cli.work import parse_overrides
    from limner.papers.recipes import recipe

    assert override(override(recipe(TINY), {"ema": "0.99"}), {"ema": None}).ema is None
    assert override(recipe(TINY), {"ema": "0.99"}).ema == 0.99
    assert override(override(recipe(TINY), {"ema": 0.9}), parse_overrides(["ema=none"])).ema is None
    assert override(recipe("translation"), parse_overrides(["norm=none"])).norm == "none"
    for odd in (None, 8.5, "8.5"):
        with pytest.raises(InputError, match="batch takes a value like 8, not"):
            override(recipe(TINY), {"batch": odd})
    with pytest.raises(InputError, match="recipe takes a value like"):
        override(recipe(TINY), {"recipe": None})
    with pytest.raises(InputError, match="ema takes a value like"):
        override(recipe(TINY), {"ema": "much"})
