"""KTH, Human3.6M, strips, folders of people in action: every trap of their files, on trees of the exact layout, with real small videos."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from body_trees import human36m, kth, steps, walking_joints, write_joints, write_masks, write_video
from limner.cli import main
from limner.data.actions import ActionConfig, chosen, coverage, cropped, frames_of_action, prepare_action, runs_of, square, trainable
from limner.data.follow import weigh
from limner.data.sources import folder, strips
from limner.data.sources import human36m as h36m
from limner.data.sources import kth as kth_source
from limner.data.sources.raw import read_lines
from limner.data.store import Store
from limner.guides import body
from raw_trees import refused

REAL = Path(__file__).parents[2] / "shared" / "data" / "bodies"


class Nobody:
    """Finds nobody; for recordings whose joints are given."""

    def bodies(self, pixels):
        return []

    def start(self, pixels, body):
        raise AssertionError

    def see(self, pixels):
        return None


# KTH


def test_kth_ranges_are_kept_apart_and_counted_from_1(tmp_path):
    clips = {clip.id: clip for clip in kth_source.index(kth(tmp_path / "kth"))}
    assert {name: clip.span for name, clip in clips.items()} == {
        "person01_boxing_d1_1": (0, 6), "person01_boxing_d1_2": (6, 12), "person01_boxing_d1_3": (12, 18),
        "person01_walking_d1_1": (0, 8), "person01_walking_d1_2": (11, 20),
        "person11_running_d1_1": (13, 20), "person11_running_d1_2": (0, 10),
        "person16_handwaving_d4_1": (0, 6), "person16_handwaving_d4_2": (6, 12), "person16_handwaving_d4_3": (12, 30),
        "person22_walking_d2_1": (0, 20),
    }  # fmt: skip
    assert clips["person16_handwaving_d4_3"].notes == ("9-30 overlaps what goes before: taken from 13 on",)
    assert clips["person16_handwaving_d4_3"].label == "hand-waving"
    assert {clip.subject: clip.split for clip in clips.values()} == {
        "person01": "val", "person11": "train", "person16": "train", "person22": "test",
    }  # fmt: skip


def test_kth_stretches_hold_the_frames_that_the_table_names_and_end_with_the_video(tmp_path):
    clips = {clip.id: clip for clip in kth_source.index(kth(tmp_path / "kth"))}
    for name, first, num in (("person01_walking_d1_2", 11, 9), ("person16_handwaving_d4_3", 12, 8)):
        fps, frames = frames_of_action(clips[name])
        tones = [float(frame.mean()) for frame in frames]
        assert fps == 25
        assert len(tones) == num
        np.testing.assert_allclose(tones, 10 + 8 * np.arange(first, first + num), atol=3)


def test_kth_says_what_is_missing_and_takes_the_rest_where_asked(tmp_path):
    root = kth(tmp_path / "kth")
    (root / "walking" / "person22_walking_d2_uncomp.avi").unlink()
    refused(lambda: kth_source.index(root), "half-unpacked", "person22_walking_d2", "--partial")
    assert len(kth_source.index(root, partial=True)) == 10
    assert {clip.label for clip in kth_source.index(root, actions=("boxing", "handwaving"))} == {"boxing", "hand-waving"}
    refused(lambda: kth_source.index(root, actions=("flying",)), "no action 'flying'")
    refused(lambda: kth_source.index(tmp_path), "00sequences.txt")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("person01_walking_d1\t\tframes\t1-8, 12to20", "'12to20' is no range"),
        ("person01_walking_d1\t\tframes\t8-1", "'8-1' is no range"),
        ("person01_walking_d1\t\tpictures\t1-8", "expected a name"),
    ],
)
def test_kth_names_the_line_that_cannot_be_read(tmp_path, line, said):
    (tmp_path / "00sequences.txt").write_text(f"head\n{line}\n")
    refused(lambda: kth_source.index(tmp_path), "line 2", said)


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is not there")
def test_the_real_sequence_file_gives_2391_stretches(tmp_path):
    """Counts and traps as spec B3 read them off the file."""
    table = REAL / "KTH_00sequences.txt"
    assert b"\r\n" in table.read_bytes()
    (tmp_path / "00sequences.txt").write_bytes(table.read_bytes())
    names = [line.split()[0] for line in read_lines(table) if line.startswith("person") and "missing" not in line]
    assert len(names) == 599
    for name in names:
        (tmp_path / f"{name}_uncomp.avi").touch()
    clips = kth_source.index(tmp_path)
    assert Counter(clip.label for clip in clips) == {
        "walking": 400, "running": 400, "jogging": 400, "hand-waving": 398, "boxing": 397, "hand-clapping": 396,
    }  # fmt: skip
    test = Counter(clip.label for clip in clips if clip.split == "test")
    assert test == {"walking": 144, "running": 144, "jogging": 144, "hand-waving": 144, "boxing": 143, "hand-clapping": 144}
    spans = {clip.id: clip.span for clip in clips}
    assert spans["person16_handwaving_d4_4"] == (311, 456)  # "212-456", after 207-311
    assert spans["person21_handclapping_d1_4"] == (365, 500)
    assert spans["person03_walking_d4_4"] == (338, 432)
    assert spans["person07_running_d4_3"] == (309, 358)  # not in order, and no fault
    assert sum(bool(clip.notes) for clip in clips) == 7
    by_video: dict[str, list[tuple[int, int]]] = {}
    for clip in clips:
        assert clip.span is not None
        by_video.setdefault(clip.path.name, []).append(clip.span)
    for found in by_video.values():
        found.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


# Human3.6M


def test_h36m_labels_and_names():
    for written, label in (("Walking 1", "walking"), ("Walking", "walking"), ("WalkDog", "walking-dog"), ("WalkingDog 1", "walking-dog"),
                           ("Photo", "taking-photo"), ("TakingPhoto 1", "taking-photo"), ("SittingDown 2", "sitting-down"),
                           ("walking-together", "walking-together"), ("WalkTogether 1", "walking-together")):  # fmt: skip
        assert h36m.label_of(written) == label


@pytest.mark.parametrize("form", ["cdf", "mat", "h5"])
def test_h36m_joints_are_read_from_each_form(tmp_path, form):
    pytest.importorskip({"cdf": "cdflib", "h5": "h5py"}.get(form, "scipy"))
    joints = walking_joints(7)
    read = h36m.read_joints(write_joints(tmp_path, "Walking 1.54138969", joints, form))
    assert read.points.shape == (7, 18, 2)
    np.testing.assert_allclose(read.points[:, body.KNEE_R], joints[:, 2], atol=1e-4)
    np.testing.assert_allclose(read.points[:, body.WRIST_L], joints[:, 19], atol=1e-4)
    np.testing.assert_allclose(read.points[:, body.NECK], joints[:, 13], atol=1e-4)
    assert (read.confidence[:, body.SHOULDER_R : body.ANKLE_L + 1] == 1).all()
    assert (read.confidence[:, body.EYE_R :] == 0).all()  # it has no eyes and ears


def test_h36m_clips_are_walking_by_people_with_the_fewer_of_frames_and_joints(tmp_path):
    pytest.importorskip("h5py")
    root = human36m(tmp_path / "h36m", num=40, form="h5")
    raws = h36m.index(root)
    assert [(raw.id, raw.subject, raw.split, raw.label) for raw in raws] == [
        ("S1_Walking_1_54138969", "S1", "train", "walking"), ("S9_Walking_1_54138969", "S9", "test", "walking"),
    ]  # fmt: skip
    assert len(h36m.index(root, actions=())) == 4
    prepared = prepare_action(raws[0], Nobody(), ActionConfig(size=64, num=8, least=4))
    clips = prepared.clips
    assert len(clips) == 2  # 40 joints at 50 a second are 20 at 25: two windows of 8
    assert prepared.entry["frames"] == 20
    assert (clips[0].fps, clips[0].num_frames) == (25, 8)
    # 18 of the 32 joints are shown; the square stands still: they move by two pixels a frame of 25, scaled
    scale = 64 / prepared.entry["kept"][0]["square"][2]
    np.testing.assert_allclose(np.diff(clips[0].points[:, :14], axis=0), np.broadcast_to([2 * scale, 0], (7, 14, 2)), atol=1e-3)


def test_h36m_without_background_is_grey_outside_the_masks(tmp_path):
    pytest.importorskip("h5py")
    root = human36m(tmp_path / "h36m", people=("S1",), actions=("Walking 1",), num=20, form="h5")
    refused(lambda: h36m.index(root, background=False), "half-unpacked", "masks")
    masks = np.zeros((19, 100, 100), bool)
    masks[:, 10:80, :45] = True  # not square in its place: rows and columns must not be taken for one another
    write_masks(root / "S1" / "MySegmentsMat" / "ground_truth_bs", "Walking 1.54138969", masks)
    [raw] = h36m.index(root, background=False)
    [clip] = prepare_action(raw, Nobody(), ActionConfig(size=100, num=8, least=4, most=1)).clips
    assert clip.frames is not None
    corner_x, corner_y, side = prepare_action(raw, Nobody(), ActionConfig(size=100, num=8, least=4, most=1)).entry["kept"][0]["square"]
    right = clip.frames[0, :, int((60 - corner_x) * 100 / side) :]
    np.testing.assert_allclose(right, 127, atol=1)
    inside = clip.frames[0, int((40 - corner_y) * 100 / side), int((40 - corner_x) * 100 / side)]
    assert inside.max() < 30


def test_h36m_name_quirks_of_copies(tmp_path):
    root = tmp_path / "h36m"
    write_video(root / "S5" / "Videos" / "Photo 1.54138969.mp4", steps(3, (64, 64)), 50, "libx264")
    write_joints(root / "S5" / "MyPoseFeatures" / "D2_Positions", "TakingPhoto 1.54138969", walking_joints(3), "mat")
    [raw] = h36m.index(root, actions=("taking-photo",))
    assert raw.joints is not None
    assert raw.joints.name == "TakingPhoto 1.54138969.cdf.mat"
    write_video(root / "S11" / "Videos" / "Directions.54138969.mp4", steps(3, (64, 64)), 50, "libx264")  # damaged in the data set
    assert [raw.id for raw in h36m.index(root, actions=())] == ["S5_Photo_1_54138969"]
    refused(lambda: h36m.index(root), "no video of Human3.6M", "taking-photo")


@pytest.mark.parametrize(("name", "content"), [("a.cdf", b"no cdf"), ("a.cdf.mat", b"no mat"), ("a.h5", b"no hdf")])
def test_h36m_damaged_joints_are_one_line(tmp_path, name, content):
    pytest.importorskip("cdflib")
    pytest.importorskip("h5py")
    (tmp_path / name).write_bytes(content)
    refused(lambda: h36m.read_joints(tmp_path / name), name)


# Strips and folders


def strip(path: Path, num: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(list(steps(num, (64, 64))), 1)).convert("RGBA").save(path)
    return path


def test_strips_are_cut_into_their_frames(tmp_path):
    for person in ("01", "02"):
        strip(tmp_path / f"wave_two_hands_{person}.png")
    raws = strips.index(tmp_path)
    assert [(raw.id, raw.label, raw.subject, raw.split) for raw in raws] == [
        ("wave_two_hands_01", "wave-two-hands", "01", "train"), ("wave_two_hands_02", "wave-two-hands", "02", "test"),
    ]  # fmt: skip
    assert [raw.split for raw in strips.index(tmp_path, test="01")] == ["test", "train"]
    fps, frames = frames_of_action(raws[0])
    assert fps == 25
    np.testing.assert_array_equal(np.stack(list(frames)), steps(4, (64, 64)))
    refused(lambda: strips.index(tmp_path, test="09"), "no person '09'", "01, 02")
    Image.new("RGB", (100, 64)).save(tmp_path / "bend_01.png")
    refused(lambda: strips.index(tmp_path), "bend_01.png", "no row of square frames")


def test_a_folder_of_people_in_action(tmp_path):
    for name in ("anna/walking/1.mp4", "anna/running/1.mp4", "jump/2.mp4"):
        write_video(tmp_path / name, steps(3, (64, 64)), 25, "libx264")
    raws = folder.index_actions(tmp_path)
    assert [(raw.id, raw.subject, raw.label) for raw in raws] == [
        ("anna__running__1", "anna", "running"), ("anna__walking__1", "anna", "walking"), ("jump__2", "jump__2", "jump"),
    ]  # fmt: skip
    assert raws[0].split == raws[1].split
    (tmp_path / "labels.csv").write_text("file,split\nanna/walking/1.mp4,test\n")
    assert [raw.split for raw in folder.index_actions(tmp_path)] == ["test", "test", raws[2].split]
    (tmp_path / "labels.csv").write_text("file,split\nanna/walking/1.mp4,test\nanna/running/1.mp4,train\n")
    refused(lambda: folder.index_actions(tmp_path), "'anna' is in", "a person is in one split only")


# What is done with a stretch


def test_frames_are_trainable_where_arms_and_legs_are_sure():
    confidence = np.full((4, 18), 0.9)
    confidence[1, 2:7] = 0  # five joints are not seen
    confidence[2] = 0.4
    confidence[3, [0, 14, 15, 16, 17]] = 0  # a face turned away is no matter
    assert trainable(confidence, 0.5).tolist() == [True, False, False, True]


def test_windows_lie_in_runs():
    config = ActionConfig(num=4, least=3, most=2)
    good = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1], bool)
    assert runs_of(good, config) == [(0, 3), (4, 8), (8, 12)]
    assert chosen([(0, 3), (4, 8), (8, 12)], 2) == [(0, 3), (8, 12)]


def test_a_square_holds_the_person_and_stays_in_the_picture_where_it_can():
    points = np.tile([50.0, 60.0], (2, 18, 1))
    points[0, 4], points[1, 13] = (30, 40), (70, 90)
    confidence = np.ones((2, 18))
    confidence[:, 0] = 0
    points[:, 0] = 1000  # not seen: it does not count
    corner, side = square(points, confidence, (160, 120))
    assert side == round((50 + 5) * 1.36)
    assert (corner >= 0).all()
    assert ((corner + side) <= (160, 120)).all()
    assert corner[0] <= 30
    assert corner[0] + side >= 70
    frame = np.arange(12).reshape(3, 4, 1).repeat(3, 2).astype(np.uint8)
    np.testing.assert_array_equal(cropped(frame, np.array([-1, 1]), 3)[..., 0], [[4, 4, 5], [8, 8, 9], [8, 8, 9]])  # the border goes on


def test_two_detectors_are_weighed_joint_by_joint():
    points, other = np.zeros((18, 2)), np.zeros((18, 2))
    for place in (points, other):
        place[[body.HIP_R, body.HIP_L]] = (0, 40)  # the torso is 40 pixels
    confidence, score = np.full(18, 0.6), np.full(18, 0.6)
    other[body.WRIST_R] = (8, 0)  # near: half-way
    other[body.WRIST_L], score[body.WRIST_L] = (30, 0), 0.9  # far apart: the surer one
    confidence[body.ANKLE_R], points[body.ANKLE_R], other[body.ANKLE_R] = 0, np.nan, (5, 90)  # one sees it
    confidence[body.ANKLE_L] = score[body.ANKLE_L] = 0  # nobody does
    both, sure = weigh(points, confidence, other, score)
    np.testing.assert_allclose(both[body.WRIST_R], (4, 0))
    assert sure[body.WRIST_R] == pytest.approx(0.6)
    np.testing.assert_allclose(both[body.WRIST_L], (30, 0))
    assert sure[body.WRIST_L] == pytest.approx(0.45)
    np.testing.assert_allclose(both[body.ANKLE_R], (5, 90))
    assert sure[body.ANKLE_R] == pytest.approx(0.42)
    assert sure[body.ANKLE_L] == 0


def test_a_detector_that_takes_the_back_for_the_front_is_turned_round():
    points = np.array(body.CANONICAL) * 40
    both, sure = weigh(points, np.full(18, 0.9), points[list(body.MIRROR)], np.full(18, 0.8))
    np.testing.assert_allclose(both, points)
    assert (sure == 0.9).all()


def test_coverage_is_said_by_action():
    rows = [{"label": "bend", "frames": 10, "frames_seen": 9, "frames_trainable": 5}, {"label": "bend", "frames": 10, "frames_seen": 9,
             "frames_trainable": 7}, {"label": None, "frames": 0, "frames_seen": 0, "frames_trainable": 0}]  # fmt: skip
    assert coverage(rows) == ["bend: 20 frames, a person seen in 90%, trainable 60%"]


def test_the_command_prepares_human36m_and_goes_on(tmp_path, capsys):
    pytest.importorskip("h5py")
    root = human36m(tmp_path / "h36m", people=("S1", "S9"), actions=("Walking 1",), num=70, form="h5")
    args = ["prepare", "human36m", str(root), str(tmp_path / "store"), "--workers", "1"]
    assert main(args) == 0
    assert "walking: 70 frames" in capsys.readouterr().out
    store = Store(tmp_path / "store")
    assert (store.row(0)["encoding"], store.row(0)["width"], store.row(0)["kind"], store.row(0)["label"]) == (
        "jpeg",
        256,
        "action",
        "walking",
    )
    assert sorted(store.table["split"].to_pylist()) == ["test", "train"]
    assert main(args) == 0
    assert "kept" in capsys.readouterr().out
    assert main([*args[:2], str(tmp_path), str(tmp_path / "other")]) == 2


@pytest.mark.slow
def test_kth_from_video_to_store_with_the_detector(tmp_path):
    """A synthetic walker, 160x120 and grey as KTH is: found, followed, cropped; her joints where they truly are."""
    from limner.data.prepare import prepare_bodies

    made = prepare_bodies(tmp_path / "made", people=10, size=120, actions=("hand-waving",), limit=1, quiet=True)[0]
    assert made.frames is not None
    grey = made.frames.mean(-1, keepdims=True).repeat(3, -1).astype(np.uint8)
    wide = np.pad(grey, ((0, 0), (0, 0), (20, 20), (0, 0)), mode="edge")
    root = tmp_path / "kth"
    root.mkdir()
    (root / "00sequences.txt").write_bytes(b"person01_handwaving_d1\t\tframes\t1-24\r\n")
    write_video(root / "handwaving" / "person01_handwaving_d1_uncomp.avi", wide, 25)
    assert main(["prepare", "kth", str(root), str(tmp_path / "store"), "--size", "128", "--workers", "1"]) == 0
    store = Store(tmp_path / "store")
    [clip] = [store[i] for i in range(len(store))]
    assert clip.label == "hand-waving"
    [entry] = json.loads((tmp_path / "store" / "report.json").read_text())["recordings"]
    x, y, side = entry["kept"][0]["square"]
    start = entry["kept"][0]["start"]
    true = (made.points[start : start + clip.num_frames] - (x - 20, y)) * (128 / side)
    sure = clip.confidence > 0
    torso = np.linalg.norm(true[:, 1] - true[:, [8, 11]].mean(1), axis=-1).mean()
    assert np.median(np.linalg.norm(true - clip.points, axis=-1)[sure]) < 0.12 * torso
