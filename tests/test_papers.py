"""The two recipes on a small corpus: three phases in order, exact resume, even after kill -9, and what they refuse."""

import ast
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from limner import losses
from limner.data.prepare import prepare_smiles
from limner.data.store import Store, StoreWriter
from limner.guides.face import GUIDE
from limner.models.points_from_maps import LearnPoints
from limner.papers import cmmnet, cmmnet_points, load_motion_model
from limner.papers.recipes import RECIPES, recipe
from limner.papers.train import prepare, train
from limner.training import checkpoint
from limner.training.loop import generator_of
from limner.types import InputError

TINY = ("cmmnet-tiny", "cmmnet-points-tiny")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "store"
    prepare_smiles(path, people=10, seed=0)
    return path


def weights(run: Path):
    return checkpoint.read_tensors(run / "model" / "model.safetensors")


def assert_same(first, second):
    assert first.keys() == second.keys()
    odd = [name for name in first if not torch.equal(first[name], second[name])]
    assert not odd


@pytest.mark.parametrize("name", TINY)
def test_stopped_in_any_phase_and_gone_on_is_straight_bitwise(name, store, tmp_path):
    train(name, store, tmp_path / "straight", show=False)
    for stop in (2, 7, 10):  # inside phase 1, inside phase 2 or at its end, inside phase 3
        assert train(name, store, tmp_path / "broken", stop_after=stop, show=False) is None
    with pytest.raises(InputError, match="is a run that is not finished"):
        load_motion_model(tmp_path / "broken")
    assert train(name, store, tmp_path / "broken", show=False) == tmp_path / "broken" / "model"
    assert_same(weights(tmp_path / "straight"), weights(tmp_path / "broken"))
    model = load_motion_model(tmp_path / "broken")
    assert len(model.generate(GUIDE.canonical, label="posed", modes=3)) == 3


def test_killed_outright_and_gone_on_is_straight_bitwise(store, tmp_path):
    call = "train('cmmnet-points-tiny', sys.argv[1], sys.argv[2], {'steps': '4,6,80'}, show=False)"
    code = f"import sys; from limner.papers.train import train; {call}"
    run = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(store), str(run)], env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        for _ in range(1200):
            if list(run.glob("checkpoints/step_*")) or process.poll() is not None:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (run / "model").exists()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for path in (run, tmp_path / "straight"):
        train("cmmnet-points-tiny", store, path, {"steps": "4,6,80"}, show=False)
    torch.set_num_threads(threads)
    assert_same(weights(run), weights(tmp_path / "straight"))


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("cmmnet-tiny", [("net.embedding",), ("net.embedding", "net.conditional"), ("net.",), ("reader",)]),
        (
            "cmmnet-points-tiny",
            [("net.encoder", "net.decoder"), ("net.encoder", "net.decoder", "net.label", "net.cond", "net.style_encoder"), ("net.",)],
        ),
    ],
)
def test_each_phase_trains_what_the_paper_says_and_every_parameter_learns(name, phases, store):
    model, stages = prepare(recipe(name), Store(store))
    assert len(stages) == len(phases)
    for stage, parts in zip(stages, phases):
        before = {key: value.clone() for key, value in model.named_parameters()}
        optimizer = stage.objective.optimizers()["adam"]
        for step in range(3):
            generator = generator_of(step)
            for owner, terms, _ in stage.objective.updates(stage.batch(generator), generator):
                assert owner == "adam"
                optimizer.zero_grad()
                sum(terms.values()).backward()
                optimizer.step()
        moved = {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}
        assert moved == {key for key in before if key.startswith(parts)}


def test_parameters_are_counted():
    torch.manual_seed(0)
    points = cmmnet_points.CMMNetPoints(settings={}, label_names=["posed", "spontaneous"])
    maps = cmmnet.CMMNet(settings={}, label_names=["posed", "spontaneous"])
    vae = sum(p.numel() for p in maps.net.embedding.parameters())
    assert vae == 1_737_952 + 1_217_249
    assert sum(p.numel() for p in maps.net.modes.parameters()) == 3 * (4 * 128 * (128 + 128 + 2) + 128 * 129)
    assert sum(p.numel() for p in points.parameters()) < 310_000
    assert 4 * sum(p.numel() for p in points.parameters()) < 4e6  # what ships is small


@pytest.mark.parametrize("name", TINY)
def test_a_model_overfits_one_batch(name, store):
    config = replace(recipe(name), steps=(150, 200, 1) if "points" in name else (60, 60, 1, 1))
    if "points" not in name:
        config = replace(config, vae_rate=1e-2, lstm_rate=1e-2, finetune_rate=3e-3, kl_weight=0.0)
    _, stages = prepare(config, Store(store))
    key = "styled" if "points" in name else "bce"
    for stage in stages[:2]:
        batch, optimizer, history = stage.batch(generator_of("one")), stage.objective.optimizers()["adam"], []
        for step in range(stage.steps):
            for _, terms, _ in stage.objective.updates(batch, generator_of(step)):
                optimizer.zero_grad()
                sum(terms.values()).backward()
                optimizer.step()
                history.append(float(terms.get(key, terms.get("vae_bce", terms.get("frames"))).detach()))
    assert np.mean(history[-10:]) < 0.5 * history[0]


@pytest.mark.parametrize("pull", ["mean_bce", "per_mode_bce", "embed_l2", "none"])
@pytest.mark.parametrize("name", TINY)
def test_each_pull_is_what_it_says(name, pull, store):
    weight = "pull_weight"
    _, stages = prepare(replace(recipe(name), pull=pull, **{weight: 1.0}), Store(store))
    generator = generator_of(0)
    (_, terms, notes), *_ = stages[2].objective.updates(stages[2].batch(generator), generator)
    assert ("pull" in terms) == (pull != "none")
    assert torch.isfinite(sum(terms.values()))
    assert 0 <= notes["phi_accuracy"] <= 1


def test_push_alone_teaches_phi_and_drives_codes_apart(store):
    config = replace(recipe("cmmnet-points-tiny"), choice_weight=0.0, push_weight=1.0)
    _, stages = prepare(config, Store(store))
    stage, optimizer = stages[2], stages[2].objective.optimizers()["adam"]
    seen = []
    for step in range(60):
        generator = generator_of(step)
        for _, terms, notes in stage.objective.updates(stage.batch(generator), generator):
            optimizer.zero_grad()
            sum(terms.values()).backward()
            optimizer.step()
            seen.append((float(terms["push"].detach()), float(notes["phi_accuracy"])))
    assert seen[0][0] == pytest.approx(3 * np.log(3), rel=0.2)
    assert seen[-1][0] < 0.5 * seen[0][0]
    assert seen[-1][1] > 0.9


def test_points_are_read_out_of_drawings(store):
    config = replace(recipe("cmmnet-tiny"), batch_images=32, reader_rate=3e-3)
    _, stages = prepare(config, Store(store))
    stage = stages[3]
    assert isinstance(stage.objective, LearnPoints)
    optimizer, errors = stage.objective.optimizers()["adam"], []
    for step in range(60):
        generator = generator_of(step)
        for _, terms, _ in stage.objective.updates(stage.batch(generator), generator):
            optimizer.zero_grad()
            sum(terms.values()).backward()
            optimizer.step()
            errors.append(float(terms["drawn"].detach()))
    assert np.mean(errors[-5:]) < 0.7 * errors[0]


def test_drawings_are_binary_and_begin_at_the_neutral_face(store):
    _, stages = prepare(recipe("cmmnet-tiny"), Store(store))
    batch = stages[1].batch(generator_of(0))
    assert batch["first"].dtype == torch.uint8
    assert set(batch["maps"].unique().tolist()) == {0, 1}
    assert batch["labels"].bincount().tolist() == [2, 2]  # balanced
    assert losses.bce(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).item() == pytest.approx(16 * np.log(2))


def test_a_store_of_recordings_has_transitions_alone(store, tmp_path):
    with StoreWriter(tmp_path / "films") as writer:
        whole = Store(store)
        for row in whole.select(kind="transition"):
            writer.add(whole[row])
    with pytest.raises(InputError, match=r"holds no full smiles \(kind 'smile'\).*; add --set smile_frames=0 to learn from these alone"):
        train("cmmnet-points-tiny", tmp_path / "films", tmp_path / "a", show=False)
    train("cmmnet-points-tiny", tmp_path / "films", tmp_path / "a", {"smile_frames": "0"}, show=False)
    model = load_motion_model(tmp_path / "a")
    assert model.kinds == ("transition",)
    motions = model.generate(GUIDE.canonical, label="posed", modes=3)
    assert [one.points_unit.shape for one in motions] == [(8, 68, 2)] * 3
    with pytest.raises(InputError, match="this model makes no 'smile'; it makes: transition"):
        model.generate(GUIDE.canonical, label="posed", kind="smile")


def test_refusals_are_one_clear_line(store, tmp_path):
    with pytest.raises(InputError, match="no recipe 'cmm-net'; there are: cmmnet, "):
        train("cmm-net", store, tmp_path / "a", show=False)
    with pytest.raises(InputError, match="no setting 'lr'; there are: recipe, seed, "):
        train("cmmnet-tiny", store, tmp_path / "a", {"lr": "1"}, show=False)
    with pytest.raises(InputError, match="no pull loss 'median'"):
        train("cmmnet-tiny", store, tmp_path / "a", {"pull": "median"}, show=False)
    for name in ("cmmnet-tiny", "cmmnet-points-tiny"):
        with pytest.raises(InputError, match="num_frames is at least 2, not 1: in one frame nothing moves"):
            train(name, store, tmp_path / "a", {"num_frames": "1"}, show=False)
    with pytest.raises(InputError, match="smile_frames is at least 2, or 0 to learn from transitions alone; not 1"):
        train("cmmnet-points-tiny", store, tmp_path / "a", {"smile_frames": "1"}, show=False)
    with pytest.raises(InputError, match="critic_strided is from 0 to 2, the number of critic_widths; not 3"):
        train("translation-tiny", store, tmp_path / "a", {"critic_strided": "3"}, show=False)
    assert not (tmp_path / "a").exists()
    train("cmmnet-points-tiny", store, tmp_path / "b", stop_after=1, show=False)
    with pytest.raises(InputError, match=r"holds a run with seed = 0, not 1; name another folder"):
        train("cmmnet-points-tiny", store, tmp_path / "b", {"seed": "1"}, show=False)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is no run of limner; name a new folder"):
        train("cmmnet-points-tiny", store, tmp_path / "c", show=False)
    with pytest.raises(InputError, match="cannot write"):
        train("cmmnet-points-tiny", store, Path("/proc/nothing"), show=False)


def test_every_recipe_is_a_whole_config():
    for name in RECIPES:
        assert recipe(name).recipe == name


def test_every_number_of_a_recipe_is_in_the_docs_with_its_value():
    page = (Path(__file__).parents[1] / "docs" / "papers.md").read_text()
    sections = {re.split("`", part, maxsplit=2)[1]: part for part in page.split("\n## ")[1:] if "`" in part.splitlines()[0]}
    for name in ("cmmnet", "translation", "scgan-siamese", "cmmnet-points", "warp-refine", "video-gan", "cra-net"):
        config, text = recipe(name), sections[name]
        for key, value in vars(config).items():
            if key not in ("recipe", "seed"):
                row = next((line for line in text.splitlines() if line.startswith(f"| `{key}` |")), "")
                assert row, f"{config.recipe}: {key} is not in docs/papers.md"
                assert ast.literal_eval(row.split("`")[3]) == value, f"{config.recipe}: {key} is {value} now"
