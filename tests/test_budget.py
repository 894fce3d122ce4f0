"""`limner train --budget`: steps that fit into a time, fixed before the first; what is kept of a best; seconds counted."""

from __future__ import annotations

import pytest
import torch

from drawn_faces import drawn_store
from limner.papers import whole
from limner.papers.budget import kept, planned, seconds_of
from limner.papers.recipes import recipe
from limner.papers.train import prepare
from limner.training import checkpoint
from limner.training.best import best_of, offer, settle
from limner.training.loop import accelerator_of
from limner.types import InputError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_store(tmp_path_factory.mktemp("budget") / "store", people=20)


def test_a_time_is_a_number_with_its_unit():
    assert [seconds_of(text) for text in ("90s", "20m", "1.5h", " 2 H ")] == [90, 1200, 5400, 7200]
    for wrong in ("20", "m", "0s", "-3m", "1d"):
        with pytest.raises(InputError, match="a time is a number with s, m or h"):
            seconds_of(wrong)


def test_the_steps_keep_the_recipes_proportions_and_grow_with_the_time(store):
    config, accelerator = recipe("cra-net-tiny"), accelerator_of(cpu=True)
    steps = []
    for seconds in (20.0, 200.0):
        model, stages = prepare(config, store)
        steps.append(planned(config, model, stages, accelerator, seconds))
    few, many = steps
    assert few.steps[0] == few.steps[1] > 10
    assert 3 < many.steps[0] / few.steps[0] < 30  # ten times, on a machine that others share
    assert 1 <= few.monitor_every < sum(few.steps)


def test_a_dry_run_with_a_budget_says_that_the_steps_will_differ(store, tmp_path, limner):
    command = ("train", "translation-tiny", "--data", store.path, "--out", tmp_path / "run", "--dry-run", "--budget")
    assert limner(*command, "20m")[1].splitlines()[-1].startswith("with --budget 20m the steps above are set anew")
    code, _, errors = limner(*command, "20")
    assert (code, len(errors)) == (2, 1)
    assert "such as 90s, 20m or 2h; not '20'" in errors[0]
    assert not (tmp_path / "run").exists()


def test_a_budget_is_planned_once_and_the_same_command_goes_on(store, tmp_path, limner):
    command = ("train", "cmmnet-tiny", "--data", store.path, "--out", tmp_path / "run", "--budget")
    assert whole.train("cmmnet-tiny", store.path, tmp_path / "run", budget=3.0, stop_after=2, show=False) is None
    first = checkpoint.read_json(tmp_path / "run" / "config.json")
    assert first["budget_s"] == 1.5  # the same for the landmark half and the translation
    assert limner(*command, "3s")[0] == 0
    assert checkpoint.read_json(tmp_path / "run" / "config.json") == first
    assert kept(recipe("cmmnet-tiny"), tmp_path / "run", 1.5).steps == tuple(first["config"]["steps"])
    assert (tmp_path / "run" / "translation" / "model").is_dir()
    state = checkpoint.read_json(checkpoint.latest(tmp_path / "run") / "state.json")  # type: ignore[operator]
    assert state["done"] == sum(first["config"]["steps"])
    assert state["seconds"] > 0
    code, _, errors = limner(*command, "8s")
    assert code == 2
    assert "holds a run with a budget of 1.5 s, not 4 s" in errors[0]


def test_the_best_is_the_greatest_and_the_first_of_equals(tmp_path):
    net = torch.nn.Linear(1, 1)
    for done, score in ((1, 0.2), (2, float("nan")), (3, 0.7), (4, 0.7), (5, 0.1)):
        with torch.no_grad():
            net.weight.fill_(float(done))
        offer(tmp_path, 0, net, score, done)
    assert best_of(tmp_path, 0) == {"score": 0.7, "done": 3}
    assert best_of(tmp_path, 1) is None
    settle(tmp_path, 1, net, None)
    assert net.weight.item() == 5
    settle(tmp_path, 0, net, None)
    assert net.weight.item() == 3


def test_the_best_of_a_running_average_is_what_a_run_ends_with_wherever_it_was_stopped(store, tmp_path):
    changes = {"best": True, "monitor_every": 2}
    whole.train("translation-tiny", store.path, tmp_path / "straight", changes, show=False)
    for stop in (1, 3, 4):
        assert whole.train("translation-tiny", store.path, tmp_path / "broken", changes, stop_after=stop, show=False) is None
    whole.train("translation-tiny", store.path, tmp_path / "broken", changes, show=False)
    kept_of = checkpoint.latest(tmp_path / "straight" / "best" / "0")
    assert kept_of is not None
    found = [
        checkpoint.read_tensors(folder / "model.safetensors")
        for folder in (*(tmp_path / run / "model" for run in ("straight", "broken")), kept_of)
    ]
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        assert not [name for name in other if not torch.equal(other[name], found[0][name])]
    assert best_of(tmp_path / "straight", 0) == best_of(tmp_path / "broken", 0)
