"""The judges of bodies and what compares their clips: an imitation, a copy, films by hand, and the way through the commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from drawn_bodies import ACTIONS, drawn_bodies
from limner.bench.actions import counts, wilson
from limner.data.store import Store, StoreWriter
from limner.evaluation.compare_bodies import compare_bodies, person_box
from limner.evaluation.judges.action import ActionConfig, ActionJudge, labelled, window
from limner.evaluation.judges.body import BodyConfig, BodyIdentity, body_views
from limner.generation.clips import GenerateSettings, generate
from limner.measures import optical_flow, warping_error
from limner.nn.conv3d import FilmClassifier
from limner.papers.train import train
from limner.types import InputError

QUICK = ActionConfig(size=32, moments=8, channels=(8, 12, 16), steps=120, batch=12, rate=4e-3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return drawn_bodies(tmp_path_factory.mktemp("judges") / "store", people=10, num=16)


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("judges") / "run"
    train("scgan-siamese-tiny", store.path, out, show=False)
    return out


def imitation(store, path, change, split="test"):
    with StoreWriter(path, encoding="raw") as writer:
        for row in store.select(split=split):
            clip = store[row]
            writer.add(replace(clip, id=f"{clip.id}/recorded", frames=change(clip.frames)))
    return Store(path)


def frozen(frames):
    return np.repeat(frames[:1], len(frames), 0)


def test_the_film_classifier_as_a_shape():
    net = FilmClassifier(in_channels=2, size=64, moments=16, channels=(16, 32, 48, 64), num_labels=3)
    logits = net(torch.rand(2, 2, 16, 64, 64))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    convolutions = 27 * (2 * 16 + 16 * 32 + 32 * 48 + 48 * 64) + 2 * (16 + 32 + 48 + 64)
    assert sum(p.numel() for p in net.parameters()) == convolutions + 3 * (128 + 1)
    with pytest.raises(ValueError, match="4 convolutions need films"):
        FilmClassifier(in_channels=2, size=8, moments=16, channels=(1, 1, 1, 1), num_labels=3)


def test_windows_by_hand():
    c = ActionConfig(moments=4, rate_fps=12.5)
    assert window(10, 12.5, c, 0).tolist() == [0, 1, 2, 3]
    assert window(10, 25, c, 1).tolist() == [3, 5, 7, 9]  # twice the rate: every second frame
    assert window(5, 25, c, 0).tolist() == [0, 1, 2, 3]  # too short for that: every frame
    assert window(3, 25, c, 0.5).tolist() == [0, 1, 1, 2]  # too short for any: the whole


def test_a_judge_of_actions_learns_what_is_done_and_is_kept(store, tmp_path):
    judge = ActionJudge.train((store[row] for row in labelled(store, split="train")), out=tmp_path / "training", config=QUICK)
    test = [store[row] for row in labelled(store, split="test")]
    right = [said == clip.label for said, clip in zip(judge.predict(test), test)]
    assert np.mean(right) >= 5 / 6
    judge.save(tmp_path / "judge")
    again = ActionJudge.load(tmp_path / "judge")
    assert again.labels == tuple(sorted(ACTIONS))
    np.testing.assert_array_equal(again.logits(test[0]), judge.logits(test[0]))
    still = [replace(clip, frames=frozen(clip.frames)) for clip in test]
    assert np.mean([said == clip.label for said, clip in zip(judge.predict(still), still)]) < 0.9  # it looks at the motion
    with pytest.raises(InputError, match="two labels or more; these have walking"):
        ActionJudge.train([clip for clip in test if clip.label == "walking"], out=tmp_path / "other", config=QUICK)


def test_intervals_by_hand():
    low, high = wilson(62, 65)  # the paper's 95.4 %
    assert (low, high) == pytest.approx((0.8729, 0.9842), abs=1e-3)
    assert wilson(5, 5)[1] == 1
    told = [("a", "a"), ("a", "b"), ("b", "b")]
    found = counts(told)
    assert {label: (row["right"], row["n"]) for label, row in found.items()} == {"a": (1, 2), "b": (1, 1), "all": (2, 3)}


def test_the_box_of_a_person_by_hand():
    points, known = np.full((18, 2), 30.0), np.ones(18)
    points[0], points[1] = (20, 10), (40, 50)  # 20 x 40, so a square of 40 * 1.24 about (30, 30)
    assert person_box(points, known, (64, 64)) == (5, 5, 55, 55)
    known[1] = 0
    assert person_box(points, known, (64, 64))[3] < 40
    assert person_box(points, np.zeros(18), (64, 48)) == (0, 0, 64, 48)


def test_views_show_the_person_and_nothing_of_the_background(store):
    clip = store[0]
    views = body_views(clip.frames[:2], clip.points[:2], clip.confidence[:2], 64)
    assert views.shape == (2, 4, 64, 64)
    assert set(np.unique(views[:, 3])) == {0, 1}
    assert not views[:, :3][np.broadcast_to(views[:, 3:] == 0, (2, 3, 64, 64))].any()
    assert 0.05 < views[:, 3].mean() < 0.6


def test_a_judge_of_identity_finds_people_again(store, tmp_path):
    from limner.bench.bodies import run as bench

    quick = BodyConfig(size=32, channels=(8, 16, 16), features=16, steps=40, people=6, shots=2)
    figures = bench(store.path, tmp_path / "judge", config=quick)
    assert figures["people"] == 2
    assert figures["clips"] == 6
    assert figures["auc"] > 0.8
    assert figures["same"] < figures["other"]
    clip = store[0]
    vectors = BodyIdentity.load(tmp_path / "judge").of_clip(clip)
    assert vectors.shape == (16, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_flow_explains_a_moving_picture_and_no_flicker():
    rng = np.random.default_rng(0)
    texture = np.kron(rng.uniform(0, 255, (20, 30, 3)), np.ones((4, 4, 1)))
    still = np.stack([texture[8:72, 8 + t : 72 + t] for t in range(5)]).astype(np.uint8)  # the camera goes right, a pixel a frame
    flow = optical_flow(still)
    assert flow.back.shape == (4, 64, 64, 2)
    np.testing.assert_allclose(np.median(flow.back, (0, 1, 2)), [1, 0], atol=0.05)
    steady = warping_error(still, flow)
    assert steady < 0.3 * np.abs(np.diff(still.astype(float), axis=0)).mean()
    flickering = still.astype(float) + 10 * (np.arange(5) % 2)[:, None, None, None]
    assert warping_error(flickering, flow) > steady + 7
    with pytest.raises(ValueError, match="do not go with a flow"):
        warping_error(still[:3], flow)


def test_an_imitation_is_compared_in_pixels_and_in_time(store, tmp_path):
    same = compare_bodies(store, imitation(store, tmp_path / "same", lambda frames: frames)).table()
    assert same["ssim"]["mean"] == same["body_ssim"]["mean"] == pytest.approx(1)
    assert same["flicker_ratio"]["mean"] == same["frame_difference_ratio"]["mean"] == 1
    assert same["warping_error"] == same["warping_error_real"]
    copied = compare_bodies(store, imitation(store, tmp_path / "copied", frozen)).table()
    assert copied["frame_difference_ratio"]["mean"] == 0
    assert copied["body_ssim"]["mean"] < copied["ssim"]["mean"] < 1
    noise = np.random.default_rng(0).integers(-20, 20, (16, 32, 32, 3))
    noisy = compare_bodies(store, imitation(store, tmp_path / "noisy", lambda f: (f + noise).clip(0, 255).astype(np.uint8))).table()
    assert noisy["flicker_ratio"]["mean"] > 1.5
    assert noisy["warping_error"]["mean"] > 5 + noisy["warping_error_real"]["mean"]


def test_a_run_of_bodies_moves_each_first_frame_by_the_clips_own_points(store, run, tmp_path):
    made = generate(store, tmp_path / "out", GenerateSettings(run=str(run)))
    real = [store[row] for row in store.select(split="test")]
    assert [clip.id for clip in made] == [f"{clip.id}/recorded" for clip in real]
    for clip, one in zip(made, real):
        assert (clip.subject, clip.split, clip.label, clip.fps) == (one.subject, one.split, one.label, one.fps)
        np.testing.assert_array_equal(clip.points, one.points)
        assert clip.frames.shape == one.frames.shape
    assert generate(store, tmp_path / "out", GenerateSettings(run=str(run))).table["hash"] == made.table["hash"]
    larger = generate(drawn_bodies(tmp_path / "large", people=5, size=64), tmp_path / "down", GenerateSettings(run=str(run)))
    assert larger[0].size == (32, 32)
    assert larger[0].points.max() < 40
    assert compare_bodies(Store(tmp_path / "large"), larger).table()["ssim"]["n"] == 3


def test_from_a_store_to_table_iii_by_the_commands(limner, store, run, tmp_path, monkeypatch):
    monkeypatch.setattr("limner.bench.actions.ActionJudge.train", _quick(ActionJudge.train))
    assert limner("generate", run, "--data", store.path, "--out", tmp_path / "fake")[0] == 0
    out, judge = tmp_path / "actions.json", tmp_path / "judge"
    code, said, _ = limner("bench", "actions", store.path, tmp_path / "fake", "--judge", judge, "--out", out)
    assert code == 0
    assert "| accuracy, % (95 %) | real | fake |" in said
    assert "Table III, walking: GT 100, L1 83.1" in said
    found = json.loads(out.read_text())["stores"]
    assert found["real"]["all"]["n"] == found["fake"]["all"]["n"] == 6
    assert ActionJudge.load(judge).held_out["all"]["n"] == 6
    code, _, errors = limner("bench", "actions", store.path, "--judge", judge, "--labels", "walking,jogging")
    assert code == 2
    assert "knows hand-waving, running, walking, not jogging, walking; name another folder" in errors[0]
    code, said, _ = limner("bench", "clips", store.path, tmp_path / "fake", "--out", tmp_path / "figures")
    assert code == 0
    assert "| SSIM in the square round the person | " in said
    assert "who the people are was not judged" in said
    assert (tmp_path / "figures" / "clips.png").is_file()


def test_leaving_one_person_out_by_the_command(limner, store, tmp_path, monkeypatch):
    monkeypatch.setattr("limner.bench.actions.ActionJudge.train", _quick(ActionJudge.train, steps=3))
    few = tmp_path / "few"
    with StoreWriter(few, encoding="raw") as writer:
        for row in range(6):  # two people
            writer.add(store[row])
    out = tmp_path / "actions.json"
    assert limner("bench", "actions", few, "--judge", tmp_path / "judges", "--leave-one-out", "--out", out)[0] == 0
    assert json.loads(out.read_text())["stores"]["real"]["all"]["n"] == 6
    assert sorted(path.name for path in (tmp_path / "judges").iterdir()) == ["p0", "p1"]


def test_the_papers_experiments_in_one_command(limner, store, tmp_path, monkeypatch):
    from limner.evaluation.judges.body import BodyIdentity

    quick = BodyConfig(size=32, channels=(8, 16, 16), features=16, steps=5, people=6, shots=2)
    learn = BodyIdentity.train
    monkeypatch.setattr("limner.bench.actions.ActionJudge.train", _quick(ActionJudge.train, steps=5))
    monkeypatch.setattr("limner.bench.bodies.BodyIdentity.train", lambda clips, *, out, config: learn(clips, out=out, config=quick))
    monkeypatch.setattr("limner.bench.scgan.VARIANTS", {"L1": ("siamese-tiny", "l1"), "L1+G": ("siamese-tiny", "l1+gan")})
    arguments = ("bench", "scgan", store.path, tmp_path / "out", "--steps", 2, "--variants")
    code, said, _ = limner(*arguments, "L1, L1+G")
    assert code == 0
    assert "| accuracy, % (95 %) | real | L1 | L1+G |" in said
    assert "| identity distance from the first frame: 1 - cosine |" in said
    assert "crossed, L1+G: nearer to whose looks" in said
    for name in ("scgan.json", "clips.png", "crossed_L1+G.png"):
        assert (tmp_path / "out" / name).is_file()
    stamp = (tmp_path / "out" / "runs" / "L1" / "model" / "model.safetensors").stat().st_mtime_ns
    assert limner(*arguments, "L1")[0] == 0  # the same again is kept
    assert (tmp_path / "out" / "runs" / "L1" / "model" / "model.safetensors").stat().st_mtime_ns >= stamp
    code, _, errors = limner(*arguments, "L2")
    assert code == 2
    assert "no variant 'L2'; there are: L1, L1+G" in errors[0]


def test_nobody_is_learned_from_and_tested(store, tmp_path):
    from limner.bench.scgan import check

    mixed = tmp_path / "mixed"
    with StoreWriter(mixed, encoding="raw") as writer:
        writer.add(replace(store[0], split="test"))
    with pytest.raises(InputError, match="'p0' is learned from in"):
        check(store, Store(mixed), ("L1",))


def _quick(train_judge, **changes):
    """The judge's training, but small: the real part, in seconds."""
    return lambda clips, *, out, config=None: train_judge(clips, out=out, config=replace(QUICK, **changes))
