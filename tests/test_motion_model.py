"""The shipped motion model through its one interface, the frames it is made of, and checkpoints that are not whole."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from limner import geometry
from limner.guides.face import FROM_MEDIAPIPE, GUIDE
from limner.measures import action_units, mode_distance, sequence_distance
from limner.models import frames
from limner.papers import load_motion_model
from limner.papers.cmmnet_points import CMMNetPoints
from limner.papers.load import SHIPPED
from limner.papers.monitor import monitor_of, sheet
from limner.papers.motion import KINDS, PAIRS, finish
from limner.types import InputError

LABELS = ("posed", "spontaneous")
MEGABYTES_SHIPPED = 4  # the issue


@pytest.fixture(scope="module")
def model():
    return load_motion_model()


@pytest.fixture(scope="module")
def neutrals():
    """Faces of very different shapes: the mean one, wider, longer, and lopsided ones."""
    rng = np.random.default_rng(0)
    shapes = [GUIDE.canonical, GUIDE.canonical * [1.15, 1], GUIDE.canonical * [1, 1.15]]
    shapes += [GUIDE.canonical + rng.normal(0, 0.02, (68, 2)) for _ in range(2)]
    return [geometry.align(shape, GUIDE).astype(np.float32) for shape in shapes]


def everything(model, neutral, **request):
    return np.stack([motion.points_unit for motion in model.generate(neutral, modes=model.max_modes, **request)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", LABELS)
def test_every_mode_is_a_smile_of_this_very_face(model, neutrals, label, kind):
    for neutral in neutrals[:3]:
        for seed in (0, 1):
            for motion in model.generate(neutral, label=label, modes=3, seed=seed, kind=kind):
                points = motion.points_unit
                assert points.dtype == np.float32
                assert np.array_equal(points[0], neutral)
                assert np.isfinite(points).all()
                assert 0.2 < motion.duration_s < 15
                au12 = action_units(points, neutral)[:, 1]
                assert au12[0] <= 0.3
                assert (au12[-1] if kind == "transition" else au12.max()) >= 1.5
                if kind == "smile":
                    assert np.abs(points[-1] - neutral).mean() < 0.03  # and comes back
                    assert au12[-1] < 1.0


def test_modes_differ_as_smiles_do_and_the_common_pattern_is_one(model, neutrals):
    for label in LABELS:
        modes = everything(model, neutrals[0], label=label)
        assert mode_distance(modes) > 0.006  # of the inter-ocular distance; people's smiles are about 0.015 apart
        common = model.generate(neutrals[0], label=label, modes="conditional")
        assert len(common) == 1
        assert min(sequence_distance(common[0].points_unit, mode) for mode in modes) > 0


def test_seeds_give_other_triples_and_the_same_seed_the_same_bits(model, neutrals):
    drawn = [everything(model, neutrals[0], label="posed", seed=seed) for seed in range(5)]
    assert np.array_equal(drawn[3], everything(model, neutrals[0], label="posed", seed=3))
    apart = [sequence_distance(drawn[i][0], drawn[j][0]) for i in range(5) for j in range(i)]
    assert min(apart) > 0.001
    assert np.array_equal(drawn[0], everything(load_motion_model(), neutrals[0], label="posed"))


def test_fewer_modes_are_the_first_of_more(model, neutrals):
    three = everything(model, neutrals[0], label="posed")
    one = model.generate(neutrals[0], label="posed", modes=1)
    assert np.array_equal(one[0].points_unit, three[0])


def test_labels_take_their_time(model, neutrals):
    posed, spontaneous = (np.mean([m.duration_s for m in model.generate(neutrals[0], label=label, modes=3)]) for label in LABELS)
    assert spontaneous > 1.3 * posed  # spontaneous onsets are slower: Schmidt et al. 2006


def test_motion_reaches_faces_off_the_corpus_unharmed(model):
    odd = geometry.align(GUIDE.canonical * [0.6, 1.7], GUIDE).astype(np.float32)  # no such face
    usual = everything(model, GUIDE.canonical, label="posed")
    moved = everything(model, odd, label="posed") - odd
    assert np.abs(moved).max() < 3 * np.abs(usual - GUIDE.canonical).max()


def test_requests_that_cannot_be_met_say_what_can(model):
    with pytest.raises(InputError, match="no label 'happy'; there are: posed, spontaneous"):
        model.generate(GUIDE.canonical, label="happy")
    with pytest.raises(InputError, match="this model makes no 'frown'; it makes: transition, smile"):
        model.generate(GUIDE.canonical, label="posed", kind="frown")
    with pytest.raises(InputError, match=f"{model.max_modes + 1} modes asked for, but {model.max_modes} were trained"):
        model.generate(GUIDE.canonical, label="posed", modes=model.max_modes + 1)
    with pytest.raises(InputError, match="from 1 to"):
        model.generate(GUIDE.canonical, label="posed", modes=0)
    with pytest.raises(InputError, match="or conditional"):
        model.generate(GUIDE.canonical, label="posed", modes="all")
    with pytest.raises(InputError, match=r"99 modes asked for, but \d+ were trained; ask for at most \d+"):
        load_motion_model(modes=99)


def test_what_ships_is_small_and_safe_and_says_what_it_is():
    folders = sorted(path.parent for path in SHIPPED.glob("cmmnet_points*/config.json"))
    assert folders
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < MEGABYTES_SHIPPED * 1e6
    for folder in folders:
        assert {file.suffix for file in folder.iterdir()} == {".safetensors", ".json", ".md"}
        card = (folder / "README.md").read_text()
        for word in ("CC BY 4.0", "10.6084/m9.figshare.5047666", "ICT", "MIT", "Limits"):
            assert word in card
        with_modes = json.loads((folder / "config.json").read_text())["settings"]["modes"]
        assert load_motion_model(folder).max_modes == with_modes


def test_saved_and_loaded_is_the_same_model(model, tmp_path):
    model.save_pretrained(tmp_path / "copy")
    for again in (CMMNetPoints.from_pretrained(tmp_path / "copy"), load_motion_model(tmp_path / "copy")):
        assert np.array_equal(everything(again, GUIDE.canonical, label="posed"), everything(model, GUIDE.canonical, label="posed"))


def test_checkpoints_that_are_not_whole_are_refused_in_one_line(model, tmp_path):
    with pytest.raises(InputError, match="no checkpoint at"):
        load_motion_model(tmp_path / "nowhere")
    folder = tmp_path / "copy"
    model.save_pretrained(folder)
    file = folder / "model.safetensors"
    whole = file.read_bytes()

    def refused(words: str, source: Path = folder) -> None:
        with pytest.raises(InputError, match=words) as caught:
            load_motion_model(source)
        assert "\n" not in str(caught.value)

    file.write_bytes(whole[:1000])
    refused("no whole safetensors file")
    torch.save({"weight": torch.zeros(1)}, file)
    refused("is a pickle")
    file.unlink()
    refused("is missing")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "old.pth")
    refused("is a pickle", tmp_path / "old.pth")
    (tmp_path / "text.bin").write_text("words")
    refused("text.bin", tmp_path / "text.bin")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    shutil.copy(tmp_path / "old.pth", foreign / "pytorch_model.bin")
    refused("holds a pickle", foreign)
    file.write_bytes(whole)
    (folder / "config.json").write_text("{}")
    refused("is no config of a motion model")
    (folder / "config.json").unlink()
    refused("is no limner checkpoint")


def test_features_and_points_are_exact_both_ways():
    rng = np.random.default_rng(0)
    neutral = geometry.align(GUIDE.canonical + rng.normal(0, 0.02, (68, 2)), GUIDE)
    points = np.repeat(neutral[None], 5, 0)
    angle = np.linspace(0, 0.1, 5)
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle), angle], -1), np.stack([np.sin(angle), np.cos(angle), -angle], -1)], -2)
    points[:, 48:] += np.linspace(0, 0.1, 5)[:, None, None]  # the mouth moves, and then the head
    points = geometry.apply_affine(turn, points)
    features = frames.from_points(points, GUIDE)
    assert features.shape == (5, 2 * 68 + 4)
    assert not features[0].any()
    np.testing.assert_allclose(features[:, -1], angle, atol=1e-6)
    np.testing.assert_allclose(features[:, 96:136], np.repeat(np.linspace(0, 0.1, 5)[:, None], 40, 1), atol=1e-6)
    np.testing.assert_allclose(frames.to_points(features, neutral), points, atol=1e-5)


def test_lips_and_lids_never_cross():
    neutral = GUIDE.canonical.astype(np.float32)
    features = np.zeros((3, 140), np.float32)
    features[1:, 2 * 62 + 1] = 0.2  # the upper lip's middle goes down through the lower one
    features[1:, 2 * 37 + 1] = 0.3  # and an upper lid through the lower one
    points = finish(features, neutral, 1.0, mode=0).points_unit
    for upper, lower in PAIRS:
        assert (points[:, lower, 1] - points[:, upper, 1] >= -1e-6).all()
    before = (features[1].reshape(-1)[: 2 * 68].reshape(68, 2) + neutral)[[62, 66], 1]
    assert points[1, 62, 1] == pytest.approx(before.mean(), abs=1e-6)
    untouched = [i for i in range(68) if i not in (62, 66, 37, 41)]
    np.testing.assert_allclose(points[1, untouched], neutral[untouched], atol=1e-6)


def test_an_overlap_of_the_neutral_face_is_kept_not_mended():
    neutral = GUIDE.canonical.astype(np.float32).copy()
    neutral[66, 1] = neutral[62, 1] - 0.01
    assert np.array_equal(frames.keep_order(neutral[None], neutral, PAIRS)[0], neutral)


def test_the_monitor_draws_a_row_a_mode_and_sees_collapse(model, neutrals):
    found = monitor_of(model, neutrals[:2])()
    assert found["modes/posed"].shape == (3 * 112, 8 * 112, 3)
    assert found["mode_distance/posed"] == pytest.approx(
        np.mean([mode_distance(everything(model, neutral, label="posed")) for neutral in neutrals[:2]])
    )
    still = np.repeat(GUIDE.canonical[None, None], 4, 1)
    drawn = sheet(still, cell=64, moments=2)
    assert np.array_equal(drawn[:, :64], drawn[:, 64:])
    assert drawn.min() < 50 < 250 < drawn.max()


@pytest.mark.shared
def test_real_people_never_trained_on_smile(model, shared):
    people = np.load(shared / "data" / "faces" / "london_points.npz")
    for person in ("003", "009", "061", "135"):
        points = people["neutral"][list(people["ids"]).index(person)][list(FROM_MEDIAPIPE)]
        neutral = geometry.align(points, GUIDE).astype(np.float32)
        for label in LABELS:
            modes = everything(model, neutral, label=label)
            assert all(action_units(mode, neutral)[-1, 1] >= 1.5 for mode in modes)
            assert mode_distance(modes) > 0.006
            for upper, lower in PAIRS:
                allowed = min(0.0, float(neutral[lower, 1] - neutral[upper, 1]))
                assert (geometry.align(modes, GUIDE)[..., lower, 1] - geometry.align(modes, GUIDE)[..., upper, 1]).min() >= allowed - 0.01
