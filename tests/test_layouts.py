"""Skeletons of other tools and data sets -> the 18 points: on real files, and on a skeleton worked out by hand."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from limner.guides.body import GUIDE
from limner.media.poses.layouts import LAYOUTS, convert
from limner.types import InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not there")

# Each layout's joints by name, written down anew from its documentation: what the tables are checked against
# fmt: off
JOINTS: dict[str, list[str]] = {
    "coco-17": ["nose", "eye_left", "eye_right", "ear_left", "ear_right", "shoulder_left", "shoulder_right", "elbow_left", "elbow_right",
                "wrist_left", "wrist_right", "hip_left", "hip_right", "knee_left", "knee_right", "ankle_left", "ankle_right"],
    "body-25": ["nose", "neck", "shoulder_right", "elbow_right", "wrist_right", "shoulder_left", "elbow_left", "wrist_left", "mid_hip",
                "hip_right", "knee_right", "ankle_right", "hip_left", "knee_left", "ankle_left", "eye_right", "eye_left", "ear_right",
                "ear_left", "big_toe_l", "small_toe_l", "heel_l", "big_toe_r", "small_toe_r", "heel_r"],
    "mediapipe-33": ["nose", "eye_inner_l", "eye_left", "eye_outer_l", "eye_inner_r", "eye_right", "eye_outer_r", "ear_left", "ear_right",
                     "mouth_l", "mouth_r", "shoulder_left", "shoulder_right", "elbow_left", "elbow_right", "wrist_left", "wrist_right",
                     "pinky_l", "pinky_r", "index_l", "index_r", "thumb_l", "thumb_r", "hip_left", "hip_right", "knee_left", "knee_right",
                     "ankle_left", "ankle_right", "heel_l", "heel_r", "foot_l", "foot_r"],
    "mpii-16": ["ankle_right", "knee_right", "hip_right", "hip_left", "knee_left", "ankle_left", "pelvis", "neck", "upper_neck", "top",
                "wrist_right", "elbow_right", "shoulder_right", "shoulder_left", "elbow_left", "wrist_left"],
    "penn-13": ["nose", "shoulder_left", "shoulder_right", "elbow_left", "elbow_right", "wrist_left", "wrist_right", "hip_left",
                "hip_right", "knee_left", "knee_right", "ankle_left", "ankle_right"],
    "human36m-32": ["hips", "hip_right", "knee_right", "ankle_right", "toe_r", "end_r", "hip_left", "knee_left", "ankle_left", "toe_l",
                    "end_l", "spine", "spine1", "neck", "nose", "top", "collar_l", "shoulder_left", "elbow_left", "wrist_left", "thumb_l",
                    "end", "hand_l", "end", "collar_r", "shoulder_right", "elbow_right", "wrist_right", "thumb_r", "end", "hand_r", "end"],
    "human36m-17": ["hips", "hip_right", "knee_right", "ankle_right", "hip_left", "knee_left", "ankle_left", "spine", "neck", "nose", "top",
                    "shoulder_left", "elbow_left", "wrist_left", "shoulder_right", "elbow_right", "wrist_right"],
}
# fmt: on


@pytest.mark.parametrize("layout", JOINTS)
def test_every_joint_goes_where_it_belongs(layout):
    standing = dict(zip(GUIDE.point_names, GUIDE.canonical.astype(float)))
    standing |= {"upper_neck": standing["nose"] + (0, 0.2), "top": standing["nose"] - (0, 0.2)}
    joints = np.stack([standing.get(name, np.array([99.0, 99.0])) for name in JOINTS[layout]])
    points, confidence = convert(layout, joints)
    there = confidence > 0
    np.testing.assert_allclose(points[there], GUIDE.canonical[there], atol=1e-6)
    missing = {name for name, seen in zip(GUIDE.point_names, there) if not seen}
    faceless = {"eye_right", "eye_left", "ear_right", "ear_left"}
    assert missing == (set() if layout in ("coco-17", "body-25", "mediapipe-33") else faceless)
    assert np.isnan(points[~there]).all()


def test_openpose_18_is_the_guide_itself():
    points, confidence = convert("openpose-18", GUIDE.canonical)
    np.testing.assert_allclose(points, GUIDE.canonical)
    assert (confidence == 1).all()


def test_the_neck_is_as_sure_as_the_less_sure_shoulder():
    joints, sure = np.arange(34, dtype=float).reshape(17, 2), np.ones(17)
    sure[5], sure[6] = 0.25, 0.75
    points, confidence = convert("coco-17", joints, sure)
    assert confidence[1] == 0.25
    np.testing.assert_allclose(points[1], (joints[5] + joints[6]) / 2)
    sure[6] = 0
    points, confidence = convert("coco-17", joints, sure)
    assert confidence[1] == 0
    assert np.isnan(points[1]).all()
    assert confidence[5] == 0.25
    joints[9] = np.nan
    points, confidence = convert("coco-17", joints, np.ones(17))
    assert confidence[GUIDE.point_names.index("wrist_left")] == 0


def test_many_frames_and_three_dimensions():
    joints = np.random.default_rng(0).normal(size=(4, 5, 33, 3))
    points, confidence = convert("mediapipe-33", joints)
    assert points.shape == (4, 5, 18, 3)
    assert confidence.shape == (4, 5, 18)
    np.testing.assert_array_equal(points[2, 3], convert("mediapipe-33", joints[2, 3])[0])


def test_wrong_skeletons_are_refused():
    with pytest.raises(InputError, match=r"no skeleton 'kinect'; there are: openpose-18, body-25"):
        convert("kinect", np.zeros((20, 2)))
    with pytest.raises(InputError, match=r"a coco-17 skeleton has 17 joints, not 18"):
        convert("coco-17", np.zeros((18, 2)))


@needs_data
def test_coco_people_are_upright():
    """Their heads are above their hips, and their limbs of a person's length."""
    people = json.loads((DATA / "annotations" / "coco" / "test_coco.json").read_text())["annotations"]
    num = 0
    for person in people:
        row = np.array(person["keypoints"], float).reshape(17, 3)
        points, confidence = convert("coco-17", row[:, :2], row[:, 2])
        assert (confidence > 0).sum() == person["num_keypoints"] + (confidence[1] > 0)
        if (confidence > 0).all():
            num += 1
            assert points[0, 1] < points[1, 1] < points[[8, 11], 1].mean()
    assert num >= 2


@needs_data
def test_penn_people_have_a_persons_proportions():
    from io import BytesIO

    from scipy.io import loadmat

    lengths = []
    with tarfile.open(DATA / "bodies" / "penn_action_labels.tar.gz") as archive:
        for member in archive:
            if not member.name.endswith(".mat"):
                continue
            file = archive.extractfile(member)
            assert file is not None
            label = loadmat(BytesIO(file.read()))
            if str(label["action"][0]) == "jumping_jacks" and label["visibility"].mean() > 0.9:
                points, _ = convert("penn-13", np.stack([label["x"], label["y"]], -1), label["visibility"])
                torso = np.linalg.norm(points[:, 1] - points[:, [8, 11]].mean(1), axis=1)
                ends = ((9, 8), (12, 11), (10, 9), (13, 12))
                lengths.append([np.nanmedian(np.linalg.norm(points[:, a] - points[:, b], axis=1) / torso) for a, b in ends])
                assert np.nanmedian(points[:, 0, 1] - points[:, 1, 1]) < 0
            if len(lengths) == 12:
                break
    thigh_r, thigh_l, shin_r, shin_l = np.nanmedian(lengths, 0)
    np.testing.assert_allclose((thigh_r, thigh_l, shin_r, shin_l), (0.85, 0.85, 0.72, 0.72), atol=0.15)


def test_every_layout_is_tested():
    assert set(JOINTS) | {"openpose-18"} == set(LAYOUTS)
